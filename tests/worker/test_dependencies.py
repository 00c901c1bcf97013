"""Dependencies between schedules, cycle by cycle: who starts when, who is skipped and why."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from runwright.errors import Conflict, ScheduleRefused
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, RunStatus
from runwright.model.values import TERMINAL
from runwright.store.base import RunQuery
from tests.worker.schedules import Engine, Node, engine


@pytest.fixture(params=["memory", "postgres"])
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with engine(request.getfixturevalue("postgres_url") if request.param == "postgres" else None) as opened:
        yield opened


async def test_it_starts_after_its_dependency_and_never_beside_it(made: Engine) -> None:
    await made.add("prepare")
    await made.add("process", depends_on=["prepare"])
    for _ in range(3):
        await made.pass_time(60)
        assert await made.run() == ["prepare"]
        await made.settle()
        assert await made.run() == ["process"]
        await made.settle()
    assert await made.outcomes("process") == ["fired"] * 3


async def test_the_order_in_which_they_were_made_does_not_matter(made: Engine) -> None:
    await made.add("b")
    await made.add("a", depends_on=["b"])
    await made.pass_time(60)
    assert await made.run() == ["b"]


async def test_a_failure_skips_that_cycle_and_no_other(made: Engine) -> None:
    await made.add("prepare")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    await made.run(RunEvent.FAIL)
    await made.settle()
    (fire,) = await made.ledger("process")
    (run,) = await made.runs("process")
    assert (fire.outcome, fire.reason, fire.run) == ("skipped", "prepare failed", run.id)
    assert (run.status, run.error and run.error.message) == (RunStatus.SKIPPED, "prepare failed")
    await made.pass_time(60)
    await made.run()
    await made.settle()
    assert await made.run() == ["process"]


@pytest.mark.parametrize("event", [RunEvent.STOPPED, RunEvent.CRASH_LOOP])
async def test_other_endings_skip_it_too(made: Engine, event: RunEvent) -> None:
    await made.add("prepare")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    await made.run(RunEvent.COMPLETE, only="nobody")
    (run,) = await made.runs("prepare")
    if event is RunEvent.STOPPED:
        await made.store.move([run.id], RunEvent.CANCEL, "ann", made.clock.now())
    await made.end_all(RunEvent.STOPPED if event is RunEvent.STOPPED else RunEvent.FAIL)
    await made.settle()
    assert await made.statuses("process") == [RunStatus.SKIPPED]


async def test_a_skip_goes_down_the_chain_in_one_sweep(made: Engine) -> None:
    await made.add("s0")
    for number in range(1, 20):
        await made.add(f"s{number}", depends_on=[f"s{number - 1}"])
    await made.pass_time(60)
    await made.run(RunEvent.FAIL)
    await made.settle()
    assert [await made.outcomes(f"s{number}") for number in range(1, 20)] == [["skipped"]] * 19


async def test_a_diamond_waits_for_both_sides(made: Engine) -> None:
    await made.add("top")
    await made.add("left", depends_on=["top"])
    await made.add("right", depends_on=["top"])
    await made.add("bottom", depends_on=["left", "right"])
    await made.pass_time(60)
    assert await made.run() == ["top"]
    await made.settle()
    assert await made.run(only="left") == ["left", "right"]
    await made.settle()
    assert await made.run() == []
    await made.end_all()
    await made.settle()
    assert await made.run() == ["bottom"]


async def test_one_success_lets_one_run_go(made: Engine) -> None:
    await made.add("daily", "@every 1h")
    await made.add("often", depends_on=["daily"], overlap="queue")
    await made.pass_time(3600)
    await made.run()
    await made.settle()
    assert await made.run() == ["often"]
    await made.settle()
    for _ in range(3):
        await made.pass_time(60)
        assert await made.run() == []
    assert (await made.statuses("often"))[1:] == [RunStatus.PENDING] * 3


async def test_a_disabled_dependency_skips(made: Engine) -> None:
    await made.add("prepare", "@every 1h")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    assert await made.statuses("process") == [RunStatus.PENDING]
    await made.door.disable(SYSTEM, "prepare")
    await made.settle()
    (fire,) = await made.ledger("process")
    assert (fire.outcome, fire.reason) == ("skipped", "prepare is disabled")


async def test_its_own_removal_skips_what_waits(made: Engine) -> None:
    await made.add("prepare", "@every 1h")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    (run,) = await made.runs("process")
    await made.door.remove(SYSTEM, "process")
    await made.settle()
    assert (await made.given.read(run.id)).status is RunStatus.SKIPPED


async def test_an_edit_that_takes_the_dependency_away_lets_it_go(made: Engine) -> None:
    await made.add("prepare", "@every 1h")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    await made.edit("process", depends_on=[])
    await made.settle()
    assert await made.run() == ["process"]


async def test_fire_now_asks_nobody(made: Engine) -> None:
    await made.add("prepare", "@every 1h")
    await made.add("process", "@every 1h", depends_on=["prepare"])
    await made.fires.fire(SYSTEM, "process")
    assert await made.run() == ["process"]


async def test_a_success_from_before_its_last_start_is_an_old_one(made: Engine) -> None:
    await made.add("prepare", "@every 1h")
    await made.add("process", "@every 1h", depends_on=["prepare"])
    await made.fires.fire(SYSTEM, "prepare")
    await made.run()
    await made.settle()
    made.clock.advance(5)
    await made.fires.fire(SYSTEM, "process")
    await made.run()
    await made.settle()
    await made.pass_time(3595)
    assert await made.run() == ["prepare"]
    await made.settle()
    assert await made.run() == ["process"]


async def test_a_success_that_is_not_settled_yet_is_waited_for(made: Engine) -> None:
    """The failure before it must not decide: B would be skipped although A has just succeeded."""
    await made.add("prepare")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    await made.run(RunEvent.FAIL)
    await made.settle()
    await made.pass_time(60)
    await made.run()
    await made.settler._decide()  # a sweep that comes between the end and its consequences
    assert await made.statuses("process") == [RunStatus.SKIPPED, RunStatus.PENDING]
    await made.settle()
    assert await made.run() == ["process"]


async def test_a_restart_in_the_middle_loses_nothing(made: Engine) -> None:
    await made.add("prepare")
    await made.add("process", depends_on=["prepare"])
    await made.pass_time(60)
    await made.run()
    again = Node(made.store, made.clock)  # the process that comes up after the crash
    while await again.settler.run_once() == 0:
        pass
    assert await made.run() == ["process"]


async def test_unknown_ones_and_cycles_are_refused(made: Engine) -> None:
    await made.add("a")
    await made.add("b", depends_on=["a"])
    await made.add("c", depends_on=["b"])
    with pytest.raises(ScheduleRefused, match="no schedule 'x'"):
        await made.add("d", depends_on=["a", "x"])
    with pytest.raises(ScheduleRefused, match="a → c → b → a") as refused:
        await made.edit("a", depends_on=["c"])
    assert refused.value.errors[0].pointer == "/depends_on"
    with pytest.raises(ScheduleRefused, match="wait for itself"):
        await made.edit("a", depends_on=["a"])
    assert (await made.door.get(SYSTEM, "a")).depends_on == ()


async def test_of_two_edits_that_make_a_cycle_together_one_is_refused(made: Engine) -> None:
    for name in ("a", "b"):
        await made.add(name)
    edits = (made.edit("a", depends_on=["b"]), made.edit("b", depends_on=["a"]))
    answers = await asyncio.gather(*edits, return_exceptions=True)
    assert sorted(isinstance(answer, ScheduleRefused) for answer in answers) == [False, True]


async def test_what_others_need_cannot_be_removed(made: Engine) -> None:
    await made.add("a")
    await made.add("b", depends_on=["a"])
    with pytest.raises(Conflict, match="needed by b"):
        await made.door.remove(SYSTEM, "a")
    await made.edit("a", name="z")
    assert (await made.door.get(SYSTEM, "b")).depends_on == ("z",)
    await made.door.remove(SYSTEM, "b")
    await made.door.remove(SYSTEM, "z")


@pytest.mark.parametrize("seed", range(6))
async def test_in_random_graphs_nothing_waits_for_what_is_decided(seed: int) -> None:
    async with engine() as made:
        await play_a_graph(made, random.Random(seed), 40)


@pytest.mark.soak
async def test_a_graph_of_a_thousand() -> None:
    async with engine() as made:
        assert await play_a_graph(made, random.Random(1), 1000) >= TERMINAL
        outcomes = {schedule.outcome for schedule in await made.store.schedules()}
        assert outcomes >= {*TERMINAL, "held", "blocked"}


ENDINGS = (
    *(RunEvent.COMPLETE,) * 8,
    *(RunEvent.FAIL, RunEvent.EXPIRE, RunEvent.CRASH_HOLD, RunEvent.CRASH_LOOP, RunEvent.STOPPED),
)
NO_RUN = ({"enabled": False}, {"blackouts": ["mon-sun"]}, {"task": "nobody-knows"})
"""What keeps a schedule from a run: it is disabled, its due time is blocked, or held."""


async def play_a_graph(made: Engine, chance: random.Random, size: int) -> set[RunStatus]:
    """Every ending at random; after each sweep only those wait that have a dependency which is still to end.

    Returns the statuses that runs had.
    """
    needs: dict[str, list[str]] = {}
    for number in range(size):
        others = list(needs)
        needs[f"s{number}"] = chance.sample(others, min(len(others), chance.choice([0, 1, 1, 2, 3])))
        kind = chance.choice(NO_RUN) if chance.random() < 0.06 else {}
        await made.add(f"s{number}", depends_on=needs[f"s{number}"], **kind)
    await made.pass_time(60)
    await made.pass_time(6)  # what nobody knows is held by now
    seen: set[RunStatus] = set()
    withdrawn: set[str] = set()
    while True:
        await made.run(only="nobody")
        claims = list(await made.store.claims("w1"))
        if not claims:
            break
        for claim in chance.sample(claims, chance.randint(1, len(claims))):
            event = chance.choice(ENDINGS)
            if event is RunEvent.STOPPED:
                await made.store.move([claim.run_id], RunEvent.CANCEL, "ann", made.clock.now())
            await made.given.end(claim, event)
        waiting = [one.run for one in (await made.store.waiting_runs(size + 1))[0]]
        if waiting and chance.random() < 0.2:
            withdrawn.add(chance.choice(waiting))
            await made.store.move(sorted(withdrawn), RunEvent.CANCEL, "ann", made.clock.now())
        await made.settle()
        status = await last_statuses(made)
        held = {one.run for one in (await made.store.waiting_runs(size + 1))[0]}
        for name, others in needs.items():
            if name not in status:
                continue
            run, now = status[name]
            before = {status[other][1] if other in status else None for other in others}
            if run in held:
                assert before <= {RunStatus.COMPLETED, RunStatus.PENDING, RunStatus.RUNNING}, name
                assert before != {RunStatus.COMPLETED}, name
            elif now is not RunStatus.SKIPPED and run not in withdrawn:
                assert before <= {RunStatus.COMPLETED}, name
        seen |= {now for _, now in status.values()}
    assert all(now.terminal for _, now in (await last_statuses(made)).values())
    return seen


async def last_statuses(made: Engine) -> dict[str, tuple[str, RunStatus]]:
    """The run of each schedule that has one, and its status."""
    names = {schedule.id: schedule.name for schedule in await made.store.schedules()}
    runs = (await made.store.runs(RunQuery(limit=len(names) + 1))).items
    return {names[run.schedule or ""]: (run.id, run.status) for run in runs}
