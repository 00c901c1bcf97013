"""Bench: PgQueuer's worker process. The environment says where the database and the record are."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import asyncpg
import pgqueuer  # type: ignore[import-not-found]  # installed in the peers' environment only

from bench.recorder import attach

BATCH = 500


async def main() -> None:
    """Work until terminated."""
    recorder = attach()
    logging.getLogger("pgqueuer").setLevel(logging.WARNING)
    async with asyncpg.create_pool(os.environ["BENCH_POSTGRES"], min_size=4, max_size=10) as pool:
        worker = pgqueuer.PgQueuer.from_asyncpg_pool(pool)

        async def hit(job: Any) -> None:
            recorder.hit(int(job.payload))

        worker.entrypoint("job")(hit)
        await worker.run(batch_size=BATCH)


if __name__ == "__main__":
    asyncio.run(main())
