"""The store on SQLite: what is done for sessions that died, and what is thrown away when it is old."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import apsw

from runwright.clock import Micros
from runwright.lifecycle import RunEvent, next_status
from runwright.model import AttemptStatus, Rescue, RunStatus
from runwright.store import sql
from runwright.store.actions import action_of
from runwright.store.rows import rescue_of
from runwright.store.sqlite_claim import unpark
from runwright.store.sqlite_journal import Journal
from runwright.store.sqlite_sessions import give_up_reservations
from runwright.store.sqlite_writer import Work

SQL = sql.load("sqlite")

EVENTS_PER_RUN = 10
"""How many old entries of the timeline are deleted for each run that may be: a run leaves several."""


def lose(work: Work, dead: Sequence[tuple[int, bool]]) -> list[str]:
    """Mark sessions as lost, by key and whether their process is known to be gone; a lease renewed meanwhile holds."""
    lost = []
    for key, proven in dead:
        row = work.connection.execute(SQL["session_lose"], (key, work.now, work.steady, 1 if proven else 0)).fetchone()
        if row is not None:
            lost.append(str(row[0]))
            give_up_reservations(work, key)
    return lost


def forgotten_keys(connection: apsw.Connection) -> list[str]:
    """Concurrency keys with a free place that nobody is ready to take: a fault of this store, healed by the sweep."""
    return [str(row[0]) for row in connection.execute(SQL["unpark_forgotten"])]


def orphans(connection: apsw.Connection, limit: int) -> list[Rescue]:
    """See ``Store.orphans``; the sessions have been judged before."""
    return [rescue_of(row) for row in connection.execute(SQL["orphan_list"], (limit,))]


def rescue(work: Work, decisions: Collection[tuple[Rescue, RunEvent]]) -> int:
    """See ``Store.rescue``."""
    connection, now, journal, moved = work.connection, work.now, Journal(work), 0
    for orphan, event in decisions:
        row = connection.execute(SQL["orphan_read"], (orphan.key, orphan.token)).fetchone()
        after = None if row is None else next_status(RunStatus(row[0]), event)
        if row is None or after is None:
            continue
        _, run, task, schedule, attempt, started_at, _, worker, shared, lost, crashes = row
        crashes += lost
        kind = message = None
        if after is RunStatus.ERROR:
            kind, message = "crash_loop", f"its worker died {crashes} times while it ran"
        elif after is RunStatus.INTERRUPTED:
            kind, message = "interrupted", "its worker died while it ran; look at its effects before you run it again"
        ready = not after.terminal  # it has been started: whatever the wall clock does now, it was due
        over = now if after.terminal else None
        connection.execute(
            SQL["rescue"],
            (
                orphan.key,
                orphan.token,
                event.value,
                after.value,
                1 if ready else 0,
                over,
                1 if lost else 0,
                kind,
                message,
            ),
        )
        died = "its worker died, or was cut off from the store" if lost else "its worker stopped before it was done"
        connection.execute(
            SQL["attempt_insert"],
            (
                *(orphan.key, attempt, AttemptStatus.INTERRUPTED.value, now if started_at is None else started_at, now),
                *(worker, "interrupted", died, None),
            ),
        )
        journal.run(action_of(event, after), run, task, None, {"attempt": attempt, "worker": orphan.worker})
        if over is not None:
            journal.ended(run, schedule, after, started_at, over, message)
        unpark(work, [shared])
        work.topics.add("runs")
        moved += 1
    journal.write()
    return moved


def prune(work: Work, before: Micros, limit: int) -> int:
    """See ``Store.prune``."""
    connection, deleted = work.connection, 0
    for (task,) in connection.execute(SQL["prune_tasks"]).fetchall():
        if deleted < limit:
            connection.execute(SQL["prune_runs"], (task, before, limit - deleted))
            deleted += connection.changes()
    connection.execute(SQL["prune_events"], (before, limit * EVENTS_PER_RUN))
    connection.execute(SQL["prune_fires"], (before, limit))
    connection.execute(SQL["prune_idempotency"], (before, limit))
    connection.execute(SQL["prune_workers"], (before,))
    connection.execute(SQL["prune_credentials"], (before,))
    return deleted
