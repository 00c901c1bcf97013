"""What a process tells of itself in the store: the tasks that it knows, and, of a scheduler without a worker, that it
lives. A worker's session tells the same of its process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from runwright.bus import Bus
from runwright.clock import SECOND, Clock, Rng
from runwright.errors import StoreUnavailable
from runwright.store.base import Definition, NewWorker, Rate, Store
from runwright.tasks.describe import describe
from runwright.tasks.registry import AnyTask, Registry
from runwright.worker.service import Service

logger = logging.getLogger("runwright.worker")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a process knows, as it publishes it: rate limits of some of its tasks, and a word on each."""

    rates: dict[str, Rate]
    definitions: dict[str, Definition]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(self.definitions)


def knowledge_of(registry: Registry) -> Knowledge:
    """What the tasks of a registry come to."""
    tasks = registry.tasks()
    return Knowledge(
        {task.name: rate for task in tasks if (rate := _rate(task)) is not None},
        {task.name: Definition((told := describe(task)).source_hash, told.text) for task in tasks},
    )


def _rate(task: AnyTask) -> Rate | None:
    limit = task.rate_limit
    return None if limit is None else Rate(limit.count, round(limit.seconds * SECOND))


class SchedulerPresence(Service):
    """The session of a scheduler that has no worker beside it: it may be given no run, and says which code it has.

    Losing it costs nothing but the truth of what others see, so it has no thread: its lease is renewed on the loop
    that the scheduler runs on, and only while that one ticks.
    """

    name = "presence"

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        rng: Rng,
        bus: Bus,
        *,
        lease_seconds: float,
        beat_seconds: float,
        ticking: Callable[[], bool],
    ) -> None:
        super().__init__(bus)
        self._store = store
        self._registry = registry
        self._clock = clock
        self._rng = rng
        self._lease_seconds = lease_seconds
        self._beat_seconds = beat_seconds
        self._ticking = ticking
        self._session: str | None = None
        self._told: Knowledge | None = None
        self._unsubscribe = registry.subscribe(self.wake)

    async def run_once(self) -> float:
        if not self._ticking():
            return self._beat_seconds
        known = knowledge_of(self._registry)
        session = self._session
        if session is None or not await asyncio.to_thread(self._store.beat, session, self._lease_seconds):
            session = self._rng.run_id(self._clock.now())
            worker = NewWorker(
                session, socket.gethostname(), os.getpid(), {}, (), {}, known.definitions, ("scheduler",)
            )
            await self._store.register(worker, self._lease_seconds)
            self._session = session
        elif known != self._told:
            await self._store.publish(session, (), {}, known.definitions)
        self._told = known
        return self._beat_seconds

    async def start(self) -> None:
        """Register, then begin the loop."""
        if not self.running:
            await self.run_once()
        await super().start()

    async def stop(self) -> None:
        """End the loop, and the session."""
        self._unsubscribe()
        await super().stop()
        session, self._session = self._session, None
        if session is not None:
            try:
                await self._store.end_session(session)
            except StoreUnavailable as unavailable:
                logger.warning("the scheduler's session is left to end by itself: %s", unavailable)
