"""Statements that are told together on PostgreSQL: one for a few rows, in pieces under way for many, all or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from runwright.clock import SystemClock, SystemRng
from runwright.model import Enqueued, Lane, NewRun, OnInterrupt
from runwright.retry import Retry
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_transaction import FEW_ROWS, composed
from runwright.store.transaction import Transaction, UndoError
from tools.postgres import Postgres

_rng = SystemRng()


def starts(first: int, count: int) -> list[tuple[object, ...]]:
    return [("backup", number) for number in range(first, first + count)]


def ends(count: int) -> list[tuple[object, ...]]:
    return [(f"run-{number}", "s", "completed", None, number, None) for number in range(count)]


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(postgres_url, clock=SystemClock(), rng=_rng)
    yield opened
    await opened.close()


async def stored(url: str) -> tuple[list[int], int]:
    connection = await asyncpg.connect(url)
    found = [row[0] for row in await connection.fetch("SELECT at FROM runwright.rate_start ORDER BY at")]
    ended: int = await connection.fetchval("SELECT count(*) FROM runwright.ended")
    await connection.close()
    return found, ended


def test_several_statements_become_one_that_takes_all_their_values() -> None:
    assert composed("INSERT $1, $2", "UPDATE $2 $1 $2", "DELETE $1") == (
        "WITH s0 AS (INSERT $1, $2), s1 AS (UPDATE $4 $3 $4) DELETE $5"
    )
    assert composed("INSERT $1") == "INSERT $1"


@pytest.mark.parametrize("count", [1, FEW_ROWS // 2, FEW_ROWS, 1001])
async def test_all_of_it_is_stored(store: PostgresStore, postgres_url: str, count: int) -> None:
    async def verb(tx: Transaction) -> None:
        await tx.together(("rate_insert", starts(0, count)), ("ended_insert", ends(count)), ("event_insert", []))

    await store._write(verb)
    assert await stored(postgres_url) == (list(range(count)), count)


async def test_an_error_of_what_is_under_way_undoes_all(store: PostgresStore, postgres_url: str) -> None:
    async def verb(tx: Transaction) -> None:
        await tx.together(("rate_insert", [*starts(0, 1000), (None, 1)]))

    with pytest.raises(asyncpg.NotNullViolationError):
        await store._write(verb)
    assert await stored(postgres_url) == ([], 0)


async def test_an_error_of_the_verb_waits_for_what_is_under_way(store: PostgresStore, postgres_url: str) -> None:
    async def verb(tx: Transaction) -> None:
        await tx.together(("rate_insert", starts(0, 1000)))
        raise LookupError

    with pytest.raises(LookupError):
        await store._write(verb)
    assert await stored(postgres_url) == ([], 0)


async def test_an_error_in_a_savepoint_undoes_what_is_under_way(store: PostgresStore, postgres_url: str) -> None:
    async def verb(tx: Transaction) -> None:
        try:
            async with tx.savepoint():
                await tx.together(("rate_insert", starts(0, 1000)))
                raise UndoError
        except UndoError:
            pass
        with pytest.raises(asyncpg.NotNullViolationError):
            async with tx.savepoint():
                await tx.together(("rate_insert", [*starts(0, 1000), (None, 1)]))
        await tx.together(("rate_insert", starts(5, 1)))

    await store._write(verb)
    assert await stored(postgres_url) == ([5], 0)


class Overheard:
    """A connection, and what it is asked to carry out."""

    def __init__(self, connection: Any, asked: list[str]) -> None:
        self._connection = connection
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, statement: str, /, *values: object) -> str:
        self._asked.append(statement[:6])
        return str(await self._connection.execute(statement, *values))


async def test_a_few_runs_are_one_statement_and_many_are_pieces(postgres_url: str) -> None:
    """Without BEGIN and COMMIT the answer comes after the commit all the same."""
    asked: list[str] = []

    class Told(PostgresStore):
        async def _connect(self) -> Any:
            return Overheard(await super()._connect(), asked)

    store = await Told.open(postgres_url, clock=SystemClock(), rng=_rng)
    now = SystemClock().now()
    runs = [NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now) for _ in range(1003)]
    asked.clear()
    await store.enqueue([replace(runs[0], id=_rng.run_id(now))])
    assert [text for text in asked if text != "SELECT"] == ["CALL r"]
    asked.clear()
    if store._sender._window is not None:
        store._sender._window.cancel()
    store._sender._begin(60.0)  # hints wait
    await asyncio.gather(*(store.enqueue([run]) for run in runs[:3]))
    assert len(await store.runs_by_id([run.id for run in runs])) == 3
    assert [text for text in asked if text != "SELECT"] == ["WITH s"] * 2  # the first does not wait for the others
    asked.clear()
    await store.enqueue(runs[3:])
    assert [text for text in asked if text != "SELECT"] == ["BEGIN", *["WITH s"] * 8, "COMMIT"]

    class Read(list[NewRun]):
        """Runs that are made when they are read, which takes its time."""

        def __getitem__(self, place: Any) -> Any:
            asked.append(f"read {place.start}" if isinstance(place, slice) else "read")
            return super().__getitem__(place)

    asked.clear()
    await store.enqueue(Read(NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now) for _ in range(300)))
    asked = [text for text in asked if text != "SELECT"]
    assert asked == ["BEGIN", "read 0", "WITH s", "read 125", "WITH s", "read 250", "WITH s", "COMMIT"]
    await store.close()


@pytest.mark.parametrize("count", [2, FEW_ROWS // 2])
async def test_what_is_one_statement_is_answered_behind_its_commit(postgres_url: str, count: int) -> None:
    """There is no COMMIT behind it that would wait for it."""
    committed, told = asyncio.Event(), asyncio.Event()

    class Held(Overheard):
        async def execute(self, statement: str, /, *values: object) -> str:
            answer = await super().execute(statement, *values)
            if statement.startswith("WITH s0"):
                committed.set()
                await told.wait()
            return answer

    class Told(PostgresStore):
        async def _connect(self) -> Any:
            return Held(await super()._connect(), [])

    store = await Told.open(postgres_url, clock=SystemClock(), rng=_rng)
    now = SystemClock().now()
    runs = [NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now) for _ in range(count)]
    enqueued = asyncio.create_task(store.enqueue(runs))
    await committed.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not enqueued.done()
    told.set()
    assert await enqueued == [Enqueued(run.id) for run in runs]
    assert len(await store.runs_by_id([run.id for run in runs])) == count
    await store.close()


PLAIN = NewRun(_rng.run_id(1), "backup", Lane.ASYNC, "{}", 10, 20)
FULL = NewRun(
    _rng.run_id(1), "backup", Lane.THREAD, '{"name": "a\\"b\\\\{ö}"}', 10, 20, priority=7, exclusive=True,
    on_interrupt=OnInterrupt.HOLD, retry=Retry(3), user="ann", created_by="bob", entity="NULL", tags=("x", "y"),
    parent=_rng.run_id(2), schedule="nightly", concurrency_key="k", concurrency_limit=2,
)  # fmt: skip


@pytest.mark.parametrize("run", [FULL, PLAIN], ids=["full", "plain"])
async def test_a_run_alone_is_stored_as_among_others(store: PostgresStore, postgres_url: str, run: NewRun) -> None:
    """It goes another way, see ``let_in``."""
    alone, among, other = (replace(run, id=_rng.run_id(3)) for _ in range(3))
    await store.enqueue([alone])
    await store.enqueue([among, other])
    connection = await asyncpg.connect(postgres_url)
    for statement in (
        "SELECT to_jsonb(run) - '{key,id}'::text[] FROM runwright.run WHERE id = ANY($1)",
        "SELECT to_jsonb(event) - '{id,run,time}'::text[] FROM runwright.event WHERE run = ANY($1)",
    ):
        first, second = await connection.fetch(statement, [alone.id, among.id])
        assert first == second
    await connection.close()


async def break_hints(connection: asyncpg.Connection[asyncpg.Record], code: str) -> None:
    """From now on a run that comes alone is committed, and its hint fails with this error."""
    body = await connection.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'let_in'")
    broken = body.replace("COMMIT;", f"COMMIT; RAISE EXCEPTION USING ERRCODE = '{code}';", 1)
    assert broken != body
    await connection.execute(
        "CREATE OR REPLACE PROCEDURE runwright.let_in(n TEXT[], e TEXT[], hint TEXT) LANGUAGE plpgsql "
        f"AS $body${broken}$body$"
    )


@pytest.mark.parametrize("code", ["program_limit_exceeded", "lock_not_available"])
async def test_a_run_is_let_in_once_also_if_its_hint_cannot_be_sent(
    store: PostgresStore, postgres_url: str, code: str
) -> None:
    """The server's queue of hints may be full, or somebody holds its lock."""
    connection = await asyncpg.connect(postgres_url)
    await break_hints(connection, code)
    now = SystemClock().now()
    answers = await store.enqueue([run := NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now)])
    assert answers == [Enqueued(run.id)]
    assert await connection.fetchval("SELECT count(*) FROM runwright.run") == 1
    assert await connection.fetchval("SELECT count(*) FROM runwright.event") == 1
    await connection.close()


@pytest.mark.parametrize("broken_by", [None, "program_limit_exceeded", "lock_not_available"])
async def test_a_run_that_was_answered_for_survives_a_crash_of_the_server(
    durable_postgres: Postgres, broken_by: str | None
) -> None:
    """Its own commit is not flushed; what comes behind it must be, also if its hint failed."""
    url = durable_postgres.database()
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")  # nobody else flushes it meanwhile
    await connection.close()
    durable_postgres.restart()
    store = await PostgresStore.open(url, clock=SystemClock(), rng=_rng)
    connection = await asyncpg.connect(url)
    if broken_by is not None:
        await break_hints(connection, broken_by)
    now = SystemClock().now()
    await store.enqueue([NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now)])
    durable_postgres.restart("immediate")
    await store.close()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM runwright.run") == 1
    await connection.close()
