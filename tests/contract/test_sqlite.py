"""The store on SQLite passes the suite that defines a store, in a file and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runwright.clock import SystemRng
from runwright.store.base import Store
from runwright.store.sqlite import SqliteStore
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract import *  # noqa: F403  # the suite's classes, all of them


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    path = ":memory:" if request.param == "memory" else str(tmp_path / "store.db")
    opened = await SqliteStore.open(path, clock=clock, rng=SystemRng())
    yield opened
    await opened.close()
