"""A transaction that met another one on PostgreSQL is done again from its beginning, and not for ever."""

from __future__ import annotations

import asyncpg
import pytest

from runwright.clock import SystemClock, SystemRng
from runwright.errors import StoreUnavailable
from runwright.store.postgres import TRIES, PostgresStore
from runwright.store.transaction import Transaction


@pytest.mark.parametrize("met", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_it_is_done_again_until_it_succeeds_or_has_been_tried_often(
    postgres_url: str, met: type[asyncpg.PostgresError]
) -> None:
    tries = 0
    last = 3

    async def verb(tx: Transaction) -> int:
        nonlocal tries
        tries += 1
        assert await tx.do("probe_insert", tries) == 1
        if tries < last:
            raise met("in the way of another one")
        return tries

    store = await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng())
    assert await store._write(verb) == 3
    connection = await asyncpg.connect(postgres_url)
    assert [row[0] for row in await connection.fetch("SELECT at FROM runwright.probe")] == [3]
    tries, last = 0, 100
    with pytest.raises(StoreUnavailable) as busy:
        await store._write(verb)
    assert (busy.value.reason, tries) == ("busy", TRIES)
    await connection.close()
    await store.close()


async def test_what_is_no_meeting_is_not_done_again(postgres_url: str) -> None:
    tries = 0

    async def verb(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        raise asyncpg.DiskFullError("no room")

    store = await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng())
    with pytest.raises(StoreUnavailable) as full:
        await store._write(verb)
    assert (full.value.reason, tries) == ("full", 1)
    await store.close()


@pytest.mark.parametrize(("keys", "raised"), [([1], asyncpg.UniqueViolationError), ([1, 2], StoreUnavailable)])
async def test_a_unique_key_that_is_broken_each_time_is_a_fault_and_no_meeting(
    postgres_url: str, keys: list[int], raised: type[Exception]
) -> None:
    """Else a worker would tell its store the same thing for ever, and everything that ends after it would wait."""
    tries = 0

    async def verb(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        for _ in range(2):
            key = keys[tries % len(keys)]
            await tx.do("idempotency_insert", "ann", f"key-{key}", None, "run", 1)

    store = await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng())
    with pytest.raises(raised):
        await store._write(verb)
    assert tries == TRIES
    await store.close()
