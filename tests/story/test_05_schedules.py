"""Chapter 5: runs on time. Every due time is in the ledger, with what became of it."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from runwright import At, Cron, DuplicateName, Every, InvalidInput, RunStatus, ScheduleRefused, TaskManager, task
from runwright.model import SYSTEM
from tests.story.conftest import Open


@task
async def tick(label: str = "") -> str:
    return label


async def first_run_of(manager: TaskManager, schedule: str) -> str:
    """The id of the first run that the schedule makes."""
    wakeup = manager.bus.subscribe("events")
    while not (page := await manager.runs(schedule=schedule)).items:
        await wakeup.wait(5)
    wakeup.close()
    return page.items[-1].id


async def test_an_interval_runs_at_once_and_then_counts_from_the_end(opened: Open) -> None:
    async with opened(tick) as manager:
        schedule = await manager.schedules.add("often", task=tick, when=Every(hours=1), arguments={"label": "now"})
        run = await manager.wait(await first_run_of(manager, schedule.id), timeout=5)
        wakeup = manager.bus.subscribe("settled")
        while not (settled := await manager.schedules.get("often")).run_count:
            await wakeup.wait(5)
        wakeup.close()

        assert (run.result, run.schedule) == ("now", schedule.id)
        assert run.completed_at is not None and settled.next_due_at is not None
        assert settled.next_due_at == round(run.completed_at.timestamp() * 1_000_000) + 3_600_000_000
        (fire,) = (await manager.control.schedules.fires(SYSTEM, "often")).items
        assert (fire.outcome, fire.run) == ("fired", run.id)


async def test_a_time_to_come_fires_once_and_then_the_schedule_is_disabled(opened: Open) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=50)
    async with opened(tick) as manager:
        schedule = await manager.schedules.add("once", task=tick, when=At(soon))
        run = await manager.wait(await first_run_of(manager, schedule.id), timeout=5)

        assert run.started_at is not None and run.started_at >= soon
        assert run.due_at == soon
        assert not (await manager.schedules.get("once")).enabled


async def test_cron_is_checked_at_the_door_and_tells_its_next_times(opened: Open) -> None:
    async with opened(tick) as manager:
        await manager.schedules.add("nightly", task=tick, when=Cron("30 2 * * *", timezone="Europe/Berlin"))
        times = await manager.schedules.next("nightly", 3)

        assert len(times) == 3
        assert all(later > earlier for earlier, later in itertools.pairwise(times))
        with pytest.raises(ScheduleRefused, match="day-of-month"):
            await manager.schedules.add("never", task=tick, when="0 0 30 2 *")
        with pytest.raises(ScheduleRefused):
            await manager.schedules.add("past", task=tick, when="2001-01-01T00:00:00Z")
        with pytest.raises(DuplicateName):
            await manager.schedules.add("nightly", task=tick, when="@daily")
        with pytest.raises(InvalidInput, match="label"):
            await manager.schedules.add("other", task=tick, when="@daily", arguments={"lable": "x"})
        assert [schedule.name for schedule in await manager.schedules.list()] == ["nightly"]


async def test_a_schedule_never_overlaps_itself_and_says_so(opened: Open) -> None:
    """The due time that found the previous run alive is a row of the ledger: skipped, with the reason."""
    gate = asyncio.Event()

    @task
    async def slow() -> None:
        await gate.wait()

    async with opened(slow) as manager:
        soon = datetime.now(UTC) + timedelta(milliseconds=50)
        await manager.schedules.add("slow", task=slow, when=At(soon, soon + timedelta(milliseconds=100)))
        wakeup = manager.bus.subscribe("events")
        while len(fires := (await manager.control.schedules.fires(SYSTEM, "slow")).items) < 2:
            await wakeup.wait(0.05)
        wakeup.close()
        gate.set()

        assert [(fire.outcome, fire.run is None) for fire in reversed(fires)] == [("fired", False), ("skipped", True)]
        assert "previous run" in fires[0].reason


async def test_disable_enable_edit_and_fire_by_hand(opened: Open) -> None:
    """Neither enabling nor editing ever fires the past; firing by hand asks nobody."""
    async with opened(tick) as manager:
        await manager.schedules.add("daily", task=tick, when="@daily", arguments={"label": "a"})
        await manager.schedules.disable("daily")
        disabled = await manager.schedules.get("daily")
        run = await manager.wait(await manager.schedules.fire("daily"), timeout=5)
        await manager.schedules.edit("daily", when="@hourly", arguments={"label": "b"})
        await manager.schedules.enable("daily")
        enabled = await manager.schedules.get("daily")
        now = datetime.now(UTC).timestamp() * 1_000_000

        assert (disabled.enabled, disabled.next_due_at) == (False, None)
        assert (run.status, run.result) == (RunStatus.COMPLETED, "a")
        assert enabled.next_due_at is not None and now < enabled.next_due_at <= now + 3_600_000_000
        stats = await manager.schedules.stats()
        assert (stats.total_tasks, stats.enabled_tasks) == (1, 1)
        await manager.schedules.remove("daily")
        assert await manager.schedules.list() == []


async def test_a_schedule_that_a_task_declares_is_there_with_it(opened: Open) -> None:
    @task(schedule="@every 1h")
    async def hourly() -> None:
        return None

    async with opened(hourly) as manager:
        (schedule,) = await manager.schedules.list()

        assert (schedule.name, schedule.task, bool(schedule.origin)) == ("hourly", "hourly", True)
