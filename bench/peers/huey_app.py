"""Bench: huey's application, imported by the producer and by huey's own consumer process.

The environment says where the store and the record are.
"""

from __future__ import annotations

import os

from huey import SqliteHuey  # type: ignore[import-not-found]  # installed in the peers' environment only

from bench.recorder import attach

recorder = attach()
huey = SqliteHuey("bench", filename=os.environ["BENCH_STORE"], results=False)


def hit(number: int) -> None:
    """The work: nothing but its record."""
    recorder.hit(number)


job = huey.task()(hit)
