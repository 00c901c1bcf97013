"""Uploaded files as the manager keeps them: which folder, how code gives one, and the sweep after deleted runs."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from runwright.bus import Bus
from runwright.clock import Clock
from runwright.config import Settings
from runwright.store.base import Store
from runwright.tasks.uploads import UploadedFile
from runwright.uploads import Spool, unavailable
from runwright.worker.service import Service

SWEEP_SECONDS = 600.0
BATCH = 500


def spool_of(settings: Settings) -> Spool:
    """The spool that the settings say: beside the SQLite file unless they name a folder; temporary without either."""
    beside = settings.sqlite_file
    default = None if beside is None else beside.with_name(f"{beside.name}.uploads")
    if default is None and not settings.store.startswith("sqlite:"):
        default = Path("runwright.uploads")
    return Spool(settings.upload_dir or default, settings.upload_limit_bytes)


def take(spool: Spool, content: Path | bytes, name: str | None, content_type: str) -> UploadedFile:
    """Take in a file that code gives."""
    if isinstance(content, bytes):
        return spool.take(io.BytesIO(content), name or "file", content_type)
    try:
        with content.open("rb") as file:
            return spool.take(file, name or content.name, content_type)
    except OSError as error:
        raise unavailable(error) from error


class FileSweep(Service):
    """The loop that removes the files of runs that are gone: pruned, deleted elsewhere, or never let in."""

    name = "files"

    def __init__(self, store: Store, bus: Bus, spool: Spool, clock: Clock) -> None:
        super().__init__(bus)
        self._store, self._spool, self._clock = store, spool, clock
        self._swept_at = float("-inf")

    async def run_once(self) -> float:
        if self._clock.monotonic() - self._swept_at < SWEEP_SECONDS:
            return SWEEP_SECONDS
        old = await asyncio.to_thread(self._spool.stale, self._clock.now())
        for start in range(0, len(old), BATCH):
            batch = old[start : start + BATCH]
            there = {run.id for run in await self._store.runs_by_id(batch)}
            await asyncio.to_thread(self._spool.drop, [run for run in batch if run not in there])
        self._swept_at = self._clock.monotonic()
        return SWEEP_SECONDS
