"""Bench: Runwright on PostgreSQL: the measuring process stores runs, worker processes of their own work them off.

What it claims to have stored is checked in the database, past the engine: all runs completed, all attempts and events.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Sequence

from bench.peers.engine import LANE, LIVE, QUESTIONS, lacking
from bench.peers.on_postgres import OnPostgres
from runwright import Settings, TaskManager, task


class Runwright(OnPostgres):
    """One worker process, a lane of a hundred, or of the default size where the workload says so."""

    workers = 1
    jobs = 30_000
    producers = True
    durability = "fsync before each answer and each claim (synchronous_commit=on); run, attempt and events kept"
    question = LIVE
    schema = "runwright"
    packages = ("runwright", "asyncpg")
    manager: TaskManager

    @property
    def settings(self) -> str:  # type: ignore[override]  # it depends on the workload
        """What is set."""
        lane = f"max_concurrent={os.cpu_count()} (default)" if self.default_lane else f"max_concurrent={LANE}"
        return f"{self.workers} worker process{'es' if self.workers > 1 else ''}, {lane}"

    async def open(self) -> None:
        await self.empty()

        @task(name="noop")
        async def noop(number: int) -> None:
            raise RuntimeError("the worker processes have their own")

        self.noop = noop
        self.manager = TaskManager(Settings(store=self.url), [noop], roles=())
        await self.manager.open()

    async def start(self) -> None:
        for region in range(self.workers):
            self.start_worker(
                [sys.executable, "-m", "bench.peers.engine_worker"],
                BENCH_REGION=str(region), BENCH_LANE="" if self.default_lane else str(LANE),
            )  # fmt: skip

    async def close(self) -> None:
        await self.manager.close()
        await super().close()

    async def enqueue(self, number: int) -> None:
        await self.manager.start(self.noop, {"number": number})

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.manager.start_many([(self.noop, {"number": number}) for number in numbers])

    async def check(self, jobs: int) -> str:
        return lacking({name: await self.count(question) for name, question in QUESTIONS.items()}, jobs)

    def versions(self) -> str:
        return f"runwright {importlib.metadata.version('runwright')}, asyncpg {importlib.metadata.version('asyncpg')}"


class Two(Runwright):
    """Two worker processes; a run that both of them execute makes the measurement fail."""

    workers = 2
    jobs = 60_000
