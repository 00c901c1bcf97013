"""When the store is told that a reserved run has begun: with its end, unless it goes on for longer than a moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runwright import RunStatus, Settings, TaskManager, task
from runwright.lifecycle import RunEvent
from runwright.worker import executor

RUNS = 200


@pytest.fixture
def settings() -> Settings:
    return Settings(store="sqlite:///:memory:", max_concurrent=2, shutdown_grace=1)


def overhear(manager: TaskManager) -> list[int]:
    """The keys of the runs whose start is told by itself, from now on."""
    store = manager.worker._store
    turn, told = store.turn, list[int]()

    async def heard(session: str, wanted: Any = (), changes: Any = (), finished: Any = ()) -> Any:
        told.extend(change.key for change in changes if change.event == RunEvent.START)
        return await turn(session, wanted, changes, finished)

    store.turn = heard  # type: ignore[method-assign]  # what a test overhears
    return told


@pytest.mark.parametrize(("moment", "alone"), [(60.0, False), (0.0, True)])
async def test_the_end_of_a_short_run_tells_its_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, moment: float, alone: bool
) -> None:
    monkeypatch.setattr(executor, "START_SECONDS", moment)

    @task
    async def short(number: int) -> int:
        return number

    async with TaskManager(settings, tasks=[short]) as manager, asyncio.timeout(20):
        told = overhear(manager)
        ids = await manager.start_many([(short, {"number": number}) for number in range(RUNS)])
        ended = [await manager.wait(run) for run in ids]
        assert [run.result for run in ended] == list(range(RUNS))
        assert all(run.started_at for run in ended)
        assert bool(told) is alone


async def test_a_run_that_goes_on_is_seen_to_run(settings: Settings) -> None:
    go = asyncio.Event()

    @task
    async def long() -> None:
        await go.wait()

    @task
    async def short() -> None: ...

    async with TaskManager(settings, tasks=[long, short]) as manager, asyncio.timeout(20):
        ids = await manager.start_many([(short, {})] * 20 + [(long, {})] * 2)
        for run in ids[-2:]:  # reserved behind the others: nothing else happens while they run
            while (await manager.get(run)).status is not RunStatus.RUNNING:
                await asyncio.sleep(0.001)
        go.set()
        assert {(await manager.wait(run)).status for run in ids} == {RunStatus.COMPLETED}
