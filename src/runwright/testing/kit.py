"""For users' tests: the real engine on a store in memory, time that the test moves, and what tests ask of runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from runwright.clock import Clock, to_datetime
from runwright.config import Settings
from runwright.errors import InvalidArguments
from runwright.manager import TaskManager
from runwright.manager.requests import Given
from runwright.model import MASK, JSONObject, Run, RunStatus
from runwright.tasks.definition import to_task
from runwright.tasks.hooks import Hooks
from runwright.tasks.secrets import replace_at
from runwright.testing.clock import ManualClock, PacedClock

LOOK_SECONDS = 0.05
PAGE = 500
SHOWN = 10
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


async def assert_started(manager: TaskManager, task: Any, arguments: Given | None = None) -> Run:
    """The newest run of ``task``, with just these arguments if they are given; AssertionError if there is none.

    Args:
        task: the task or its name.
        arguments: as for ``manager.start``: models, dates and defaults that are left out mean the same here. Secrets
            are masked in a run, so any secret equals any other.

    Raises:
        NotFound: there is no task of that name.
    """
    name = _name(manager, task)
    wanted = None if arguments is None else _as_stored(manager, name, arguments)
    found: list[JSONObject] = []
    async for run in _all(manager, task=name):
        if wanted is None or dict(run.arguments) == wanted:
            return run
        found.append(dict(run.arguments))
    raise AssertionError(f"no run of {name!r} was started with {arguments}; started were {_few(found) or 'none'}")


async def assert_not_started(manager: TaskManager, task: Any) -> None:
    """AssertionError if there is a run of ``task``. Raises NotFound if there is no task of that name."""
    name = _name(manager, task)
    if found := [dict(run.arguments) async for run in _all(manager, task=name)]:
        raise AssertionError(f"{name!r} was started with {_few(found)}")


def _name(manager: TaskManager, task: Any) -> str:
    return manager.registry.get(task).name if isinstance(task, str) else to_task(task).name


def _as_stored(manager: TaskManager, name: str, arguments: Given) -> JSONObject:
    """Arguments as a run that was started with them shows them."""
    signature = manager.registry.get(name).signature
    try:
        dumped = signature.dump(signature.validate(arguments))
    except InvalidArguments as error:
        raise AssertionError(f"no run of {name!r} can have been started with {arguments}: {error.message}") from error
    return replace_at(dumped, signature.secret_pointers, lambda _: MASK)


def _few(found: Sequence[JSONObject]) -> str:
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(map(str, found[:SHOWN])) + more


async def _all(manager: TaskManager, **query: Any) -> AsyncIterator[Run]:
    """The runs that a question finds, newest first, over all its pages."""
    after: str | None = None
    while True:
        page = await manager.runs(**query, limit=PAGE, after=after)
        for run in page.items:
            yield run
        if (after := page.after) is None:
            return


async def _due(manager: TaskManager) -> list[str]:
    now = to_datetime(manager.store.now())
    # Schedules before runs: a fire makes a due time into a run in one step, and what is read first must not miss both.
    fires = await _fires(manager) if "scheduler" in manager.roles else []
    runs = [run async for run in _all(manager, status=LIVE) if run.status not in WAITING or run.due_at <= now]
    return [f"{run.task} {run.id} ({run.status})" for run in runs] + [
        f"schedule {name}" for name, moment in fires if moment <= now
    ]


async def _moments(manager: TaskManager) -> list[datetime]:
    """When something is due."""
    return [run.due_at async for run in _all(manager, status=WAITING)] + [moment for _, moment in await _fires(manager)]


async def _fires(manager: TaskManager) -> list[tuple[str, datetime]]:
    schedules = await manager.schedules.list()
    return [(each.name, to_datetime(each.next_due_at)) for each in schedules
            if each.enabled and each.next_due_at is not None]  # fmt: skip
