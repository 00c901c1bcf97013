"""The store on SQLite: schedules, their ledger, and the consequences of their runs' ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import apsw

from runwright.clock import Micros
from runwright.errors import DuplicateName, InvalidInput
from runwright.model import EndedRun, Fire, FirePlan, JSONObject, Page, RunStatus, Schedule
from runwright.store import sql
from runwright.store.actions import TASK, Action
from runwright.store.rows import ended_of, fire_of, schedule_of, schedule_values
from runwright.store.sqlite_journal import Journal
from runwright.store.sqlite_runs import insert, skip
from runwright.store.sqlite_writer import Work

SQL = sql.load("sqlite")
_END = 2**62
_TOLD = {"missed", "held", "blocked"}
"""Outcomes that make no run, and are told on the timeline for that reason."""


def add(work: Work, schedules: Sequence[Schedule], actor: str) -> list[bool]:
    """See ``Store.add_schedules``."""
    journal, answers = Journal(work), []
    for schedule in schedules:
        work.connection.execute(
            SQL["schedule_insert"],
            (
                *schedule_values(schedule),
                schedule.created_by,
                schedule.created_at,
                schedule.run_count,
                schedule.error_count,
                schedule.last_run_at,
                schedule.last_status,
                schedule.last_error,
            ),
        )
        answers.append(work.connection.changes() == 1)
        if answers[-1]:
            journal.other(TASK, Action.SCHEDULE_CREATED, schedule.name, actor, schedule.task)
    work.topics.add("schedules")
    journal.write()
    return answers


def update(work: Work, schedule: Schedule, actor: str, action: str, detail: JSONObject) -> bool:
    """See ``Store.update_schedule``."""
    if work.connection.execute(SQL["schedule_name_taken"], (schedule.name, schedule.id)).fetchone() is not None:
        raise DuplicateName(f"there is already a schedule named {schedule.name!r}; choose another name", schedule.name)
    work.connection.execute(SQL["schedule_update"], schedule_values(schedule))
    if work.connection.changes() == 0:
        return False
    journal = Journal(work)
    journal.other(TASK, action, schedule.name, actor, schedule.task, detail=dict(detail))
    journal.write()
    work.topics.add("schedules")
    return True


def delete(work: Work, schedule_id: str, actor: str) -> bool:
    """See ``Store.delete_schedule``."""
    found = find(work.connection, schedule_id)
    if found is None or found.id != schedule_id or found.deleted:
        return False
    if found.origin:
        work.connection.execute(SQL["schedule_bury"], (schedule_id, work.now))
        work.connection.execute(SQL["fire_clear"], (schedule_id,))
    else:
        work.connection.execute(SQL["schedule_delete"], (schedule_id,))
    journal = Journal(work)
    journal.other(TASK, Action.SCHEDULE_DELETED, found.name, actor, found.task)
    journal.write()
    work.topics.add("schedules")
    return True


def find(connection: apsw.Connection, id_or_name: str) -> Schedule | None:
    """See ``Store.schedule``."""
    row = connection.execute(SQL["schedule_find"], (id_or_name,)).fetchone()
    return None if row is None else schedule_of(row)


def every(connection: apsw.Connection, deleted: bool) -> list[Schedule]:
    """See ``Store.schedules``."""
    return [schedule_of(row) for row in connection.execute(SQL["schedule_list"], (1 if deleted else 0,))]


def due(connection: apsw.Connection, until: Micros, limit: int) -> list[Schedule]:
    """See ``Store.due_schedules``."""
    return [schedule_of(row) for row in connection.execute(SQL["schedule_due"], (until, limit))]


def busy(connection: apsw.Connection, schedules: Collection[str]) -> dict[str, int]:
    """See ``Store.busy_schedules``."""
    counts = {schedule: int(connection.execute(SQL["schedule_busy"], (schedule,)).get) for schedule in schedules}
    return {schedule: count for schedule, count in counts.items() if count}


def fire(work: Work, plans: Sequence[FirePlan]) -> list[bool]:
    """See ``Store.fire``."""
    journal = Journal(work)
    answers = [_carry_out(work, journal, plan) for plan in plans]
    journal.write()
    return answers


def _carry_out(work: Work, journal: Journal, plan: FirePlan) -> bool:
    connection = work.connection
    disabling = not plan.enabled and (old := find(connection, plan.schedule)) is not None and old.enabled
    row = connection.execute(
        SQL["schedule_advance"],
        (plan.schedule, plan.version, plan.cursor_at, plan.next_due_at, int(plan.enabled), int(plan.first_done)),
    ).fetchone()
    if row is None:
        return False
    name, task = row
    for new in plan.fires:
        if connection.execute(SQL["fire_exists"], (plan.schedule, new.due_at)).fetchone() is not None:
            continue
        run = None
        if new.run is not None:
            answer = insert(work, journal, new.run)
            run = answer.run_id
            if answer.created and new.outcome == "skipped":
                skip(work, journal, new.run, new.reason)
        connection.execute(
            SQL["fire_insert"],
            (plan.schedule, new.due_at, new.outcome, new.reason, run, work.now, new.count, new.last_due_at),
        )
        if new.outcome in _TOLD:
            detail = {"reason": new.reason, "count": new.count}
            journal.other(TASK, f"schedule.{new.outcome}", name, "system", task, detail=detail)
    if disabling:
        journal.other(TASK, Action.SCHEDULE_DISABLED, name, "system", task)
    return True


def fires(connection: apsw.Connection, schedule: str, limit: int, after: str | None) -> Page[Fire]:
    """See ``Store.fires``."""
    if after is not None and not after.isdecimal():
        raise InvalidInput.field("/page/after", f"{after!r} is not a cursor that this list gave")
    start = _END if after is None else int(after)
    rows = connection.execute(SQL["fire_list"], (schedule, start, limit + 1)).fetchall()
    items = tuple(fire_of(row) for row in rows[:limit])
    return Page(items, str(items[-1].id) if len(rows) > limit and items else None)


def ended(connection: apsw.Connection, limit: int) -> list[EndedRun]:
    """See ``Store.ended``."""
    return [ended_of(row) for row in connection.execute(SQL["ended_list"], (limit,))]


def settle(work: Work, runs: Sequence[EndedRun], next_due: Mapping[str, Micros]) -> None:
    """See ``Store.settle``."""
    connection, settled = work.connection, set()
    for run in runs:
        if connection.execute(SQL["ended_delete"], (run.id,)).fetchone() is None:
            continue  # another consumer was quicker
        settled.add(run.schedule)
        counted = 0 if run.status is RunStatus.SKIPPED else 1
        failed = 1 if run.status is RunStatus.ERROR else 0
        last_run_at = (run.started_at or run.completed_at) if counted else None
        connection.execute(
            SQL["schedule_settle"],
            (run.schedule, counted, failed, last_run_at, run.status.value, run.error if failed else None),
        )
    for schedule, moment in next_due.items():
        if schedule in settled:
            connection.execute(SQL["schedule_rearm"], (schedule, moment))
            work.topics.add("schedules")
    work.topics.add("settled")
