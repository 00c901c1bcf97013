"""The one loop of all services: started and stopped in any order, and alive whatever its step does."""

from __future__ import annotations

import asyncio
import random

import pytest

from runwright.bus import LocalBus
from runwright.errors import StoreUnavailable
from runwright.worker.service import Service


class Counting(Service):
    """Counts its steps; fails as often as it is told to."""

    name = "counting"
    topics = ("go",)

    def __init__(self, bus: LocalBus, failures: list[Exception] | None = None) -> None:
        super().__init__(bus)
        self.steps = 0
        self.stepped = asyncio.Event()
        self._to_fail = failures or []

    async def run_once(self) -> float:
        self.steps += 1
        self.stepped.set()
        if self._to_fail:
            raise self._to_fail.pop(0)
        return 1000


async def test_start_and_stop_in_any_order() -> None:
    service = Counting(LocalBus())
    await service.stop()
    await service.start()
    await service.start()
    await service.stepped.wait()
    await service.stop()
    await service.stop()
    await service.start()
    await service.stop()

    assert not service.running
    assert service.steps >= 1


async def test_a_topic_cuts_the_pause_short() -> None:
    bus = LocalBus()
    service = Counting(bus)
    await service.start()
    await service.stepped.wait()
    service.stepped.clear()
    bus.publish(["something else"])
    await asyncio.sleep(0)
    assert not service.stepped.is_set()
    bus.publish(["go"])
    await asyncio.wait_for(service.stepped.wait(), 5)
    await service.stop()

    assert service.steps == 2


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a fault in a step")])
async def test_a_failing_step_never_ends_the_loop(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """It is reported once, tried again with a pause that a hint cuts short, and its recovery is reported."""
    bus = LocalBus()
    service = Counting(bus, [error, error])
    await service.start()
    for _ in range(200):
        if service.steps >= 3:
            break
        bus.publish(["go"])
        await asyncio.sleep(0.001)
    await service.stop()

    assert service.steps >= 3
    assert len([record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]) == 1


async def test_ten_racers() -> None:
    """Whoever starts and stops at the same time, in the end it stands still."""
    service, rng = Counting(LocalBus()), random.Random(1)

    async def race() -> None:
        for _ in range(20):
            await (service.start() if rng.random() < 0.5 else service.stop())
            await asyncio.sleep(0)

    await asyncio.gather(*(race() for _ in range(10)))
    await service.stop()

    assert not service.running
