"""Claim, beat, finish, cancel, rescue, fire, hand back and end meet on PostgreSQL in every order of their statements.

A sample here, all orders in the soak. What is said of an execution is enough to play it again.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from runwright.clock import SystemRng
from runwright.store.postgres import PostgresStore
from runwright.testing.clock import ManualClock
from tests.interleavings.mutants import MUTANTS, Mutant
from tests.interleavings.orders import every, sample
from tests.interleavings.rules import Rules
from tests.interleavings.scenario import SHAPES, Scenario, Shape
from tests.interleavings.stepper import END, Execution, Plan, Stage
from tools.postgres import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = 25
VACUUM_EVERY = 500


@dataclass(slots=True)
class Theatre:
    """A database, three connections to it, and the state that is played now."""

    store: PostgresStore
    clock: ManualClock
    stage: Stage
    scenario: Scenario
    played: int = 0

    async def set(self, shape: Shape) -> None:
        """Bring a state about."""
        self.scenario = await Scenario.make(shape, self.store, self.clock)

    async def play(self, plan: Plan) -> Execution:
        """Play one order from the state, and ask all questions."""
        rules = Rules(self.scenario)
        self.played += 1
        if self.played % VACUUM_EVERY == 0:  # every execution leaves a state's dead rows behind
            await self.stage.watcher.execute("VACUUM ANALYZE")
        await self.scenario.restore()
        execution = await self.stage.play(plan, self.scenario.operations, rules.at_end)
        await rules.when_all_have_ended(execution)
        return execution

    async def lengths(self) -> dict[str, int]:
        """How many statements each operation has when nobody else is there."""
        return {name: (await self.play([(name, END)])).steps[name] for name in self.scenario.operations}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theatre(postgres_server: Postgres) -> AsyncIterator[Theatre]:
    url, clock = postgres_server.database(), ManualClock()
    store = await PostgresStore.open(url, clock=clock, rng=SystemRng(), server_time=False)
    async with Stage(url, clock) as stage:
        yield Theatre(store, clock, stage, Scenario(SHAPES[0], store, clock))
    await store.close()
    postgres_server.drop(url)


def shape_named(name: str) -> Shape:
    return next(shape for shape in SHAPES if shape.name == name)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_no_rule_is_broken_in_a_sample_of_all_orders(theatre: Theatre, shape: Shape) -> None:
    await theatre.set(shape)
    blocked = 0
    for plan in sample(await theatre.lengths(), SAMPLE):
        execution = await theatre.play(plan)
        assert not execution.faults, str(execution)
        blocked += bool(execution.blocked)
    assert blocked > 2, "the operations never met"


MET_ONCE: Sequence[tuple[str, Plan]] = [
    # an exclusive run was handed out that had been cancelled since it was read: its code ran
    ("exclusive is next", [("cancel", END), ("claim", "claim_start"), ("cancel_others", END), ("claim", END)]),
    ("exclusive is next", [("cancel", END), ("claim", "claim_lock"), ("cancel_others", END), ("claim", END)]),
    ("exclusive is next", [("cancel", END), ("cancel_others", 3), ("claim", END), ("cancel_others", END)]),
    # a session ended while its last turn claimed: the reservation was its own for ever
    ("running", [("finish", "COMMIT"), ("end", END), ("finish", END)]),
    # a command held a key's lock while it waited for the next run, whose end waited for the key
    ("running", [("cancel", "unpark"), ("finish", END), ("cancel", END)]),
    ("not yet parked", [("rescue", "rescue"), ("cancel", 4), ("rescue", END), ("cancel", END)]),
    # a command and a turn locked the same runs in different orders
    ("running", [("finish", "turn_start"), ("cancel", END), ("finish", END)]),
]
"""Orders that have found something once."""


@pytest.mark.parametrize(("shape", "plan"), MET_ONCE, ids=str)
async def test_what_was_found_once_is_gone(theatre: Theatre, shape: str, plan: Plan) -> None:
    await theatre.set(shape_named(shape))
    execution = await theatre.play(plan)
    assert not execution.faults, str(execution)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
async def test_planted_bugs_are_caught(theatre: Theatre, mutant: Mutant) -> None:
    """Each planted bug breaks a rule in its order, which is in order without it."""
    await theatre.set(shape_named(mutant.shape))
    with mutant.spoil():
        spoiled = await theatre.play(mutant.plan)
    sound = await theatre.play(mutant.plan)
    assert spoiled.faults
    assert not sound.faults, str(sound)


@pytest.mark.soak
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_no_rule_is_broken_in_any_order(theatre: Theatre, shape: Shape) -> None:
    await theatre.set(shape)
    began, before, broken, blocked = time.monotonic(), theatre.played, [], 0
    async for execution in every(shape.operations, theatre.play):
        blocked += bool(execution.blocked)
        if execution.faults:
            broken.append(str(execution))
    took = time.monotonic() - began
    print(f"\n{shape.name}: {theatre.played - before} executions, {blocked} of them with waiting, in {took:.0f} s")
    assert not broken, f"{len(broken)} orders, such as " + "\n".join(broken[:5])
