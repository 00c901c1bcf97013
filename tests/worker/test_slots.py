"""Slots: a full lane holds up nobody else, all lanes may be bounded together, and who waits lends what it holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from runwright import (
    Conflict,
    NotFound,
    Retry,
    RunContext,
    RunFailed,
    RunStatus,
    Settings,
    StoreUnavailable,
    TaskManager,
    task,
)
from runwright.model import Lane
from runwright.worker.places import Places

PROMPT = 10.0


def settings(**given: Any) -> Settings:
    return Settings(
        **{"store": "sqlite:///:memory:", "max_concurrent": 1, "max_threads": 1, "shutdown_grace": 1, **given}
    )


class Count:
    """How many are in at once, and the most that ever were; from any thread."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self._lock:
                self.now -= 1


def family(mode: str, count: Count, **options: Any) -> list[Any]:
    """A child, and a parent that starts one, waits for it and goes on; each counts while it works."""
    if mode == "async":

        @task(name="child", **options)
        async def child(number: int) -> int:
            with count.one():
                await asyncio.sleep(0.001)
                return number * 2

        @task(name="parent", **options)
        async def parent(number: int, *, run: RunContext) -> Any:
            with count.one():
                identifier = await run.start("child", {"number": number})
            result = await run.wait(identifier)
            with count.one():
                await asyncio.sleep(0.001)
                return result

        return [child, parent]

    @task(name="child", **options)
    def child_sync(number: int) -> int:
        with count.one():
            return number * 2

    @task(name="parent", **options)
    def parent_sync(number: int, *, run: RunContext) -> Any:
        with count.one():
            identifier = run.start_sync("child", {"number": number})
        result = run.wait_sync(identifier)
        with count.one():
            return result

    return [child_sync, parent_sync]


def waits_for(mode: str) -> Any:
    """A task that waits for a run, or for itself, and says why it cannot."""
    if mode == "async":

        @task(name="below")
        async def below(first: str = "", *, run: RunContext) -> str:
            with pytest.raises(Conflict) as refused:
                await run.wait(first or run.id)
            return str(refused.value)

        return below

    @task(name="below")
    def below_sync(first: str = "", *, run: RunContext) -> str:
        with pytest.raises(Conflict) as refused:
            run.wait_sync(first or run.id)
        return str(refused.value)

    return below_sync


