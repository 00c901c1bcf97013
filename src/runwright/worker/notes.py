"""What runs say while they run: log lines and progress, noted by jobs in any thread, taken by the pump."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runwright.bus import Bus
from runwright.clock import Clock
from runwright.model import LogChunk, ProgressUpdate
from runwright.worker.job import Job


class Notes:
    """The jobs of which something is to be stored."""

    def __init__(self, clock: Clock, bus: Bus) -> None:
        self._clock = clock
        self._bus = bus
        self._home = asyncio.get_running_loop()
        self._touched: set[Job] = set()
        self.signal: Callable[[], None] = lambda: None  # the pump's wake

    def __bool__(self) -> bool:
        return bool(self._touched)

    def touched(self, job: Job) -> None:
        """There is something to store of the job; from any thread."""
        if job not in self._touched:
            first = not self._touched
            self._touched.add(job)
            if first:
                self._home.call_soon_threadsafe(lambda: self.signal())

    def forget(self, job: Job) -> None:
        """The job has ended, and its last lines go with its ending."""
        self._touched.discard(job)

    def drain(self) -> tuple[list[LogChunk], list[ProgressUpdate]]:
        """Take new log lines and the progress that is worth saving; publish the newest progress on the way."""
        chunks: list[LogChunk] = []
        updates = []
        now = self._clock.monotonic()
        for job in list(self._touched):
            self._touched.discard(job)  # before the look: a line that comes now makes it dirty again
            if job.lost or job.outcome is not None:
                continue
            chunks.extend(job.chunks())
            progress = job.progress_value
            if progress is None:
                continue
            if progress is not job.progress_shown:
                job.progress_shown = progress
                self._bus.publish_progress(job.claim.run_id, progress)
            if progress is not job.progress_saved:
                if job.worth_saving(progress, now):
                    job.progress_saved, job.progress_saved_at = progress, now
                    updates.append(ProgressUpdate(job.claim.key, job.claim.token, progress))
                else:
                    self._touched.add(job)
        return chunks, updates
