"""A run that is cancelled while its worker has it in reserve does not begin; if it has begun, its end is waited for."""

from __future__ import annotations

import asyncio

import pytest

from runwright import Conflict, RunStatus, Settings, TaskManager, task
from runwright.worker import claimer, executor


@pytest.fixture
def settings() -> Settings:
    return Settings(store="sqlite:///:memory:", max_concurrent=2, shutdown_grace=1)


async def test_one_that_has_not_begun_never_does(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimer, "RESERVE_SECONDS", 3600.0)
    began, go = list[str](), asyncio.Event()

    @task
    async def first() -> None:
        began.append("first")
        await go.wait()

    @task
    async def second() -> None:
        began.append("second")

    async with TaskManager(settings, tasks=[first, second]) as manager, asyncio.timeout(20):
        *before, reserved = await manager.start_many([(first, {}), (first, {}), (second, {})])
        while not any(not job.started_at for job in manager.worker.executor.jobs):
            await asyncio.sleep(0.001)
        await manager.cancel(reserved)
        run = await manager.wait(reserved)
        assert (run.status, run.started_at, run.attempt) == (RunStatus.CANCELLED, None, 0)
        go.set()
        assert {(await manager.wait(run)).status for run in before} == {RunStatus.COMPLETED}
        assert began == ["first", "first"]


async def test_one_that_has_begun_keeps_its_place_until_it_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "START_SECONDS", 3600.0)  # the store does not hear that it has begun
    stopping, go, told = asyncio.Event(), asyncio.Event(), list[str]()

    @task
    async def quick() -> None: ...

    @task(max_concurrent=1)
    async def stubborn(follows: bool) -> None:
        if follows:
            told.append("the next begins")
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopping.set()
            await go.wait()
            told.append("the first ends")
            raise

    async with TaskManager(settings, tasks=[quick, stubborn]) as manager, asyncio.timeout(20):
        *_, first_run = await manager.start_many([(quick, {}), (quick, {}), (stubborn, {"follows": False})])
        while not any(job.started_at and not job.reported for job in manager.worker.executor.jobs):
            await asyncio.sleep(0.001)
        await manager.cancel(first_run)
        await stopping.wait()
        assert (await manager.get(first_run)).status is RunStatus.CANCELLING
        with pytest.raises(Conflict, match="cancelling; wait for its end before you delete it"):
            await manager.delete(first_run)
        next_run = (await manager.start(stubborn, {"follows": True})).id
        await manager.wait((await manager.start(quick)).id)  # it came later, and has a place
        go.set()
        assert (await manager.wait(first_run)).status is RunStatus.CANCELLED
        assert (await manager.wait(next_run)).status is RunStatus.COMPLETED
        assert told == ["the first ends", "the next begins"]
