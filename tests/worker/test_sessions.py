"""A worker's session: what it does when the store is away, or the lease is lost, at a bad moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from runwright import Settings, TaskManager, task
from runwright.errors import StoreUnavailable
from runwright.worker import session


@pytest.fixture
def settings() -> Settings:
    return Settings(store="sqlite:///:memory:", shutdown_grace=0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "AGAIN_SECONDS", 0.0)


@task
async def old() -> str:
    return "old"


@task
async def new() -> str:
    return "new"


class Planted:
    """A verb of the store that fails at first; ``met`` is set once it has."""

    def __init__(self, honest: Callable[..., Any], *faults: Exception) -> None:
        self._honest = honest
        self._faults = [*faults]
        self.met = asyncio.Event()

    async def __call__(self, *given: Any) -> Any:
        if self._faults:
            self.met.set()
            raise self._faults.pop(0)
        return await self._honest(*given)


async def test_a_task_that_comes_while_the_store_is_away_is_told_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TaskManager(settings, tasks=[old]) as manager, asyncio.timeout(20):
        publish = Planted(manager.store.publish, StoreUnavailable("planted"), ValueError("planted"))
        monkeypatch.setattr(manager.store, "publish", publish)
        manager.registry.register(new)
        await publish.met.wait()
        assert await manager.run(new) == "new"


async def test_a_task_that_comes_while_a_session_registers_is_known_to_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TaskManager(settings, tasks=[old]) as manager, asyncio.timeout(20):
        honest, told = manager.store.register, asyncio.Event()

        async def register(*given: Any) -> None:
            manager.registry.register(new)  # what the session tells of itself has been put together before
            await asyncio.sleep(0)
            await honest(*given)
            told.set()

        monkeypatch.setattr(manager.store, "register", register)
        manager.worker.fenced()
        await told.wait()
        assert await manager.run(new) == "new"


async def test_a_new_session_is_begun_again_whatever_went_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TaskManager(settings, tasks=[old]) as manager, asyncio.timeout(20):
        register = Planted(manager.store.register, StoreUnavailable("planted"), ValueError("planted"))
        monkeypatch.setattr(manager.store, "register", register)
        manager.worker.fenced()
        await register.met.wait()
        assert await manager.run(old) == "old"


async def test_a_worker_that_stops_heeds_the_loss_of_its_lease(settings: Settings) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    @task
    async def endless() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with TaskManager(settings, tasks=[endless]) as manager, asyncio.timeout(20):
        await manager.start(endless)
        await began.wait()
        stopping = asyncio.create_task(manager.worker.stop(grace=1000))  # it waits for what runs
        while manager.worker.claimer.claiming:
            await asyncio.sleep(0)
        assert not ended.is_set()
        manager.worker.fenced()
        await ended.wait()
        await stopping
