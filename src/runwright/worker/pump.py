"""Carries log lines and progress of the runs in hand to the store, in batches, ten times a second."""

from __future__ import annotations

from functools import partial

from runwright.bus import Bus
from runwright.clock import Clock
from runwright.store.base import Store
from runwright.worker.executor import Executor
from runwright.worker.log_queue import LogQueue, written
from runwright.worker.service import LONGEST_SLEEP_SECONDS, Service

PUMP_SECONDS = 0.1


class Pump(Service):
    """The loop between the jobs' buffers and the store."""

    name = "pump"

    def __init__(self, store: Store, executor: Executor, logs: LogQueue, clock: Clock, bus: Bus) -> None:
        super().__init__(bus)
        self._store = store
        self._logs = logs
        self._executor = executor
        self._clock = clock
        executor.notes.signal = self.wake

    async def run_once(self) -> float:
        await self._logs.write()
        chunks, updates = self._executor.notes.drain()
        await self._logs.write(chunks)
        if updates:
            await written(partial(self._store.save_progress, self._executor.session), updates)
        if chunks or updates or self._executor.notes:
            # not woken by the next line: what comes within this time goes together
            await self._clock.sleep(PUMP_SECONDS)
            return 0
        return LONGEST_SLEEP_SECONDS
