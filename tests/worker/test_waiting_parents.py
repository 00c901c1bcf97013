"""Parents and children that would wait for one another: exclusive children, children with their parent's key.

On one worker, and on two that share a PostgreSQL. Nobody's code goes on beside an exclusive run, whatever ended its
wait.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runwright import RunContext, RunStatus, Settings, TaskManager, task
from runwright.clock import SystemClock

PROMPT = 20.0
LATER = datetime.now(UTC) + timedelta(days=1)


class Court:
    """What code does, as the tests see it: who goes on now, and whether somebody was beside code that is alone."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.broken: list[str] = []
        self._here: set[tuple[str, bool]] = set()
        self._lock = threading.Lock()

    def enter(self, name: str, *, alone: bool = False) -> None:
        """Code goes on from here."""
        with self._lock:
            self.story.append(name)
            self.broken += [f"{name} beside {other}" for other, is_alone in self._here if alone or is_alone]
            self._here.add((name, alone))

    def leave(self, name: str, *, alone: bool = False) -> None:
        """It waits from here, or ends."""
        with self._lock:
            self._here.discard((name, alone))


class Stage:
    """Two managers that share a store, or one twice, with the tasks of a test."""

    def __init__(self, stack: AsyncExitStack, url: str | None) -> None:
        self._stack, self._url = stack, url

    async def managers(self, *tasks: Any, **given: Any) -> tuple[TaskManager, TaskManager]:
        """Open them. Whatever hint is lost, they look soon."""
        options = {"store": self._url or "sqlite:///:memory:", "poll_seconds": 0.05, "shutdown_grace": 1, **given}
        first = await self._stack.enter_async_context(TaskManager(Settings(**options), tasks=tasks, user_loop=True))
        if self._url is None:
            return first, first
        second = await self._stack.enter_async_context(TaskManager(Settings(**options), tasks=tasks, user_loop=True))
        return first, second


