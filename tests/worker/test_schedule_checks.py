"""The doors of schedules in code: what a field must be, and that each refusal names its field."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from runwright import Settings, TaskManager, task
from runwright.control.schedule_edit import CHECKS, ScheduleEdit
from runwright.errors import DefinitionError, InvalidInput, NotFound, RunwrightError
from runwright.model import SYSTEM, Schedule
from runwright.store.base import EventFilter
from runwright.tasks.discovery import DiscoveryOptions, discover
from runwright.tasks.registry import Registry

NAIVE, EARLY = datetime.fromisoformat("2030-01-01"), datetime(1, 1, 1, tzinfo=UTC)
HALF = "half of a pair: \ud800"
BAD: dict[str, list[Any]] = {
    "name": [None, 5, "", "A b", "x" * 121, "5a4c0b44-4a4f-4f6c-8a4f-0123456789ab"],
    "when": [None, HALF],
    "timezone": [None, 5, "", "Mars/Olympus"],
    "arguments": ["x", [1]],
    "label": [None, 5, HALF],
    "description": [3, HALF],
    "entity": [5, "x" * 501, HALF],
    "as_user": [5, "x" * 20_000, HALF],
    "enabled": ["yes", None, 1],
    "priority": [True, "high", 2.5, 2**31],
    "overlap": [None, [], 1],
    "catch_up": [None, [], "sometimes"],
    "misfire_grace_seconds": ["5m", math.nan, True],
    "jitter_seconds": [None, math.inf, -1],
    "retry": [3, {}],
    "depends_on": [None, 5, "abc", [1], ["a"] * 101, {"a": 1}],
    "starts_at": ["2030-01-01", NAIVE, EARLY, date(2030, 1, 1)],
    "ends_at": [NAIVE, EARLY],
    "excluded": [None, 5, "sat", [5]],
    "blackouts": [None, 7],
}


@task
async def quick(number: int = 1) -> int:
    return number


@pytest.fixture
async def manager() -> AsyncIterator[TaskManager]:
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[quick], roles=()) as opened:
        yield opened


def test_each_field_has_a_check_and_each_check_is_tried() -> None:
    assert CHECKS.keys() == ScheduleEdit.__annotations__.keys()
    assert BAD.keys() == CHECKS.keys() - {"task"}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
async def test_a_bad_field_is_refused_by_its_name(manager: TaskManager, field: str, value: Any) -> None:
    await manager.schedules.add("kept", task=quick, when="@daily")
    fields: dict[str, Any] = {"name": "tried", "task": quick, "when": "@daily", field: value}
    for attempt in (manager.schedules.add(**fields), manager.schedules.edit("kept", **{field: value})):
        with pytest.raises(InvalidInput, match=f"^{field}: ") as refused:
            await attempt
        assert [fault.pointer for fault in refused.value.errors] == [f"/{field}"]
    assert [each.name for each in await manager.schedules.list()] == ["kept"]


@pytest.mark.parametrize(
    ("ask", "pointer"),
    [
        (lambda schedules: schedules.next("kept", "x"), "/count"),
        (lambda schedules: schedules.next("kept", 0), "/count"),
        (lambda schedules: schedules.between("kept", NAIVE, datetime(2030, 1, 2, tzinfo=UTC)), "/from"),
        (lambda schedules: schedules.between("kept", EARLY, EARLY), "/from"),
        (lambda schedules: schedules.backfill("kept", EARLY, NAIVE), "/from"),
        (lambda schedules: schedules.pause(None), "/reason"),
        (lambda schedules: schedules.pause(" "), "/reason"),
        (lambda schedules: schedules.pause(HALF), "/reason"),
        (lambda schedules: schedules.edit("kept", task="unknown", arguments={"word": HALF}), "/arguments/word"),
    ],
)
async def test_a_bad_question_is_refused_by_its_field(
    manager: TaskManager, ask: Callable[[Any], Any], pointer: str
) -> None:
    await manager.schedules.add("kept", task=quick, when="@daily")
    with pytest.raises(InvalidInput) as refused:
        await ask(manager.schedules)
    assert [fault.pointer for fault in refused.value.errors] == [pointer]


async def test_a_run_begins_at_a_moment(manager: TaskManager) -> None:
    for moment in (NAIVE, EARLY, "tomorrow"):
        with pytest.raises(InvalidInput, match=r"^run_at: must be a time"):
            await manager.start(quick, run_at=moment)  # type: ignore[arg-type]  # as untyped code may


async def test_a_schedule_is_renamed_and_followed(manager: TaskManager) -> None:
    await manager.schedules.add("first", task=quick, when="@daily")
    await manager.schedules.add("second", task=quick, when="@daily", depends_on=["first"])
    assert (await manager.schedules.edit("first", name="other")).name == "other"
    assert (await manager.schedules.get("second")).depends_on == ("other",)


@pytest.mark.parametrize(
    "when", [5, [], {"type": "x"}, lambda moment: moment, "61 * * * *", "@every 0s", {"when": "@daily"}]
)
def test_a_schedule_that_says_nothing_is_no_option_of_a_task(when: Any) -> None:
    async def body() -> None: ...

    with pytest.raises(DefinitionError, match=r"task '.*body': schedule ") as refused:
        task(schedule=when)(body)
    assert [fault.pointer for fault in refused.value.errors] == ["/schedule"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('from runwright import task\n\n@task(schedule="61 * * * *")\nasync def job(): ...\n', 3),
        ('"""Script."""\n\nschedule = "61 * * * *"\n\ndef run(): ...\n', 3),
        ('metadata = {"schedule": "61 * * * *"}\n\ndef run(): ...\n', 1),
        (
            "def work(): ...\n\n"
            'metadata = {"con": [{"func": work, "interval": "cron", "cron_params": {"hour": 99}}]}\n',
            3,
        ),
    ],
)
def test_a_file_with_a_malformed_schedule_is_a_problem_with_its_line(tmp_path: Path, source: str, line: int) -> None:
    file = tmp_path / "job.py"
    file.write_text(source)
    registry = Registry()
    discover(DiscoveryOptions(directory=tmp_path, entry_points=False, file_seconds=60), registry)
    (problem,) = registry.problems
    assert (problem.file, problem.line) == (str(file), line)
    assert "schedule" in problem.error or "hour" in problem.error


class Broken:
    def next_after(self, moment: datetime) -> datetime | None:
        raise ZeroDivisionError("on purpose")


@pytest.mark.parametrize("roles", [("scheduler",), ()])
async def test_a_refused_entry_of_the_settings_file_is_a_problem_with_its_line(
    tmp_path: Path, roles: tuple[str, ...]
) -> None:
    entry = {"Name": "good", "ActionName": "quick", "Schedule": "@daily"}
    bad = {**entry, "Name": "bad", "Schedule": "61 * * * *"}
    file = tmp_path / "runwright.yaml"
    file.write_text(f"store: sqlite:///{tmp_path / 'x.db'}\n{yaml.safe_dump({'Tasks': [entry, bad]}, sort_keys=False)}")
    async with TaskManager(Settings.load(file, environ={}), tasks=[quick], roles=roles) as manager:
        (problem,) = manager.registry.problems
        assert (problem.file, problem.line) == (str(file), file.read_text().split("\n").index("- Name: bad") + 1)
        assert problem.error.startswith("schedule 'bad': minute: 61 is out of range")
        assert [each.name for each in await manager.schedules.list()] == ["good"] * bool(roles)


async def test_a_declared_trigger_that_raises_keeps_no_other_from_its_due(tmp_path: Path) -> None:
    @task(schedule=Broken())
    async def broken() -> None: ...

    @task(schedule="@daily")
    async def sound() -> None: ...

    settings = Settings(store=f"sqlite:///{tmp_path / 'x.db'}")
    async with TaskManager(settings, tasks=[broken, sound], roles=("scheduler",)) as manager:
        assert [each.name for each in await manager.schedules.list()] == ["sound"]
        (problem,) = manager.registry.problems
        assert "Broken raised ZeroDivisionError: on purpose" in problem.error
        assert (problem.file, problem.line) == (__file__, broken.function.__code__.co_firstlineno)


async def test_a_file_that_cannot_be_read_is_named_with_the_entry(tmp_path: Path) -> None:
    file = tmp_path / "runwright.yaml"
    file.write_text(yaml.safe_dump({"Tasks": [{"Name": "a", "ActionName": "quick", "Schedule": "@daily", "Bogus": 1}]}))
    with pytest.raises(RunwrightError) as refused:
        await TaskManager(Settings.load(file, environ={}), tasks=[quick], roles=()).open()
    assert str(refused.value).startswith(f"{file}: schedules/0/bogus: is not known")


async def test_others_have_their_turn_while_very_many_schedules_are_made(manager: TaskManager) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.ensure_future(other())
    await manager.schedules.add_many({"name": f"s{n}", "task": quick, "when": "0 0 1 1 *"} for n in range(1000))
    beside.cancel()
    assert turns >= 10
    assert len(await manager.schedules.list()) == 1000


def test_a_schedule_is_a_value_though_only_the_type_checker_keeps_it_so() -> None:
    schedule = Schedule("id", "name", "task", "{}", label="x")
    same = replace(Schedule("id", "name", "task", "{}"), label="x")
    assert (schedule, hash(schedule)) == (same, hash(same))
    assert schedule != replace(same, label="y")
    assert not hasattr(schedule, "__dict__")
    with pytest.raises(TypeError):
        Schedule("id")  # type: ignore[call-arg]  # on purpose


async def test_what_no_row_can_have_is_not_there(manager: TaskManager) -> None:
    with pytest.raises(NotFound):
        await manager.schedules.get(HALF)
    with pytest.raises(NotFound):
        await manager.schedules.remove(HALF)
    with pytest.raises(NotFound):
        await manager.get(HALF)
    filters = [EventFilter("subject", "is", HALF)]
    assert (await manager.control.timeline.events(SYSTEM, filters)).items == ()
