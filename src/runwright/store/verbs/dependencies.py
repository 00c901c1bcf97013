"""The store's verbs: runs that wait for other schedules, or for runs of their own before them; what lets them go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from runwright.clock import Micros
from runwright.model import Needed, Waiting
from runwright.store.rows import names_of
from runwright.store.transaction import Row, Transaction
from runwright.store.verbs.journal import Journal
from runwright.store.verbs.runs import skip


async def waiting(tx: Transaction, limit: int, after: int) -> tuple[list[Waiting], int | None]:
    """See ``Store.waiting_runs``."""
    rows = await tx.all("waiting_runs", after, limit)
    names = sorted({name for row in rows if row[4] is not None for name in names_of(row[4])})
    known = {row[0]: row for row in await tx.all("waiting_needs", names)} if names else {}
    found = [_waiting(tx.now, row, known) for row in rows if row[8] == 0]
    return found, rows[-1][0] if len(rows) == limit else None


def _waiting(now: Micros, row: Row, known: Mapping[str, Row]) -> Waiting:
    _, run, due_at, created_at, needs, settled_start, skipped_at, live_start, _ = row
    if needs is None:
        return Waiting(run, due_at, there=False)
    last_start = max((start for start in (settled_start, live_start) if start is not None), default=None)
    if last_start is not None and last_start > now:  # the clock was set back since: what came later came after it
        last_start = min(last_start, created_at)
    needed = tuple(_needed(name, known.get(name), due_at) for name in names_of(needs))
    return Waiting(run, due_at, last_start, skipped_at, needed)


def _needed(name: str, row: Row | None, due_at: Micros) -> Needed:
    if row is None:
        return Needed(name, there=False)
    _, enabled, next_due_at, outcome, outcome_at, running, unsettled = row
    found = Needed(name, running=running == 1, outcome=outcome, outcome_at=outcome_at)
    again = enabled == 1 and (next_due_at is not None or running == 1 or unsettled == 1)
    due = enabled == 1 and next_due_at is not None and next_due_at <= due_at
    return replace(found, again=again, coming=unsettled == 1 or due)


async def decide(tx: Transaction, decisions: Sequence[tuple[str, str | None]]) -> int:
    """See ``Store.decide_waiting``."""
    journal, moved = Journal(tx), 0
    for run, reason in sorted(decisions, key=lambda decision: decision[0]):
        if not await tx.do("waiting_release", run, tx.now):
            continue  # somebody else was quicker
        moved += 1
        row = await tx.one("move_read", run)
        if reason is None or row is None:
            continue
        if await skip(tx, journal, run, row[2], row[3], reason):
            await tx.do("fire_skip", row[3], run, reason)
    await journal.write()
    if moved:
        tx.topics.add("runs")
    return moved


async def release(tx: Transaction) -> int:
    """See ``Store.release_in_line``."""
    released = await tx.do("line_release", tx.now)
    if released:
        tx.topics.add("runs")
    return released
