"""Carries log lines and progress of the runs in hand to the store, in batches, ten times a second."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from runwright.bus import Bus
from runwright.clock import Clock
from runwright.errors import StoreUnavailable
from runwright.store.base import Store
from runwright.worker.executor import Executor
from runwright.worker.service import LONGEST_SLEEP_SECONDS, Service

PUMP_SECONDS = 0.1

T = TypeVar("T")

logger = logging.getLogger("runwright.worker")


class Pump(Service):
    """The loop between the jobs' buffers and the store."""

    name = "pump"

    def __init__(self, store: Store, executor: Executor, clock: Clock, bus: Bus) -> None:
        super().__init__(bus)
        self._store = store
        self._executor = executor
        self._clock = clock
        executor.notes.signal = self.wake

    async def run_once(self) -> float:
        chunks, updates = self._executor.notes.drain()
        session = self._executor.session
        if chunks:
            await written(partial(self._store.append_logs, session), chunks)
        if updates:
            await written(partial(self._store.save_progress, session), updates)
        if chunks or updates or self._executor.notes:
            # not woken by the next line: what comes within this time goes together
            await self._clock.sleep(PUMP_SECONDS)
            return 0
        return LONGEST_SLEEP_SECONDS


async def written(write: Callable[[Sequence[T]], Awaitable[object]], items: Sequence[T]) -> None:
    """Write a batch. If the store refuses it, each item by itself: what is refused even then is left out and reported.

    Raises:
        StoreUnavailable: nothing is wrong with the items.
    """
    try:
        await write(items)
    except StoreUnavailable:
        raise
    except Exception as error:
        if len(items) == 1:
            logger.exception("the store refuses this, and it is left out: %.200r", items[0], exc_info=error)
        else:
            for item in items:
                await written(write, [item])
