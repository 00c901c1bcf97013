"""The private PgBouncer of the tests, and the product behind it: processes that share few connections."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.process.cluster import until
from tests.process.commands import TOKEN, Commands
from tools.pgbouncer import CONNECTIONS, PgBouncer
from tools.postgres import Postgres, alive


def test_many_clients_share_few_connections(postgres_server: Postgres, postgres_url: str) -> None:
    with PgBouncer(postgres_server) as pooler, ExitStack() as stack:
        clients = [
            stack.enter_context(psycopg.connect(pooler.url(postgres_url), autocommit=True, prepare_threshold=None))
            for _ in range(3 * CONNECTIONS)
        ]
        backends = {client.execute("select pg_backend_pid()").fetchone() for client in clients}

        assert len(clients) > CONNECTIONS >= len(backends)
        name = postgres_url.rpartition("/")[2]
        assert [pool["pool_mode"] for pool in pooler.pools() if pool["database"] == name] == ["transaction"]


def test_a_transaction_keeps_its_connection_and_a_session_does_not(
    postgres_server: Postgres, postgres_url: str
) -> None:
    with (
        PgBouncer(postgres_server, connections=1) as pooler,
        psycopg.connect(pooler.url(postgres_url), autocommit=True, prepare_threshold=None) as one,
        psycopg.connect(pooler.url(postgres_url), autocommit=True, prepare_threshold=None) as two,
    ):
        with one.transaction():
            one.execute("set application_name = 'leaked'")
        assert two.execute("show application_name").fetchone() == ("leaked",)


def test_the_pooler_asks_for_the_password_and_leaves_nothing(postgres_server: Postgres, postgres_url: str) -> None:
    with PgBouncer(postgres_server) as pooler:
        url = pooler.url(postgres_url)
        with pytest.raises(psycopg.OperationalError, match=r"password|SASL"):
            psycopg.connect(url.replace(postgres_server.password, "guess"))
        process = pooler.process
    assert not alive(process.pid)
    assert not pooler.folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


TASKS = """
from runwright import RunContext, task

@task(title="Quick work")
async def quick(number: int, run: RunContext) -> int:
    run.log.info("number %d", number)
    return number

@task
async def often() -> None: ...
"""
RUNS = 30


async def test_a_page_workers_and_schedulers_share_its_few_connections(
    postgres_server: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    with (
        PgBouncer(postgres_server) as pooler,
        Commands(pooler.url(postgres_url), tmp_path, store_direct=postgres_url, poll_seconds="20") as commands,
    ):
        folder = commands.folder("app", TASKS)
        where = commands.page(folder)
        commands.begin(folder, "worker", "worker", "scheduler", "scheduler")
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(base_url=where, headers=headers) as page:

            async def ask(path: str) -> Any:
                answer = await page.get(path)
                assert answer.status_code == 200, answer.text
                return answer.json()

            async def run(number: int) -> httpx2.Response:  # as a person who waits: its end must be heard of, not found
                return await page.post("/admin/task/quick/run", json={"number": number}, timeout=15)

            ended = await asyncio.gather(*(run(number) for number in range(RUNS)))
            assert [answer.status_code for answer in ended] == [200] * RUNS
            runs = [answer.json()["data"] for answer in ended]
            assert [each["attributes"]["result"] for each in runs] == list(range(RUNS))
            assert len({each["attributes"]["worker"] for each in runs}) <= 2
            (line,) = (await ask(f"/api/run/{runs[7]['id']}/log"))["data"]["attributes"]["lines"]
            assert line["text"] == "number 7"

            given = {"name": "often", "action_name": "often", "schedule": "* * * * * *"}
            made = await page.post(
                "/api/task", json={"data": {"type": "task", "attributes": given}},
                headers={"content-type": "application/vnd.api+json"},
            )  # fmt: skip
            assert made.status_code == 201, made.text

            async def fired() -> bool:
                return len((await ask("/api/task/often/fires"))["data"]) >= 5

            await until(fired, 30, "five ticks")
            fires = (await ask("/api/task/often/fires"))["data"]
            due = [each["attributes"]["due_at"] for each in fires]
            assert len(due) == len(set(due))
            assert {each["attributes"]["outcome"] for each in fires} <= {"fired", "late"}
            assert (await ask("/health"))["scheduler"] == "elsewhere"
            assert len((await ask("/api/worker"))["data"]) == 4
        assert commands.end() == [0] * 5, commands.said()
        with psycopg.connect(postgres_url) as direct:
            row = direct.execute(
                "select count(*), count(*) filter (where state = 'ended') from runwright.worker"
            ).fetchone()
        assert row == (4, 4)
        assert "Traceback" not in commands.said()
