"""An interval that counts from the end of its runs goes on, whatever becomes of a fire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runwright import Every
from runwright.clock import SECOND, to_micros
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM
from runwright.tasks.definition import task
from runwright.tasks.registry import Registry
from tests.worker.schedules import Engine, Node, engine


@pytest.fixture(params=["memory", "postgres"])
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with engine(request.getfixturevalue("postgres_url") if request.param == "postgres" else None) as opened:
        yield opened


async def due_in(made: Engine, name: str) -> float | None:
    """The seconds until it is due again."""
    due = (await made.door.get(SYSTEM, name)).next_due_at
    return None if due is None else (due - made.clock.now()) / SECOND


async def alone(number: int = 0) -> None: ...


async def with_unique_task(made: Engine) -> None:
    """Let there be a task ``alone`` of which one run is live at a time."""
    made.registry.register(task(name="alone", unique=True)(alone))
    await made.store.publish("w1", ["work", "alone"])


async def test_a_fire_that_is_refused_is_tried_again_one_interval_later(made: Engine) -> None:
    await made.add("a", Every(minutes=5), arguments={"number": 1})

    async def changed(*, other: int) -> None: ...

    known, made.scheduler._registry = made.registry, Registry()
    made.scheduler._registry.register(task(name="work")(changed))
    made.scheduler._admission._registry = made.scheduler._registry
    for _ in range(3):
        await made.pass_time(300)
    assert await made.spans("a") == [("blocked", 3)]
    assert await due_in(made, "a") == 300
    made.scheduler._registry = made.scheduler._admission._registry = known
    await made.pass_time(300)
    assert await made.run() == ["a"]
    await made.settle()
    assert await due_in(made, "a") == 300


async def test_a_fire_that_joins_another_run_counts_from_the_end_of_that(made: Engine) -> None:
    await with_unique_task(made)
    first = await made.add("first", "@every 1h", task="alone")
    await made.fires.fire(SYSTEM, first.id)
    assert await made.run(only="nobody") == ["first"]
    await made.add("a", Every(minutes=5), task="alone")
    await made.pass_time(0)
    (fire,) = await made.ledger("a")
    (run,) = await made.runs("first")
    assert (fire.outcome, fire.run) == ("fired", run.id)
    await made.pass_time(600)
    assert await due_in(made, "a") is None  # the run that it joined still works
    await made.end_all()
    ended = to_micros((await made.given.read(run.id)).completed_at)  # type: ignore[arg-type]  # it has ended
    made.clock.advance(7)
    await made.settle()
    assert (await made.door.get(SYSTEM, "a")).next_due_at == ended + 300 * SECOND


async def test_one_that_was_left_without_a_due_time_goes_on(made: Engine) -> None:
    """The run that stood in the way ended between the look at it and the fire that waits for its end."""
    await made.add("a", Every(minutes=5))
    await made.pass_time(0)
    assert await made.run(only="nobody") == ["a"]
    await made.edit("a", enabled=False)
    await made.edit("a", enabled=True)
    made.clock.advance(300)
    found = await made.door.get(SYSTEM, "a")
    prepared = await made.scheduler._prepare([found], made.clock.now())
    await made.end_all()
    await made.settle()
    await made.scheduler._carry_out(prepared)
    assert await due_in(made, "a") is None
    await made.settle()
    assert await due_in(made, "a") == 300


@pytest.mark.parametrize("event", [RunEvent.COMPLETE, RunEvent.FAIL])
async def test_while_its_run_is_live_it_has_no_due_time(made: Engine, event: RunEvent) -> None:
    await made.add("a", Every(minutes=5))
    await made.pass_time(0)
    await made.run(only="nobody")
    await made.settle()
    assert await due_in(made, "a") is None
    await made.end_all(event)
    await Node(made.store, made.clock).settler.run_once()
    assert await due_in(made, "a") == 300


async def test_what_was_switched_off_stays_so(made: Engine) -> None:
    await made.add("a", Every(minutes=5))
    await made.edit("a", enabled=False)
    await made.settle()
    assert await due_in(made, "a") is None
