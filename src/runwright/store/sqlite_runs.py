"""The store on SQLite: runs coming in, and what people do with them. Jobs for the writer; each is one verb's body."""

from __future__ import annotations

from collections.abc import Sequence

from runwright.clock import Micros
from runwright.errors import InvalidInput
from runwright.lifecycle import RunEvent, next_status
from runwright.model import Enqueued, NewRun, RunStatus
from runwright.store import sql
from runwright.store.actions import Action, action_of
from runwright.store.rows import Row, run_values
from runwright.store.sqlite_claim import unpark
from runwright.store.sqlite_journal import Journal
from runwright.store.sqlite_writer import Work

SQL = sql.load("sqlite")


def enqueue(work: Work, runs: Sequence[NewRun]) -> list[Enqueued]:
    """See ``Store.enqueue``."""
    connection, now, journal = work.connection, work.now, Journal(work)
    if len(runs) > 1 and all(run.unique_key is None and run.idempotency_key is None for run in runs):
        before = connection.total_changes()
        connection.execute("SAVEPOINT plain")
        connection.executemany(SQL["run_insert"], [run_values(run, _ready(run, now)) for run in runs])
        if connection.total_changes() - before == len(runs):
            connection.execute("RELEASE plain")
            for run in runs:
                journal.run(Action.RUN_CREATED, run.id, run.task, run.created_by)
            journal.write()
            work.topics.add("runs")
            return [Enqueued(run.id) for run in runs]
        connection.execute("ROLLBACK TO plain")  # some are there already: one by one, to know which
        connection.execute("RELEASE plain")
    answers = [insert(work, journal, run) for run in runs]
    journal.write()
    return answers


def insert(work: Work, journal: Journal, run: NewRun) -> Enqueued:
    """Insert one run unless its id, its idempotency key or its unique key is taken."""
    connection = work.connection
    if run.unique_key is not None or run.idempotency_key is not None:
        if connection.execute(SQL["run_exists"], (run.id,)).fetchone() is not None:
            return Enqueued(run.id)
        if run.idempotency_key is not None:
            used = connection.execute(SQL["idempotency_find"], (run.created_by, run.idempotency_key)).fetchone()
            if used is not None:
                return Enqueued(used[0], created=False, same_body=used[1] == run.idempotency_digest)
        holder = connection.execute(SQL["unique_holder"], (run.unique_key,)).fetchone()
        if holder is not None:
            return Enqueued(holder[0], created=False)
    connection.execute(SQL["run_insert"], run_values(run, _ready(run, work.now)))
    if connection.changes():
        if run.idempotency_key is not None:
            connection.execute(
                SQL["idempotency_insert"],
                (run.created_by, run.idempotency_key, run.idempotency_digest, run.id, work.now),
            )
        journal.run(Action.RUN_CREATED, run.id, run.task, run.created_by)
        work.topics.add("runs")
    return Enqueued(run.id)


def _ready(run: NewRun, now: Micros) -> bool:
    """What was to start at once does so, whatever the wall clock has done since it was let in."""
    return run.due_at <= max(now, run.created_at)


def skip(work: Work, journal: Journal, run: NewRun, reason: str) -> None:
    """A run that was just inserted and will not run in this cycle."""
    connection = work.connection
    after = next_status(RunStatus.PENDING, RunEvent.SKIP) or RunStatus.PENDING
    connection.execute(SQL["run_skip"], (run.id, RunEvent.SKIP.value, after.value, work.now, reason))
    if connection.changes():
        journal.run(action_of(RunEvent.SKIP, after), run.id, run.task, None, {"reason": reason})
        journal.ended(run.id, run.schedule, after, None, work.now, reason)


def move(
    work: Work, runs: Sequence[str], event: RunEvent, actor: str, at: Micros
) -> list[tuple[RunStatus, RunStatus] | None]:
    """See ``Store.move``."""
    one = {RunEvent.CANCEL: _cancel, RunEvent.RESUME: _resume, RunEvent.RESTART: _restart}.get(event)
    if one is None:
        raise InvalidInput.field("/event", f"{event} is not a command; give cancel, resume or restart")
    journal = Journal(work)
    answers: list[tuple[RunStatus, RunStatus] | None] = []
    for run in runs:
        row = work.connection.execute(SQL["move_read"], (run,)).fetchone()
        if row is None:
            answers.append(None)
            continue
        before = RunStatus(row[1])
        after = one(work, run, row, before, at)
        answers.append((before, before if after is None else after))
        if after is not None and after is not before:
            journal.run(action_of(event, after), run, row[2], actor)
            if after.terminal:
                journal.ended(run, row[3], after, row[9], at, None)
    journal.write()
    return answers


def _cancel(work: Work, run: str, row: Row, before: RunStatus, at: Micros) -> RunStatus | None:
    after = next_status(before, RunEvent.CANCEL)
    if after is None:
        return None
    over = at if after.terminal else None
    work.connection.execute(SQL["move_cancel"], (row[0], RunEvent.CANCEL.value, after.value, over))
    if after.terminal:
        unpark(work, [row[10]])
    # A held run hears of it from ``controls``; one that waited may have kept others from starting.
    work.topics.update(("runs", "run:" + run) if row[4] is None else ("runs", "controls", "run:" + run))
    return after


def _resume(work: Work, run: str, row: Row, before: RunStatus, at: Micros) -> RunStatus | None:
    if before is RunStatus.RUNNING and row[6]:
        work.connection.execute(SQL["pause_request"], (row[0], 0))
        work.topics.update(("controls", "run:" + run))
        return before
    after = next_status(before, RunEvent.RESUME)
    if after is not None:
        work.connection.execute(SQL["move_resume"], (row[0], RunEvent.RESUME.value, after.value))
        work.topics.update(("controls", "run:" + run))
    return after


def _restart(work: Work, run: str, row: Row, before: RunStatus, at: Micros) -> RunStatus | None:
    after = next_status(before, RunEvent.RESTART)
    if after is None or work.connection.execute(SQL["unique_holder"], (row[11],)).fetchone() is not None:
        return None  # a live run has taken its unique key since: there must not be two
    work.connection.execute(
        SQL["move_restart"], (row[0], RunEvent.RESTART.value, after.value, at, 1 if at <= work.now else 0)
    )
    work.topics.add("runs")
    return after


def request_pause(work: Work, run: str, actor: str) -> RunStatus | None:
    """See ``Store.request_pause``."""
    row = work.connection.execute(SQL["move_read"], (run,)).fetchone()
    if row is None:
        return None
    status = RunStatus(row[1])
    if status is RunStatus.RUNNING and not row[6]:
        work.connection.execute(SQL["pause_request"], (row[0], 1))
        journal = Journal(work)
        journal.run(Action.PAUSE_REQUESTED, run, row[2], actor)
        journal.write()
        work.topics.add("controls")
    return status


def delete(work: Work, runs: Sequence[str], actor: str) -> list[RunStatus | None]:
    """See ``Store.delete``."""
    journal = Journal(work)
    answers: list[RunStatus | None] = []
    for run in runs:
        row = work.connection.execute(SQL["move_read"], (run,)).fetchone()
        answers.append(None if row is None else RunStatus(row[1]))
        if row is not None and RunStatus(row[1]).terminal:
            work.connection.execute(SQL["run_delete"], (row[0],))
            journal.run(Action.RUN_DELETED, run, row[2], actor)
    journal.write()
    return answers
