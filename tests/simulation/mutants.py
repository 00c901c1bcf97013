"""Planted bugs. Each is one mistake that an engine like this could make; the simulation must see every one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

from runwright.clock import SECOND, Clock
from runwright.lifecycle import RunEvent
from runwright.model import Enqueued, Finish, FirePlan, NewRun, Turn
from runwright.store.leases import Leases, LiveSession
from runwright.worker import service
from runwright.worker.executor import Executor
from runwright.worker.heartbeat import Heartbeat
from tests.simulation.cluster import Faults, World

Spoil = Callable[[World, Any], Any]
QUIET = Faults()
LOSSY = Faults(before=0.05, after=0.05)
DEADLY = Faults(kills=True)
FREEZING = Faults(freezes=True)
STEPPING = Faults(steps=True)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug: ``verbs`` are spoiled verbs of the store, ``patch`` spoils the core itself, ``bug`` its options.

    ``options`` are those of the world that it is planted in, which is in order without it.
    """

    name: str
    faults: Faults
    verbs: dict[str, Spoil] = field(default_factory=dict)
    patch: Callable[[], AbstractContextManager[Any]] = nullcontext
    bug: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def acknowledged_before_the_commit(world: World, verb: Any) -> Any:
    async def enqueue(runs: Sequence[NewRun]) -> Sequence[Enqueued]:
        if world.loop.rng.random() < 0.1:
            return [Enqueued(run.id) for run in runs]
        answer: Sequence[Enqueued] = await verb(runs)
        return answer

    return enqueue


def exclusive_is_forgotten(world: World, verb: Any) -> Any:
    return lambda runs: verb([replace(run, exclusive=False) for run in runs])


def no_fence_on_finish(world: World, verb: Any) -> Any:
    """Whoever reports an ending is believed, whatever has become of its lease and its claim."""

    async def turn(session: str, wanted: Any = (), changes: Any = (), finished: Sequence[Finish] = ()) -> Any:
        sql = world.store._connection
        for finish in finished:
            sql.execute("UPDATE worker SET state = 'live' WHERE id = ?", (session,))
            sql.execute(
                "UPDATE run SET status = 'running', token = ?, completed_at = NULL, ready = 0, "
                "worker = (SELECT key FROM worker WHERE id = ?) WHERE key = ?",
                (finish.token, session, finish.key),
            )
        return await verb(session, wanted, changes, finished)

    return turn


def failures_are_not_counted(world: World, verb: Any) -> Any:
    async def turn(session: str, wanted: Any = (), changes: Any = (), finished: Sequence[Finish] = ()) -> Any:
        return await verb(session, wanted, changes, [replace(finish, failed=False) for finish in finished])

    return turn


def rescued_by_age(world: World, verb: Any) -> Any:
    """A run is taken from its worker because it has run for long, not because the worker is gone."""

    async def orphans(limit: int = 500) -> Any:
        old = world.clock.now() - 15_000_000
        sql = world.store._connection
        sql.execute(
            "UPDATE worker SET state = 'lost', ended_at = ? WHERE state = 'live' AND key IN "
            "(SELECT worker FROM run WHERE token IS NOT NULL AND started_at < ?)",
            (world.clock.now(), old),
        )
        return await verb(limit)

    return orphans


def condemned_at_the_first_crash(world: World, verb: Any) -> Any:
    return lambda decisions: verb([(orphan, RunEvent.CRASH_LOOP) for orphan, _ in decisions])


def never_rescued(world: World, verb: Any) -> Any:
    async def rescue(decisions: Any) -> int:
        return 0

    return rescue


