"""The options of schedules on the command line: what they clear, what they refuse, and in whose words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runwright.cli import schedules as commands
from runwright.cli.client import Resource
from runwright.cli.output import local_time
from runwright.errors import InvalidInput
from tests.edges.project import Project

ADD = ("schedules", "add", "--task", "say", "--arguments", '{"word": "x"}', "--when")


def given(**options: Any) -> dict[str, Any]:
    return commands._attributes(arguments=options.pop("arguments", None), **options)


@pytest.mark.parametrize(
    ("option", "cleared"),
    [
        ({"depends_on": [""]}, ()),
        ({"excluded": [""]}, ()),
        ({"blackouts": [""]}, ()),
        ({"ends_at": ""}, None),
        ({"priority": ""}, None),
        ({"retry": ""}, None),
        ({"misfire_grace": ""}, None),
        ({"as_user_email": ""}, None),
        ({"jitter": ""}, 0.0),
        ({"overlap": ""}, "skip"),
        ({"label": ""}, ""),
        ({"timezone": ""}, ""),
    ],
)
def test_an_empty_text_puts_an_option_back(option: dict[str, Any], cleared: Any) -> None:
    (word,) = option
    assert given(**option) == {word: cleared}
    assert given(arguments="") == {"attributes": {}}
    assert given(label=None, excluded=[]) == {}


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("5", {"max_retries": 5}),
        ("max_retries=5, delay=2.5,backoff=constant", {"max_retries": 5, "delay": 2.5, "backoff": "constant"}),
        ('{"max_retries": 1}', {"max_retries": 1}),
        ("often", {"max_retries": "often"}),
    ],
)
def test_retries_are_written_in_one_option(text: str, policy: dict[str, Any]) -> None:
    assert given(retry=text) == {"retry": policy}


def test_a_priority_is_a_number() -> None:
    assert given(priority="-3") == {"priority": -3}
    with pytest.raises(InvalidInput, match="--priority: must be a whole number"):
        given(priority="high")


def test_changes_of_the_clocks_belong_to_cron() -> None:
    assert commands._when("0 2 * * *", "skip", None) == {"type": "cron", "cron": "0 2 * * *", "dst_gap": "skip"}
    form = '{"type": "cron", "cron": "0 2 * * *", "timezone": "Asia/Tokyo"}'
    assert commands._when(form, None, "twice") == {**json.loads(form), "dst_fold": "twice"}
    for other in ("@every 5m", "2030-01-01T00:00Z", '{"type": "interval", "seconds": 5}'):
        with pytest.raises(InvalidInput, match="--when: must be a cron expression with --dst-gap"):
            commands._when(other, "skip", None)


def test_a_schedule_is_renamed_cleared_and_retried_as_told(served: Project) -> None:
    assert served(*ADD, "@daily", "first", "--priority", "7", "--ends-at", "2100-01-01T00:00Z").code == 0
    edited = served(
        "schedules", "edit", "first", "--name", "other", "--priority", "", "--ends-at", "",
        "--retry", "max_retries=5,backoff=constant", "--json",
    )  # fmt: skip
    assert edited.code == 0, edited.err
    shown = edited.json
    assert (shown["name"], shown["priority"], shown["ends_at"]) == ("other", None, None)
    assert (shown["retry"]["max_retries"], shown["retry"]["backoff"]) == (5, "constant")
    assert served("schedules", "remove", "other").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--timezone", "Mars/Olympus"), "runwright: timezone: must be the name of a time zone"),
        (("--ends-at", "2001-01-01T00:00Z"), "runwright: ends_at: lies in the past"),
        (("--depends-on", "nowhere"), "runwright: depends_on: there is no schedule 'nowhere'"),
    ],
)
def test_a_refusal_names_its_field_once(served: Project, options: tuple[str, ...], said: str) -> None:
    refused = served(*ADD, "@daily", "refused", *options)
    assert refused.code == 2
    assert refused.err.startswith(said)


def test_a_file_goes_through_standard_streams_and_is_named_when_it_is_refused(served: Project, tmp_path: Path) -> None:
    assert served(*ADD, "@daily", "kept").code == 0
    exported = served("schedules", "export", "-")
    assert not (served.folder / "-").exists()
    assert served("schedules", "remove", "kept").code == 0
    assert served("schedules", "import", "-", typed=exported.out).code == 0
    assert served("schedules", "remove", "kept").code == 0

    file = tmp_path / "tasks.json"
    entry = {"name": "kept", "action_name": "say", "schedule": "@daily", "attributes": {"word": "x"}}
    for faulty, said in (
        ({**entry, "last_run": "garbage"}, f"runwright: {file}: schedules/1/last_run: must be a time"),
        ({**entry, "name": "b", "schedule": "61 * * * *"}, f"runwright: {file}: schedules/1/schedule: minute: 61"),
    ):
        file.write_text(json.dumps([entry, faulty]))
        refused = served("schedules", "import", str(file))
        assert (refused.code, refused.err[: len(said)]) == (2, said)


def test_a_span_of_the_ledger_is_shown_from_its_first_to_its_last() -> None:
    first, last = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:09.000000Z"
    held = Resource("1", {"due_at": first, "last_due_at": last, "outcome": "held", "count": 10, "reason": "paused"})
    alone = Resource("2", {"due_at": first, "outcome": "fired", "count": 1, "run": "r"})
    assert commands.fire_row(held) == [f"{local_time(first)} … {local_time(last)}", "held", "10", "-", "paused"]
    assert commands.fire_row(alone) == [local_time(first), "fired", "1", "r", "-"]
