"""Bench: Procrastinate's application, imported by the producer and by its own worker process.

The environment says where the database and the record are.
"""

from __future__ import annotations

import os

import procrastinate  # type: ignore[import-not-found]  # installed in the peers' environment only

from bench.recorder import attach

recorder = attach()
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_POSTGRES"], min_size=4, max_size=20)
)


async def hit(number: int) -> None:
    """The work: nothing but its record."""
    recorder.hit(number)


job = app.task(name="job")(hit)