@pytest.fixture(params=["memory", "postgres"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    async with AsyncExitStack() as stack:
        yield Stage(stack, url)


async def reason(manager: TaskManager, run: str, beginning: str) -> None:
    """Wait until the store says so of a run."""
    async with asyncio.timeout(PROMPT):
        while not (await manager.store.waiting_for(run) or "").startswith(beginning):
            await SystemClock().sleep(0.005)


async def running(manager: TaskManager, run: str) -> None:
    """Wait until it runs."""
    async with asyncio.timeout(PROMPT):
        while (await manager.get(run)).status is not RunStatus.RUNNING:
            await SystemClock().sleep(0.005)


@pytest.mark.parametrize("mode", ["async", "thread"])
async def test_two_parents_that_wait_for_an_exclusive_child_each(stage: Stage, mode: str) -> None:
    court, both = Court(), threading.Barrier(2, timeout=PROMPT)

    @task(name="child", exclusive=True)
    async def child(name: str) -> str:
        court.enter(name, alone=True)
        await asyncio.sleep(0.01)
        court.leave(name, alone=True)
        return name

    @task(name="parent")
    async def parent(name: str, *, run: RunContext) -> Any:
        court.enter(name)
        await asyncio.to_thread(both.wait)
        court.leave(name)  # an exclusive run may begin beside its own parent
        identifier = await run.start("child", {"name": f"child of {name}"})
        answer = await run.wait(identifier)
        court.enter(name)
        await asyncio.sleep(0.01)
        court.leave(name)
        return answer

    @task(name="parent_sync")
    def parent_sync(name: str, *, run: RunContext) -> Any:
        court.enter(name)
        both.wait()
        court.leave(name)
        identifier = run.start_sync("child", {"name": f"child of {name}"})
        answer = run.wait_sync(identifier)
        court.enter(name)
        court.leave(name)
        return answer

    first, second = await stage.managers(child, parent, parent_sync)
    named = "parent" if mode == "async" else "parent_sync"
    runs = [await first.start(named, {"name": "ann"}), await second.start(named, {"name": "bob"})]
    ended = [await first.wait(run.id, timeout=PROMPT) for run in runs]
    assert [run.result for run in ended] == ["child of ann", "child of bob"]
    assert not court.broken


async def test_a_run_and_three_generations_of_one_concurrency_key(stage: Stage) -> None:
    most = here = 0

    @task(concurrency_key="same")
    async def nested(depth: int, *, run: RunContext) -> int:
        nonlocal most, here
        here += 1
        most = max(most, here)
        await asyncio.sleep(0.001)
        here -= 1
        if depth == 0:
            return 1
        children = [await run.start("nested", {"depth": depth - 1}) for _ in range(2)]
        return sum([int(str(count)) for count in await asyncio.gather(*map(run.wait, children))])

    first, second = await stage.managers(nested, max_concurrent=2)
    runs = [await first.start("nested", {"depth": 2}), await second.start("nested", {"depth": 2})]
    assert [(await first.wait(run.id, timeout=PROMPT)).result for run in runs] == [4, 4]
    assert most == 1


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("async", "cancel"), ("async", "timeout"), ("async", "patience"), ("thread", "cancel"), ("thread", "timeout")],
)
async def test_nothing_ends_a_wait_beside_an_exclusive_run(stage: Stage, mode: str, ending: str) -> None:
    """A cancel, the end of its time, its own impatience: its code hears of it when the exclusive run has ended."""
    court, release = Court(), asyncio.Event()
    here = asyncio.get_running_loop()

    async def of_the_test(event: asyncio.Event) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(event.wait(), here))

    @task
    async def never() -> None:
        court.enter("never")

    @task(exclusive=True)
    async def alone() -> None:
        court.enter("alone", alone=True)
        await of_the_test(release)
        court.leave("alone", alone=True)

    limit = 1.5 if ending == "timeout" else None

    @task(timeout=limit)
    async def waiter(what: str, *, run: RunContext) -> None:
        try:
            if ending == "patience":
                with suppress(TimeoutError):
                    await asyncio.wait_for(run.wait(what), 1.5)
            else:
                await run.wait(what)
        finally:
            court.enter("cleans up")

    @task(timeout=limit)
    def waiter_sync(what: str, *, run: RunContext) -> None:
        try:
            run.wait_sync(what)
        finally:
            court.enter("cleans up")

    first, second = await stage.managers(never, alone, waiter, waiter_sync)
    tomorrow = await first.start("never", run_at=LATER)
    waits = await first.start("waiter" if mode == "async" else "waiter_sync", {"what": tomorrow.id})
    await running(first, waits.id)  # else the exclusive run may come first
    exclusive = await second.start("alone")
    await running(second, exclusive.id)
    if ending == "cancel":
        await second.cancel(waits.id)
    await reason(second, waits.id, f"It goes on when the exclusive run {exclusive.id} of alone has ended.")
    assert "cleans up" not in court.story
    release.set()
    ended = await first.wait(waits.id, timeout=PROMPT)
    assert ended.status is {
        "cancel": RunStatus.CANCELLED, "timeout": RunStatus.ERROR, "patience": RunStatus.COMPLETED,
    }[ending]  # fmt: skip
    assert court.story == ["alone", "cleans up"]
    assert not court.broken


async def test_a_worker_stops_with_a_run_that_may_not_go_on(postgres_url: str) -> None:
    """It is not lost: the next worker starts it again."""
    release = asyncio.Event()
    here = asyncio.get_running_loop()
    begun: list[int] = []

    @task
    async def never() -> None:
        """Due tomorrow."""

    @task(exclusive=True)
    async def alone() -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(release.wait(), here))

    @task
    async def waiter(what: str, *, run: RunContext) -> str:
        begun.append(run.attempt)
        if run.attempt == 1:
            await run.wait(what)
        return "again"

    given = Settings(store=postgres_url, poll_seconds=0.05, shutdown_grace=0)
    async with TaskManager(given, tasks=[alone, never], user_loop=True) as lasting:
        async with TaskManager(given, tasks=[waiter, never], user_loop=True) as stopped:
            waits = await stopped.start("waiter", {"what": (await stopped.start("never", run_at=LATER)).id})
            await running(stopped, waits.id)  # else the exclusive run may come first
            exclusive = await lasting.start("alone")
            await running(lasting, exclusive.id)
        assert (await lasting.get(exclusive.id)).status is RunStatus.RUNNING
        release.set()
        await lasting.wait(exclusive.id, timeout=PROMPT)
        async with TaskManager(given, tasks=[waiter, never], user_loop=True) as third:
            ended = await third.wait(waits.id, timeout=PROMPT)

    assert (ended.status, ended.result, ended.crashes) == (RunStatus.COMPLETED, "again", 0)
    assert begun == [1, 2]
