"""Chapter 3: people change their minds while a run is under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from runwright import BaseTask, Conflict, RunContext, RunStatus, TaskManager, TaskProgress, task
from tests.story.conftest import Open


async def reaches(manager: TaskManager, run_id: str, status: RunStatus) -> None:
    """Follow the run until it has this status."""
    async for frame in manager.follow(run_id):
        run = getattr(frame, "run", None)
        if run is not None and run.status is status:
            return


@task(pausable=True)
async def walker(steps: int, run: RunContext) -> int:
    for step in range(steps):
        run.progress(step, steps)
        await run.checkpoint()
        await asyncio.sleep(0.002)
    return steps


async def test_pause_and_resume(opened: Open) -> None:
    """A pause takes effect at the next checkpoint; until then it is shown as requested."""
    async with opened(walker) as manager:
        run = await manager.start(walker, {"steps": 100})
        await reaches(manager, run.id, RunStatus.RUNNING)
        asked = await manager.pause(run.id)
        await reaches(manager, run.id, RunStatus.PAUSED)
        progress = (await manager.get(run.id)).progress
        await manager.resume(run.id)
        ended = await manager.wait(run.id, timeout=5)

        assert asked.pause_requested or asked.status is RunStatus.PAUSED
        assert progress is None or progress.current < 100
        assert (ended.status, ended.result) == (RunStatus.COMPLETED, 100)


class GeneratorTask(BaseTask):
    """Yields its progress; every yield is a checkpoint."""

    task_name = "generator_task"

    async def run(self, total: int) -> AsyncIterator[TaskProgress]:
        for current in range(total):
            yield TaskProgress(current=current, total=total, message=f"Step {current}")
            await asyncio.sleep(0.002)


async def test_a_generator_pauses_where_it_yields(opened: Open) -> None:
    async with opened(GeneratorTask) as manager:
        run = await manager.start("generator_task", {"total": 100})
        await reaches(manager, run.id, RunStatus.RUNNING)
        await manager.pause(run.id)
        await reaches(manager, run.id, RunStatus.PAUSED)
        await manager.cancel(run.id)
        ended = await manager.wait(run.id, timeout=5)

        assert ended.status is RunStatus.CANCELLED


@task
async def quick() -> str:
    await asyncio.sleep(0.05)
    return "done"


async def test_a_task_without_checkpoints_cannot_be_paused(opened: Open) -> None:
    async with opened(quick) as manager:
        run = await manager.start(quick)
        await reaches(manager, run.id, RunStatus.RUNNING)
        with pytest.raises(Conflict, match="no checkpoint"):
            await manager.pause(run.id)

        assert (await manager.wait(run.id, timeout=5)).result == "done"


async def test_cancel_stops_a_coroutine_where_it_waits(opened: Open) -> None:
    cleaned = []

    @task
    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    async with opened(waiting) as manager:
        run = await manager.start(waiting)
        await reaches(manager, run.id, RunStatus.RUNNING)
        await manager.cancel(run.id)
        ended = await manager.wait(run.id, timeout=5)

        assert (ended.status, cleaned) == (RunStatus.CANCELLED, [True])
        with pytest.raises(Conflict, match="cancelled"):
            await manager.cancel(run.id)


async def test_a_waiting_run_is_cancelled_at_once_and_never_begins(opened: Open) -> None:
    begun = []
    gate = asyncio.Event()

    @task
    async def busy(number: int) -> None:
        begun.append(number)
        await gate.wait()

    async with opened(busy, max_concurrent=1) as manager:
        first = await manager.start(busy, {"number": 1})
        await reaches(manager, first.id, RunStatus.RUNNING)
        second = await manager.start(busy, {"number": 2})
        cancelled = await manager.cancel(second.id)
        gate.set()
        await manager.wait(first.id, timeout=5)

        assert (cancelled.status, begun) == (RunStatus.CANCELLED, [1])


async def test_a_thread_that_listens_is_cancelled(opened: Open) -> None:
    @task
    def listening(run: RunContext) -> None:
        while True:
            run.checkpoint_sync()

    async with opened(listening) as manager:
        run = await manager.start(listening)
        await reaches(manager, run.id, RunStatus.RUNNING)
        await manager.cancel(run.id)

        assert (await manager.wait(run.id, timeout=5)).status is RunStatus.CANCELLED


async def test_a_thread_that_does_not_listen_counts_as_running_until_it_returns(opened: Open) -> None:
    """An exclusive run waits for it: the engine never pretends that a thread has stopped."""
    release, order = threading.Event(), []

    @task
    def deaf() -> None:
        release.wait()
        order.append("deaf returned")

    @task(exclusive=True)
    async def alone() -> None:
        order.append("alone began")

    async with opened(deaf, alone) as manager:
        run = await manager.start(deaf)
        await reaches(manager, run.id, RunStatus.RUNNING)
        await manager.cancel(run.id)
        exclusive = await manager.start(alone)
        why = await manager.store.waiting_for(exclusive.id)
        release.set()
        await manager.wait(exclusive.id, timeout=5)

        assert order == ["deaf returned", "alone began"]
        assert why
        assert (await manager.get(run.id)).status is RunStatus.CANCELLED


@task(mode="process", timeout=0.2)
def never_ends() -> None:
    while True:
        pass


async def test_a_process_can_be_killed(opened: Open) -> None:
    """Whatever its code does: it is asked, told with SIGTERM, then killed with all that it has started."""
    async with opened(never_ends, cancel_grace=0.2) as manager:
        ended = await manager.wait((await manager.start(never_ends)).id, timeout=30)

        assert ended.error is not None
        assert (ended.status, ended.error.kind) == (RunStatus.ERROR, "timeout")


async def test_a_run_waits_for_its_child_without_holding_its_slot(opened: Open) -> None:
    @task
    async def double(number: int) -> int:
        return 2 * number

    @task
    async def total(numbers: list[int], run: RunContext) -> int:
        children = [await run.start(double, {"number": number}) for number in numbers]
        results = [await run.wait(child) for child in children]
        return sum(result for result in results if isinstance(result, int))

    async with opened(double, total, max_concurrent=1) as manager:
        assert await asyncio.wait_for(manager.run(total, {"numbers": [1, 2, 3]}), 10) == 12
