"""The janitor counts the workers that died under a run, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runwright import RunStatus
from runwright.bus import LocalBus
from runwright.clock import SystemRng
from runwright.lifecycle import CRASH_LIMIT
from runwright.model import OnInterrupt
from runwright.store.base import Store
from runwright.store.sqlite import SqliteStore
from runwright.testing import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup
from runwright.worker.janitor import Janitor


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(clock: ManualClock) -> AsyncIterator[Store]:
    opened = await SqliteStore.open(":memory:", clock=clock, rng=SystemRng())
    yield opened
    await opened.close()


async def test_a_worker_that_stopped_in_order_completes_no_crash_loop(store: Store, clock: ManualClock) -> None:
    given, janitor = Setup(store, clock), Janitor(store, LocalBus(), sweep_seconds=1, retention_days=None)
    run = await given.add()

    async def taken_from(session: str, *, lost: bool) -> tuple[RunStatus, int]:
        await given.claim(await given.worker(session))
        if lost:
            clock.advance(LEASE_SECONDS)
        else:
            await store.end_session(session)
        await janitor.run_once()
        read = await given.read(run)
        return read.status, read.crashes

    for crash in range(1, CRASH_LIMIT):
        assert await taken_from(f"lost-{crash}", lost=True) == (RunStatus.PENDING, crash)
    assert await taken_from("stopped", lost=False) == (RunStatus.PENDING, CRASH_LIMIT - 1)
    assert await taken_from("lost-again", lost=True) == (RunStatus.ERROR, CRASH_LIMIT)
    error = (await given.read(run)).error
    assert error is not None
    assert error.kind == "crash_loop"


async def test_what_an_orderly_stop_cuts_short_starts_again_also_if_it_is_held_after_a_death(
    store: Store, clock: ManualClock
) -> None:
    given, janitor = Setup(store, clock), Janitor(store, LocalBus(), sweep_seconds=1, retention_days=None)
    run = await given.add(on_interrupt=OnInterrupt.HOLD)
    for session, after in (("stopped", RunStatus.PENDING), ("lost", RunStatus.INTERRUPTED)):
        await given.claim(await given.worker(session))
        if session == "stopped":
            await store.end_session(session)
        else:
            clock.advance(LEASE_SECONDS)
        await janitor.run_once()
        assert (await given.read(run)).status is after
