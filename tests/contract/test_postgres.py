"""The store on PostgreSQL passes the suite that defines a store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from runwright.clock import SystemRng
from runwright.model import RunStatus
from runwright.store.base import Store
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_transaction import CLAIMS, SQL, PostgresTransaction
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract import *  # noqa: F403  # the suite's classes, all of them
from runwright.testing.store_contract.setup import Setup


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(postgres_url: str, clock: ManualClock) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(postgres_url, clock=clock, rng=SystemRng(), server_time=False)
    yield opened
    await opened.close()


@pytest.mark.parametrize("claimed", [False, True])
async def test_a_turn_that_looked_before_an_exclusive_run_came_gives_out_nothing(
    store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, claimed: bool
) -> None:
    """What a turn sees in the statement that takes the lock of claims may be from before it had the lock."""
    given = Setup(store, clock)
    await given.worker()
    await given.worker("w2")
    alone = await given.add(exclusive=True)
    if claimed:
        assert await given.claimed() == [alone]
    plain = await given.add()
    really = PostgresTransaction.all

    async def before(self: PostgresTransaction, name: str, *values: object) -> Any:
        rows = await really(self, name, *values)
        return [(row[0], None, row[2], row[3], 0, *row[5:]) for row in rows] if name == "session_look" else rows

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTransaction, "all", before)
        assert await given.claimed(session="w2") == []
    assert await given.claimed(session="w2") == ([] if claimed else [alone])
    assert await given.status(plain) is RunStatus.PENDING


def test_the_lock_of_claims_is_one() -> None:
    assert SQL["session_look"].count(str(CLAIMS)) == 2
