"""Measures what the services of a worker use, and tells the store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runwright.bus import Bus
from runwright.model import Lane, Measured
from runwright.store.base import Store
from runwright.worker.executor import Executor
from runwright.worker.job import Job
from runwright.worker.service import Service

MEASURE_SECONDS = 10.0


class Meter(Service):
    """The loop that measures. A service in a thread has its CPU time, one in a process its memory, too.

    The memory of a thread, and all of a coroutine, cannot be told apart from the rest of the worker. Of a process, what
    it has started is not counted before its end.
    """

    name = "meter"

    def __init__(self, store: Store, executor: Executor, bus: Bus) -> None:
        super().__init__(bus)
        self._store = store
        self._executor = executor

    async def run_once(self) -> float:
        jobs = [job for job in self._executor.jobs if job.claim.lane is Lane.SERVICE and job.outcome is None]
        if measured := measure(jobs):
            await self._store.keep_usage(measured)
        return MEASURE_SECONDS


def measure(jobs: Sequence[Job]) -> list[Measured]:
    """What these jobs use now, as far as it can be told."""
    return [Measured(job.claim.key, job.claim.token, *_used(job)) for job in jobs if job.started_at]


def _used(job: Job) -> tuple[float | None, int | None]:
    with suppress(OSError, ValueError, IndexError):  # it has ended meanwhile, or this system does not tell
        if job.pid is not None:
            # utime and stime are the 14th and 15th field; the 2nd, a name in brackets, may hold anything (proc(5))
            fields = Path(f"/proc/{job.pid}/stat").read_text().rpartition(")")[2].split()
            pages = int(Path(f"/proc/{job.pid}/statm").read_text().split()[1])
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")
        if job.cpu_clock is not None:
            return job.cpu_clock(), None
    return None, None
