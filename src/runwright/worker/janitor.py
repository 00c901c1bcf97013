"""Looks after what was left behind: runs whose worker is gone, and old history. Safe in every process."""

from __future__ import annotations

import logging

from runwright.bus import Bus
from runwright.clock import SECOND
from runwright.lifecycle import decide_crash
from runwright.store.base import Store
from runwright.worker.service import Service

PAGE = 500
PRUNE_EVERY_SECONDS = 600.0
AGE_EVERY_SECONDS = 30.0
DAY: int = 24 * 3600 * SECOND

logger = logging.getLogger("runwright.worker")


class Janitor(Service):
    """The loop that rescues orphans at every sweep, and prunes now and then in small batches."""

    name = "janitor"

    def __init__(
        self,
        store: Store,
        bus: Bus,
        *,
        sweep_seconds: float,
        retention_days: float | None,
        aging_seconds: float | None = None,
    ) -> None:
        super().__init__(bus)
        self._store = store
        self._sweep_seconds = sweep_seconds
        self._retention_days = retention_days
        self._aging_seconds = aging_seconds
        self._prune_at = self._age_at = 0

    async def run_once(self) -> float:
        orphans = await self._store.orphans(PAGE)
        if orphans:
            decisions = [
                (orphan, decide_crash(orphan.crashes, orphan.on_interrupt, lost=orphan.lost)) for orphan in orphans
            ]
            rescued = await self._store.rescue(decisions)
            logger.warning("%d runs were taken from workers that are gone", rescued)
            if len(orphans) == PAGE and rescued:
                return 0
        now = self._store.now()
        if self._aging_seconds is not None and now >= self._age_at:
            aged = await self._store.age(now - round(self._aging_seconds * SECOND), PAGE)
            if aged < PAGE:
                self._age_at = now + round(min(AGE_EVERY_SECONDS, self._aging_seconds / 2) * SECOND)
        if self._retention_days is not None and self._store.now() >= self._prune_at:
            pruned = await self._store.prune(self._store.now() - round(self._retention_days * DAY), PAGE)
            if pruned >= PAGE:
                return 0.05  # the next batch soon, but never the whole at once
            self._prune_at = self._store.now() + round(PRUNE_EVERY_SECONDS * SECOND)
        return self._sweep_seconds
