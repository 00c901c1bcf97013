"""What goes on for long is one row of the ledger: a pause, a run that takes its time, arguments that fit no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from runwright.clock import to_datetime, to_micros
from runwright.model import SYSTEM
from runwright.store.base import EventFilter
from runwright.tasks.definition import task
from tests.worker.schedules import Engine, Node, engine


@pytest.fixture(params=["memory", "postgres"])
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with engine(request.getfixturevalue("postgres_url") if request.param == "postgres" else None) as opened:
        yield opened


async def test_a_long_pause_of_a_thousand_schedules_is_a_thousand_rows(made: Engine) -> None:
    names = [f"s{number}" for number in range(1000)]
    await made.door.add_many(SYSTEM, [made.wish(name, "@every 1s") for name in names])
    await made.door.pause(SYSTEM, "holidays")
    for _ in range(5):
        await made.pass_time(1)
    assert [await made.spans(name) for name in names] == [[("held", 5)]] * 1000
    told = await made.store.events([EventFilter("action", "is", "schedule.held")], 2000)
    assert sorted(event.subject for event in told.items) == sorted(names)
    assert {event.detail["count"] for event in told.items} == {5}
    assert (await made.door.statistics(SYSTEM)).total_runs == 0


async def test_what_is_left_out_beside_a_long_run_is_one_row(made: Engine) -> None:
    await made.add("a", "@every 1s")
    for _ in range(10):
        await made.pass_time(1)
    fired, skipped = await made.ledger("a")
    assert [(row.outcome, row.count) for row in (fired, skipped)] == [("fired", 1), ("skipped", 9)]
    assert (skipped.due_at, skipped.last_due_at) == (fired.due_at + timedelta(seconds=1), to_datetime(made.clock.now()))
    assert await made.run() == ["a"]  # for a second, after which one more is due
    await made.settle()
    for _ in range(4):
        await made.pass_time(1)
    assert (await made.spans("a"))[2:] == [("merged", 1), ("fired", 1), ("skipped", 3)]


async def test_schedulers_that_take_turns_write_one_row(made: Engine) -> None:
    await made.add("a", "@every 1s")
    await made.door.pause(SYSTEM, "holidays")
    nodes = [made, *(Node(made.store, made.clock) for _ in range(3))]
    for number in range(12):
        made.clock.advance(1)
        await nodes[number % 4].tick()
        await nodes[number % 3].tick()
    assert await made.spans("a") == [("held", 12)]


async def test_what_cannot_be_made_is_one_row_also_within_a_look(made: Engine) -> None:
    await made.add("a", "@every 1s", catch_up="all", overlap="allow", arguments={"number": 1})

    async def changed(*, other: int) -> None: ...

    made.registry.register(task(name="work")(changed), replace=True)
    await made.pass_time(7)
    await made.pass_time(3)
    assert await made.spans("a") == [("blocked", 10)]


async def test_a_backfill_takes_its_due_times_out_of_the_span(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    await made.add("a", "@every 1s", overlap="allow")
    await made.door.pause(SYSTEM, "holidays")
    for _ in range(10):
        await made.pass_time(1)
    made.clock.advance(2)  # to which no scheduler has come yet
    done = await made.fires.backfill(SYSTEM, "a", noon + timedelta(seconds=1), noon + timedelta(seconds=4))
    assert (done.due, len(done.runs)) == (4, 4)
    done = await made.fires.backfill(SYSTEM, "a", noon + timedelta(seconds=4), noon + timedelta(seconds=12))
    assert (done.due, len(done.runs)) == (7, 6)
    assert {(fire.outcome, fire.count) for fire in await made.ledger("a")} == {("late", 1)}
    assert len(await made.ledger("a")) == 10
    await made.tick()
    ledger = await made.ledger("a")
    assert sum(fire.count for fire in ledger) == 12
    assert (ledger[-1].outcome, to_micros(ledger[-1].due_at)) == ("held", to_micros(noon + timedelta(seconds=11)))
