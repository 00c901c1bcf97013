"""The store's verbs: ``turn``, which records what happened to claimed runs and claims the next ones.

The rows are read first, once for the batch; each change is then written by a statement that checks the token and looks
its transition up again. Which runs are claimed is ``claim``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence

from runwright.lifecycle import RunEvent, next_status
from runwright.model import ACTIVE, WAITING, Change, Finish, Lane, RunStatus, Turn
from runwright.store import sql
from runwright.store.actions import Action, action_of
from runwright.store.base import Wanted
from runwright.store.rows import clean, dump
from runwright.store.transaction import Row, Transaction, pieces
from runwright.store.verbs.claim import Claimer, unpark
from runwright.store.verbs.journal import Journal
from runwright.store.verbs.kin import WAITS, take_back
from runwright.store.verbs.sessions import session_row

_EVENTS = {event.value: event for event in RunEvent}
_FOLDED = {event: sql.folded(event) for event in RunEvent}
_STATUSES = {status.value: status for status in RunStatus}
_CHANGES = {RunEvent.START, RunEvent.PAUSE, RunEvent.EXPIRING, RunEvent.LEND, RunEvent.TAKE_BACK}


async def turn(
    tx: Transaction, session: str, wanted: Sequence[Wanted], changes: Sequence[Change], finished: Sequence[Finish]
) -> Turn:
    """See ``Store.turn``."""
    row = await session_row(tx, session)
    if row is None:
        return Turn(fenced=True)
    worker, barrier, wishes = int(row[0]), bool(row[1]), bool(row[2])
    journal = Journal(tx)
    lost: set[int] = set()
    refused: frozenset[int] = frozenset()
    if changes or finished:
        rows = await _read(tx, [*(change.key for change in changes), *(finish.key for finish in finished)])
        statuses = {key: _STATUSES[row[3]] for key, row in rows.items()}
        freed: list[str | None] = []
        asks = await _change(tx, journal, worker, changes, rows, statuses, lost, freed)
        if barrier and freed:
            tx.topics.add("runs")  # the exclusive run may have waited for one that only waits now
        for piece in pieces(finished):  # the store works on some while the next are made ready
            await _finish(tx, journal, worker, piece, rows, statuses, lost, freed)
        await unpark(tx, freed)
        if asks:
            refused = await take_back(tx, asks, lost, alone=barrier and bool(wanted))
    if not wanted:
        await journal.write()
        return Turn(lost=frozenset(lost), refused=refused, wishes=wishes)
    claimer = Claimer(tx, journal, worker)
    await claimer.claim(wanted, alone=barrier)
    await journal.write()
    return Turn(
        tuple(claimer.claims), frozenset(lost), refused, next_due=claimer.next_due, backlog=claimer.backlog,
        wishes=wishes,
    )  # fmt: skip


async def _read(tx: Transaction, keys: Sequence[int]) -> dict[int, Row]:
    """The runs behind the keys: token, worker, status, id, task, schedule, attempt, exclusive, and what people want."""
    return {row[0]: row for row in await tx.all("turn_read", list(keys))}


async def _change(
    tx: Transaction,
    journal: Journal,
    worker: int,
    changes: Sequence[Change],
    rows: dict[int, Row],
    statuses: dict[int, RunStatus],
    lost: set[int],
    freed: list[str | None],
) -> list[tuple[Change, Row]]:
    """Write the changes; ``statuses`` are the rows' as they are after them.

    ``freed`` takes the concurrency keys of those that begin to wait. Who asks to go on is returned: that comes last.
    """
    starts: list[tuple[object, ...]] = []
    others: list[tuple[str, tuple[object, ...]]] = []
    asks: list[tuple[Change, Row]] = []
    for change in changes:
        row, event = rows.get(change.key), _EVENTS[change.event]
        after = None
        if row is not None and row[1] == change.token and row[2] == worker and event in _CHANGES:
            after = next_status(statuses[change.key], event)
        if row is None or after is None:
            lost.add(change.token)
            continue
        if event is RunEvent.PAUSE and not row[10]:
            continue  # the wish was taken back while the run reached its checkpoint: it goes on
        if event is RunEvent.START and after is RunStatus.CANCELLING:
            continue  # it was cancelled before its start was told, and has counted as begun since
        if event is RunEvent.START:
            starts.append((change.key, change.token, after.value, change.at))
        elif event is RunEvent.TAKE_BACK:
            asks.append((change, row))
        elif event is RunEvent.LEND:
            others.append(("turn_lend", (change.key, change.token, event.value, WAITS)))
            freed.append(row[13])
        else:
            others.append(("turn_change", (change.key, change.token, event.value, after.value)))
        if after is not statuses[change.key]:
            journal.run(action_of(event, after), row[4], row[5])
        statuses[change.key] = after
    if starts:  # before the others: a run that starts and pauses in one batch does so in this order
        await tx.many("turn_start", starts)
    for statement, values in others:
        await tx.do(statement, *values)
    return asks


async def _finish(
    tx: Transaction,
    journal: Journal,
    worker: int,
    finished: Sequence[Finish],
    rows: dict[int, Row],
    statuses: dict[int, RunStatus],
    lost: set[int],
    freed: list[str | None],
) -> None:
    """Write the endings; ``freed`` takes the concurrency keys of those that ended."""
    now = tx.now
    updates: list[tuple[object, ...]] = []
    attempts: list[tuple[object, ...]] = []
    for finish in finished:
        row = rows.get(finish.key)
        if row is None or row[1] != finish.token or row[2] != worker:
            lost.add(finish.token)
            continue
        (_, _, _, _, run_id, task, schedule, _, exclusive, cancelled, _, lane, due_at, shared) = row
        folded = statuses[finish.key] in WAITING
        status = next_status(statuses[finish.key], RunEvent.START) if folded else statuses[finish.key]
        event = _EVENTS[finish.event]
        if cancelled and event in (RunEvent.EXPIRE, RunEvent.EXPIRE_RETRY):
            event = (
                RunEvent.STOPPED
            )  # somebody cancelled it while it was being stopped for time: an accepted cancel wins
        after = None if status is None else next_status(status, event)
        if after is None or after in ACTIVE:
            lost.add(finish.token)
            continue
        del rows[finish.key]  # once; an ending of an older claim, told again in the same turn, must not take its place
        error, progress, over = finish.error, finish.progress, after.terminal
        ready = False
        if not over:
            due_at = due_at if finish.due_at is None else finish.due_at
            ready = due_at <= now
        shown = None if after is RunStatus.COMPLETED or after is RunStatus.CANCELLED else error
        told = _FOLDED[event] if folded else event.value
        updates.append(
            (
                finish.key, finish.token, told, after.value, 1 if ready else 0, due_at, finish.started_at,
                finish.completed_at if over else None, finish.attempt, 1 if finish.failed else 0,
                clean(finish.result) if after is RunStatus.COMPLETED else None,
                None if shown is None else clean(shown.kind), None if shown is None else clean(shown.message),
                clean(dump(finish.warnings)) if finish.warnings else None,
                None if progress is None else progress.current, None if progress is None else progress.total,
                None if progress is None else clean(progress.message), finish.cpu_seconds,
            )
        )  # fmt: skip
        if not over or error is not None or finish.attempt_status.value != after.value:  # else the run tells it all
            raised = (None,) * 3 if error is None else (clean(error.kind), clean(error.message), clean(error.traceback))
            attempts.append(
                (
                    finish.key, finish.attempt, finish.attempt_status.value, finish.started_at, finish.completed_at,
                    worker, *raised,
                )
            )  # fmt: skip
        freed.append(shared)
        if folded:
            journal.run(Action.RUN_STARTED, run_id, task)
        journal.run(action_of(event, after), run_id, task, None, None if shown is None else {"error": shown.kind})
        if over:
            journal.ended(
                run_id,
                schedule,
                after,
                finish.started_at,
                finish.completed_at,
                None if shown is None else clean(shown.message),
            )
        elif ready:
            tx.topics.add("runs")
        if exclusive or lane == Lane.SERVICE:
            tx.topics.add("runs")  # what waited behind it may start, in any process
    if updates:
        await tx.together(("turn_finish", updates), ("attempt_insert", attempts), *journal.batches())
