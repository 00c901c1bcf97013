"""The store's suite: schedules that depend on one another, runs that wait for them, and the pause of all schedules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from runwright.clock import SECOND
from runwright.errors import Conflict, DuplicateName
from runwright.lifecycle import RunEvent
from runwright.model import Claim, FirePlan, NewFire, Pause, RunStatus, Schedule, ScheduleChange, Waiting
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class Graph:
    """What the guard saw at last; refuses once it is told to."""

    def __init__(self) -> None:
        self.edges: dict[str, list[str]] = {}
        self.names: frozenset[str] = frozenset()
        self.looks = 0
        self.refuse = False

    def __call__(self, edges: Mapping[str, Sequence[str]], names: frozenset[str]) -> None:
        self.looks += 1
        self.edges, self.names = {name: list(needs) for name, needs in edges.items()}, names
        if self.refuse:
            raise Conflict("no")


async def write(store: Store, *schedules: Schedule, guard: Graph | None = None, action: str = "") -> bool:
    """Store schedules, new ones unless there is an action."""
    changes = [ScheduleChange(schedule, action or "schedule.created") for schedule in schedules]
    return await store.write_schedules(changes, "ann", guard)


class TestGraph:
    async def test_the_guard_sees_the_graph_as_it_will_be(self, store: Store, clock: ManualClock) -> None:
        given, graph = Setup(store, clock), Graph()
        a, b = given.schedule("a"), replace(given.schedule("b"), depends_on=("a", "gone"))
        await write(store, a, guard=graph)
        assert graph.looks == 0  # nothing of the graph has changed
        await write(store, b, guard=graph)
        assert (graph.edges, graph.names) == ({"b": ["a", "gone"]}, frozenset({"a"}))
        assert await write(store, replace(b, depends_on=()), guard=graph, action="schedule.updated")
        assert [schedule.depends_on for schedule in await store.schedules()] == [(), ()]

    async def test_what_the_guard_refuses_is_not_written(self, store: Store, clock: ManualClock) -> None:
        given, graph = Setup(store, clock), Graph()
        a, b = given.schedule("a"), given.schedule("b")
        await write(store, a, b)
        graph.refuse = True
        with pytest.raises(Conflict):
            await write(store, replace(a, depends_on=("b",), label="x"), guard=graph, action="schedule.updated")
        with pytest.raises(Conflict):
            await write(store, replace(given.schedule("c"), depends_on=("b",)), guard=graph)
        with pytest.raises(Conflict):
            await store.delete_schedule(a.id, "ann", graph)
        assert list(await store.schedules()) == [a, b]
        assert len((await store.events([])).items) == 2

    async def test_of_two_changes_that_make_a_cycle_together_one_is_refused(
        self, store: Store, clock: ManualClock
    ) -> None:
        def no_cycle(edges: Mapping[str, Sequence[str]], names: frozenset[str]) -> None:
            if any(name in edges.get(other, ()) for name, needs in edges.items() for other in needs):
                raise Conflict("a cycle")

        given = Setup(store, clock)
        for number in range(10):
            a, b = given.schedule(f"a{number}"), given.schedule(f"b{number}")
            await write(store, a, b)
            edits = [
                [ScheduleChange(replace(one, depends_on=(other.name,)), "schedule.updated")]
                for one, other in ((a, b), (b, a))
            ]
            answers = await asyncio.gather(
                *(store.write_schedules(edit, "ann", no_cycle) for edit in edits), return_exceptions=True
            )
            assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]

    async def test_a_deletion_shows_the_graph_without_it(self, store: Store, clock: ManualClock) -> None:
        given, graph = Setup(store, clock), Graph()
        code = given.schedule("code", origin="tasks.py")
        await write(store, code, replace(given.schedule("b"), depends_on=("code",)))
        assert await store.delete_schedule(code.id, "ann", graph)
        assert (graph.edges, graph.names) == ({"b": ["code"]}, frozenset())

    async def test_dependents_follow_a_schedule_to_its_new_name(self, store: Store, clock: ManualClock) -> None:
        given, graph = Setup(store, clock), Graph()
        a, b = given.schedule("a"), replace(given.schedule("b"), depends_on=("a", "c"))
        await write(store, a, b, given.schedule("c"))
        assert await write(store, replace(a, name="z"), guard=graph, action="schedule.updated")
        assert (graph.edges, graph.names) == ({"b": ["z", "c"]}, frozenset({"z", "c"}))
        read = await store.schedule("b")
        assert read is not None
        assert (read.depends_on, read.version) == (("z", "c"), 1)

    async def test_a_name_that_is_taken_is_refused_as_a_whole(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await write(store, given.schedule("a"))
        with pytest.raises(DuplicateName):
            await write(store, given.schedule("b"), given.schedule("a"))
        assert [schedule.name for schedule in await store.schedules()] == ["a"]


class TestPauseOfAll:
    async def test_it_says_why_and_by_whom(self, store: Store, clock: ManualClock) -> None:
        assert await store.paused() is None
        assert not await store.pause_schedules(None, "ann")
        assert await store.pause_schedules("migration", "ann")
        since = clock.now()
        assert await store.paused() == Pause("migration", "ann", since)
        clock.step(5)
        assert await store.pause_schedules("still", "bob")
        assert await store.paused() == Pause("still", "bob", since + 5 * SECOND)
        assert await store.pause_schedules(None, "bob")
        assert await store.paused() is None
        events = (await store.events([])).items
        assert [(event.action, event.user) for event in events] == [
            ("schedules.resumed", "bob"),
            ("schedules.paused", "bob"),
            ("schedules.paused", "ann"),
        ]

    async def test_what_was_planned_before_is_not_written_after(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        schedule = given.schedule(next_in=0)
        await write(store, schedule)
        planned = FirePlan(
            schedule.id, 0, (NewFire(clock.now(), "fired", run=given.run(schedule=schedule.id)),), 0, None
        )
        await store.pause_schedules("migration", "ann")
        assert await store.fire([planned]) == [False]
        assert (await store.fires(schedule.id)).items == ()
        await store.pause_schedules(None, "ann")
        assert await store.fire([replace(planned, version=1)]) == [False]
        assert await store.fire([replace(planned, version=2)]) == [True]


class TestWaiting:
    async def pair(self, store: Store, clock: ManualClock) -> tuple[Setup, Schedule, Schedule]:
        """``b`` depends on ``a``; a worker is there."""
        given = Setup(store, clock)
        await given.worker()
        a, b = given.schedule("a"), replace(given.schedule("b"), depends_on=("a",))
        await write(store, a, b)
        return given, a, b

    async def waiting(self, store: Store) -> Waiting:
        found, after = await store.waiting_runs()
        assert after is None
        (one,) = found
        return one

    async def test_it_is_not_claimed_until_it_is_let_go(self, store: Store, clock: ManualClock) -> None:
        given, _, b = await self.pair(store, clock)
        run = await given.add(schedule=b.id, waits=True)
        assert await given.claimed() == []
        assert await given.status(run) is RunStatus.PENDING
        assert "success of a" in (await store.waiting_for(run) or "")
        assert await store.busy_schedules([b.id]) == {b.id}
        assert (await store.statistics()).runs_by_status[RunStatus.PENDING] == 1
        assert await store.decide_waiting([(run, None)]) == 1
        assert await store.decide_waiting([(run, None), (run, "late")]) == 0
        assert await given.claimed() == [run]

    async def test_it_still_waits_for_its_time(self, store: Store, clock: ManualClock) -> None:
        given, _, b = await self.pair(store, clock)
        run = await given.add(schedule=b.id, waits=True, due_in=10)
        await store.decide_waiting([(run, None)])
        assert await given.claimed() == []
        clock.step(10)
        assert await given.claimed() == [run]

    async def test_an_exclusive_one_is_no_barrier(self, store: Store, clock: ManualClock) -> None:
        given, _, b = await self.pair(store, clock)
        await given.add(schedule=b.id, waits=True, exclusive=True)
        other = await given.add()
        assert await given.claimed() == [other]

    async def test_a_skip_is_told_everywhere(self, store: Store, clock: ManualClock) -> None:
        given, _, b = await self.pair(store, clock)
        run = given.run(schedule=b.id, waits=True)
        await store.fire([FirePlan(b.id, 0, (NewFire(clock.now(), "fired", run=run),), clock.now(), None)])
        assert await store.decide_waiting([(run.id, "a failed")]) == 1
        read = await given.read(run.id)
        assert (read.status, read.error and read.error.message) == (RunStatus.SKIPPED, "a failed")
        (fire,) = (await store.fires(b.id)).items
        assert (fire.outcome, fire.reason, fire.run) == ("skipped", "a failed", run.id)
        ended = await store.ended()
        assert [one.run for one in ended] == [run.id]
        await store.settle(ended, {})
        read_b = await store.schedule(b.id)
        assert read_b is not None
        assert (read_b.outcome, read_b.skipped_at, read_b.run_count) == ("skipped", clock.now(), 0)

    async def test_what_decides_it_is_told(self, store: Store, clock: ManualClock) -> None:
        given, a, b = await self.pair(store, clock)
        await given.add(schedule=b.id, waits=True)
        (need,) = (await self.waiting(store)).needs
        assert (need.name, need.there, need.running, need.coming, need.again) == ("a", True, False, False, False)
        await given.add(schedule=a.id)
        (need,) = (await self.waiting(store)).needs
        assert (need.running, need.coming, need.outcome) == (True, False, None)
        await given.end(await given.claim())
        (need,) = (await self.waiting(store)).needs
        assert (need.running, need.coming) == (False, True)  # ended, and not settled
        await store.settle(await store.ended(), {})
        (need,) = (await self.waiting(store)).needs
        assert (need.coming, need.outcome, need.outcome_at) == (False, "completed", clock.now())
        await store.delete_schedule(a.id, "ann")
        (need,) = (await self.waiting(store)).needs
        assert not need.there

    async def test_a_due_time_that_is_not_a_run_yet_is_coming(self, store: Store, clock: ManualClock) -> None:
        given, a, b = await self.pair(store, clock)
        await given.add(schedule=b.id, waits=True)
        for due_in, coming in ((1.0, False), (0.0, True)):
            read = await store.schedule("a")
            assert read is not None
            await write(store, replace(read, next_due_at=given.in_seconds(due_in)), action="schedule.updated")
            (need,) = (await self.waiting(store)).needs
            assert (need.coming, need.again) == (coming, True)
        held = NewFire(clock.now(), "held", "paused")
        assert await store.fire([FirePlan(a.id, 2, (held,), clock.now(), given.in_seconds(9))]) == [True]
        (need,) = (await self.waiting(store)).needs
        assert (need.coming, need.outcome, need.outcome_at) == (False, "held", clock.now())

    async def test_the_last_start_of_its_own_schedule(self, store: Store, clock: ManualClock) -> None:
        given, _, b = await self.pair(store, clock)
        await given.end(await self.started(given, b))
        run = await given.add(schedule=b.id, waits=True)
        assert await store.waiting_runs() == ([], None)  # the last start is not settled
        ended = await store.ended()
        await store.settle(ended, {})
        assert (await self.waiting(store)).last_start_at == ended[0].started_at
        clock.step(5)
        await self.started(given, b)
        found = await self.waiting(store)
        assert (found.run, found.last_start_at) == (run, clock.now())
        await given.add(schedule=b.id)
        assert await store.waiting_runs() == ([], None)  # another one is about to start

    async def started(self, given: Setup, schedule: Schedule) -> Claim:
        await given.add(schedule=schedule.id)
        return await given.claim()

    async def test_only_the_first_of_a_schedule_is_looked_at(self, store: Store, clock: ManualClock) -> None:
        given, _, b = await self.pair(store, clock)
        first, second = [await given.add(schedule=b.id, waits=True) for _ in range(2)]
        assert (await self.waiting(store)).run == first
        await store.move([first], RunEvent.CANCEL, "ann", clock.now())
        await store.settle(await store.ended(), {})
        assert (await self.waiting(store)).run == second
        await store.delete_schedule(b.id, "ann")
        assert not (await self.waiting(store)).there

    async def test_pages(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        schedules = [replace(given.schedule(f"s{n}"), depends_on=("x",)) for n in range(3)]
        await write(store, *schedules)
        runs = [await given.add(schedule=schedule.id, waits=True) for schedule in schedules]
        first, after = await store.waiting_runs(2)
        assert after is not None
        second, end = await store.waiting_runs(2, after)
        assert ([one.run for one in (*first, *second)], end) == (runs, None)
