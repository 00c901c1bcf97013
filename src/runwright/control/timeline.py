"""Control, timeline: what happened, who works, and the totals."""

from __future__ import annotations

from collections.abc import Sequence

from runwright.auth.policy import require
from runwright.model import Actor, Event, Page, Role, Statistics, Worker
from runwright.store.base import EventFilter, Store


class Timeline:
    """Questions about events, workers and totals."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def events(
        self, actor: Actor, filters: Sequence[EventFilter] = (), limit: int = 50, after: str | None = None
    ) -> Page[Event]:
        """A page of the timeline, newest first. Raises InvalidInput for an unknown column or operator."""
        require(actor, Role.VIEWER)
        return await self._store.events(filters, limit, after)

    async def workers(self, actor: Actor) -> Sequence[Worker]:
        """Worker sessions, live and lately ended."""
        require(actor, Role.VIEWER)
        return await self._store.workers()

    async def statistics(self, actor: Actor) -> Statistics:
        """The totals over all schedules, and the runs by status."""
        require(actor, Role.VIEWER)
        return await self._store.statistics()

    async def scheduler(self, here: bool | None) -> str:
        """Who fires schedules: ``ticking`` or ``not ticking``, which is this process, else ``elsewhere``, or ``none``.

        Args:
            here: whether the scheduler of this process ticks; None if it has none.
        """
        if here is not None:
            return "ticking" if here else "not ticking"
        return "elsewhere" if "scheduler" in await self._store.roles() else "none"

    async def ready(self) -> None:
        """Raises StoreUnavailable if the store refuses writes now."""
        await self._store.check()
