"""Query plans on PostgreSQL: statements find their rows by an index, with and without fresh statistics, and a claim's
work follows the batch, not the queue."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from runwright.clock import SystemClock, SystemRng
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_server import SETTINGS
from runwright.store.postgres_transaction import SQL, packed

# Large tables, of which no statement reads all. Names in plans are aliases, so both are looked at.
LARGE = {"run", "event", "attempt", "log", "fire", "idempotency"}
FILL = """
INSERT INTO runwright.run (id, task, lane, status, priority, exclusive, due_at, ready, created_at, on_interrupt,
  created_by, arguments, completed_at, started_at, attempt, rank)
SELECT 'done-' || n, 'backup', 'async', 'completed', 50, 0, n, 0, n, 'retry', 'x', '{}', n + 5, n, 1, 50
FROM generate_series(1, 30000) AS n;
INSERT INTO runwright.run (id, task, lane, status, priority, exclusive, due_at, ready, created_at, on_interrupt,
  created_by, arguments, rank)
SELECT 'wait-' || n, 'backup', 'async', 'pending', 50, 0, n, 1, n, 'retry', 'x', '{}', 50
FROM generate_series(1, 10000) AS n;
INSERT INTO runwright.event (time, event_type, action, task, run)
SELECT n, 'task', 'run.created', 'backup', 'done-' || n FROM generate_series(1, 30000) AS n;
INSERT INTO runwright.attempt SELECT key, 1, 'completed', 1, 2 FROM runwright.run WHERE completed_at IS NOT NULL;
"""


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection as the store has it, to an empty store whose statistics nobody makes behind our back."""
    await (await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng())).close()
    opened = await asyncpg.connect(postgres_url, statement_cache_size=0, server_settings=SETTINGS)
    for table in sorted(LARGE):
        await opened.execute(f"ALTER TABLE runwright.{table} SET (autovacuum_enabled = off)")
    await opened.execute("SET plan_cache_mode = force_generic_plan")
    yield opened
    await opened.close()


async def plan(connection: asyncpg.Connection[asyncpg.Record], name: str) -> dict[str, Any]:
    """The plan that is kept for a prepared statement, whatever its values."""
    places = max((int(number) for number in re.findall(r"\$(\d+)", SQL[name])), default=0)
    await connection.execute("DEALLOCATE ALL")
    await connection.execute(f"PREPARE looked_at AS {SQL[name]}")
    values = f"({', '.join(['NULL'] * places)})" if places else ""
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at{values}")
    found: dict[str, Any] = json.loads(text)[0]["Plan"]
    return found


def steps(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(step for inner in node.get("Plans", []) for step in steps(inner))]


async def whole_tables(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, list[str]]:
    """The statements that read a large table whole, and which."""
    found = {}
    for name in sorted(SQL):
        read = [
            step["Relation Name"]
            for step in steps(await plan(connection, name))
            if step["Node Type"] == "Seq Scan" and step["Relation Name"] in LARGE
        ]
        if read:
            found[name] = read
    return found


async def test_no_statement_reads_a_large_table_whole(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    assert await whole_tables(connection) == {}  # while it is empty: such a plan lives on while it grows
    await connection.execute(FILL)
    assert await whole_tables(connection) == {}
    await connection.execute("ANALYZE")
    assert await whole_tables(connection) == {}


async def test_the_look_sees_what_it_is_for(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.execute("SET enable_seqscan = on")
    assert "turn_read" in await whole_tables(connection)


INDEXES = (
    ("claim_read", "run_ready"),
    ("claim_head", "run_ready"),
    ("claim_look", "run_ready"),
    ("claim_look", "run_later"),
    ("claim_look", "run_exclusive"),
    ("claim_look", "run_exclusive_held"),
    ("claim_exclusive", "run_exclusive"),
    ("claim_exclusive", "run_exclusive_held"),
    ("unpark", "run_key_queue"),
    ("controls", "run_wish"),
    ("session_key", "run_wish"),
    ("claim_at_once", "run_ready"),
    ("claim_at_once", "run_later"),
    ("claim_at_once", "run_wish"),
    ("claim_at_once", "run_pkey"),
    ("session_hand_back", "run_held"),
    ("unique_holder", "run_unique"),
    ("schedule_busy", "run_schedule_live"),
    ("waiting_runs", "run_waiting"),
    ("prune_runs", "run_history"),
    ("history", "run_history"),
    ("turn_read", "run_pkey"),
    ("turn_finish", "run_pkey"),
    ("run_read", "run_id_key"),
    ("event_runs", "event_pkey"),
)


async def test_each_uses_its_index(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    async def others() -> list[tuple[str, str]]:
        return [
            (name, index)
            for name, index in INDEXES
            if index not in {step.get("Index Name") for step in steps(await plan(connection, name))}
        ]

    await connection.execute(FILL)
    assert await others() == []
    await connection.execute("ANALYZE")
    assert await others() == []


@pytest.mark.parametrize("name", ["turn_finish", "turn_start", "claim_start", "claim_reserve"])
async def test_a_batch_whose_rows_have_much_in_common_uses_it_too(
    connection: asyncpg.Connection[asyncpg.Record], name: str
) -> None:
    places = max(int(number) for number in re.findall(r"\$(\d+)", SQL[name]))
    statement, values = packed(SQL[name], [(row, row, *[None] * (places - 2)) for row in range(300)])
    assert values.count(None) == places - 2
    await connection.execute(FILL)
    await connection.execute(f"PREPARE looked_at AS {statement}")
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at({', '.join(['NULL'] * places)})")
    found = steps(json.loads(text)[0]["Plan"])
    assert "run_pkey" in {step.get("Index Name") for step in found}
    assert not [step for step in found if step["Node Type"] == "Seq Scan" and step["Relation Name"] in LARGE]


@pytest.mark.parametrize("analysed", [False, True])
async def test_a_claim_touches_rows_in_proportion_to_the_batch(
    connection: asyncpg.Connection[asyncpg.Record], analysed: bool
) -> None:
    await connection.execute(FILL)
    if analysed:
        await connection.execute("ANALYZE")

    async def pages(limit: int) -> tuple[int, int]:
        await connection.execute("DEALLOCATE ALL")
        await connection.execute(f"PREPARE looked_at AS {SQL['claim_read']}")
        text = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE looked_at('async', 'backup', {limit})"
        )
        top = json.loads(text)[0]["Plan"]
        assert not any(step["Node Type"] == "Sort" for step in steps(top))
        return top["Actual Rows"], top["Shared Hit Blocks"] + top["Shared Read Blocks"]

    await pages(10)
    rows, few = await pages(10)
    assert rows == 10
    rows, many = await pages(1000)
    assert rows == 1000
    assert few < 100  # of the hundreds of pages that the queue has
    assert many < 150 * few
