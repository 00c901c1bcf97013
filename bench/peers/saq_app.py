"""Bench: SAQ's settings, read by its worker process. The environment says where the database and the record are."""

from __future__ import annotations

import os
from typing import Any

from saq import Queue  # type: ignore[import-not-found]  # installed in the peers' environment only

from bench.recorder import attach

recorder = attach()


async def job(_: Any, *, number: int) -> None:
    """The work: nothing but its record."""
    recorder.hit(number)


settings = {"queue": Queue.from_url(os.environ["BENCH_POSTGRES"]), "functions": [job], "concurrency": 10}
