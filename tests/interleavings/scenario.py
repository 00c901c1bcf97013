"""The states from which the operations start, and the operations.

A scenario is brought about by the product's verbs, once; its rows are kept beside and put back for each execution, so
that every execution begins with the very same keys, tokens and times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runwright.lifecycle import RunEvent, decide_crash
from runwright.model import Claim, FirePlan, Lane, NewFire, ScheduleChange
from runwright.store.base import Wanted
from runwright.store.leases import Leases, LiveSession
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_pool import Taken
from runwright.store.verbs import sessions
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup
from tests.interleavings.stepper import Operation, SteppedStore

TABLES = ("worker", "catalogue", "definition", "run", "attempt", "event", "schedule", "fire", "ended")
KEYS = {"R": "K", "P": "K", "C": "K", "H": "L", "Q": "L"}
"""Two runs share each concurrency key, whose limit is one; and a child of R has its parent's."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A state and the operations that meet in it.

    ``runs`` are there in the order of the queue; w1 runs R and has reserved H if they are ``held``. P waits for R's key
    and Q for H's: ``parked``, or still ready; so does C, a child of R. R only waits if it has ``lent``. X is a run of
    its own, and may be exclusive; Y is a plain one.
    """

    name: str
    runs: str
    operations: tuple[str, ...]
    held: bool = True
    parked: bool = True
    exclusive: str = ""
    lent: bool = False


SHAPES = (
    Shape("running", "RHPQXY", ("claim", "beat", "finish", "cancel", "rescue", "fire", "hand_back", "end")),
    Shape("two janitors", "RHPQXY", ("claim", "beat", "finish", "cancel_others", "rescue", "rescue_again")),
    Shape(
        "not yet parked", "RHPQXY",
        ("claim", "claim_again", "finish", "cancel", "cancel_others", "rescue", "fire"), parked=False, exclusive="F",
    ),
    Shape(
        "exclusive waits", "RXY",
        ("claim", "claim_again", "finish", "cancel", "cancel_others", "rescue"), exclusive="X",
    ),
    Shape(
        "exclusive is next", "RPXY",
        ("claim", "claim_again", "cancel", "cancel_others", "fire"), held=False, exclusive="X",
    ),
    Shape(
        "nothing claimed", "RPXY",
        ("claim", "claim_again", "cancel", "fire", "fire_again"), held=False, exclusive="F",
    ),
    Shape(
        "a parent waits, exclusive is next", "RXY",
        ("claim", "claim_again", "take_back", "finish", "cancel", "cancel_others", "rescue"), exclusive="X", lent=True,
    ),
    Shape(
        "a parent waits for a child", "RCPY",
        ("claim", "claim_again", "take_back", "finish", "cancel", "cancel_others", "rescue"), parked=False, lent=True,
    ),
    Shape(
        "a parent will wait for a child", "RPCY",
        ("claim", "claim_again", "lend", "take_back", "finish", "cancel", "cancel_others", "rescue"),
    ),
)  # fmt: skip


@dataclass(slots=True)
class Scenario:
    """A state that can be put back, and its operations by name."""

    shape: Shape
    store: PostgresStore
    clock: ManualClock
    claims: dict[str, Claim] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    watched: list[LiveSession] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    """States after which every run has been brought to its end."""
    _restore: str = ""

    @classmethod
    async def make(cls, shape: Shape, store: PostgresStore, clock: ManualClock) -> Scenario:
        """Bring the state about, in a store that is used for nothing else."""
        scenario = cls(shape, store, clock)
        async with Taken(store._pool) as connection:
            await connection.execute("TRUNCATE " + ", ".join(f"runwright.{table}" for table in TABLES))
        given = Setup(store, clock)
        await given.worker("w1")
        for run in shape.runs:
            await scenario._bring(given, run)
        if shape.lent:
            await store.turn("w1", changes=[given.change(scenario.claims["R"], RunEvent.LEND)])
        await given.worker("w2")
        await given.worker("w3")
        await store.write_schedules([ScheduleChange(replace(given.schedule(next_in=0), id="S"))], "test")
        scenario.watched = [session for session in await store._ask(sessions.live) if session.id == "w1"]
        await scenario._keep()
        scenario._make_operations(given)
        return scenario

    async def restore(self) -> None:
        """Put the state back."""
        async with Taken(self.store._pool) as connection:
            await connection.execute(self._restore)

    async def _bring(self, given: Setup, run: str) -> None:
        """Store a run, and let w1 do with it what the shape wants."""
        self.clock.advance(1)  # each is due after the one before
        key = KEYS.get(run)
        new = given.run(
            exclusive=run in self.shape.exclusive, concurrency_key=key, concurrency_limit=1 if key else None,
            parent="R" if run == "C" else None,
        )  # fmt: skip
        await self.store.enqueue([replace(new, id=run)])
        held, parked = self.shape.held and run in "RH", self.shape.parked and self.shape.held and run in "PQC"
        if held or parked:
            turn = await self.store.turn("w1", [Wanted(Lane.ASYNC, *((1, 0) if run == "R" else (0, 1)))])
            assert [claim.run_id for claim in turn.claims] == ([run] if held else [])
            self.claims.update({claim.run_id: claim for claim in turn.claims})

    async def _keep(self) -> None:
        wipe = [f"DELETE FROM runwright.{table}" for table in reversed(TABLES)]
        fill = [f"INSERT INTO runwright.{table} SELECT * FROM kept.{table}" for table in TABLES]
        self._restore = "BEGIN; " + "; ".join([*wipe, *fill]) + "; COMMIT"
        async with Taken(self.store._pool) as connection:
            await connection.execute("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept")
            for table in TABLES:
                await connection.execute(f"CREATE TABLE kept.{table} AS TABLE runwright.{table}")

    # ----- operations --------------------------------------------------------------------------------------------

    def _make_operations(self, given: Setup) -> None:
        plans = [self._plan(given, run) for run in ("F1", "F2")]
        wanted = [Wanted(Lane.ASYNC, 1, 1)]
        finish = [given.finish(claim) for run, claim in self.claims.items() if run == "R"]
        reserved = [claim for run, claim in self.claims.items() if run == "H"]
        start = [given.change(claim, RunEvent.START) for claim in reserved]
        parent = [claim for run, claim in self.claims.items() if run == "R"]
        lend, back = ([given.change(one, event) for one in parent] for event in (RunEvent.LEND, RunEvent.TAKE_BACK))
        tokens = [(claim.key, claim.token) for claim in reserved]
        every: dict[str, Operation] = {
            "claim": lambda store: store.turn("w2", wanted),
            "claim_again": lambda store: store.turn("w3", [Wanted(Lane.ASYNC, 1)]),
            "beat": lambda store: store.beat_once("w1", LEASE_SECONDS),
            "finish": lambda store: store.turn("w1", wanted, changes=start, finished=finish),
            "lend": lambda store: store.turn("w1", changes=lend),
            "take_back": lambda store: store.turn("w1", changes=back),
            "cancel": lambda store: self._cancel(store, ["H", "P", "R"]),
            "cancel_others": lambda store: self._cancel(store, ["C", "P", "Q", "X"]),
            "rescue": self._rescue,
            "rescue_again": self._rescue,
            "fire": lambda store: store.fire([plans[0]]),
            "fire_again": lambda store: store.fire([plans[1]]),
            "hand_back": lambda store: store.hand_back("w1", tokens),
            "end": lambda store: store.end_session("w1"),
        }
        self.operations = {name: every[name] for name in self.shape.operations}

    def _plan(self, given: Setup, run: str) -> FirePlan:
        due = self.clock.now()
        new = replace(given.run(schedule="S", exclusive="F" in self.shape.exclusive), id=run)
        return FirePlan("S", 0, (NewFire(due, "fired", run=new),), due, None)

    async def _cancel(self, store: SteppedStore, runs: Sequence[str]) -> Any:
        return await store.move(runs, RunEvent.CANCEL, "test", self.clock.now())

    async def _rescue(self, store: SteppedStore) -> int:
        """A sweep in a process that has not seen w1 renew for the length of its lease; how many runs it rescued."""
        watch = ManualClock()
        store._leases = Leases(watch)
        store._leases.expired(self.watched)
        watch.advance(LEASE_SECONDS)
        orphans = await store.orphans()
        if not orphans:
            return 0
        return await store.rescue(
            [(one, decide_crash(one.crashes, one.on_interrupt, lost=one.lost)) for one in orphans]
        )
