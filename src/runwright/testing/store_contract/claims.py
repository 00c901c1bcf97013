"""The store's suite: which runs a session is given, and in which order."""

from __future__ import annotations

import random

from runwright.clock import SECOND
from runwright.lifecycle import RunEvent
from runwright.model import Lane, RunStatus
from runwright.store.base import Store, Wanted
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup


class TestClaims:
    async def test_a_claimed_run_is_running_with_a_token_and_an_attempt(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add(arguments='{"a":1}', entity="e", user="u", parent="p", schedule="s", priority=60)
        claim = await given.claim()
        assert (claim.run_id, claim.task, claim.lane, claim.arguments) == (run, "backup", Lane.ASYNC, '{"a":1}')
        assert (claim.attempt, claim.failures, claim.crashes, claim.priority) == (1, 0, 0, 60)
        assert (claim.entity, claim.user, claim.parent, claim.schedule) == ("e", "u", "p", "s")
        assert claim.token > 0
        assert not claim.reserved
        assert not claim.exclusive
        assert claim.state is None
        read = await given.read(run)
        assert (read.status, read.attempt, read.worker) == (RunStatus.RUNNING, 1, "w1")
        assert read.started_at is not None
        assert await given.actions(run) == ["run.created", "run.started"]

    async def test_the_order_is_priority_then_due_time_then_arrival(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        chance = random.Random(7)
        new = [
            given.run(
                chance.choice(("backup", "report", "sync")), -chance.randrange(5), priority=chance.choice((0, 50, 100))
            )
            for _ in range(120)
        ]
        await store.enqueue(new)
        expected = [
            run.id for _, run in sorted(enumerate(new), key=lambda pair: (-pair[1].priority, pair[1].due_at, pair[0]))
        ]
        got: list[str] = []
        while len(got) < len(new):
            batch = await given.claimed(chance.randrange(1, 12))
            assert batch
            got += batch
        assert got == expected
        assert await given.claimed() == []

    async def test_not_more_than_wanted_and_says_if_there_may_be_more(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(5):
            await given.add()
        first = await given.turn(3)
        assert (len(first.claims), first.backlog) == (3, True)
        second = await given.turn(3)
        assert (len(second.claims), second.backlog) == (2, False)

    async def test_a_full_lane_never_holds_up_another(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(20):
            await given.add(priority=100)
        thread = await given.add(lane=Lane.THREAD, priority=0)
        turn = await store.turn("w1", [Wanted(Lane.ASYNC, 0), Wanted(Lane.THREAD, 2), Wanted(Lane.PROCESS, 2)])
        assert [claim.run_id for claim in turn.claims] == [thread]

    async def test_only_tasks_that_the_session_knows(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker("w1", ("report",))
        await given.worker("w2", ("backup",))
        for _ in range(50):
            await given.add("backup", priority=100)
        report, unknown = await given.add("report"), await given.add("nobody")
        assert await given.claimed() == [report]
        await store.publish("w1", ["nobody"])
        assert await given.claimed() == [unknown]
        assert len(await given.claimed(100, session="w2")) == 50

    async def test_a_future_run_waits_for_its_time(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add(due_in=60)
        await given.add(due_in=90, lane=Lane.THREAD)
        turn = await given.turn()
        assert turn.claims == ()
        assert turn.next_due == clock.now() + 60 * SECOND
        clock.advance(20)
        assert store.beat("w1", LEASE_SECONDS)
        clock.advance(20)
        assert store.beat("w1", LEASE_SECONDS)
        clock.advance(20)
        assert await given.claimed() == [run]
        assert (await given.turn()).next_due is None

    async def test_a_session_that_lost_its_lease_gets_and_writes_nothing(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        await given.add()
        claim = await given.claim()
        clock.advance(LEASE_SECONDS)
        turn = await store.turn("w1", [Wanted(Lane.ASYNC, 5)], finished=[given.finish(claim)])
        assert turn.fenced
        assert turn.claims == ()
        assert await given.status(claim.run_id) is RunStatus.RUNNING
        assert (await store.turn("nobody", [Wanted(Lane.ASYNC, 5)])).fenced

    async def test_claims_tells_what_a_session_holds(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(3):
            await given.add(arguments='{"x":1}')
        turn = await given.turn(2, 1)
        assert sorted(await store.claims("w1"), key=lambda claim: claim.key) == sorted(
            turn.claims, key=lambda claim: claim.key
        )
        await store.turn("w1", finished=[given.finish(claim) for claim in turn.claims])
        assert list(await store.claims("w1")) == []

    async def test_many_tasks_with_backlogs_are_served_in_order(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        tasks = tuple(f"task{number}" for number in range(30))
        await given.worker("w1", tasks)
        new = [given.run(tasks[number % 30]) for number in range(300)]
        await store.enqueue(new)
        got: list[str] = []
        while batch := await given.claimed(7):
            got += batch
        assert got == [run.id for run in new]


class TestBarrier:
    async def test_nothing_due_after_it_starts_before_it(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        running = await given.claim()
        before = await given.add(priority=0)
        clock.advance(1)
        barrier = await given.add("report", exclusive=True, priority=0)
        after = [await given.add("sync", priority=100) for _ in range(10)]
        assert await given.claimed(5, 5) == [before]
        assert await given.claimed(5, 5) == []
        await given.end(running)
        assert await given.claimed(5, 5) == []
        (last,) = await store.claims("w1")
        await given.end(last)
        turn = await given.turn(5, 5)
        assert [(claim.run_id, claim.exclusive, claim.reserved) for claim in turn.claims] == [(barrier, True, False)]
        assert await given.claimed(5, 5) == []
        await given.end(turn.claims[0])
        assert await given.claimed(5, 5) == after

    async def test_a_later_run_of_the_same_moment_waits_and_an_earlier_one_passes(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        before = await given.add()
        barrier = await given.add(exclusive=True)
        await given.add(priority=100)
        assert await given.claimed() == [before]
        (claim,) = await store.claims("w1")
        await given.end(claim)
        assert await given.claimed() == [barrier]

    async def test_it_holds_in_every_lane_and_session_except_services(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        barrier = await given.add(exclusive=True)
        for lane in (Lane.ASYNC, Lane.THREAD, Lane.PROCESS):
            await given.add(lane=lane)
        service = await given.add(lane=Lane.SERVICE)
        assert await given.claimed(session="w2", lane=Lane.THREAD) == []
        assert await given.claimed(session="w2", lane=Lane.SERVICE) == [service]
        assert await given.claimed() == [barrier]
        assert await given.claimed(session="w2", lane=Lane.PROCESS) == []

    async def test_it_waits_for_what_runs_elsewhere(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        await given.add(lane=Lane.THREAD)
        other = await given.claim("w2", Lane.THREAD)
        barrier = await given.add(exclusive=True)
        assert await given.claimed() == []
        await given.end(other, session="w2")
        assert await given.claimed() == [barrier]

    async def test_it_is_no_barrier_before_it_is_due(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add(exclusive=True, due_in=10)
        run = await given.add()
        assert await given.claimed() == [run]

    async def test_cancelling_it_opens_the_barrier_at_once(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        await given.claim()
        barrier = await given.add(exclusive=True)
        run = await given.add()
        assert await given.claimed() == []
        await store.move([barrier], RunEvent.CANCEL, "ann", clock.now())
        assert await given.claimed() == [run]

    async def test_one_that_no_live_session_knows_holds_up_nobody(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add("nobody", exclusive=True)
        run = await given.add()
        assert await given.claimed() == [run]

    async def test_a_reservation_from_before_is_theirs_to_start(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        barrier = await given.add(exclusive=True)
        assert await given.claimed() == []
        assert (await store.turn("w1", changes=[given.change(claim, RunEvent.START)])).lost == frozenset()
        assert await given.claimed() == []
        await given.end(claim)
        assert await given.claimed() == [barrier]

    async def test_children_of_claimed_runs_pass(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        parent = await given.add()
        await given.claim()
        await given.add("report", exclusive=True)
        clock.advance(1)
        child = await given.add("sync", parent=parent)
        await given.add("sync")
        assert await given.claimed() == [child]
        grandchild = await given.add("sync", parent=child)
        assert await given.claimed() == [grandchild]

    async def test_a_parked_child_passes_one_that_waits_behind_the_barrier_for_the_same_key(
        self, store: Store, clock: ManualClock
    ) -> None:
        """Else the child would wait for the other, that for the barrier, the barrier for the parent: for ever."""
        given = Setup(store, clock)
        await given.worker()
        parent = await given.add("report")
        held = await given.add(concurrency_key="k", concurrency_limit=1)
        (_, holder) = (await given.turn(2)).claims
        assert holder.run_id == held
        other = await given.add(priority=9, concurrency_key="k", concurrency_limit=1)
        child = await given.add(parent=parent, concurrency_key="k", concurrency_limit=1)
        assert await given.claimed() == []  # both are parked
        barrier = await given.add("report", exclusive=True, due_in=-1)
        await given.end(holder)
        (claim,) = (await given.turn(2)).claims
        assert claim.run_id == child
        await given.end(claim)
        assert await given.claimed() == []
        (claim,) = [claim for claim in await store.claims("w1") if claim.run_id == parent]
        await given.end(claim)
        assert await given.claimed() == [barrier]
        (claim,) = await store.claims("w1")
        await given.end(claim)
        assert await given.claimed() == [other]

    async def test_children_are_part_of_an_exclusive_run(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        parent = await given.add(exclusive=True)
        await given.claim()
        await given.add()
        child = await given.add("sync", parent=parent)
        inner = await given.add("sync", parent=parent, exclusive=True)
        assert await given.claimed() == [child]
        (claim,) = [claim for claim in await store.claims("w1") if claim.run_id == child]
        await given.end(claim)
        assert await given.claimed() == [inner]
