"""The store's verbs: what is done for sessions that died, and what is thrown away when it is old."""

from __future__ import annotations

from collections.abc import Sequence

from runwright.clock import Micros
from runwright.lifecycle import RunEvent, next_status
from runwright.model import AttemptStatus, Lane, Rescue, RunStatus
from runwright.store.actions import action_of
from runwright.store.leases import LiveSession
from runwright.store.rows import rescue_of
from runwright.store.transaction import Transaction
from runwright.store.verbs.claim import unpark
from runwright.store.verbs.journal import Journal
from runwright.store.verbs.sessions import give_up_reservations

FRONT = 2**62
"""The rank of runs that have waited too long; no priority reaches it."""
EVENTS_PER_RUN = 10
"""How many old entries of the timeline are deleted for each run that may be: a run leaves several."""


async def lose(tx: Transaction, dead: Sequence[LiveSession]) -> list[str]:
    """Mark sessions as lost, unless they have renewed since they were judged."""
    lost = []
    for session in dead:
        if await tx.one("session_lock", session.key, session.beats) is not None:
            await tx.do("session_lose", session.key, tx.now)
            lost.append(session)
    if lost:
        await give_up_reservations(tx, [session.key for session in lost])
    return [session.id for session in lost]


async def forgotten_keys(tx: Transaction) -> list[str]:
    """Concurrency keys with a free place that nobody is ready to take: a fault of this store, healed by the sweep."""
    return [str(row[0]) for row in await tx.all("unpark_forgotten")]


async def orphans(tx: Transaction, limit: int) -> list[Rescue]:
    """See ``Store.orphans``; the sessions have been judged before."""
    return [rescue_of(row) for row in await tx.all("orphan_list", limit)]


async def rescue(tx: Transaction, decisions: Sequence[tuple[Rescue, RunEvent]]) -> int:
    """See ``Store.rescue``."""
    now, journal = tx.now, Journal(tx)
    freed: list[str | None] = []
    for orphan, event in sorted(decisions, key=lambda decision: decision[0].key):
        row = await tx.one("orphan_read", orphan.key, orphan.token)
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
        await tx.do(
            "rescue",
            orphan.key,
            orphan.token,
            event.value,
            after.value,
            1 if ready else 0,
            over,
            1 if lost else 0,
            kind,
            message,
        )
        died = "its worker died, or was cut off from the store" if lost else "its worker stopped before it was done"
        began = now if started_at is None else started_at
        values = (attempt, AttemptStatus.INTERRUPTED.value, began, now, worker, "interrupted", died, None)
        await tx.many("attempt_insert", [(orphan.key, *values)])
        journal.run(action_of(event, after), run, task, None, {"attempt": attempt, "worker": orphan.worker})
        if over is not None:
            journal.ended(run, schedule, after, started_at, over, message)
        freed.append(shared)
        tx.topics.add("runs")
    await unpark(tx, freed)
    await journal.write()
    return len(freed)


async def age(tx: Transaction, before: Micros, limit: int) -> int:
    """See ``Store.age``."""
    moved = 0
    for lane, task in await tx.all("ready_tasks", [lane.value for lane in Lane]):
        for (rank,) in await tx.all("claim_ranks", lane, task):
            if rank < FRONT and moved < limit:
                moved += await tx.do("age", lane, task, rank, before, FRONT, limit - moved)
    return moved


async def prune(tx: Transaction, before: Micros, limit: int) -> int:
    """See ``Store.prune``."""
    deleted = 0
    for (task,) in await tx.all("prune_tasks"):
        if deleted < limit:
            deleted += await tx.do("prune_runs", task, before, limit - deleted)
    await tx.do("prune_events", before, limit * EVENTS_PER_RUN)
    await tx.do("prune_fires", before, limit)
    await tx.do("prune_idempotency", before, limit)
    await tx.do("prune_workers", before)
    await tx.do("prune_credentials", before)
    await tx.do("prune_rates", before)
    return deleted
