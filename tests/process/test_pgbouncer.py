"""The private PgBouncer of the tests: connections are shared between transactions, and nothing of it stays."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
import pytest

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
