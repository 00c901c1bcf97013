"""Bench: a worker process of Runwright on PostgreSQL. The environment says where the database and the record are."""

from __future__ import annotations

import asyncio
import gc
import os
import signal

from bench.recorder import attach
from runwright import Settings, TaskManager, task


async def main() -> None:
    """Work until terminated. BENCH_LANE is the number of runs at the same time; empty for the engine's default."""
    recorder = attach()

    @task(name="noop")
    async def noop(number: int) -> None:
        recorder.hit(number)

    settings = Settings(store=os.environ["BENCH_POSTGRES"])
    if lane := os.environ["BENCH_LANE"]:
        settings = Settings(store=os.environ["BENCH_POSTGRES"], max_concurrent=int(lane))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with TaskManager(settings, [noop], roles=("worker",)):
        gc.collect()
        gc.freeze()  # as `runwright worker` does
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
