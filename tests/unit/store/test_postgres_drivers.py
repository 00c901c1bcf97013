"""Runs started inside the caller's own transaction: there with its commit, never without, whatever the driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from runwright.clock import SystemClock, SystemRng
from runwright.errors import InvalidInput, StoreUnavailable
from runwright.model import Enqueued, Lane, NewRun
from runwright.store import postgres
from runwright.store.postgres import POOL, PostgresStore
from runwright.store.sqlite import SqliteStore
from tools.postgres import Postgres

_rng = SystemRng()


def run(**more: Any) -> NewRun:
    now = SystemClock().now()
    return replace(NewRun(_rng.run_id(now), "backup", Lane.ASYNC, '{"text":"a\\"b\\\\c"}', now, now), **more)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng())
    yield opened
    await opened.close()


async def seen(store: PostgresStore, new: NewRun) -> bool:
    return await store.run(new.id) is not None


async def test_asyncpg(store: PostgresStore, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    kept, dropped = run(tags=("a", "b"), entity="Straße"), run()
    async with connection.transaction():
        assert await store.enqueue([kept], connection) == [Enqueued(kept.id)]
        assert not await seen(store, kept)
    stored = await store.run(kept.id)
    assert stored is not None
    assert (stored.tags, stored.entity, stored.arguments) == (("a", "b"), "Straße", {"text": 'a"b\\c'})
    rolled_back = connection.transaction()
    await rolled_back.start()
    await store.enqueue([dropped, run()], connection)
    await rolled_back.rollback()
    assert not await seen(store, dropped)
    with pytest.raises(InvalidInput, match="not in a transaction"):
        await store.enqueue([run()], connection)
    await connection.close()


async def test_psycopg(store: PostgresStore, postgres_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        kept, dropped = run(), run()
        await store.enqueue([kept, run()], connection)
        assert not await seen(store, kept)
        await connection.commit()
        assert await seen(store, kept)
        await store.enqueue([dropped], connection)
        await connection.rollback()
        assert not await seen(store, dropped)
        await connection.set_autocommit(True)
        with pytest.raises(InvalidInput, match="not in a transaction"):
            await store.enqueue([run()], connection)


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_sqlalchemy(store: PostgresStore, postgres_url: str, driver: str) -> None:
    engine = create_async_engine(postgres_url.replace("postgresql:", f"postgresql+{driver}:"))
    kept, dropped, by_session = run(), run(), run()
    async with engine.begin() as connection:
        await store.enqueue([kept], connection)
        assert not await seen(store, kept)
    assert await seen(store, kept)
    async with engine.connect() as connection:
        await store.enqueue([dropped], connection)
        await connection.rollback()
    assert not await seen(store, dropped)
    async with AsyncSession(engine) as session:
        await store.enqueue([by_session], session)
        await session.commit()
    assert await seen(store, by_session)
    await engine.dispose()


async def test_a_refusal_inside_leaves_the_callers_transaction_usable(store: PostgresStore, postgres_url: str) -> None:
    """A unique key that somebody else takes at the same time is met by waiting for him, and by an answer."""
    connection = await asyncpg.connect(postgres_url)
    other = await asyncpg.connect(postgres_url)
    first, second, plain = run(unique_key="k"), run(unique_key="k"), run()
    begun = other.transaction()
    await begun.start()
    await store.enqueue([first], other)
    async with connection.transaction():
        waiting = asyncio.ensure_future(store.enqueue([second], connection))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0)
        await begun.commit()
        assert await waiting == [Enqueued(first.id, created=False)]
        await store.enqueue([plain], connection)
    assert await seen(store, plain)
    assert not await seen(store, second)
    await connection.close()
    await other.close()


async def test_a_key_that_an_open_transaction_holds_keeps_nobody_else_waiting(
    store: PostgresStore, postgres_url: str
) -> None:
    """However many starts of that key there are. Who has no key, or another one, does not wait behind them."""
    connection = await asyncpg.connect(postgres_url)
    begun = connection.transaction()
    await begun.start()
    holder, plain, other = run(unique_key="k"), run(), run(unique_key="another", idempotency_key="i")
    await store.enqueue([holder], connection)
    waiting = [asyncio.ensure_future(store.enqueue([run(unique_key="k")])) for _ in range(2 * POOL)]
    await asyncio.sleep(0)
    for free in (plain, other):
        assert await store.enqueue([free]) == [Enqueued(free.id)]
    assert not any(one.done() for one in waiting)
    await begun.commit()
    assert await asyncio.gather(*waiting) == [[Enqueued(holder.id, created=False)]] * len(waiting)
    await connection.close()


async def test_a_start_of_a_key_that_an_open_transaction_holds_is_given_up_after_a_while(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "TRIES", 3)
    connection = await asyncpg.connect(postgres_url)
    refused = run(unique_key="k")
    async with connection.transaction():
        await store.enqueue([run(unique_key="k")], connection)
        with pytest.raises(StoreUnavailable, match="unique or idempotency key") as held:
            await store.enqueue([run(), refused])
        assert held.value.reason == "held"
        assert await connection.fetchval("SHOW lock_timeout") == "0"
    assert not await seen(store, refused)
    await connection.close()


async def test_what_is_there_already_is_found_over_psycopg_too(store: PostgresStore, postgres_url: str) -> None:
    """The server's refusal of the insert leads to a look, and leaves the caller's transaction usable."""
    once, more = run(), run()
    await store.enqueue([once])
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        assert await store.enqueue([once, more], connection) == [Enqueued(once.id), Enqueued(more.id)]
        await connection.commit()
    assert await seen(store, more)


async def test_what_is_no_such_connection_is_refused(store: PostgresStore, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        for wrong in (connection, object(), "postgresql://"):
            with pytest.raises(InvalidInput, match="give an asyncpg"):
                await store.enqueue([run()], wrong)
    sqlite = await SqliteStore.open(":memory:", clock=SystemClock(), rng=SystemRng())
    with pytest.raises(InvalidInput, match="on PostgreSQL only"):
        await sqlite.enqueue([run()], object())
    await sqlite.close()


class TheirConnection(asyncpg.Connection):
    """As an application may have one."""


class TheirSession(AsyncSession):
    """Likewise."""


async def test_a_connection_of_a_class_made_from_a_known_one_is_known(store: PostgresStore, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url, connection_class=TheirConnection)
    first, second = run(), run()
    async with connection.transaction():
        await store.enqueue([first], connection)
    await connection.close()
    engine = create_async_engine(postgres_url.replace("postgresql", "postgresql+asyncpg"))
    async with TheirSession(engine) as session, session.begin():
        await store.enqueue([second], session)
    await engine.dispose()
    assert await seen(store, first)
    assert await seen(store, second)


async def test_connections_that_cannot_be_awaited_or_written_are_refused(
    store: PostgresStore, postgres_url: str
) -> None:
    engine = create_engine(postgres_url.replace("postgresql", "postgresql+psycopg"))
    with Session(engine) as session, pytest.raises(InvalidInput, match="is Session; give"):
        await store.enqueue([run()], session)
    engine.dispose()
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        with pytest.raises(InvalidInput, match="is AsyncCursor; give"):
            await store.enqueue([run()], connection.cursor())
        await connection.set_read_only(True)
        with pytest.raises(InvalidInput, match="only reads"):
            await store.enqueue([run()], connection)
        await connection.close()
        with pytest.raises(InvalidInput, match="is closed"):
            await store.enqueue([run()], connection)


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_transaction_that_cannot_see_who_holds_the_key_is_refused_and_goes_on(
    store: PostgresStore, postgres_url: str, isolation: Any
) -> None:
    connection, later = await asyncpg.connect(postgres_url), run()
    async with connection.transaction(isolation=isolation):
        await connection.fetchval("SELECT count(*) FROM runwright.run")
        await store.enqueue([run(unique_key="backup:1")])
        with pytest.raises(InvalidInput, match="cannot see the run with the same key"):
            await store.enqueue([run(unique_key="backup:1")], connection)
        await store.enqueue([later], connection)
    await connection.close()
    assert await seen(store, later)


async def test_a_commit_elsewhere_is_heard(store: PostgresStore, postgres_url: str) -> None:
    heard: set[str] = set()
    arrived = asyncio.Event()

    def hear(topics: frozenset[str]) -> None:
        heard.update(topics)
        arrived.set()

    listening = await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng(), on_commit=hear)
    listening.listen()
    await listening.listening.wait()
    heard.clear()
    arrived.clear()
    connection = await asyncpg.connect(postgres_url)
    new = run()
    async with connection.transaction():
        await listening.enqueue([new], connection)
        assert not heard
    async with asyncio.timeout(5):
        await arrived.wait()
    assert heard == {"runs", "events", f"run:{new.id}"}
    await connection.close()
    await listening.close()


async def test_a_connection_that_cannot_be_used_is_refused_with_the_reason(
    store: PostgresStore, postgres_url: str
) -> None:
    elsewhere = await asyncpg.connect(postgres_url.rsplit("/", 1)[0] + "/postgres")
    async with elsewhere.transaction():
        with pytest.raises(InvalidInput, match=r"^connection: leads to a database without this store's tables"):
            await store.enqueue([run()], elsewhere)
        assert await elsewhere.fetchval("SELECT 1") == 1
    await elsewhere.close()

    connection = await asyncpg.connect(postgres_url)
    failed = connection.transaction()
    await failed.start()
    with pytest.raises(asyncpg.DivisionByZeroError):
        await connection.execute("SELECT 1/0")
    with pytest.raises(InvalidInput, match=r"^connection: is in a transaction that has failed"):
        await store.enqueue([run()], connection)
    await failed.rollback()
    await connection.close()

    async with await psycopg.AsyncConnection.connect(postgres_url) as other:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await other.execute("SELECT 1/0")
        with pytest.raises(InvalidInput, match=r"^connection: is in a transaction that has failed"):
            await store.enqueue([run()], other)
        await other.rollback()


async def test_a_connection_to_another_store_is_refused_and_goes_on(
    store: PostgresStore, postgres_server: Postgres
) -> None:
    url = postgres_server.database()
    other = await PostgresStore.open(url, clock=SystemClock(), rng=SystemRng())
    async with await psycopg.AsyncConnection.connect(url) as connection:
        with pytest.raises(InvalidInput, match=r"^connection: leads to another store than postgresql://127"):
            await store.enqueue([run()], connection)
        assert (await other.enqueue([there := run()], connection))[0].created
    assert await seen(other, there)
    await other.close()
    postgres_server.drop(url)


async def test_a_connection_that_does_something_else_is_refused(store: PostgresStore, postgres_url: str) -> None:
    """Nobody is told that the store were away, which it is not."""
    connection = await asyncpg.connect(postgres_url)
    async with connection.transaction():
        slow = asyncio.ensure_future(connection.execute("SELECT pg_sleep(0.05)"))
        await asyncio.sleep(0)
        with pytest.raises(InvalidInput, match=r"^connection: does something else at the same time"):
            await store.enqueue([run()], connection)
        await slow
        await store.enqueue([run()], connection)
    await connection.close()
    with pytest.raises(InvalidInput, match=r"^connection: is closed"):
        await store.enqueue([run()], connection)


async def test_what_was_written_before_somebody_else_came_in_between_is_undone(
    store: PostgresStore, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)

    async def come_in_between() -> None:
        while True:
            try:
                await connection.execute("SELECT pg_sleep(0.05)")
            except asyncpg.InterfaceError:  # a statement of the store is under way
                await asyncio.sleep(0)
            else:
                return

    class Runs(list[NewRun]):
        between: asyncio.Future[None]

        def __getitem__(self, place: Any) -> Any:
            if place.start > 0 and not hasattr(self, "between"):  # the first of them are written
                self.between = asyncio.ensure_future(come_in_between())
            return super().__getitem__(place)

    runs = Runs(run() for _ in range(2000))
    async with connection.transaction():
        with pytest.raises(InvalidInput, match=r"^connection: does something else at the same time"):
            await store.enqueue(runs, connection)
        await runs.between
    assert not await store.runs_by_id([one.id for one in runs])
    await connection.close()


async def test_sqlalchemys_own_refusals_are_told_as_what_they_are(store: PostgresStore, postgres_url: str) -> None:
    engine = create_async_engine(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")
        await connection.invalidate()
        with pytest.raises(InvalidInput, match=r"^connection: is in a transaction that has failed"):
            await store.enqueue([run()], connection)
        await connection.rollback()
        await store.enqueue([run()], connection)
    with pytest.raises(InvalidInput, match=r"^connection: is closed"):
        await store.enqueue([run()], connection)
    async with AsyncSession(engine) as session:
        answers = await asyncio.gather(*(store.enqueue([run()], session) for _ in range(2)), return_exceptions=True)
        assert [str(answer)[:45] for answer in answers if isinstance(answer, Exception)] == [
            "connection: does something else at the same t"
        ]
    await engine.dispose()