def ledger_without_a_key(world: World, verb: Any) -> Any:
    """Neither the schedule's version nor the ledger's unique key stops the second of two schedulers."""

    async def fire(plans: Sequence[FirePlan], **how: bool) -> Any:
        sql, believed = world.store._connection, []
        for plan in plans:
            version = int(sql.execute("SELECT version FROM schedule WHERE id = ?", (plan.schedule,)).get)
            for new in plan.fires:
                sql.execute("DELETE FROM fire WHERE schedule = ? AND due_at = ?", (plan.schedule, new.due_at))
            believed.append(replace(plan, version=version))
        return await verb(believed, **how)

    return fire


def cursor_moves_without_its_run(world: World, verb: Any) -> Any:
    """The place of the schedule and its run are two transactions, and a process dies between them now and then."""

    async def fire(plans: Sequence[FirePlan], **how: bool) -> Any:
        return await verb([replace(p, fires=()) if world.loop.rng.random() < 0.2 else p for p in plans], **how)

    return fire


def ends_have_no_consequences(world: World, verb: Any) -> Any:
    return lambda ended, next_due: verb(ended, {})


def never_rearmed(world: World, verb: Any) -> Any:
    """Nor does the sweep help that looks for what was left without a due time."""

    async def rearm(next_due: Any) -> None:
        return None

    return rearm


class WallClock:
    """A clock whose steady side is its wall side."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.sleep = clock.sleep

    def monotonic(self) -> float:
        return self.now() / SECOND


@contextmanager
def leases_by_the_wall_clock() -> Iterator[None]:
    begin = Leases.__init__
    with mock.patch.object(Leases, "__init__", lambda self, clock: begin(self, WallClock(clock))):
        yield


@contextmanager
def judged_at_first_sight() -> Iterator[None]:
    """A process does not watch a lease for its length: it takes what it sees first for a renewal that is as old."""
    really = Leases.expired

    def expired(self: Leases, sessions: Collection[LiveSession]) -> Sequence[LiveSession]:
        for session in sessions:
            self._seen.setdefault(session.id, (session.beats, float("-inf")))
        return really(self, sessions)

    with mock.patch.object(Leases, "expired", expired):
        yield


def nothing(*_: Any, **__: Any) -> None:
    """Stands in for a step that somebody forgot."""


MUTANTS = [
    Mutant("acknowledged before the commit", QUIET, {"enqueue": acknowledged_before_the_commit}),
    Mutant("exclusive is forgotten", QUIET, {"enqueue": exclusive_is_forgotten}),
    Mutant("no fence on finish", FREEZING, {"turn": no_fence_on_finish}),
    Mutant("failures are not counted", QUIET, {"turn": failures_are_not_counted}),
    Mutant("rescued by age", QUIET, {"orphans": rescued_by_age}),
    Mutant("condemned at the first crash", DEADLY, {"rescue": condemned_at_the_first_crash}),
    Mutant("never rescued", DEADLY, {"rescue": never_rescued}),
    Mutant("ledger without a key", QUIET, {"fire": ledger_without_a_key}),
    Mutant("cursor moves without its run", QUIET, {"fire": cursor_moves_without_its_run}),
    Mutant("ends have no consequences", QUIET, {"settle": ends_have_no_consequences, "rearm": never_rearmed}),
    Mutant("no heartbeat", QUIET, patch=lambda: mock.patch.object(Heartbeat, "beat", return_value=True)),
    Mutant(
        "hints are the truth",
        Faults(drop=1.0),
        patch=lambda: mock.patch.object(service, "LONGEST_SLEEP_SECONDS", 1e9),
        bug={"poll_seconds": 1e9},
    ),
    Mutant("leases by the wall clock", STEPPING, patch=leases_by_the_wall_clock),
    Mutant("leases judged at first sight", DEADLY, patch=judged_at_first_sight),
    Mutant("a lost turn is not adopted", LOSSY, patch=lambda: mock.patch.object(Executor, "adopt", nothing)),
    Mutant(
        "what is in hand is adopted again",
        LOSSY,
        patch=lambda: mock.patch.object(Executor, "adopt", lambda self, claims: self.take(Turn(claims=tuple(claims)))),
    ),
]
