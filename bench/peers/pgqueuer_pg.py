"""Bench: PgQueuer with batches of 500, its worker run from a script of its own.

Its completions are buffered and written in batches; a finished job moves from the queue to a log.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import asyncpg

from bench.peers.on_postgres import OnPostgres


class PgQueuer(OnPostgres):
    """`Queries.enqueue` with one job or a list."""

    jobs = 20_000
    settings = "PgQueuer.run(batch_size=500), pool of 4 to 10; Queries.enqueue (in bulk: a list of 1,000)"
    durability = "commit with fsync (durable tables); completions buffered"
    packages = ("pgqueuer", "asyncpg")
    question = "select count(*) from pgqueuer"

    async def open(self) -> None:
        await self.empty()
        from pgqueuer import Queries  # type: ignore[import-not-found]  # noqa: PLC0415  # the peers' environment only

        self.db = await asyncpg.connect(self.url)
        self.queries: Any = Queries.from_asyncpg_connection(self.db)
        await self.queries.install()

    async def start(self) -> None:
        self.start_worker([sys.executable, "-m", "bench.peers.pgqueuer_app"], BENCH_REGION="1")

    async def close(self) -> None:
        await self.db.close()
        await super().close()

    async def enqueue(self, number: int) -> None:
        await self.queries.enqueue("job", b"%d" % number)

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.queries.enqueue(["job"] * len(numbers), [b"%d" % number for number in numbers], [0] * len(numbers))
