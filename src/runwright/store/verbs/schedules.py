"""The store's verbs: schedules, their ledger, and the consequences of their runs' ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runwright.clock import Micros
from runwright.errors import DuplicateName, InvalidInput
from runwright.model import EndedRun, Fire, FirePlan, JSONObject, NewFire, Page, RunStatus, Schedule
from runwright.store.actions import TASK, Action
from runwright.store.rows import ended_of, fire_of, schedule_of, schedule_values
from runwright.store.transaction import Transaction
from runwright.store.verbs.journal import Journal
from runwright.store.verbs.runs import insert, skip

_END = 2**62
_TOLD = {"missed", "held", "blocked"}
"""Outcomes that make no run, and are told on the timeline for that reason."""


async def add(tx: Transaction, schedules: Sequence[Schedule], actor: str) -> list[bool]:
    """See ``Store.add_schedules``."""
    rows = [
        (
            *schedule_values(schedule),
            schedule.created_by,
            schedule.created_at,
            schedule.run_count,
            schedule.error_count,
            schedule.last_run_at,
            schedule.last_status,
            schedule.last_error,
        )
        for schedule in schedules
    ]
    added = {row[0] for row in await tx.each("schedule_insert", rows)}
    journal = Journal(tx)
    for schedule in schedules:
        if schedule.id in added:
            journal.other(TASK, Action.SCHEDULE_CREATED, schedule.name, actor, schedule.task)
    tx.topics.add("schedules")
    await journal.write()
    return [schedule.id in added for schedule in schedules]


async def update(tx: Transaction, schedule: Schedule, actor: str, action: str, detail: JSONObject) -> bool:
    """See ``Store.update_schedule``."""
    if await tx.one("schedule_name_taken", schedule.name, schedule.id) is not None:
        raise DuplicateName(f"there is already a schedule named {schedule.name!r}; choose another name", schedule.name)
    if not await tx.do("schedule_update", *schedule_values(schedule)):
        return False
    journal = Journal(tx)
    journal.other(TASK, action, schedule.name, actor, schedule.task, detail=dict(detail))
    await journal.write()
    tx.topics.add("schedules")
    return True


async def delete(tx: Transaction, schedule_id: str, actor: str) -> bool:
    """See ``Store.delete_schedule``."""
    found = await find(tx, schedule_id)
    if found is None or found.id != schedule_id or found.deleted:
        return False
    if found.origin:
        await tx.do("schedule_bury", schedule_id, tx.now)
        await tx.do("fire_clear", schedule_id)
    else:
        await tx.do("schedule_delete", schedule_id)
    journal = Journal(tx)
    journal.other(TASK, Action.SCHEDULE_DELETED, found.name, actor, found.task)
    await journal.write()
    tx.topics.add("schedules")
    return True


async def find(tx: Transaction, id_or_name: str) -> Schedule | None:
    """See ``Store.schedule``."""
    row = await tx.one("schedule_find", id_or_name)
    return None if row is None else schedule_of(row)


async def every(tx: Transaction, deleted: bool) -> list[Schedule]:
    """See ``Store.schedules``."""
    return [schedule_of(row) for row in await tx.all("schedule_list", 1 if deleted else 0)]


async def due(tx: Transaction, until: Micros, limit: int) -> list[Schedule]:
    """See ``Store.due_schedules``."""
    return [schedule_of(row) for row in await tx.all("schedule_due", until, limit)]


async def busy(tx: Transaction, schedules: Collection[str]) -> dict[str, int]:
    """See ``Store.busy_schedules``."""
    return {row[0]: row[1] for row in await tx.all("schedule_busy", list(schedules))}


async def fire(tx: Transaction, plans: Sequence[FirePlan]) -> list[bool]:
    """See ``Store.fire``."""
    journal = Journal(tx)
    ending = [plan.schedule for plan in plans if not plan.enabled]
    disabled = {row[0] for row in await tx.all("schedule_enabled", ending)} if ending else set()
    places = [
        (plan.schedule, plan.version, plan.cursor_at, plan.next_due_at, int(plan.enabled), int(plan.first_done))
        for plan in plans
    ]
    told = {schedule: (name, task) for schedule, name, task in await tx.each("schedule_advance", sorted(places))}
    await _record(
        tx, journal, [(plan.schedule, new) for plan in plans if plan.schedule in told for new in plan.fires], told
    )
    for schedule in disabled & told.keys():
        name, task = told[schedule]
        journal.other(TASK, Action.SCHEDULE_DISABLED, name, "system", task)
    await journal.write()
    return [plan.schedule in told for plan in plans]


async def _record(
    tx: Transaction, journal: Journal, fires: Sequence[tuple[str, NewFire]], told: Mapping[str, tuple[str, str]]
) -> None:
    """Write fires into the ledger, each due time once, and let in the runs of those that were not there."""
    rows = [
        (
            *(schedule, new.due_at, new.outcome, new.reason, None if new.run is None else new.run.id, tx.now),
            *(new.count, new.last_due_at),
        )
        for schedule, new in fires
    ]
    written = {(schedule, due_at) for schedule, due_at in await tx.each("fire_insert", rows)}
    for schedule, new in fires:
        if (schedule, new.due_at) not in written:
            continue
        name, task = told[schedule]
        if new.run is not None:
            answer = await insert(tx, journal, new.run)
            if answer.run_id != new.run.id:
                await tx.do("fire_joins", schedule, new.due_at, answer.run_id)
            if answer.created and new.outcome == "skipped":
                await skip(tx, journal, new.run, new.reason)
        if new.outcome in _TOLD:
            detail = {"reason": new.reason, "count": new.count}
            journal.other(TASK, f"schedule.{new.outcome}", name, "system", task, detail=detail)


async def fires(tx: Transaction, schedule: str, limit: int, after: str | None) -> Page[Fire]:
    """See ``Store.fires``."""
    if after is not None and not after.isdecimal():
        raise InvalidInput.field("/page/after", f"{after!r} is not a cursor that this list gave")
    start = _END if after is None else int(after)
    rows = await tx.all("fire_list", schedule, start, limit + 1)
    items = tuple(fire_of(row) for row in rows[:limit])
    return Page(items, str(items[-1].id) if len(rows) > limit and items else None)


async def ended(tx: Transaction, limit: int) -> list[EndedRun]:
    """See ``Store.ended``."""
    return [ended_of(row) for row in await tx.all("ended_list", limit)]


async def settle(tx: Transaction, runs: Sequence[EndedRun], next_due: Mapping[str, Micros]) -> None:
    """See ``Store.settle``."""
    settled = set()
    taken = {row[0] for row in await tx.each("ended_delete", [(run.id,) for run in runs])}
    for run in sorted(runs, key=lambda run: run.schedule):
        if run.id not in taken:
            continue  # another consumer was quicker
        settled.add(run.schedule)
        counted = 0 if run.status is RunStatus.SKIPPED else 1
        failed = 1 if run.status is RunStatus.ERROR else 0
        last_run_at = (run.started_at or run.completed_at) if counted else None
        error = run.error if failed else None
        await tx.do("schedule_settle", run.schedule, counted, failed, last_run_at, run.status.value, error)
    for schedule, moment in next_due.items():
        if schedule in settled:
            await tx.do("schedule_rearm", schedule, moment)
            tx.topics.add("schedules")
    tx.topics.add("settled")
