"""The store on PostgreSQL passes the suite that defines a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from runwright.clock import SystemRng
from runwright.errors import StoreUnavailable
from runwright.store import migrate
from runwright.store.base import Store
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_transaction import CLAIMS
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract import *  # noqa: F403  # the suite's classes, all of them
from runwright.testing.store_contract.setup import Setup


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(postgres_url: str, clock: ManualClock) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(postgres_url, clock=clock, rng=SystemRng(), server_time=False)
    yield opened
    await opened.close()


WHILE_IT_WAITS = {
    "an exclusive run is claimed": """INSERT INTO runwright.run
        (id, task, lane, status, priority, exclusive, due_at, ready, token, worker, created_at, on_interrupt,
         created_by, arguments, rank)
        VALUES ('alone', 'backup', 'async', 'running', 50, 1, 0, 0, 1, 1, 0, 'retry', 'x', '{}', 50)""",
    "it is claimed by another": "UPDATE runwright.run SET ready = 0, token = 1, worker = 1, status = 'running'",
    "it is cancelled": "UPDATE runwright.run SET ready = 0, completed_at = 1, status = 'cancelled'",
}


async def turn_that_waits(given: Setup, other: asyncpg.Connection[asyncpg.Record]) -> asyncio.Task[list[str]]:
    """A turn that waits for the lock of claims, which the other connection holds until its transaction ends."""
    await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock({CLAIMS})")
    turn = asyncio.create_task(given.claimed())
    while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        await asyncio.sleep(0)
    return turn


@pytest.mark.parametrize("meanwhile", WHILE_IT_WAITS.values(), ids=WHILE_IT_WAITS.keys())
async def test_a_turn_of_one_statement_relies_on_nothing_that_it_saw_before_it_had_the_lock(
    store: Store, clock: ManualClock, postgres_url: str, meanwhile: str
) -> None:
    given = Setup(store, clock)
    await given.worker()
    await given.add()
    other = await asyncpg.connect(postgres_url)
    async with asyncio.timeout(20):
        turn = await turn_that_waits(given, other)
        await other.execute(meanwhile)
        await other.execute("COMMIT")
        assert await turn == []
    await other.close()


async def test_a_turn_that_nobody_waits_for_any_more_ends_before_its_claims_are_told(
    store: PostgresStore, clock: ManualClock, postgres_url: str
) -> None:
    given = Setup(store, clock)
    await given.worker()
    run = await given.add()
    other = await asyncpg.connect(postgres_url)
    async with asyncio.timeout(20):
        turn = await turn_that_waits(given, other)
        turn.cancel()  # its connection is given up at once; the server goes on with what it was sent
        with pytest.raises(asyncio.CancelledError):
            await turn
        with pytest.raises(StoreUnavailable):
            await store.claims("w1")
        await other.execute("COMMIT")
        while await other.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"):
            await asyncio.sleep(0)
        assert [claim.run_id for claim in await store.claims("w1")] == [run]
    await other.close()


async def test_the_turn_of_an_idle_worker_is_one_statement(
    store: PostgresStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Setup(store, clock)
    await given.worker()
    await given.add(due_in=60)
    first, second = await given.add("sync"), await given.add("backup", priority=90)
    monkeypatch.delattr(PostgresStore, "_transaction")
    assert await given.claimed() == [second, first]
    assert await given.claimed() == []
    await given.add("report", concurrency_key="one", concurrency_limit=1)
    with pytest.raises(AttributeError):
        await given.claimed()


def test_the_lock_of_claims_is_one() -> None:
    assert str(CLAIMS) in migrate.migrations("postgres")[0].script
