"""Chapter 4: which run starts when. Priorities, exclusive runs, children."""

from __future__ import annotations

import asyncio

import pytest

from runwright import HIGH, LOW, Conflict, RunContext, RunStatus, task
from tests.story.conftest import Open


async def test_the_ready_queue_goes_by_priority_then_arrival(opened: Open) -> None:
    order = []
    gate = asyncio.Event()

    @task
    async def step(name: str) -> None:
        order.append(name)
        await gate.wait()

    async with opened(step, max_concurrent=1) as manager:
        first = await manager.start(step, {"name": "first"})
        while not order:
            await asyncio.sleep(0)
        runs = [
            await manager.start(step, {"name": name}, priority=priority)
            for name, priority in (("low", LOW), ("middle 1", 50), ("high", HIGH), ("middle 2", 50))
        ]
        gate.set()
        for run in (first, *runs):
            await manager.wait(run.id, timeout=5)

        assert order == ["first", "high", "middle 1", "middle 2", "low"]


async def test_an_exclusive_run_runs_alone_and_nothing_overtakes_it(opened: Open) -> None:
    """What came before it is let finish; what came after it waits, whatever its priority."""
    events = []
    gate = asyncio.Event()

    @task
    async def common(name: str) -> None:
        events.append(f"{name} began")
        if name == "before":
            await gate.wait()
        events.append(f"{name} ended")

    @task(exclusive=True)
    async def alone() -> None:
        events.append("alone began")
        await asyncio.sleep(0.01)
        events.append("alone ended")

    async with opened(common, alone, max_concurrent=4) as manager:
        before = await manager.start(common, {"name": "before"})
        while not events:
            await asyncio.sleep(0)
        runs = [await manager.start(alone), await manager.start(common, {"name": "after"}, priority=HIGH)]
        gate.set()
        for run in (before, *runs):
            await manager.wait(run.id, timeout=5)

        assert events == ["before began", "before ended", "alone began", "alone ended", "after began", "after ended"]


async def test_cancelling_a_waiting_exclusive_run_opens_the_barrier(opened: Open) -> None:
    gate = asyncio.Event()

    @task
    async def common() -> str:
        await gate.wait()
        return "done"

    @task(exclusive=True)
    async def alone() -> None:
        raise AssertionError("it was cancelled")

    async with opened(common, alone, max_concurrent=4) as manager:
        first = await manager.start(common)
        barrier = await manager.start(alone)
        held_up = await manager.start(common)
        await manager.cancel(barrier.id)
        gate.set()

        assert (await manager.wait(held_up.id, timeout=5)).result == "done"
        await manager.wait(first.id, timeout=5)


async def test_a_run_starts_children(opened: Open) -> None:
    @task
    async def child(number: int) -> int:
        return number * number

    @task
    async def parent(run: RunContext) -> list[str]:
        return [await run.start("child", {"number": n}) for n in range(3)]

    async with opened(child, parent) as manager:
        made = await manager.wait((await manager.start(parent)).id, timeout=5)
        assert isinstance(made.result, list)
        children = [await manager.wait(str(each), timeout=5) for each in made.result]

        assert [(each.parent, each.result) for each in children] == [(made.id, 0), (made.id, 1), (made.id, 4)]


async def test_restart_and_delete_are_for_runs_that_have_ended(opened: Open) -> None:
    """A restart is a new attempt of the same run; history and arguments are kept."""
    gate = asyncio.Event()

    @task
    async def work(number: int) -> int:
        await gate.wait()
        return number

    async with opened(work) as manager:
        run = await manager.start(work, {"number": 7})
        for command in (manager.restart, manager.delete):
            with pytest.raises(Conflict):
                await command(run.id)
        gate.set()
        await manager.wait(run.id, timeout=5)
        await manager.restart(run.id)
        again = await manager.wait(run.id, timeout=5)
        attempts = await manager.store.attempts(run.id)
        await manager.delete(run.id)

        assert (again.status, again.result, again.attempt) == (RunStatus.COMPLETED, 7, 2)
        assert [attempt.number for attempt in attempts] == [1, 2]
        assert (await manager.runs()).items == ()
