"""The written forms of a schedule: text and JSON, there and back, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from runwright.errors import ScheduleRefused
from runwright.model import JSON
from runwright.schedule import duration_text, parse_duration, parse_when, when_to_json, when_to_text
from runwright.when import Always, At, Cron, Every, When

NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


class Often:
    def next_after(self, moment: datetime) -> datetime:
        return moment + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "when"),
    [
        ("  0  2 * * *  ", Cron("0 2 * * *")),
        ("@daily", Cron("@daily")),
        ("CRON_TZ=Europe/Berlin 0 2 * * *", Cron("0 2 * * *", "Europe/Berlin")),
        ("TZ=Europe/Berlin @hourly", Cron("@hourly", "Europe/Berlin")),
        ("@always", Always()),
        ('{"type": "always", "restart": "never"}', Always("never")),
        ("@every 1h30m", Every(minutes=90, first="later", anchor="start")),
        ("@EVERY 1.5h", Every(minutes=90, first="later", anchor="start")),
        ("2030-01-01T00:00:00Z", At(NEW_YEAR)),
        ("2030-01-01", At(datetime(2030, 1, 1))),  # noqa: DTZ001 naive: the schedule's zone decides
        ("CRON_TZ=Asia/Tokyo 2030-01-01 09:00", At(NEW_YEAR)),
        (
            "2030-01-01T00:00Z, 2030-01-01T02:00+01:00 2030-01-01 02:00Z",
            At(NEW_YEAR, NEW_YEAR + timedelta(hours=1), NEW_YEAR + timedelta(hours=2)),
        ),
        ('["2030-01-01T00:00:00Z"]', At(NEW_YEAR)),
        (["2030-01-01T00:00:00Z"], At(NEW_YEAR)),
        ('{"type": "interval", "seconds": 300}', Every(seconds=300, first="now", anchor="end")),
        (
            {"type": "interval", "minutes": 5, "first": "later", "anchor": "start"},
            Every(minutes=5, first="later", anchor="start"),
        ),
        ({"type": "once", "times": ["2030-01-01T00:00:00Z"]}, At(NEW_YEAR)),
        ({"type": "cron", "cron": "0 2 * * *", "dst_gap": "skip"}, Cron("0 2 * * *", dst_gap="skip")),
        (
            {"type": "cron", "cron": "TZ=Asia/Tokyo 0 2 * * *", "dst_fold": "twice"},
            Cron("0 2 * * *", "Asia/Tokyo", "after", "twice"),
        ),
        ({"type": "always"}, Always()),
    ],
)
def test_a_form_is_read_and_written_back(given: str | JSON, when: When) -> None:
    assert parse_when(given) == when
    assert parse_when(when_to_json(when)) == when
    assert parse_when(json.dumps(when_to_json(when))) == when
    assert parse_when(when_to_text(when)) == when


def test_the_callers_zone_is_for_what_names_none() -> None:
    assert parse_when("0 2 * * *", "Asia/Tokyo") == Cron("0 2 * * *", "Asia/Tokyo")
    assert parse_when("TZ=UTC 0 2 * * *", "Asia/Tokyo") == Cron("0 2 * * *", "UTC")
    assert parse_when("2030-01-01 09:00", "Asia/Tokyo") == At(NEW_YEAR)
    assert parse_when("2030-01-01 09:00Z", "Asia/Tokyo") == At(NEW_YEAR + timedelta(hours=9))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("", "schedule"),
        (None, "schedule"),
        (5, "schedule"),
        (True, "schedule"),
        ("{", "schedule"),
        ("[" * 5000, "schedule"),
        ("TZ=UTC", "schedule"),
        ("TZ=Mars/Olympus 0 0 * * *", "timezone"),
        ("[]", "times"),
        ({"type": "once"}, "times"),
        ({"type": "once", "times": "2030-01-01"}, "times"),
        ({"type": "once", "times": ["2030-01-01", "soon"]}, "times[1]"),
        ({"type": "once", "times": ["2030-01-01"] * 1001}, "times"),
        ("2030-02-30", "times[0]"),
        ("1969-12-31", "times[0]"),
        ("9999-12-31T23:59:59-14:00", "times[0]"),
        ({}, "type"),
        ({"type": "plugin", "class": "os:system"}, "type"),
        ({"type": ["cron"]}, "type"),
        ({"type": "cron"}, "cron"),
        ({"type": "cron", "cron": 5}, "cron"),
        ({"type": "cron", "cron": "* * * * *", "timezone": 5}, "timezone"),
        ({"type": "cron", "cron": "* * * * *", "timezone": "Mars/Olympus"}, "timezone"),
        ({"type": "cron", "cron": "TZ=UTC * * * * *", "timezone": "Asia/Tokyo"}, "timezone"),
        ({"type": "cron", "cron": "* " * 10_000}, "cron"),
        ({"type": "cron", "cron": "* * * * *", "dst_gap": "before"}, "dst_gap"),
        ({"type": "cron", "cron": "* * * * *", "minute": 5}, "minute"),
        ({"type": "interval"}, "seconds"),
        ({"type": "interval", "seconds": True}, "seconds"),
        ({"type": "interval", "seconds": "5"}, "seconds"),
        ({"type": "interval", "seconds": float("nan")}, "seconds"),
        ({"type": "interval", "seconds": 1.5}, "seconds"),
        ({"type": "interval", "seconds": 10**30}, "seconds"),
        ({"type": "interval", "seconds": 5, "first": "never"}, "first"),
        ({"type": "interval", "seconds": 5, "every": 5}, "every"),
    ],
)
def test_a_refusal_names_its_field(given: str | JSON, field: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        parse_when(given)
    assert refused.value.field_name == field
    assert len(refused.value.message) < 300


def test_a_plugin_is_written_as_the_name_of_its_class() -> None:
    form = when_to_json(Often())
    assert form["type"] == "plugin"
    assert str(form["class"]).endswith("test_parse:Often")
    with pytest.raises(ScheduleRefused, match="code only"):
        parse_when(form)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400), ("2000ms", 2), ("1m0.5s500ms", 61)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1h 30m", "1x", "-5m", "500ms", "1.5s", "0s", "1e5s", "1h" * 200])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        parse_duration(text, "delay")
    assert refused.value.field_name == "delay"


def test_values_check_what_they_can_see() -> None:
    assert Every(hours=1) == Every(minutes=60)
    assert Every(hours=0.1).seconds == 360
    for make, field in (
        (lambda: At(), "times"),
        (lambda: At("2030-01-01"), "times[0]"),  # type: ignore[arg-type]  # a user's mistake
        (lambda: Cron(5), "cron"),  # type: ignore[arg-type]  # a user's mistake
        (lambda: Cron("@daily", dst_fold="never"), "dst_fold"),  # type: ignore[arg-type]  # a user's mistake
        (lambda: Every(minutes="5"), "minutes"),  # type: ignore[arg-type]  # a user's mistake
    ):
        with pytest.raises(ScheduleRefused) as refused:
            make()
        assert refused.value.field_name == field
