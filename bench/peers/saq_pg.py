"""Bench: SAQ with its PostgreSQL queue, its own worker process with the default of ten jobs at the same time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bench.peers.on_postgres import OnPostgres


class Saq(OnPostgres):
    """`Queue.enqueue`; it has no call for many."""

    jobs = 2_000
    bulk = 0
    settings = "saq worker, concurrency 10 (default)"
    packages = ("saq", "psycopg")
    question = "select count(*) from saq_jobs where status in ('queued', 'active')"

    async def open(self) -> None:
        await self.empty()
        from saq import Queue  # type: ignore[import-not-found]  # noqa: PLC0415  # the peers' environment only

        self.queue: Any = Queue.from_url(self.url)
        await self.queue.connect()

    async def start(self) -> None:
        program = str(Path(sys.executable).with_name("saq"))
        self.start_worker([sys.executable, program, "bench.peers.saq_app.settings", "-q"], BENCH_REGION="1")

    async def close(self) -> None:
        await self.queue.disconnect()
        await super().close()

    async def enqueue(self, number: int) -> None:
        await self.queue.enqueue("job", number=number)
