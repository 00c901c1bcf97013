"""Defects with dependencies that were found in the scheduler of nexs-mcp: each cycle, and the next start, count anew.

There, a dependency counted as met for good once it had ever succeeded, and what had been was forgotten at a restart.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from runwright import RunStatus, TaskManager, task
from runwright.testing import ManualClock, advance, drain, memory_manager

HOUR = 3600


class Line:
    """``process`` needs ``prepare``, each every hour: what they did, over any number of starts."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.fails = False
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.clock = ManualClock()
        self._store = f"sqlite:///{folder / 'line.db'}"

    def open(self) -> Any:
        """A manager on the one file; the time goes on from where it was."""

        @task
        async def prepare() -> None:
            self.told.append("prepare begins")
            await self.may_end.wait()
            if self.fails:
                raise OSError("no data")
            self.told.append("prepare ends")

        @task
        async def process() -> None:
            self.told.append("process begins")

        return memory_manager(prepare, process, clock=self.clock, store=self._store, max_retries=0)

    async def pass_time(self, manager: TaskManager, seconds: float = HOUR) -> list[str]:
        """What they do in that time."""
        self.told.clear()
        await advance(manager, self.clock, seconds)
        return list(self.told)


async def made(manager: TaskManager) -> None:
    await manager.schedules.add("prepare", task="prepare", when="@hourly")
    await manager.schedules.add("process", task="process", when="@hourly", depends_on=["prepare"])


IN_ORDER = ["prepare begins", "prepare ends", "process begins"]


async def fates(manager: TaskManager, name: str) -> list[tuple[str, str]]:
    """The status and the reason of each run of a schedule, the newest first."""
    schedule = await manager.schedules.get(name)
    runs = (await manager.runs(schedule=schedule.id)).items
    return [(run.status.value, run.error.message if run.error else "") for run in runs]


async def test_they_never_start_together_in_no_cycle_and_after_no_restart(tmp_path: Path) -> None:
    line = Line(tmp_path)
    async with line.open() as manager:
        await made(manager)
        for _ in range(3):
            assert await line.pass_time(manager) == IN_ORDER
    for _ in range(2):
        async with line.open() as manager:
            assert await line.pass_time(manager) == IN_ORDER


async def test_a_failure_before_a_restart_skips_what_waits_after_it(tmp_path: Path) -> None:
    line = Line(tmp_path)
    async with line.open() as manager:
        await made(manager)
        assert await line.pass_time(manager) == IN_ORDER  # an old success must not count again
        line.fails = True
        line.may_end.clear()
        line.told.clear()
        line.clock.advance(HOUR)
        manager.bus.publish(("schedules",))
        async with asyncio.timeout(10):
            while "prepare begins" not in line.told or len(await fates(manager, "process")) < 2:
                await asyncio.sleep(0.01)
    assert line.told == ["prepare begins"]  # and the process ends in the midst of it
    line.may_end.set()
    async with line.open() as manager:
        await drain(manager)
        assert line.told == ["prepare begins"] * 2
        assert await fates(manager, "process") == [("skipped", "prepare failed"), ("completed", "")]
        line.fails = False
        assert await line.pass_time(manager) == IN_ORDER


async def test_a_skip_is_the_same_after_a_restart(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.fails = True
    async with line.open() as manager:
        await made(manager)
        assert await line.pass_time(manager) == ["prepare begins"]
        assert await fates(manager, "process") == [("skipped", "prepare failed")]
    async with line.open() as manager:
        await drain(manager)
        assert await fates(manager, "process") == [("skipped", "prepare failed")]
        (prepare,) = (await manager.runs(task="prepare")).items
        assert prepare.status is RunStatus.ERROR
        assert await line.pass_time(manager) == ["prepare begins"]
        assert [status for status, _ in await fates(manager, "process")] == ["skipped"] * 2
