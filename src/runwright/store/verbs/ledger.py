"""The store's verbs: the fire ledger. What became of each due time, in a row of its own or within a collapsed span.

Due times in a row that made no run, with the same outcome for the same reason, are one span, which grows in place while
that goes on. Whoever writes here holds the schedule's row (``schedule_advance``), so that nobody else writes the ledger
of that schedule meanwhile; retention only takes rows away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from runwright.model import Fire, FirePlan, NewFire, Page
from runwright.store.actions import TASK
from runwright.store.rows import fire_of
from runwright.store.transaction import Row, Transaction
from runwright.store.verbs.cursors import GREATEST, cursor_of
from runwright.store.verbs.journal import Journal
from runwright.store.verbs.runs import let_in, skip

TOLD = {"missed", "held", "blocked"}
"""Outcomes that make no run, and are told on the timeline for that reason: when their row begins."""
_Written: TypeAlias = "list[tuple[str, NewFire, int | None]]"
"""What was written: a schedule's id, its fire, and the number of a row that is new."""


async def record(
    tx: Transaction, journal: Journal, plans: Sequence[FirePlan], told: Mapping[str, tuple[str, str]]
) -> None:
    """Write the plans' fires into the ledger, each due time once, and let in the runs of those that were not there.

    ``told`` has the name and the task of each schedule.
    """
    fires = [(plan.schedule, new) for plan in plans if not plan.fills for new in _collapsed(plan.fires)]
    grown = await _grow(tx, fires)
    written = await _insert(tx, [(schedule, new) for schedule, new in fires if grown.get(schedule) is not new])
    for plan in plans:
        if plan.fills:
            written += await _fill(tx, plan)
    runs = [new.run for _, new, _ in written if new.run is not None]
    answers = dict(zip((run.id for run in runs), await let_in(tx, journal, runs), strict=True))
    for schedule, new, row in written:
        name, task = told[schedule]
        if new.run is not None:
            answer = answers[new.run.id]
            if answer.run_id != new.run.id:
                await tx.do("fire_joins", schedule, new.due_at, answer.run_id)
            if answer.created and new.outcome == "skipped":
                await skip(tx, journal, new.run.id, new.run.task, schedule, new.reason)
        if new.outcome in TOLD:
            detail = {"reason": new.reason, "count": new.count, "fire": row}
            journal.other(TASK, f"schedule.{new.outcome}", name, "system", task, detail=detail)


async def page(tx: Transaction, schedule: str, limit: int, after: str | None) -> Page[Fire]:
    """See ``Store.fires``."""
    start = GREATEST if after is None else cursor_of(after)
    rows = await tx.all("fire_list", schedule, start, limit + 1)
    items = tuple(fire_of(row) for row in rows[:limit])
    return Page(items, str(items[-1].id) if len(rows) > limit and items else None)


def _collapsed(fires: Sequence[NewFire]) -> Sequence[NewFire]:
    """The fires of a plan, in which what ends alike and comes one after the other is one span."""
    rows: list[NewFire] = []
    for new in fires:
        last = rows[-1] if rows and new.run is None and rows[-1].run is None else None
        if last is None or (last.outcome, last.reason) != (new.outcome, new.reason) or new.due_at <= last.newest_due_at:
            rows.append(new)
        else:
            rows[-1] = replace(last, count=last.count + new.count, last_due_at=new.newest_due_at)
    return rows


async def _grow(tx: Transaction, fires: Sequence[tuple[str, NewFire]]) -> dict[str, NewFire]:
    """Let the first fire of each schedule join the newest row of its ledger, if that goes on in it; those that did."""
    first: dict[str, NewFire] = {}
    for schedule, new in fires:
        first.setdefault(schedule, new)
    rows = [
        (schedule, new.due_at, new.newest_due_at, new.count, new.outcome, new.reason)
        for schedule, new in first.items()
        if new.run is None
    ]
    return {schedule: first[schedule] for (schedule,) in await tx.each("fire_grow", rows)}


async def _insert(tx: Transaction, fires: Sequence[tuple[str, NewFire]]) -> _Written:
    """Give due times a row, save those that have one of their own."""
    rows = [
        (
            *(schedule, new.due_at, new.outcome, new.reason, None if new.run is None else new.run.id, tx.now),
            *(new.count, new.last_due_at),
        )
        for schedule, new in fires
    ]
    made = {(schedule, due_at): row for schedule, due_at, row in await tx.each("fire_insert", rows)}
    return [(s, new, made[s, new.due_at]) for s, new in fires if (s, new.due_at) in made]


async def _fill(tx: Transaction, plan: FirePlan) -> _Written:
    """Give runs to due times that have none. Each leaves the span that it was in, and says what it was before."""
    if not plan.fires:
        return []
    dues = [new.due_at for new in plan.fires]
    spans = await tx.all("fire_spans", plan.schedule, min(dues), max(dues))
    within = {due: span for due in dues for span in spans if span[1] <= due <= span[2]}
    made = await _insert(tx, [(plan.schedule, _told_before(new, within.get(new.due_at))) for new in plan.fires])
    left = Counter(within[new.due_at][0] for _, new, _ in made if new.due_at in within)
    for span, count in left.items():
        if not await tx.do("fire_empty", span, count):
            await tx.do("fire_leave", span, count)
    there = {new.due_at for _, new, _ in made}
    alone = {new.due_at: new for new in plan.fires if new.due_at not in there}
    rows = [
        (plan.schedule, due, new.outcome, new.run.id, new.reason, tx.now)
        for due, new in alone.items()
        if new.run is not None
    ]
    return [*made, *((schedule, alone[due], None) for schedule, due in await tx.each("fire_fill", rows))]


def _told_before(new: NewFire, span: Row | None) -> NewFire:
    if span is None:
        return new
    _, _, _, outcome, reason = span
    return replace(new, reason=f"{new.reason}; it was {outcome}" + (f": {reason}" if reason else ""))
