"""The store's verbs: why a waiting run does not start yet, in a sentence for people. Reads only."""

from __future__ import annotations

from runwright.clock import SECOND, Micros, to_datetime
from runwright.model import Lane, RunStatus
from runwright.store.rows import names_of
from runwright.store.transaction import Transaction, first_value
from runwright.store.verbs.kin import KEPT, kept_by, part_of
from runwright.store.verbs.runs import IN_LINE, WAITS

_WAITING = {RunStatus.PENDING.value, RunStatus.RETRYING.value}


async def waiting_for(tx: Transaction, run: str) -> str | None:
    """See ``Store.waiting_for``."""
    row = await tx.one("waiting_read", run)
    if row is None:
        return None
    status, task, lane, exclusive, due_at, key, token, ready, shared, limit, lent, child = row
    if lent == KEPT and (alone := await kept_by(tx, key, run)) is not None:
        return f"It goes on when the exclusive run {alone[0]} of {alone[1]} has ended."
    if status not in _WAITING or token is not None:
        return None
    if ready == WAITS:
        return await _for_schedules(tx, run)
    if ready == IN_LINE:
        before = await first_value(tx, "waiting_in_line", run)
        return f"It waits for run {before} of its schedule to end." if before else "It is about to start."
    if due_at > tx.now:
        return f"It is due at {to_datetime(due_at):%Y-%m-%d %H:%M:%S} UTC."
    known, any_live = await tx.one("waiting_known", task) or (0, 0)
    if not any_live:
        return "No worker is running."
    if not known:
        return f"No running worker knows the task {task}."
    if lane != Lane.SERVICE:
        reason = await _behind(tx, due_at, key, child == 1, exclusive == 1)
        if reason is not None:
            return reason
    if shared is not None and await first_value(tx, "places_free", key) < 1:
        return f"At most {limit} may run at a time for its concurrency key {shared}."
    if (rate := await tx.one("waiting_rate", task)) is not None:
        count, micros = rate
        starts = await tx.all("rate_read", task, tx.now - micros, tx.now, count)
        if len(starts) == count:
            return f"At most {count} runs of {task} may start in {micros / SECOND:g} s."
    return None


async def _for_schedules(tx: Transaction, run: str) -> str:
    needs = await first_value(tx, "waiting_for_schedules", run)
    names = ", ".join(names_of(needs))
    return f"It waits for a success of {names} since its schedule's last start." if names else "It is about to start."


async def _behind(tx: Transaction, due_at: Micros, key: int, child: bool, exclusive: bool) -> str | None:
    """Which exclusive run, or for an exclusive run which other one, it waits for."""
    running = await tx.one("waiting_exclusive")
    if running is not None and not (child and await part_of(tx, key, running[0])):
        return f"The exclusive run {running[0]} of {running[1]} is running alone."
    if not child:
        barrier = await tx.one("waiting_barrier", tx.now)
        if barrier is not None and (barrier[2], barrier[3]) < (due_at, key):
            return f"The exclusive run {barrier[0]} of {barrier[1]} became due before it."
    if exclusive:
        others = await tx.all("claim_others", key, 0 if running else 1, 4)
        if others:
            names = ", ".join(f"{run} of {task}" for run, task in others[:3])
            more = " and others" if len(others) > 3 else ""
            return f"It is exclusive and waits until {names}{more} have ended or only wait for other runs."
    return None
