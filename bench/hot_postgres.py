"""Bench: the verbs of `bench.hot_table` on PostgreSQL (asyncpg, one connection, one statement a verb).

It measures nothing itself, except what the server counts about its own tables.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from bench.hot_layouts import INPUT, LISTING_DONE, LIVE_ONLY, RUN, Layout, claim_pick, live_values, schema
from bench.hot_sqlite import SESSION, TOKEN, Claimed, Row

TYPES = ("text", "text", "text", "bigint", "bigint", "bigint", "text")


class PostgresTable:
    """One layout in a schema of its own."""

    name = "postgres"

    def __init__(self, layout: Layout, db: asyncpg.Connection[Any]) -> None:
        self.layout = layout
        self.db = db
        self.enqueue_sql = self._enqueue_sql()
        self.turn_sql = self._turn_sql()

    async def create(self, autovacuum: bool = True) -> None:
        """Drop what was there and create empty tables."""
        schema_name = f"bench_{self.layout.name}"
        await self.db.execute(f"drop schema if exists {schema_name} cascade; create schema {schema_name}")
        await self.db.execute(f"set search_path to {schema_name}")
        key = "bigint generated always as identity primary key"
        for statement in schema(self.layout, key, "bigint primary key"):
            await self.db.execute(statement)
        if not autovacuum:
            for table in await self.tables():
                await self.db.execute(f"alter table {table} set (autovacuum_enabled = false)")

    async def tables(self) -> list[str]:
        """The names of this layout's tables."""
        rows = await self.db.fetch(
            "select relname from pg_stat_user_tables where schemaname = $1", f"bench_{self.layout.name}"
        )
        return [row["relname"] for row in rows]

    def _enqueue_sql(self) -> str:
        table = "queue" if self.layout.name == "move" else "run"
        extra = [c for c in RUN if c not in INPUT and c != "seq"]
        split = self.layout.name == "split"
        constants = ["null" if split and c in LIVE_ONLY else live_values(c) for c in extra]
        source = ", ".join(f"${n + 1}::{kind}[]" for n, kind in enumerate(TYPES))
        text = (
            f"with added as (insert into {table} ({', '.join((*INPUT, *extra))})"
            f" select {', '.join((*INPUT, *constants))} from unnest({source}) as given({', '.join(INPUT)})"
            " returning seq, task, created_at, priority, due_at, lane)"
        )
        if split:
            text += (
                ", live as (insert into queue (seq, priority, due_at, ready, lane, status, attempt)"
                " select seq, priority, due_at, 1, lane, 'pending', 0 from added)"
            )
        return text + " insert into event (time, type, run, task) select created_at, 'created', seq, task from added"

    def _turn_sql(self) -> str:
        # $1 finished keys, $2 session, $3 token, $4 now, $5 wanted
        if self.layout.name == "one":
            finish = (
                "done as (update run set status = 'completed', result = 'null', completed_at = $4, token = null"
                " where seq = any($1::bigint[]) and token = $3 returning seq, task, started_at)"
            )
        elif self.layout.name == "split":
            finish = (
                "gone as (delete from queue where seq = any($1::bigint[]) and token = $3"
                " returning seq, attempt, session, started_at),"
                " done as (update run set status = 'completed', result = 'null', completed_at = $4,"
                " attempt = gone.attempt,"
                " session = gone.session, started_at = gone.started_at from gone where run.seq = gone.seq"
                " returning run.seq, run.task, run.started_at)"
            )
        else:
            changed = {"status": "'completed'", "result": "'null'", "completed_at": "$4", "token": "null"}
            finish = (
                "gone as (delete from queue where seq = any($1::bigint[]) and token = $3 returning *),"
                f" done as (insert into run ({', '.join(RUN)})"
                f" select {', '.join(changed.get(c, c) for c in RUN)} from gone"
                " returning seq, task, started_at)"
            )
        claim = (
            f"update {self.layout.queue} set status = 'running', ready = 0, session = $2, token = $3,"
            f" attempt = attempt + 1, started_at = $4"
            f" where seq = any(array({claim_pick(self.layout, '$5', 'for update skip locked')})) returning "
        )
        if self.layout.name == "split":
            rest = "select r.seq, r.id, r.task, r.arguments from run r join got on got.seq = r.seq"
            claim = f"got as ({claim} seq), next as ({rest})"
        else:
            claim = f"next as ({claim} seq, id, task, arguments)"
        return (
            f"with {finish},"
            " tried as (insert into attempt select seq, 1, 'completed', $2, started_at, $4, null from done),"
            f" ended as (insert into event (time, type, run, task) select $4, 'completed', seq, task from done),"
            f" {claim},"
            " began as (insert into event (time, type, run, task) select $4, 'started', seq, task from next)"
            " select seq, id, task, arguments from next"
        )

    async def enqueue(self, rows: list[Row]) -> None:
        """Store runs and their `created` events."""
        await self.db.execute(self.enqueue_sql, *(list(column) for column in zip(*rows, strict=True)))

    async def turn(self, finished: list[Claimed], wanted: int, now: int) -> list[Claimed]:
        """Finish the last batch and claim the next, with attempts and events, in one statement."""
        rows = await self.db.fetch(self.turn_sql, [run[0] for run in finished], SESSION, TOKEN, now, wanted)
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def history(self, rows: list[Row]) -> None:
        """Store finished runs, with attempts and events, in large statements."""
        for start in range(0, len(rows), 10_000):
            await self.enqueue(rows[start : start + 10_000])
            await self.turn(await self.turn([], 10_000, rows[0][5]), 0, rows[0][5])
        await self.checkpoint()

    async def listing(self, kind: str, value: str) -> int:
        """Read one page of fifty; `kind` is task, live or done."""
        text = {"task": self.layout.listing_task, "live": self.layout.listing_live, "done": LISTING_DONE}[kind]
        return len(await self.db.fetch(text.format(p="$1"), value))

    async def checkpoint(self) -> None:
        """Vacuum and checkpoint, so that the next figure does not pay for the last one."""
        for table in await self.tables():
            await self.db.execute(f"vacuum analyze {table}")
        await self.db.execute("checkpoint")

    async def growth(self) -> dict[str, dict[str, int]]:
        """Per table: live and dead rows, updates, those that were HOT, bytes of the table and of its indexes."""
        await self.db.execute("select pg_stat_force_next_flush()")
        rows = await self.db.fetch(
            "select relname, n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd, pg_table_size(relid) as heap,"
            " pg_indexes_size(relid) as indexes from pg_stat_user_tables where schemaname = $1",
            f"bench_{self.layout.name}",
        )
        return {row["relname"]: {key: int(row[key]) for key in list(row.keys())[1:]} for row in rows}
