"""For users' tests: the real engine on a store in memory, time that the test moves, and what tests ask of runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from runwright.clock import Clock, to_datetime
from runwright.config import Settings
from runwright.manager import TaskManager
from runwright.model import Run, RunStatus
from runwright.tasks.definition import to_task
from runwright.tasks.hooks import Hooks
from runwright.testing.clock import ManualClock, PacedClock

LOOK_SECONDS = 0.05
MOST = 100
ANY_LEASE_SECONDS = 1e9  # a worker must not lose its lease because a test has moved the time on
WAITING = (RunStatus.PENDING, RunStatus.RETRYING)
LIVE = tuple(status for status in RunStatus if not status.terminal)


def in_memory(*tasks: Any, clock: Clock | None = None, hooks: Hooks | None = None, **settings: Any) -> TaskManager:
    """A TaskManager with these tasks on a store in memory, not yet open; see ``memory_manager``."""
    given: dict[str, Any] = {"store": "sqlite:///:memory:", "shutdown_grace": 1}
    if isinstance(clock, ManualClock):
        given |= {"lease_seconds": ANY_LEASE_SECONDS, "shutdown_grace": 0}
        clock = PacedClock(clock)
    return TaskManager(Settings(**{**given, **settings}), tasks=tasks, clock=clock, hooks=hooks)


@asynccontextmanager
async def memory_manager(
    *tasks: Any, clock: Clock | None = None, hooks: Hooks | None = None, **settings: Any
) -> AsyncIterator[TaskManager]:
    """An open TaskManager with these tasks, on a store in memory.

    Args:
        clock: a ManualClock makes the time stand still; move it with ``advance``.
        hooks: as for ``TaskManager``.
        settings: as for ``Settings``.
    """
    async with in_memory(*tasks, clock=clock, hooks=hooks, **settings) as manager:
        yield manager


async def drain(manager: TaskManager, timeout: float = 10.0) -> None:
    """Wait until every schedule that is due now has fired and every run that is due now has ended.

    What is due later (retries, schedules) is left to its time.

    Args:
        timeout: seconds; then TimeoutError, which names the runs that have not ended.
    """
    wakeup = manager.bus.subscribe("events")  # before the first look, so that nothing falls between
    left: list[str] = []
    try:
        async with asyncio.timeout(timeout):
            while left := await _due(manager):
                await wakeup.wait(LOOK_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"after {timeout:g} s these had not ended: {', '.join(left[:10])}") from None
    finally:
        wakeup.close()


async def advance(manager: TaskManager, clock: ManualClock, seconds: float | timedelta, timeout: float = 10.0) -> None:
    """Let time pass, from one due time to the next: every schedule fires and every retry begins at its own moment.

    Returns when all that is due by then has ended.

    Args:
        clock: the one that the manager was made with.
        timeout: how long in real seconds the work of one moment may take; then TimeoutError.
    """
    passing = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
    end = to_datetime(clock.now()) + passing
    await drain(manager, timeout)
    while (now := to_datetime(clock.now())) < end:
        moments = [moment for moment in await _moments(manager) if now < moment <= end]
        clock.advance((min(moments, default=end) - now).total_seconds())
        manager.bus.publish(("runs", "schedules", "controls"))
        await drain(manager, timeout)


async def assert_started(manager: TaskManager, task: Any, arguments: Mapping[str, Any] | None = None) -> Run:
    """The newest run of ``task``, with just these arguments if they are given; AssertionError if there is none."""
    name = task if isinstance(task, str) else to_task(task).name
    runs = (await manager.runs(task=name, limit=MOST)).items
    for run in runs:
        if arguments is None or dict(run.arguments) == dict(arguments):
            return run
    found = [dict(run.arguments) for run in runs]
    raise AssertionError(f"no run of {name!r} was started with {arguments}; started were {found or 'none'}")


async def assert_not_started(manager: TaskManager, task: Any) -> None:
    """AssertionError if there is a run of ``task``."""
    name = task if isinstance(task, str) else to_task(task).name
    if found := (await manager.runs(task=name, limit=MOST)).items:
        raise AssertionError(f"{name!r} was started with {[dict(run.arguments) for run in found]}")


async def _due(manager: TaskManager) -> list[str]:
    now = to_datetime(manager.store.now())
    runs = (await manager.runs(status=LIVE, limit=MOST)).items
    due = [run for run in runs if run.status not in WAITING or run.due_at <= now]
    names = [f"{run.task} {run.id} ({run.status})" for run in due]
    if "scheduler" in manager.roles:
        names += [f"schedule {name}" for name, moment in await _fires(manager) if moment <= now]
    return names


async def _moments(manager: TaskManager) -> list[datetime]:
    """When something is due."""
    runs = (await manager.runs(status=WAITING, limit=MOST)).items
    return [run.due_at for run in runs] + [moment for _, moment in await _fires(manager)]


async def _fires(manager: TaskManager) -> list[tuple[str, datetime]]:
    schedules = await manager.schedules.list()
    return [(each.name, to_datetime(each.next_due_at)) for each in schedules
            if each.enabled and each.next_due_at is not None]  # fmt: skip
