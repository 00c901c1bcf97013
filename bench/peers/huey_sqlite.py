"""Bench: huey 2 or later on SQLite, with its consumer as a process of one worker thread.

huey deletes a job when it is taken (at most once) and stores nothing at its end, which is less than Runwright does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from bench.peer import Peer


class Huey(Peer):
    """SqliteHuey without results."""

    settings = "SqliteHuey(results=False), huey_consumer -w 1 -k thread"
    durability = "flush at every enqueue; job deleted when taken"
    packages = ("huey",)

    async def open(self) -> None:
        self.delete_store()
        os.environ["BENCH_STORE"] = str(self.store)
        from bench.peers import huey_app  # noqa: PLC0415  # it opens the store at import, which is not known earlier

        self.app: Any = huey_app
        self.app.huey.storage.close()
        self.app.huey.storage.initialize_schema()

    async def start(self) -> None:
        consumer = str(Path(sys.executable).with_name("huey_consumer"))
        self.start_worker(
            [sys.executable, consumer, "bench.peers.huey_app.huey", "-q", "-w", "1", "-k", "thread"], BENCH_REGION="1"
        )

    async def close(self) -> None:
        self.end_workers()
        self.app.huey.storage.close()

    async def enqueue(self, number: int) -> None:
        self.app.job(number)
