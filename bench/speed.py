"""Bench: how fast the processor itself is while something is measured.

A virtual machine shares its cores with others on the same host. They may take half of their speed for a tenth of a
second or for an hour, and nothing says so: no time is stolen, no process takes it. So a fixed piece of work is timed.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_SECONDS = 0.2
FIRST_SAMPLES = 50


def sample() -> float:
    """The processor's time for a fixed piece of work, about 1 ms, in seconds; waiting for a core is not in it."""
    begin, total = time.thread_time(), 0
    for number in range(20_000):
        total += number * number
    return time.thread_time() - begin


class Speed:
    """Compares what is seen during a measurement with the best that was ever seen."""

    def __init__(self) -> None:
        self._best = min(sample() for _ in range(FIRST_SAMPLES))

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Take samples meanwhile, in a thread, for half a per cent of a core; the list is filled as they come."""
        samples, done = [sample()], threading.Event()

        def watch() -> None:
            while not done.wait(EVERY_SECONDS):
                samples.append(sample())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield samples
        finally:
            done.set()
            watcher.join()

    def lost(self, samples: list[float]) -> float:
        """How much longer than at best the work took, in per cent, by the median of the samples."""
        self._best = min(self._best, *samples)
        return (statistics.median(samples) / self._best - 1) * 100
