"""Chapter 2: what happens when a run fails, takes too long, or has nothing to do yet."""

from __future__ import annotations

import asyncio
import threading

from runwright import Discard, Retry, RunContext, RunStatus, Snooze, task
from tests.story.conftest import Open

SOON = Retry(max_retries=2, delay=0.01, backoff="constant")


@task(retry=SOON)
async def flaky(good_attempt: int, run: RunContext) -> int:
    if run.attempt < good_attempt:
        raise ConnectionError(f"attempt {run.attempt}")
    return run.attempt


async def test_a_failed_run_is_tried_again(opened: Open) -> None:
    """A retry is a new attempt of the same run; each attempt keeps its error."""
    async with opened(flaky) as manager:
        run = await manager.wait((await manager.start(flaky, {"good_attempt": 3})).id, timeout=5)
        attempts = await manager.store.attempts(run.id)

        assert (run.status, run.result, run.attempt, run.failures) == (RunStatus.COMPLETED, 3, 3, 2)
        assert [(a.number, a.status, a.error and a.error.message) for a in attempts] == [
            (1, "error", "attempt 1"),
            (2, "error", "attempt 2"),
            (3, "completed", None),
        ]


async def test_retries_come_to_an_end(opened: Open) -> None:
    async with opened(flaky) as manager:
        run = await manager.wait((await manager.start(flaky, {"good_attempt": 9})).id, timeout=5)

        assert (run.status, run.attempt) == (RunStatus.ERROR, 3)


@task(retry=SOON)
async def hopeless() -> None:
    raise Discard("there is no such customer")


@task(retry=SOON)
async def choosy(run: RunContext) -> int:
    if run.attempt == 1:
        raise Retry.later(0.01, "the server said when")
    return run.attempt


@task
async def patient(run: RunContext) -> int:
    if run.attempt == 1:
        raise Snooze(0.01)
    return run.attempt


async def test_a_task_decides_from_inside(opened: Open) -> None:
    """``Discard`` ends it for good, ``Retry.later`` names the time, ``Snooze`` is no failure at all."""
    async with opened(hopeless, choosy, patient) as manager:
        discarded, later, snoozed = [
            await manager.wait((await manager.start(name)).id, timeout=5) for name in ("hopeless", "choosy", "patient")
        ]

        assert (discarded.status, discarded.attempt) == (RunStatus.ERROR, 1)
        assert (later.status, later.result, later.failures) == (RunStatus.COMPLETED, 2, 1)
        assert (snoozed.status, snoozed.result, snoozed.failures) == (RunStatus.COMPLETED, 2, 0)


@task(timeout=0.05)
async def endless() -> None:
    await asyncio.Event().wait()


async def test_a_timeout_ends_a_run_as_an_error(opened: Open) -> None:
    async with opened(endless) as manager:
        run = await manager.wait((await manager.start(endless)).id, timeout=5)

        assert run.error is not None
        assert (run.status, run.error.kind) == (RunStatus.ERROR, "timeout")


async def test_a_thread_that_ignores_its_timeout_keeps_its_slot_until_it_returns(opened: Open) -> None:
    """It is shown as cancelling; when it returns at last, it is an error of kind timeout."""
    release = threading.Event()

    @task(timeout=0.05)
    def stubborn() -> str:
        release.wait()
        return "done at last"

    async with opened(stubborn) as manager:
        run = await manager.start(stubborn)
        async for frame in manager.follow(run.id):
            if getattr(frame, "run", run).status is RunStatus.CANCELLING:
                break
        release.set()
        ended = await manager.wait(run.id, timeout=5)

        assert ended.error is not None
        assert (ended.status, ended.error.kind, ended.result) == (RunStatus.ERROR, "timeout", None)


@task(retry=SOON)
async def resuming(run: RunContext) -> str:
    begun_at = run.state if isinstance(run.state, int) else 0
    for step in range(begun_at, 4):
        await run.save(step + 1)
        if step == run.attempt < 3:  # fails once after two steps, and once after three
            raise OSError("the connection broke")
    return f"began at {begun_at}"


async def test_saved_state_survives_attempts(opened: Open) -> None:
    """What was saved before a failure is there in the next attempt."""
    async with opened(resuming) as manager:
        run = await manager.wait((await manager.start(resuming)).id, timeout=5)

        assert (run.status, run.result, run.attempt) == (RunStatus.COMPLETED, "began at 3", 3)
