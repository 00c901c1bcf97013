"""For users' tests: the real engine on a store in memory, and two questions that tests ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from runwright.clock import to_datetime
from runwright.config import Settings
from runwright.manager import TaskManager
from runwright.model import Run, RunStatus
from runwright.tasks.definition import to_task

LOOK_SECONDS = 0.05
MOST = 100


@asynccontextmanager
async def memory_manager(*tasks: Any, **settings: Any) -> AsyncIterator[TaskManager]:
    """An open TaskManager with these tasks, on a store in memory; ``settings`` as for ``Settings``."""
    given: dict[str, Any] = {"store": "sqlite:///:memory:", "shutdown_grace": 1, **settings}
    async with TaskManager(Settings(**given), tasks=tasks) as manager:
        yield manager


async def drain(manager: TaskManager, timeout: float = 10.0) -> None:
    """Wait until every run that is due now has ended. What is due later (retries, schedules) is left to its time.

    Args:
        timeout: seconds; then TimeoutError, which names the runs that have not ended.
    """
    wakeup = manager.bus.subscribe("events")  # before the first look, so that nothing falls between
    left: list[Run] = []
    try:
        async with asyncio.timeout(timeout):
            while left := await _due(manager):
                await wakeup.wait(LOOK_SECONDS)
    except TimeoutError:
        names = ", ".join(f"{run.task} {run.id} ({run.status})" for run in left[:10])
        raise TimeoutError(f"after {timeout:g} s these runs had not ended: {names}") from None
    finally:
        wakeup.close()


async def assert_started(manager: TaskManager, task: Any, arguments: Mapping[str, Any] | None = None) -> Run:
    """The newest run of ``task``, with just these arguments if they are given; AssertionError if there is none."""
    name = task if isinstance(task, str) else to_task(task).name
    runs = (await manager.runs(task=name, limit=MOST)).items
    for run in runs:
        if arguments is None or dict(run.arguments) == dict(arguments):
            return run
    found = [dict(run.arguments) for run in runs]
    raise AssertionError(f"no run of {name!r} was started with {arguments}; started were {found or 'none'}")


async def _due(manager: TaskManager) -> list[Run]:
    now = to_datetime(manager.store.now())
    live = [status for status in RunStatus if not status.terminal]
    runs = (await manager.runs(status=live, limit=MOST)).items
    waiting = (RunStatus.PENDING, RunStatus.RETRYING)
    return [run for run in runs if run.status not in waiting or run.due_at <= now]
