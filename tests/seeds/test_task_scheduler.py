"""Every example of the background task scheduler (003): its tasks, their management, their statistics, their file."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runwright import At, Conflict, Cron, DuplicateName, Every, NotFound, RunStatus, ScheduleRefused, TaskManager, task
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM
from runwright.testing import drain
from tests.story.conftest import Open, opened  # noqa: F401 - the fixture
from tests.worker.schedules import engine

# The handlers of the document, as tasks.


@task(name="cleanup-task")
async def cleanup() -> str:
    return "cleaned"


@task(name="one-time-task")
async def one_time() -> None: ...


@task(name="backup-task")
async def backup() -> None: ...


@task(name="failing-task")
async def failing() -> None:
    raise ValueError("on purpose")


TASKS = [cleanup, one_time, backup, failing]


async def first_run(manager: TaskManager, name: str) -> Any:
    """The first run of a schedule, when it has ended and counted."""
    schedule = await manager.schedules.get(name)
    wakeup = manager.bus.subscribe("events", "settled")
    try:
        while not (page := await manager.runs(schedule=schedule.id)).items or not (
            (await manager.schedules.get(name)).last_status
        ):
            await wakeup.wait(5)
    finally:
        wakeup.close()
    return await manager.wait(page.items[-1].id, timeout=5)


async def test_an_interval_task_runs_at_once_and_then_after_each_end(opened: Open) -> None:  # noqa: F811
    async with opened(*TASKS) as manager:
        await manager.schedules.add("cleanup-task", task=cleanup, when=Every(minutes=5), label="Periodic Cleanup")
        run = await first_run(manager, "cleanup-task")
        known = await manager.schedules.get("cleanup-task")

        assert (run.status, run.result) == (RunStatus.COMPLETED, "cleaned")
        assert known.next_due_at == round(run.completed_at.timestamp() * 1e6) + 300_000_000
        assert (known.label, known.enabled) == ("Periodic Cleanup", True)


async def test_a_one_time_task_waits_for_its_time(opened: Open) -> None:  # noqa: F811
    async with opened(*TASKS) as manager:
        soon = datetime.now(UTC) + timedelta(hours=1)
        await manager.schedules.add("one-time-task", task=one_time, when=At(soon))
        assert await manager.schedules.next("one-time-task") == [soon]
        tomorrow = datetime.now(UTC) + timedelta(hours=24)
        await manager.schedules.add("daily-backup", task=backup, when=At(tomorrow), description="Create daily backup")
        assert (await manager.runs()).items == ()


async def test_task_management(opened: Open) -> None:  # noqa: F811
    async with opened(*TASKS) as manager:
        await manager.schedules.add("cleanup-task", task=cleanup, when="@daily")
        await manager.schedules.disable("cleanup-task")
        assert not (await manager.schedules.get("cleanup-task")).enabled
        await manager.schedules.enable("cleanup-task")
        assert (await manager.schedules.get("cleanup-task")).enabled
        assert [each.name for each in await manager.schedules.list()] == ["cleanup-task"]
        with pytest.raises(DuplicateName):
            await manager.schedules.add("cleanup-task", task=cleanup, when="@daily")
        await manager.schedules.remove("cleanup-task")
        for verb in (manager.schedules.remove, manager.schedules.enable, manager.schedules.disable):
            with pytest.raises(NotFound):
                await verb("cleanup-task")


async def test_configuration_of_retries(opened: Open) -> None:  # noqa: F811
    """SetMaxRetries(5) and SetRetryDelay(10 s) are settings; the defaults are 3 and 5 s."""
    async with opened(*TASKS) as manager:
        assert (manager.settings.max_retries, manager.settings.retry_delay) == (3, 5)
    async with opened(*TASKS, max_retries=2, retry_delay=0) as manager:
        await manager.schedules.add("failing-task", task=failing, when=Every(hours=1))
        run = await first_run(manager, "failing-task")
        known = await manager.schedules.get("failing-task")

        assert (run.status, run.attempt) == (RunStatus.ERROR, 3)  # 1 + 2 retries
        assert (known.run_count, known.error_count, known.last_error) == (1, 1, "on purpose")


async def test_monitoring(opened: Open) -> None:  # noqa: F811
    async with opened(*TASKS, max_retries=0) as manager:
        await manager.schedules.add("cleanup-task", task=cleanup, when=Every(hours=1))
        await manager.schedules.add("failing-task", task=failing, when=Every(hours=1))
        await manager.schedules.add("backup-task", task=backup, when="@daily", enabled=False)
        for name in ("cleanup-task", "failing-task"):
            await first_run(manager, name)
        stats = await manager.schedules.stats()
        one = await manager.schedules.get("cleanup-task")

        assert (stats.total_tasks, stats.enabled_tasks, stats.running_tasks) == (3, 2, 0)
        assert (stats.total_runs, stats.total_errors) == (2, 1)
        assert (one.run_count, one.error_count, one.last_error) == (1, 0, None)
        assert one.last_run_at is not None and one.next_due_at is not None and one.next_due_at > one.last_run_at


@pytest.mark.parametrize("expression", ["0 0 * * *", "*/15 * * * *", "0 9-17 * * 1-5", "0 0 1 * *", "30 2 * * 0"])
async def test_cron_like_scheduling(opened: Open, expression: str) -> None:  # noqa: F811
    async with opened(*TASKS) as manager:
        await manager.schedules.add("daily-task", task=cleanup, when=Cron(expression))
        assert len(await manager.schedules.next("daily-task", 5)) == 5


async def test_a_higher_priority_goes_first_when_several_are_ready() -> None:
    async with engine() as made:
        for name, priority in (("background", 0), ("regular", None), ("critical", 100), ("custom", 75)):
            await made.add(name, priority=priority)
        made.clock.advance(60)
        await made.tick()
        turn = await made.store.turn("w1", [made.wanted(10)])
        names = {schedule.id: schedule.name for schedule in await made.store.schedules()}
        order = [names[(await made.given.read(claim.run_id)).schedule or ""] for claim in turn.claims]
        assert order == ["critical", "custom", "regular", "background"]


async def test_task_dependencies() -> None:
    """prepare-data and process-data, every ten minutes each."""
    async with engine() as made:
        with pytest.raises(ScheduleRefused, match="no schedule 'prepare-data'"):
            await made.add("process-data", Every(minutes=10), depends_on=["prepare-data"])
        await made.add("prepare-data", Every(minutes=10))
        await made.add("process-data", Every(minutes=10), depends_on=["prepare-data"])
        with pytest.raises(ScheduleRefused, match="each would wait"):
            await made.edit("prepare-data", depends_on=["process-data"])
        with pytest.raises(Conflict, match="process-data"):
            await made.door.remove(SYSTEM, "prepare-data")
        await made.pass_time(0)
        assert await made.run() == ["prepare-data"]
        await made.settle()
        assert await made.run() == ["process-data"]
        await made.settle()
        await made.pass_time(600)
        await made.run(RunEvent.FAIL)
        await made.settle()
        assert await made.outcomes("process-data") == ["fired", "skipped"]


async def test_persistent_task_storage(opened: Open, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "var" / "lib" / "tasks.json"
    async with opened(*TASKS) as manager:
        assert list(await manager.schedules.load(file)) == []  # a missing file is an empty one
        await manager.schedules.add("cleanup-task", task=cleanup, when=Every(minutes=5), priority=100)
        await manager.schedules.add("backup-task", task=backup, when="0 2 * * *", enabled=False,
                                    depends_on=["cleanup-task"])  # fmt: skip
        await drain(manager)
        await first_run(manager, "cleanup-task")
        await manager.schedules.save(file)
        await manager.schedules.save(file)  # the second save overwrites
    async with opened(*TASKS) as manager:
        loaded = {each.name: each for each in await manager.schedules.load(file)}
        await drain(manager)

        assert (loaded["cleanup-task"].priority, loaded["cleanup-task"].run_count) == (100, 1)
        assert (loaded["backup-task"].enabled, loaded["backup-task"].depends_on) == (False, ("cleanup-task",))
        assert (await manager.runs()).items == ()  # its first run is not repeated


OLDER = [
    {
        "id": "cleanup-task", "name": "Periodic Cleanup", "description": "Removes what has expired",
        "schedule": {"type": "interval", "interval": "15m0s", "cron_spec": "", "times": None},
        "enabled": True, "priority": 50, "dependencies": None,
        "last_run": "2026-01-02T03:04:05.123456789Z", "next_run": "2027-01-02T03:04:05Z",
        "run_count": 7, "error_count": 2,
    },
    {
        "id": "gone-task", "name": "Its handler is gone", "description": "",
        "schedule": {"type": "cron", "interval": "0s", "cron_spec": "0 0 * * *", "times": []},
        "enabled": False, "priority": 100, "dependencies": ["cleanup-task"],
        "last_run": "0001-01-01T00:00:00Z", "next_run": "0001-01-01T00:00:00Z", "run_count": 0, "error_count": 0,
    },
    {
        "id": "one-time-task", "name": "Run Once", "description": "",
        "schedule": {"type": "once", "interval": "0s", "cron_spec": "", "times": ["2099-01-01T00:00:00Z"]},
        "enabled": True, "priority": 0, "dependencies": [], "last_run": "0001-01-01T00:00:00Z",
        "next_run": "2099-01-01T00:00:00Z", "run_count": 0, "error_count": 0,
    },
]  # fmt: skip


async def test_the_file_of_the_older_scheduler_is_read(opened: Open, tmp_path: Path) -> None:  # noqa: F811
    """Counts and times survive; a year-long sentinel does not; a task without its handler stays, unbound."""
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(OLDER, indent=2))
    async with opened(*TASKS) as manager:
        cleanup_task, gone, once = await manager.schedules.load(file)
        shown = manager.control.schedules

        assert (cleanup_task.name, cleanup_task.label, cleanup_task.task) == (
            "cleanup-task",
            "Periodic Cleanup",
            "cleanup-task",
        )
        assert (cleanup_task.run_count, cleanup_task.error_count) == (7, 2)
        assert cleanup_task.last_run_at == 1_767_323_045_123_456
        assert cleanup_task.next_due_at is not None
        assert cleanup_task.next_due_at - datetime.now(UTC).timestamp() * 1e6 < 900_000_000
        assert shown.form(cleanup_task) == {"type": "interval", "seconds": 900, "first": "now", "anchor": "end"}
        assert (gone.enabled, gone.depends_on, gone.last_run_at) == (False, ("cleanup-task",), None)
        assert shown.unbound(gone) is not None and shown.unbound(once) is None
        assert (await manager.schedules.next("one-time-task"))[0].year == 2099
        await manager.schedules.save(file)
        assert [entry["name"] for entry in json.loads(file.read_text())] == [
            "cleanup-task",
            "gone-task",
            "one-time-task",
        ]
        assert (await manager.runs()).items == ()


async def test_graceful_shutdown_waits_for_what_runs(opened: Open) -> None:  # noqa: F811
    done: list[str] = []

    @task
    async def slow() -> None:
        await asyncio.sleep(0.1)
        done.append("all of it")

    async with opened(slow, shutdown_grace=5) as manager:
        await manager.schedules.add("slow", task=slow, when=Every(hours=1))
        wakeup = manager.bus.subscribe("events")
        while not (await manager.runs(status="running")).items:
            await wakeup.wait(5)
        wakeup.close()
    assert done == ["all of it"]


async def test_failures_do_not_affect_other_tasks(opened: Open) -> None:  # noqa: F811
    async with opened(*TASKS, max_retries=0) as manager:
        await manager.schedules.add("failing-task", task=failing, when=Every(hours=1))
        await manager.schedules.add("cleanup-task", task=cleanup, when=Every(hours=1))
        assert (await first_run(manager, "failing-task")).status is RunStatus.ERROR
        assert (await first_run(manager, "cleanup-task")).status is RunStatus.COMPLETED
