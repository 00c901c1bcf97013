"""The fixtures that give tests a PostgreSQL: one private server for the session, and a fresh database for each test.

A missing server is an error of each test that asks for one, never a skip. The servers themselves are `tools.postgres`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.postgres import Postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A server that never waits for a disk. Tests share it, so none of them may stop it."""
    with Postgres(fsync=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of an empty database of this test alone."""
    url = postgres_server.database()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def durable_postgres() -> Iterator[Postgres]:
    """A server of this test alone, with every commit on disk, to be killed, stopped and started at will."""
    with Postgres(fsync=True) as server:
        yield server
