"""The store's verbs: what a change of runs leaves behind it — events, outbox rows, hints — collected, written once.

It must not change runs.
"""

from __future__ import annotations

from runwright.clock import Micros
from runwright.model import RunStatus
from runwright.store.actions import TASK, Action
from runwright.store.rows import clean, dump
from runwright.store.transaction import Batch, Transaction


class Journal:
    """Collects what the changes of one verb leave; ``write`` stores it in the verb's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._events: list[tuple[object, ...]] = []
        self._ended: list[tuple[object, ...]] = []

    def run(
        self, action: Action, run: str, task: str, actor: str | None = None, detail: dict[str, object] | None = None
    ) -> None:
        """A run has changed."""
        self._events.append(
            (self._tx.now, TASK, action.value, None, task, run, actor, clean(dump(detail)) if detail else None)
        )
        self._tx.topics.add("run:" + run)

    def other(
        self,
        event_type: str,
        action: str,
        subject: str,
        actor: str,
        task: str | None = None,
        run: str | None = None,
        detail: object = None,
    ) -> None:
        """Something else has changed."""
        self._events.append(
            (self._tx.now, event_type, action, subject, task, run, actor, clean(dump(detail)) if detail else None)
        )

    def ended(
        self,
        run: str,
        schedule: str | None,
        status: RunStatus,
        started_at: Micros | None,
        completed_at: Micros,
        error: str | None,
    ) -> None:
        """A run is over; if a schedule made it, its consequences are still to come."""
        if schedule is not None:
            self._ended.append((run, schedule, status.value, started_at, completed_at, error))

    def batches(self) -> list[Batch]:
        """Take what was collected, to be stored together with the changes themselves."""
        batches: list[Batch] = []
        if self._events:
            batches.append(("event_insert", self._events))
            self._tx.topics.add("events")
        if self._ended:
            batches.append(("ended_insert", self._ended))
            self._tx.topics.add("ended")
        self._events, self._ended = [], []
        return batches

    async def write(self) -> None:
        """Store what was collected."""
        await self._tx.together(*self.batches())
