"""Runs of one schedule come one after another, unless they may overlap; by whatever scheduler, key or hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from runwright.clock import to_datetime
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, RunStatus
from runwright.tasks.definition import task
from tests.worker.schedules import Engine, Node, engine


@pytest.fixture(params=["memory", "postgres"])
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with engine(request.getfixturevalue("postgres_url") if request.param == "postgres" else None) as opened:
        yield opened


async def wide(made: Engine) -> None:
    """Let there be a task ``wide`` of which three may run at a time, by a key of its own."""

    async def code() -> None: ...

    made.registry.register(task(name="wide", max_concurrent=3)(code))
    await made.store.publish("w1", ["work", "wide"])


@pytest.mark.parametrize("name", ["work", "wide"])
async def test_a_queue_goes_one_by_one_whatever_key_its_task_has(made: Engine, name: str) -> None:
    await wide(made)
    await made.add("a", task=name, overlap="queue")
    for _ in range(4):
        await made.pass_time(60)
    assert await made.outcomes("a") == ["fired"] * 4
    for _ in range(4):
        (run,) = (await made.store.turn("w1", [made.wanted(9)])).claims
        await made.settle()
        assert (await made.store.turn("w1", [made.wanted(9)])).claims == ()
        await made.given.end(run)
        await made.settle()
    assert await made.run() == []


async def test_what_may_overlap_does(made: Engine) -> None:
    await made.add("a", overlap="allow")
    await made.add("b", overlap="allow", catch_up="all")
    for _ in range(3):
        await made.pass_time(60)
    assert await made.run() == ["a"] * 3 + ["b"] * 3


async def test_a_run_that_waits_in_line_says_for_which(made: Engine) -> None:
    await made.add("a", overlap="queue")
    for _ in range(2):
        await made.pass_time(60)
    first, second = await made.runs("a")
    assert await made.store.waiting_for(second.id) == f"It waits for run {first.id} of its schedule to end."


@pytest.mark.parametrize("overlap", ["skip", "queue"])
async def test_what_is_caught_up_comes_one_by_one(made: Engine, overlap: str) -> None:
    await made.add("a", catch_up="all", overlap=overlap)
    await made.pass_time(5 * 60 + 1)
    assert await made.outcomes("a") == ["late"] * 4 + ["fired"]
    for _ in range(5):
        assert await made.run() == ["a"]
        assert await made.run() == []
        await made.settle()


async def test_a_backfill_comes_after_what_runs(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    await made.add("a", "@every 1h")
    await made.edit("a", enabled=False)
    made.clock.advance(3 * 3600)
    await made.fires.fire(SYSTEM, "a")
    assert await made.run(only="nobody") == ["a"]
    await made.fires.backfill(SYSTEM, "a", noon, noon + timedelta(hours=3))
    await made.settle()
    assert await made.run() == []
    await made.end_all()
    for _ in range(3):
        await made.settle()
        assert await made.run() == ["a"]


async def test_what_is_fired_by_hand_waits_for_nobody_and_is_waited_for(made: Engine) -> None:
    await made.add("a", overlap="queue")
    await made.pass_time(60)
    assert await made.run(only="nobody") == ["a"]
    await made.fires.fire(SYSTEM, "a")
    assert await made.run(only="nobody") == ["a"]
    await made.pass_time(60)
    first, by_hand = await made.store.claims("w1")
    await made.given.end(first)
    await made.settle()
    assert await made.run() == []
    await made.given.end(by_hand)
    await made.settle()
    assert await made.run() == ["a"]


async def test_the_one_that_cancels_starts_when_the_cancelled_one_has_really_ended(made: Engine) -> None:
    await made.add("a", overlap="cancel_running")
    await made.pass_time(60)
    assert await made.run(only="nobody") == ["a"]
    await made.pass_time(59)
    assert await made.statuses("a") == [RunStatus.CANCELLING, RunStatus.PENDING]
    assert await made.run() == []
    await made.pass_time(60)
    assert await made.statuses("a") == [RunStatus.CANCELLING, RunStatus.CANCELLED, RunStatus.PENDING]
    await made.end_all(RunEvent.STOPPED)
    await made.settle()
    assert await made.run(only="nobody") == ["a"]
    assert await made.statuses("a") == [RunStatus.CANCELLED, RunStatus.CANCELLED, RunStatus.RUNNING]


async def test_what_has_passed_beside_a_run_is_decided_as_of_now(made: Engine) -> None:
    for overlap in ("skip", "cancel_running"):
        await made.add(overlap, "@every 1m", overlap=overlap)
    await made.pass_time(60)
    assert await made.run(only="nobody") == ["cancel_running", "skip"]
    await made.pass_time(600)
    assert await made.spans("skip") == [("fired", 1), ("skipped", 10)]
    assert await made.spans("cancel_running") == [("fired", 1), ("merged", 9), ("fired", 1)]


async def test_of_several_schedulers_none_cancels_what_another_has_just_fired(made: Engine) -> None:
    await made.add("a", overlap="cancel_running")
    nodes = [made, *(Node(made.store, made.clock) for _ in range(3))]
    for node in nodes:
        await node.tick()  # all know it, in this version
    for number in range(3):
        made.clock.advance(60)
        await asyncio.gather(*(node.scheduler.run_once() for node in nodes))
        await made.settle()
        assert await made.statuses("a") == [RunStatus.CANCELLED] * number + [RunStatus.PENDING]


async def test_an_edit_in_the_last_moment_cancels_nothing(made: Engine) -> None:
    await made.add("a", overlap="cancel_running")
    await made.pass_time(60)
    assert await made.run(only="nobody") == ["a"]
    stale = Node(made.store, made.clock)
    await stale.tick()
    made.clock.advance(60)
    (prepared,) = await stale.scheduler._prepare([await made.door.get(SYSTEM, "a")], made.clock.now())
    await made.edit("a", enabled=False)
    await stale.scheduler._carry_out([prepared])
    assert await made.statuses("a") == [RunStatus.RUNNING]


async def test_a_line_goes_on_after_a_restart_and_after_a_lost_hint(made: Engine) -> None:
    await made.add("a", overlap="queue")
    for _ in range(2):
        await made.pass_time(60)
    await made.run()
    another = Node(made.store, made.clock)  # nobody told it anything
    while await another.settler.run_once() == 0:
        pass
    assert await made.run() == ["a"]


async def test_dependencies_come_first_and_then_the_line(made: Engine) -> None:
    await made.add("prepare", overlap="queue")
    await made.add("process", depends_on=["prepare"], overlap="queue")
    await made.pass_time(60)
    await made.run()
    await made.settle()
    assert await made.run(only="nobody") == ["process"]
    await made.pass_time(60)
    assert await made.run(only="prepare") == ["prepare"]
    await made.settle()
    assert await made.run() == []
    running, waiting = await made.runs("process")
    assert await made.store.waiting_for(waiting.id) == f"It waits for run {running.id} of its schedule to end."
    await made.end_all()
    await made.settle()
    assert await made.run() == ["process"]
