"""Ageing through a whole worker: a stream of urgent runs without end, and one that nobody hurries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runwright import RunStatus, task
from runwright.testing import ManualClock, memory_manager
from runwright.worker.janitor import Janitor

AGING_SECONDS, SWEEP_EVERY_SECONDS = 60.0, 30.0
IN_HAND = 20
"""For the urgent runs, a second each, that the worker had in reserve when the modest one came to the front."""


@pytest.mark.parametrize("ages", [True, False])
async def test_a_run_of_low_priority_has_its_turn_among_urgent_ones(ages: bool) -> None:
    clock, gate, urgent_done = ManualClock(), asyncio.Semaphore(0), 0

    @task
    async def urgent() -> None:
        nonlocal urgent_done
        await gate.acquire()
        urgent_done += 1

    @task
    async def modest() -> None: ...

    settings: dict[str, Any] = {"max_concurrent": 1, "sweep_seconds": 3600, "aging_seconds": AGING_SECONDS}
    async with memory_manager(urgent, modest, clock=clock, **settings) as manager, asyncio.timeout(60):
        sweep = Janitor(
            manager.store, manager.bus, sweep_seconds=1, retention_days=None,
            aging_seconds=AGING_SECONDS if ages else None,
        )  # fmt: skip

        async def second() -> None:
            """An urgent run comes, and one goes: five always wait."""
            await manager.start(urgent, priority=100)
            for _ in range(3):
                await manager.store.check()  # behind the turn that the hint of it leads to, which takes no second
            expected = urgent_done + 1
            clock.advance(1)  # before it ends: it has taken a second, and the worker sees that a reserve is no use
            gate.release()
            while urgent_done < expected or not any(job.started_at for job in manager.worker.executor.jobs):
                await asyncio.sleep(0)

        for _ in range(5):
            await manager.start(urgent, priority=100)
        for _ in range(IN_HAND):
            await second()  # what the worker took before it knew how long they take is gone
        waiting = await manager.start(modest, priority=-5)
        began = clock.now()
        while (run := await manager.get(waiting.id)).status is RunStatus.PENDING and clock.now() < began + 150_000_000:
            await second()
            await sweep.run_once()
        waited = (clock.now() - began) / 1e6

        if not ages:
            assert run.status is RunStatus.PENDING
            return
        await manager.wait(waiting.id)
        assert AGING_SECONDS <= waited <= AGING_SECONDS + SWEEP_EVERY_SECONDS + IN_HAND
        assert {run.task for run in (await manager.runs(status="pending")).items} == {"urgent"}
        for _ in range(10):
            gate.release()
