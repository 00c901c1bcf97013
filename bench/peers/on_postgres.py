"""Bench: what all peers on PostgreSQL share: the address of their own database, an empty store, counting.

The measuring process names a fresh database in BENCH_POSTGRES, on a private server with fsync and synchronous_commit
on. It needs asyncpg, which is in the peers' environment and in ours.
"""

from __future__ import annotations

import os

import asyncpg

from bench.peer import Peer


class OnPostgres(Peer):
    """A peer whose store is the database of BENCH_POSTGRES."""

    durability = "commit with fsync (synchronous_commit=on)"
    bulk = 1000
    producers = False
    question = ""
    """How many jobs the store does not hold as finished, in SQL."""
    schema = "public"
    """Where the tables that are counted are."""

    _counter: asyncpg.Connection | None = None

    @property
    def url(self) -> str:
        """The database."""
        return os.environ["BENCH_POSTGRES"]

    async def empty(self) -> None:
        """Drop what an earlier store left, and write it down, so that the next figure does not pay for it."""
        db = await asyncpg.connect(self.url)
        for row in await db.fetch(
            r"select nspname from pg_namespace where nspname not like 'pg\_%' and nspname <> 'information_schema'"
        ):
            await db.execute(f'drop schema "{row["nspname"]}" cascade')
        await db.execute("create schema public")
        await db.execute("checkpoint")
        await db.close()

    async def count(self, question: str) -> int:
        """One number from the database, by a connection of our own."""
        if self._counter is None:
            self._counter = await asyncpg.connect(self.url, server_settings={"search_path": self.schema})
        return int(await self._counter.fetchval(question))

    async def unfinished(self) -> int:
        return await self.count(self.question)

    async def close(self) -> None:
        self.end_workers()
        if self._counter is not None:
            await self._counter.close()
            self._counter = None
