"""Schedules whose declaration goes and comes back: by an edit, by a rename, with two versions of a program alive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from runwright import Settings, TaskManager, task
from runwright.bus import LocalBus
from runwright.control import ScheduleEdit
from runwright.errors import NotFound
from runwright.manager.declared import LOOK_SECONDS, DeclaredSchedules
from runwright.model import SYSTEM, Schedule
from runwright.retry import Retry
from tests.worker.schedules import Engine, Node, engine


@pytest.fixture
async def made() -> AsyncIterator[Engine]:
    async with engine() as opened:
        yield opened


async def _body() -> None: ...


class Program(Node):
    """A process with a version of a program: its tasks by name, with the schedules that they declare."""

    def __init__(self, world: Engine, **declared: Any) -> None:
        super().__init__(world.store, world.clock, ())
        self.world = world
        self.code(**declared)
        self.follower = DeclaredSchedules(world.store, self.registry, self.declared, LocalBus(), (), None)
        self.look = self.follower.run_once

    def code(self, **declared: Any) -> None:
        """Let the program be this one now."""
        made = [task(name=name, schedule=when)(_body) for name, when in declared.items()]
        self.registry.replace_source("program", made)

    async def names(self) -> list[str]:
        return [schedule.name for schedule in await self.door.list(SYSTEM)]


async def test_what_comes_back_is_what_it_was(made: Engine) -> None:
    program = Program(made, job="@every 1m")
    await program.look()
    await program.tick()
    made.clock.advance(60)
    await program.tick()
    await program.door.disable(SYSTEM, "job")
    before = await program.door.get(SYSTEM, "job")
    program.code(job=None)
    await program.look()
    assert await program.names() == []
    with pytest.raises(NotFound):
        await program.door.get(SYSTEM, "job")
    made.clock.advance(86_400)
    program.code(job="@every 1m")
    await program.look()
    back = await program.door.get(SYSTEM, "job")
    assert (back.id, back.enabled, back.next_due_at) == (before.id, False, None)
    assert [fire.outcome for fire in (await program.door.fires(SYSTEM, "job")).items] == ["fired"]
    assert (await program.door.enable(SYSTEM, "job")).next_due_at == made.at(60)


async def test_an_older_version_beside_it_takes_nothing_away(made: Engine) -> None:
    new = Program(made, job="@every 1m", other=None)
    await new.look()
    due_at = (await new.door.get(SYSTEM, "job")).next_due_at
    old = Program(made, job=None, other=None)
    await old.look()
    assert await new.look() == LOOK_SECONDS
    assert (await new.door.get(SYSTEM, "job")).next_due_at == due_at
    old.code(job=None, other=None, third=None)  # it says once that it misses it
    await old.look()
    assert await new.names() == ["job"]
    made.clock.advance(60)
    await new.tick()
    assert await made.outcomes("job") == ["fired"]


async def test_no_due_time_is_lost_between_two_looks(made: Engine) -> None:
    new, old = Program(made, job="@every 1m"), Program(made, job=None)
    await new.look()
    made.clock.advance(55)
    await old.look()
    made.clock.advance(LOOK_SECONDS)
    await old.tick()
    await new.look()
    await new.tick()
    assert await made.outcomes("job") == ["fired"]


async def test_after_a_longer_time_nothing_of_the_past_is_fired(made: Engine) -> None:
    program = Program(made, job="@every 1m")
    await program.look()
    program.code(job=None)
    await program.look()
    made.clock.advance(3600)
    program.code(job="@every 1m")
    await program.look()
    await program.tick()
    assert await made.outcomes("job") == []
    made.clock.advance(60)
    await program.tick()
    assert await made.outcomes("job") == ["fired"]


async def test_the_new_version_restarted_brings_it_back(made: Engine) -> None:
    for declared, names in (("@daily", ["job"]), (None, []), ("@daily", ["job"]), (None, [])):
        program = Program(made, job=declared)
        await program.look()
        assert await program.names() == names


async def test_a_task_that_is_not_here_takes_no_schedule_away(made: Engine) -> None:
    """As when its file is unlinked, renamed, or broken: it is unbound, and bound again."""
    program = Program(made, job="@daily")
    await program.look()
    program.code()
    await program.look()
    schedule = await program.door.get(SYSTEM, "job")
    assert "no task named 'job'" in str(program.door.unbound(schedule))
    program.code(job="@daily")
    await program.look()
    assert program.door.unbound(await program.door.get(SYSTEM, "job")) is None


async def test_what_depends_on_another_goes_before_it(made: Engine) -> None:
    def code(program: Program, *, declared: bool) -> None:
        when = "@daily" if declared else None
        needs = task(name="b", schedule=when, depends_on=["a"])(_body)
        program.registry.replace_source("program", [task(name="a", schedule=when)(_body), needs])

    program = Program(made)
    for declared, names in ((True, ["a", "b"]), (False, []), (True, ["a", "b"])):
        code(program, declared=declared)
        await program.look()
        assert await program.names() == names


async def test_what_people_deleted_stays_away_and_what_they_edited_stays(made: Engine) -> None:
    program = Program(made, gone="@daily", mine="@daily")
    await program.look()
    await program.door.remove(SYSTEM, "gone")
    await made.edit("mine", label="mine")
    program.code(gone=None, mine=None)
    await program.look()
    assert await program.names() == ["mine"]
    program.code(gone="@daily", mine="@daily")
    await program.look()
    assert await program.names() == ["mine"]


async def test_the_log_says_so_in_one_line(made: Engine, caplog: pytest.LogCaptureFixture) -> None:
    program = Program(made, job="@daily")
    await program.look()
    with caplog.at_level("INFO", "runwright"):
        program.code(job=None)
        await program.look()
        program.code(job="@daily")
        await program.look()
    origin = (await program.door.get(SYSTEM, "job")).origin
    assert [record.message for record in caplog.records] == [
        f"schedule 'job' is withdrawn: {origin} does not declare it any more",
        f"schedule 'job' is back: {origin} declares it",
    ]


EDITS: dict[str, Any] = {
    "label": "mine",
    "description": "mine",
    "entity": "x",
    "as_user": "ann",
    "enabled": False,
    "priority": 7,
    "overlap": "queue",
    "catch_up": "all",
    "misfire_grace_seconds": 5.0,
    "jitter_seconds": 5.0,
    "timezone": "Asia/Tokyo",
    "arguments": {"number": 3},
    "retry": Retry(1),
    "depends_on": ["needed"],
    "starts_at": datetime(2100, 1, 1, tzinfo=UTC),
    "ends_at": datetime(2100, 1, 1, tzinfo=UTC),
    "excluded": ["sat"],
    "blackouts": ["sun"],
    "when": "@hourly",
    "name": "renamed",
    "task": "other",
}


def test_all_that_can_be_edited_is_reset() -> None:
    assert EDITS.keys() == ScheduleEdit.__annotations__.keys()


@pytest.mark.parametrize("field", EDITS)
async def test_reset_takes_back_an_edit_of_each_field(made: Engine, field: str) -> None:
    program = Program(made)
    job, other = task(name="job", schedule="0 2 * * *")(_number), task(name="other")(_number)
    program.registry.replace_source("program", [job, other])
    await program.look()
    await made.add("needed")
    before = await program.door.get(SYSTEM, "job")
    edited = await program.door.update(SYSTEM, "job", cast("ScheduleEdit", {field: EDITS[field]}))
    assert _said(edited)[field] != _said(before)[field]
    back = await program.declared.reset(SYSTEM, edited.name)
    assert _said(back) == _said(before) and not back.edited


async def _number(number: int = 0) -> None: ...


def _said(schedule: Schedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in (*EDITS, "next_due_at")}


async def test_the_zone_of_the_settings_is_that_of_declared_schedules(tmp_path: Path) -> None:
    @task(schedule="0 2 * * *")
    async def job() -> None: ...

    async def zone(setting: str, step: Callable[[TaskManager], Awaitable[object]] | None = None) -> tuple[str, int]:
        settings = Settings(store=f"sqlite:///{tmp_path / 'x.db'}", timezone=setting)
        async with TaskManager(settings, tasks=[job], roles=("scheduler",)) as manager:
            if step is not None:
                await step(manager)
            due = (await manager.schedules.next("job", 1))[0]
            return (await manager.schedules.get("job")).timezone, due.hour

    assert await zone("UTC") == ("UTC", 2)
    assert await zone("Asia/Tokyo") == ("Asia/Tokyo", 17)
    assert await zone("Asia/Tokyo", lambda m: m.schedules.edit("job", timezone="UTC")) == ("UTC", 2)
    assert await zone("Asia/Tokyo", lambda m: m.schedules.reset("job")) == ("Asia/Tokyo", 17)
