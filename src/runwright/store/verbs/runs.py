"""The store's verbs: runs coming in, and what people do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runwright.clock import Micros
from runwright.errors import InvalidInput
from runwright.lifecycle import RunEvent, next_status
from runwright.model import WAITING, Enqueued, Lane, NewArguments, NewRun, RunStatus
from runwright.store.actions import Action, action_of
from runwright.store.rows import run_values
from runwright.store.transaction import PIECE_ROWS, Row, Transaction
from runwright.store.verbs.claim import unpark
from runwright.store.verbs.journal import Journal

WAITS, IN_LINE = 3, 4
"""The ``ready`` of a run that waits for other schedules, and of one that waits for the runs of its own before it."""


async def enqueue(tx: Transaction, runs: Sequence[NewRun]) -> list[Enqueued]:
    """See ``Store.enqueue``."""
    journal = Journal(tx)
    answers = await let_in(tx, journal, runs)
    await journal.write()
    return answers


async def let_in(tx: Transaction, journal: Journal, runs: Sequence[NewRun]) -> list[Enqueued]:
    """Insert the runs that are not there; the answers in the same order.

    Those that nothing can refuse are inserted in one go, without a look. If one is there already, sent again, the verb
    is done again, and looks. They are taken piece by piece: the store may be at work on one while the next is read.
    """
    answers: list[Enqueued] = []
    busy: set[str] = set()
    for first in range(0, len(runs), PIECE_ROWS):
        piece = runs[first : first + PIECE_ROWS]
        ready = await _places(tx, piece, busy)
        sure = [] if tx.again else [run for run in piece if cannot_be_refused(run)]
        await _insert(tx, journal, sure, ready)
        if len(sure) == len(piece):
            answers += [Enqueued(run.id) for run in piece]
            continue
        there = {run.id for run in sure}
        async with tx.brief():
            for run in piece:
                sent = run.id in there
                answers.append(Enqueued(run.id) if sent else await _look_and_insert(tx, journal, run, ready))
    return answers


def cannot_be_refused(run: NewRun) -> bool:
    """Whether no other run can keep this one out."""
    return run.unique_key is None and run.idempotency_key is None


async def _places(tx: Transaction, runs: Sequence[NewRun], busy: set[str]) -> dict[str, int]:
    """The ``ready`` of each new run. What was to start at once does so, whatever the wall clock has done since.

    ``busy``: schedules that are known to have a live run; it takes those that are found to, or will have one.
    """
    lines = {run.schedule for run in runs if run.in_line and run.schedule is not None} - busy
    if lines:
        busy.update(row[0] for row in await tx.all("schedule_busy", sorted(lines)))
    ready: dict[str, int] = {}
    for run in runs:
        if run.waits:
            ready[run.id] = WAITS
        elif run.in_line and run.schedule in busy:
            ready[run.id] = IN_LINE
        else:
            ready[run.id] = 1 if run.due_at <= max(tx.now, run.created_at) else 0
        if run.in_line and run.schedule is not None:
            busy.add(run.schedule)
    if any(place >= WAITS for place in ready.values()):
        tx.topics.add("waiting")  # what it waits for may have ended while it was written
    return ready


async def _insert(tx: Transaction, journal: Journal, runs: Sequence[NewRun], ready: Mapping[str, int]) -> None:
    if not runs:
        return
    rows = [run_values(run, ready[run.id]) for run in runs]
    for run in runs:
        journal.run(Action.RUN_CREATED, run.id, run.task, run.created_by)
    tx.topics.add("runs")
    await tx.together(("run_insert", rows), *journal.batches())


async def _look_and_insert(tx: Transaction, journal: Journal, run: NewRun, ready: Mapping[str, int]) -> Enqueued:
    """Insert one run unless its id, its idempotency key or its unique key is taken."""
    if await tx.one("run_exists", run.id) is not None:
        return Enqueued(run.id)
    if run.idempotency_key is not None:
        used = await tx.one("idempotency_find", run.created_by, run.idempotency_key)
        if used is not None:
            return Enqueued(used[0], created=False, same_body=used[1] == run.idempotency_digest)
    if run.unique_key is not None:
        holder = await tx.one("unique_holder", run.unique_key)
        if holder is None and run.unique_since is not None:
            holder = await tx.one("unique_recent", run.unique_key, run.unique_since)
        if holder is not None:
            return Enqueued(holder[0], created=False)
    if run.idempotency_key is not None:
        values = (run.created_by, run.idempotency_key, run.idempotency_digest, run.id, tx.now)
        await tx.do("idempotency_insert", *values)
    await _insert(tx, journal, [run], ready)
    return Enqueued(run.id)


async def skip(tx: Transaction, journal: Journal, run: str, task: str, schedule: str | None, reason: str) -> bool:
    """A pending run will not run in this cycle. False if it is pending no longer."""
    after = next_status(RunStatus.PENDING, RunEvent.SKIP) or RunStatus.PENDING
    if not await tx.do("run_skip", run, RunEvent.SKIP.value, after.value, tx.now, reason):
        return False
    journal.run(action_of(RunEvent.SKIP, after), run, task, None, {"reason": reason})
    journal.ended(run, schedule, after, None, tx.now, reason)
    return True


async def move(
    tx: Transaction, runs: Sequence[str], event: RunEvent, actor: str, at: Micros
) -> list[tuple[RunStatus, RunStatus] | None]:
    """See ``Store.move``."""
    journal = Journal(tx)
    freed: list[str | None] = []
    answers = await moved(tx, journal, freed, runs, event, actor, at)
    await unpark(tx, freed)
    await journal.write()
    return [answers[run] for run in runs]


async def moved(
    tx: Transaction,
    journal: Journal,
    freed: list[str | None],
    runs: Sequence[str],
    event: RunEvent,
    actor: str,
    at: Micros,
) -> dict[str, tuple[RunStatus, RunStatus] | None]:
    """Apply a command to each run, as ``move`` says; ``freed`` gets the keys with a free place, for ``unpark``."""
    one = {RunEvent.CANCEL: _cancel, RunEvent.RESUME: _resume, RunEvent.RESTART: _restart}.get(event)
    if one is None:
        raise InvalidInput.field("/event", f"{event} is not a command; give cancel, resume or restart")
    answers: dict[str, tuple[RunStatus, RunStatus] | None] = {}
    await _hold(tx, runs)
    for run in dict.fromkeys(runs):
        row = await tx.one("move_read", run)
        if row is None:
            answers[run] = None
            continue
        before = RunStatus(row[1])
        after = await one(tx, run, row, before, at)
        answers[run] = (before, before if after is None else after)
        if after is not None and after is not before:
            journal.run(action_of(event, after), run, row[2], actor)
            if after.terminal:
                freed.append(row[10])
                journal.ended(run, row[3], after, row[9], at, None)
    return answers


async def _hold(tx: Transaction, runs: Sequence[str]) -> None:
    """Lock several runs in one order everywhere, so that two who hold several never wait for each other."""
    if len(runs) > 1:
        await tx.all("move_lock", list(runs))


async def _cancel(tx: Transaction, run: str, row: Row, before: RunStatus, at: Micros) -> RunStatus | None:
    reserved = row[4] is not None and before in WAITING
    event = RunEvent.CANCEL_RESERVED if reserved else RunEvent.CANCEL
    after = next_status(before, event)
    if after is None:
        return None
    if reserved:
        await tx.do("move_cancel_reserved", row[0], event.value, after.value, at)
    else:
        await tx.do("move_cancel", row[0], event.value, after.value, at if after.terminal else None)
    # A held run hears of it from ``controls``; one that waited may have kept others from starting.
    tx.topics.update(("runs", "run:" + run) if row[4] is None else ("runs", "controls", "run:" + run))
    return after


async def _resume(tx: Transaction, run: str, row: Row, before: RunStatus, at: Micros) -> RunStatus | None:
    if before is RunStatus.RUNNING and row[6]:
        await tx.do("pause_request", row[0], 0)
        tx.topics.update(("controls", "run:" + run))
        return before
    after = next_status(before, RunEvent.RESUME)
    if after is not None:
        await tx.do("move_resume", row[0], RunEvent.RESUME.value, after.value)
        tx.topics.update(("controls", "run:" + run))
    return after


async def _restart(tx: Transaction, run: str, row: Row, before: RunStatus, at: Micros) -> RunStatus | None:
    after = next_status(before, RunEvent.RESTART)
    if after is None or row[12] == Lane.SERVICE:  # a service is started by its schedule, which has one run at a time
        return None
    if await tx.one("unique_holder", row[11]) is not None:
        return None  # a live run has taken its unique key since: there must not be two
    await tx.do("attempt_keep", row[0])
    async with tx.brief():
        await tx.do("move_restart", row[0], RunEvent.RESTART.value, after.value, at, 1 if at <= tx.now else 0)
    tx.topics.add("runs")
    return after


async def restart_with(
    tx: Transaction, run: str, given: NewArguments, actor: str, at: Micros
) -> tuple[RunStatus, RunStatus] | None:
    """See ``Store.restart_with``."""
    row = await tx.one("move_read", run)
    if row is None:
        return None
    before = RunStatus(row[1])
    if next_status(before, RunEvent.RESTART) is None or await tx.one("unique_holder", given.unique_key) is not None:
        return before, before
    # The new keys first: a live run may hold the old unique key.
    keys = (given.unique_key, given.concurrency_key, given.concurrency_limit)
    async with tx.brief():
        await tx.do("move_rewrite", row[0], given.arguments, *keys)
    after = await _restart(tx, run, (*row[:11], given.unique_key, row[12]), before, at) or before
    journal = Journal(tx)
    action = action_of(RunEvent.RESTART, after)
    journal.run(action, run, row[2], actor, {"changed": list(given.changed)})
    await journal.write()
    return before, after


async def request_pause(tx: Transaction, run: str, actor: str) -> RunStatus | None:
    """See ``Store.request_pause``."""
    row = await tx.one("move_read", run)
    if row is None:
        return None
    status = RunStatus(row[1])
    if status is RunStatus.RUNNING and not row[6]:
        await tx.do("pause_request", row[0], 1)
        journal = Journal(tx)
        journal.run(Action.PAUSE_REQUESTED, run, row[2], actor)
        await journal.write()
        tx.topics.add("controls")
    return status


async def delete(tx: Transaction, runs: Sequence[str], actor: str) -> list[RunStatus | None]:
    """See ``Store.delete``."""
    journal = Journal(tx)
    answers: dict[str, RunStatus | None] = {}
    await _hold(tx, runs)
    for run in dict.fromkeys(runs):
        row = await tx.one("move_read", run)
        answers[run] = None if row is None else RunStatus(row[1])
        if row is not None and RunStatus(row[1]).terminal:
            await tx.do("run_delete", row[0])
            journal.run(Action.RUN_DELETED, run, row[2], actor)
    await journal.write()
    return [answers[run] for run in runs]
