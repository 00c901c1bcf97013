"""Settles what follows from the ends of scheduled runs: statistics, and the next due time of what counts from the end.

The turn only leaves each ending in an outbox; this step takes it out together with its consequences, so that it may be
repeated, and run in any process, without counting twice.
"""

from __future__ import annotations

import json

from runwright.bus import Bus
from runwright.clock import Micros, to_datetime, to_micros
from runwright.model import EndedRun, Schedule
from runwright.schedule import Trigger, compile_when, parse_when
from runwright.schedule.catchup import after_run
from runwright.store.base import Store
from runwright.worker.service import Service

POLL_SECONDS = 5.0
PAGE = 500


class Triggers:
    """Compiled triggers of schedules, kept until their times change."""

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[str, str, Trigger]] = {}

    def of(self, schedule: Schedule) -> Trigger:
        """The trigger of a schedule as it is now."""
        known = self._compiled.get(schedule.id)
        if known is not None and known[:2] == (schedule.when, schedule.timezone):
            return known[2]
        trigger = compile_when(parse_when(json.loads(schedule.when)), schedule.timezone)
        self._compiled[schedule.id] = (schedule.when, schedule.timezone, trigger)
        return trigger


class Settler(Service):
    """The loop that takes endings out of the outbox."""

    name = "settler"
    topics = ("ended",)

    def __init__(self, store: Store, bus: Bus) -> None:
        super().__init__(bus)
        self._store = store
        self._triggers = Triggers()

    async def run_once(self) -> float:
        ended = await self._store.ended(PAGE)
        if ended:
            next_due: dict[str, Micros] = {}
            for run in ended:
                due = await self._next_due(run)
                if due is not None:
                    next_due[run.schedule] = due
            await self._store.settle(ended, next_due)
        return 0 if len(ended) == PAGE else POLL_SECONDS

    async def _next_due(self, run: EndedRun) -> Micros | None:
        schedule = await self._store.schedule(run.schedule)
        if schedule is None or schedule.deleted or not schedule.enabled or schedule.next_due_at is not None:
            return None
        trigger = self._triggers.of(schedule)
        if not trigger.anchored_at_end:
            return None
        due = after_run(trigger, to_datetime(run.completed_at), to_datetime(schedule.cursor_at))
        return None if due is None else to_micros(due)