@pytest.mark.parametrize("user_loop", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("mode", ["async", "thread"])
async def test_a_parent_lends_its_slot_to_its_child(mode: str, exclusive: bool, user_loop: bool) -> None:
    """In a lane of one slot, and if nothing else may run beside the parent or the child."""
    tasks = family(mode, Count(), exclusive=exclusive)
    async with TaskManager(settings(), tasks=tasks, user_loop=user_loop) as manager:
        assert await asyncio.wait_for(manager.run("parent", {"number": 21}), PROMPT) == 42


@pytest.mark.parametrize("total", [None, 1])
@pytest.mark.parametrize("mode", ["async", "thread"])
async def test_many_parents_use_no_more_slots_than_there_are(mode: str, total: int | None) -> None:
    count = Count()
    given = settings(max_concurrent=2, max_threads=2, max_total=total)
    async with TaskManager(given, tasks=family(mode, count), user_loop=True) as manager:
        runs = await manager.start_many([("parent", {"number": number}) for number in range(30)])
        results = [(await manager.wait(run, timeout=PROMPT)).result for run in runs]

    assert results == [2 * number for number in range(30)]
    assert count.most <= (total or 2)


@pytest.mark.parametrize("mode", ["async", "thread"])
async def test_a_parent_that_is_cancelled_while_it_waits_leaves_a_whole_lane(mode: str) -> None:
    begun, let_go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    count = Count()

    @task
    async def forever() -> None:
        await asyncio.sleep(3600)

    @task
    async def waits(*, run: RunContext) -> None:
        identifier = await run.start("forever")
        begun.set()
        await run.wait(identifier)

    @task
    def waits_sync(*, run: RunContext) -> None:
        identifier = run.start_sync("forever")
        loop.call_soon_threadsafe(begun.set)
        run.wait_sync(identifier)

    @task
    async def probe() -> None:
        with count.one():
            await asyncio.sleep(0.01)

    @task
    def probe_sync() -> None:
        with count.one():
            let_go.wait(0.01)

    ending = "" if mode == "async" else "_sync"
    tasks = [forever, waits, waits_sync, probe, probe_sync]
    given = settings(max_concurrent=1 if mode == "thread" else 2, max_threads=1)
    async with TaskManager(given, tasks=tasks) as manager:
        parent = await manager.start("waits" + ending)
        await asyncio.wait_for(begun.wait(), PROMPT)
        await manager.cancel(parent.id)
        assert (await manager.wait(parent.id, timeout=PROMPT)).status is RunStatus.CANCELLED
        for run in (await manager.runs(task="forever")).items:
            await manager.cancel(run.id)
            await manager.wait(run.id, timeout=PROMPT)
        for run_id in await manager.start_many([("probe" + ending, {})] * 6):
            await manager.wait(run_id, timeout=PROMPT)

    assert count.most == (2 if mode == "async" else 1)


async def test_what_waiting_answers() -> None:
    @task
    async def fails() -> None:
        raise ValueError("no")

    @task
    async def slow() -> str:
        await asyncio.sleep(3600)
        return ""

    @task
    async def asks(what: str, *, run: RunContext) -> str:
        try:
            if what == "failed":
                await run.wait(await run.start("fails"))
            elif what == "unknown":
                await run.wait("01a21fa9-60a9-7480-a71e-66a5dcd31497")
            else:
                await asyncio.wait_for(run.wait(await run.start("slow")), 0.01)
        except (RunFailed, NotFound, TimeoutError) as error:
            return type(error).__name__
        return "nothing"

    async with TaskManager(settings(max_concurrent=2), tasks=[fails, slow, asks]) as manager:
        for what, answer in (("failed", "RunFailed"), ("unknown", "NotFound"), ("impatient", "TimeoutError")):
            assert await asyncio.wait_for(manager.run("asks", {"what": what}), PROMPT) == answer
        await manager.close(grace=0)


@pytest.mark.parametrize("mode", ["async", "thread"])
@pytest.mark.parametrize("deep", [0, 1, 2])
async def test_nobody_waits_for_itself_or_for_what_it_is_part_of(mode: str, deep: int) -> None:
    @task
    async def above(deep: int, first: str = "", *, run: RunContext) -> Any:
        first = first or run.id
        what = {"deep": deep - 1, "first": first} if deep > 1 else {"first": first}
        return await run.wait(await run.start("above" if deep > 1 else "below", what))

    async with TaskManager(settings(), tasks=[above, waits_for(mode)]) as manager:
        started = manager.run("above", {"deep": deep}) if deep else manager.run("below")
        answer = str(await asyncio.wait_for(started, PROMPT))

    assert answer.startswith("run ") and answer.endswith(": neither could ever end")
    assert ("which it is part of" if deep else "would wait for itself") in answer


async def test_a_run_that_is_cancelled_before_its_first_step_ends() -> None:
    """The loop of the tasks is busy when a run is given to it, and when it is cancelled: its coroutine never begins."""
    began, release = threading.Event(), threading.Event()

    @task
    async def hogs() -> None:
        began.set()
        release.wait(PROMPT)

    @task
    async def quick() -> None: ...

    async with TaskManager(settings(max_concurrent=2), tasks=[hogs, quick], user_loop=True) as manager:
        await manager.start("hogs")
        assert await asyncio.to_thread(began.wait, PROMPT)
        run = await manager.start("quick")
        async with asyncio.timeout(PROMPT):
            while (await manager.get(run.id)).status is not RunStatus.RUNNING:
                await asyncio.sleep(0.01)
            await manager.cancel(run.id)
            while not any(job.cancel_wanted for job in manager.worker.executor.jobs):
                await asyncio.sleep(0.01)
        release.set()
        assert (await manager.wait(run.id, timeout=PROMPT)).status is RunStatus.CANCELLED


async def test_a_store_that_is_away_ends_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.Event()
    asked = 0

    @task
    async def child() -> str:
        await release.wait()
        return "done"

    @task
    async def parent(*, run: RunContext) -> Any:
        return await run.wait(await run.start("child"))

    async with TaskManager(settings(), tasks=[child, parent]) as manager:
        find = manager.store.run

        async def away_at_first(run_id: str) -> Any:
            nonlocal asked
            asked += 1
            if asked < 4:
                raise StoreUnavailable("away")
            release.set()
            return await find(run_id)

        monkeypatch.setattr("runwright.worker.requests.POLL_SECONDS", 0.001)
        monkeypatch.setattr(type(manager.store), "run", lambda _, run_id: away_at_first(run_id))
        started = await manager.start("parent")
        async with asyncio.timeout(PROMPT):
            await release.wait()
        monkeypatch.undo()
        ended = await manager.wait(started.id, timeout=PROMPT)

    assert (ended.result, asked >= 4) == ("done", True)


async def test_a_full_lane_holds_up_nobody_else() -> None:
    release = threading.Event()

    @task
    def blocks() -> None:
        release.wait(PROMPT)

    @task
    async def quick() -> str:
        return "quick"

    async with TaskManager(settings(), tasks=[blocks, quick]) as manager:
        stuck = await manager.start_many([("blocks", {})] * 5, priority=100)
        assert await asyncio.wait_for(manager.run("quick"), PROMPT) == "quick"
        release.set()
        for run_id in stuck:
            await manager.wait(run_id, timeout=PROMPT)


async def test_all_lanes_together_have_a_bound() -> None:
    count = Count()
    pause = threading.Event()

    @task
    def blocks() -> None:
        with count.one():
            pause.wait(0.005)

    @task
    async def quick() -> None:
        with count.one():
            await asyncio.sleep(0.005)

    given = settings(max_concurrent=4, max_threads=4, max_total=3)
    async with TaskManager(given, tasks=[blocks, quick]) as manager:
        runs = await manager.start_many([("blocks", {}), ("quick", {})] * 20)
        for run_id in runs:
            await manager.wait(run_id, timeout=PROMPT)

    assert count.most == 3


def test_places_are_dealt_lane_by_lane() -> None:
    places = Places(2)
    free = {Lane.ASYNC: 4, Lane.THREAD: 4}

    def dealt(held: int, free: dict[Lane, int] = free) -> tuple[dict[Lane, int], bool]:
        return dict(places.deal(free, held)), places.unasked

    assert dealt(0) == ({Lane.ASYNC: 2, Lane.THREAD: 0}, True)
    assert dealt(1) == ({Lane.ASYNC: 0, Lane.THREAD: 1}, False)  # the first had work for one only
    assert dealt(2) == ({Lane.ASYNC: 0, Lane.THREAD: 0}, False)
    assert dealt(1) == ({Lane.ASYNC: 1, Lane.THREAD: 0}, True)
    assert dealt(0, {Lane.ASYNC: 1, Lane.THREAD: 1}) == ({Lane.ASYNC: 1, Lane.THREAD: 1}, False)
    assert Places(None).deal(free, 100) == free


# ----- time -------------------------------------------------------------------------------------------------------


async def test_a_thread_that_overruns_is_cancelling_until_it_returns_and_retried_only_then() -> None:
    release, begun = threading.Event(), 0

    @task(timeout=0.05, retry=Retry(max_retries=1, delay=0.01))
    def overruns() -> str:
        nonlocal begun
        begun += 1
        release.wait(PROMPT)
        return "too late"

    async with TaskManager(settings(max_threads=2), tasks=[overruns]) as manager:
        run = await manager.start("overruns")
        async with asyncio.timeout(PROMPT):
            while (await manager.get(run.id)).status is not RunStatus.CANCELLING:
                await asyncio.sleep(0.005)
        assert begun == 1
        release.set()
        ended = await manager.wait(run.id, timeout=PROMPT)
        first = (await manager.store.attempts(run.id))[0]

    assert first.error is not None and first.error.kind == "timeout"
    assert (begun, ended.attempt) == (2, 2)


async def test_a_coroutine_that_goes_on_after_its_time_has_timed_out_all_the_same() -> None:
    @task(timeout=0.05)
    async def stubborn() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        return "too late"

    async with TaskManager(settings(), tasks=[stubborn]) as manager:
        run = await manager.wait((await manager.start("stubborn")).id, timeout=PROMPT)

    assert run.error is not None
    assert (run.status, run.error.kind, run.result) == (RunStatus.ERROR, "timeout", None)


async def test_an_idle_worker_keeps_the_time_of_its_only_run() -> None:
    """Nothing else wakes it: the poll is far away."""

    @task(timeout=0.05)
    async def sleeps() -> None:
        await asyncio.sleep(3600)

    async with TaskManager(settings(poll_seconds=60), tasks=[sleeps]) as manager:
        for _ in range(3):
            run = await manager.wait((await manager.start("sleeps")).id, timeout=5)
            assert run.error is not None and run.error.kind == "timeout"
