"""The store on PostgreSQL passes the suite that defines a store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runwright.clock import SystemRng
from runwright.store.base import Store
from runwright.store.postgres import PostgresStore
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract import *  # noqa: F403  # the suite's classes, all of them


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(postgres_url: str, clock: ManualClock) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(postgres_url, clock=clock, rng=SystemRng(), server_time=False)
    yield opened
    await opened.close()
