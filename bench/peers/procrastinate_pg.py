"""Bench: Procrastinate with its default worker settings but ten jobs at the same time, in a process of its own.

`Analysed` runs ANALYZE between the storing of the backlog and the start of the worker, as autovacuum does in the end;
without statistics its fetch takes another plan.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from bench.peers.on_postgres import OnPostgres


class Procrastinate(OnPostgres):
    """`defer_async` and `batch_defer_async`."""

    jobs = 5_000
    settings = "procrastinate worker --concurrency 10, connection pool of 4 to 20"
    packages = ("procrastinate", "psycopg")
    question = "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"

    async def open(self) -> None:
        await self.empty()
        from bench.peers import procrastinate_app  # noqa: PLC0415  # it reads the environment

        self.app: Any = procrastinate_app.app
        self.job: Any = procrastinate_app.job
        await self.app.open_async()
        await self.app.schema_manager.apply_schema_async()

    async def start(self) -> None:
        program = str(Path(sys.executable).with_name("procrastinate"))
        self.start_worker(
            [sys.executable, program, "--app=bench.peers.procrastinate_app.app", "--log-level=warning", "worker",
             "--concurrency=10"],
            BENCH_REGION="1",
        )  # fmt: skip

    async def close(self) -> None:
        await self.app.close_async()
        await super().close()

    async def enqueue(self, number: int) -> None:
        await self.job.defer_async(number=number)

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.job.batch_defer_async(*({"number": number} for number in numbers))


class Analysed(Procrastinate):
    """With fresh statistics."""

    settings = f"{Procrastinate.settings}, ANALYZE before the worker starts"

    async def start(self) -> None:
        db = await asyncpg.connect(self.url)
        await db.execute("analyze")
        await db.close()
        await super().start()
