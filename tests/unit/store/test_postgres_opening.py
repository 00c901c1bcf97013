"""Opening a store on PostgreSQL: several at once, newer and foreign schemas, wrong addresses, a pooler between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest

from runwright.clock import SystemClock, SystemRng
from runwright.errors import StoreRefused, StoreUnavailable
from runwright.model import Lane, NewRun
from runwright.store import migrate
from runwright.store.base import NewWorker, Wanted
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_errors import place
from tools.pgbouncer import PgBouncer
from tools.postgres import Postgres


async def opened(url: str, direct_url: str | None = None) -> PostgresStore:
    return await PostgresStore.open(url, clock=SystemClock(), rng=SystemRng(), direct_url=direct_url)


async def test_many_processes_may_make_the_schema_at_once(postgres_url: str) -> None:
    stores = await asyncio.gather(*(opened(postgres_url) for _ in range(8)))
    for store in stores:
        await store.close()
    connection = await asyncpg.connect(postgres_url)
    rows = await connection.fetch("SELECT number, checksum FROM runwright.migration")
    assert [tuple(row) for row in rows] == [(step.number, step.checksum) for step in migrate.migrations("postgres")]
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert tables == []
    await connection.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("INSERT INTO runwright.migration VALUES (999, 'later', 'x', 0)", "newer Runwright"),
        ("UPDATE runwright.migration SET checksum = 'x'", "not the one that this Runwright knows"),
    ],
)
async def test_a_schema_of_another_program_is_refused_and_left_alone(
    postgres_url: str, change: str, words: str
) -> None:
    await (await opened(postgres_url)).close()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(change)
    before = await connection.fetch("SELECT * FROM runwright.migration")
    with pytest.raises(StoreRefused, match=words):
        await opened(postgres_url)
    assert await connection.fetch("SELECT * FROM runwright.migration") == before
    await connection.close()


async def test_a_version_that_knows_more_of_the_lifecycle_may_work_beside_us(postgres_url: str) -> None:
    await (await opened(postgres_url)).close()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("INSERT INTO runwright.transition VALUES ('later', 'pending', 'pending')")
    await connection.execute("DELETE FROM runwright.transition WHERE event = 'start'")
    await (await opened(postgres_url)).close()
    assert await connection.fetchval("SELECT count(*) FROM runwright.transition WHERE event = 'later'") == 1
    assert await connection.fetchval("SELECT count(*) FROM runwright.transition WHERE event = 'start'") > 0
    await connection.close()


async def test_what_cannot_be_reached_or_is_not_there_is_said_without_the_password(postgres_server: Postgres) -> None:
    url = postgres_server.url("nobody-made-this")
    with pytest.raises(StoreRefused, match="does not exist") as refused:
        await opened(url)
    with pytest.raises(StoreUnavailable, match="cannot be reached") as away:
        await opened("postgresql://ann:secret@127.0.0.1:1/app")
    with pytest.raises(StoreRefused, match="names no database"):
        await opened("postgresql://ann:secret@127.0.0.1")
    wrong = postgres_server.url("postgres").replace(postgres_server.password, "wrong")
    with pytest.raises(StoreRefused, match="the server refuses"):
        await opened(wrong)
    assert "secret" not in away.value.message
    assert postgres_server.password not in refused.value.message
    assert place("postgresql://ann:secret@db.example.com:5433/app?ssl=on") == "postgresql://db.example.com:5433/app"
    assert place("postgresql://ann:secret@a:1,b:2/app") == "postgresql://a:1,b:2/app"
    assert "secret" not in place("postgresql://ann:secret@[::1/app")
    with pytest.raises(StoreRefused, match="sslmode"):
        await opened(f"{postgres_server.url('postgres')}?sslmode=nope")
    for absent in ("host=/nowhere", "sslmode=verify-full&sslrootcert=/nowhere/root.pem"):
        with pytest.raises(StoreUnavailable, match="a file that the address names is not there"):
            await opened(f"postgresql:///app?{absent}")


async def test_an_address_with_a_parameter_that_the_server_does_not_know_is_refused(postgres_url: str) -> None:
    with pytest.raises(StoreRefused, match='"connect_timeout"; leave that out'):
        await opened(f"{postgres_url}?connect_timeout=3")
    with pytest.raises(StoreRefused, match="Nowhere"):
        await opened(f"{postgres_url}?TimeZone=Nowhere")


@pytest.mark.parametrize("there", ["run (id INTEGER)", "migration (id INTEGER)"])
async def test_a_schema_of_the_same_name_that_is_somebody_elses_is_refused_and_left_alone(
    postgres_url: str, there: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE SCHEMA runwright; CREATE TABLE runwright.{there}")
    with pytest.raises(StoreRefused, match="not this program's"):
        await opened(postgres_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'runwright'")
    assert [row[0] for row in tables] == [there.split(maxsplit=1)[0]]
    await connection.close()


async def test_a_database_with_another_encoding_is_refused(postgres_server: Postgres) -> None:
    postgres_server.admin("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(StoreRefused, match="encoding LATIN1; Runwright needs one with UTF8"):
        await opened(postgres_server.url("latin"))


async def test_a_store_that_is_open_is_away_while_the_server_lets_nobody_in(
    postgres_server: Postgres, postgres_url: str
) -> None:
    store = await opened(postgres_url)
    await store.register(NewWorker("w1", "here", 1, {}, []), 30.0)
    name = urlsplit(postgres_url).path.strip("/")
    postgres_server.admin(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    postgres_server.disconnect(postgres_url)
    for _ in range(2):  # the first may be of the connection that was cut off
        with pytest.raises(StoreUnavailable):
            await store.claims("w1")
        with pytest.raises(StoreUnavailable):
            await asyncio.to_thread(store.beat, "w1", 30.0)
    with pytest.raises(StoreUnavailable, match="not currently accepting connections"):
        await opened(postgres_url)
    postgres_server.admin(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert await store.claims("w1") == []
    assert await asyncio.to_thread(store.beat, "w1", 30.0)
    await store.close()


async def test_a_pooler_without_the_direct_address_is_refused_with_the_setting_to_give(
    postgres_server: Postgres, postgres_url: str
) -> None:
    with PgBouncer(postgres_server) as pooler:
        url = pooler.url(postgres_url)
        with pytest.raises(StoreUnavailable, match="store_direct, or TASK_STORE_DIRECT"):
            await opened(url)
        await (await opened(url, postgres_url)).close()


async def test_a_direct_address_of_another_store_is_not_listened_to(
    postgres_server: Postgres, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its hints would be of other runs; work is found by polling, and the log says what to correct."""
    elsewhere = postgres_server.database()
    await (await opened(elsewhere)).close()
    store = await opened(postgres_url, elsewhere)
    store.listen()
    async with asyncio.timeout(5):
        while not caplog.records:
            await asyncio.sleep(0)
    assert f"{place(elsewhere)} is another store than {place(postgres_url)}; correct store_direct" in caplog.text
    assert not store.listening.is_set()
    await store.close()
    postgres_server.drop(elsewhere)


async def test_it_works_through_a_pooler_in_transaction_mode(postgres_server: Postgres) -> None:
    direct = postgres_server.database()
    with PgBouncer(postgres_server) as pooler:
        url = pooler.url(direct)
        heard = asyncio.Event()
        store = await PostgresStore.open(
            url, clock=SystemClock(), rng=SystemRng(), direct_url=direct, on_commit=lambda _: heard.set()
        )
        other = await opened(url, direct)
        store.listen()
        await store.listening.wait()
        now = SystemClock().now()
        plain = NewRun("", "backup", Lane.ASYNC, "{}", now, now)
        runs = [replace(plain, id=f"01890000-0000-7000-8000-{number:012d}") for number in range(40)]
        await store.register(NewWorker("w1", "host", 1, {"async": 4}, ["backup"]), 30)
        heard.clear()
        await asyncio.gather(*(other.enqueue([run]) for run in runs))
        async with asyncio.timeout(5):
            await heard.wait()  # the listener goes around the pooler
        claimed = await asyncio.gather(*(store.turn("w1", [Wanted(Lane.ASYNC, 10)]) for _ in range(4)))
        assert len({claim.run_id for turn in claimed for claim in turn.claims}) == 40
        assert await asyncio.to_thread(store.beat, "w1", 30)
        assert len(await other.runs_by_id([run.id for run in runs])) == 40
        await other.close()
        await store.close()
    postgres_server.drop(direct)
