"""The store's suite: how many runs of a task may start in a time, what has waited too long, and the forms of unique."""

from __future__ import annotations

from runwright.clock import SECOND
from runwright.lifecycle import RunEvent
from runwright.model import Enqueued, Lane
from runwright.store.base import NewWorker, Rate, Store, Wanted
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, TASKS, Setup


class TestRates:
    async def limited(self, store: Store, session: str = "w1", count: int = 3, seconds: float = 60) -> None:
        """A session that may start so many backups."""
        rates = {"backup": Rate(count, round(seconds * SECOND))}
        await store.register(NewWorker(session, "host", 1, {"async": 4}, TASKS, rates), LEASE_SECONDS * 10)

    async def test_no_more_start_in_the_time_whoever_starts_them(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await self.limited(store)
        await self.limited(store, "w2")
        backups = [await given.add() for _ in range(5)]
        assert await given.claimed(2) == backups[:2]
        clock.advance(10)
        assert await given.claimed(2, session="w2") == backups[2:3]
        turn = await given.turn(2)
        assert (turn.claims, turn.next_due) == ((), given.in_seconds(50))
        clock.advance(49.9)
        assert await given.claimed(2) == []
        clock.advance(0.2)
        assert await given.claimed(1) == backups[3:4]
        assert await given.claimed(2, session="w2") == backups[4:]
        assert (await given.turn(2)).next_due is None

    async def test_ended_and_repeated_runs_count_as_started(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await self.limited(store, count=2)
        run = await given.add()
        for _ in range(2):
            await given.end(await given.claim(), RunEvent.RETRY)
        assert await given.claimed() == []
        reason = await store.waiting_for(run)
        assert reason == "At most 2 runs of backup may start in 60 s."
        clock.advance(60)
        assert await given.claimed() == [run]

    async def test_they_hold_up_no_other_task_and_are_never_reserved(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await self.limited(store, count=1)
        first, *_ = [await given.add(priority=100) for _ in range(20)]
        reports = [await given.add("report") for _ in range(3)]
        turn = await store.turn("w1", [Wanted(Lane.ASYNC, 3, 5)])
        assert [claim.run_id for claim in turn.claims] == [first, *reports]
        assert {claim.run_id for claim in turn.claims if claim.reserved} <= set(reports)

    async def test_a_limit_comes_and_goes_with_the_catalogue(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await self.limited(store, count=1)
        backups = [await given.add() for _ in range(3)]
        assert await given.claimed() == backups[:1]
        await store.publish("w1", TASKS)
        assert await given.claimed(1) == backups[1:2]
        await store.publish("w1", TASKS, {"backup": Rate(1, SECOND)})
        clock.advance(1)
        assert await given.claimed() == backups[2:]

    async def test_a_clock_that_was_set_back_does_not_stop_them(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await self.limited(store, count=1)
        await given.ended()
        clock.step(-3600)
        run = await given.add()
        assert await given.claimed() == [run]


class TestAging:
    async def test_what_has_waited_too_long_goes_first_in_its_order(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        low = [await given.add("report", priority=0), await given.add(priority=-5)]
        clock.advance(100)
        young = await given.add(priority=0)
        high = await given.add(priority=100)
        await given.worker()
        assert await store.age(clock.now() - 50 * SECOND) == 2
        assert await store.age(clock.now() - 50 * SECOND) == 0
        assert [await given.claimed(1) for _ in range(4)] == [low[:1], low[1:], [high], [young]]
        assert (await given.read(low[1])).priority == -5

    async def test_it_goes_by_pages_and_touches_nothing_that_is_not_ready(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(5):
            await given.add(priority=1)
        await given.add(due_in=1e6)
        await given.add(exclusive=True)
        await given.add("nobody-knows-it")
        await given.turn(1)
        clock.advance(10)
        assert [await store.age(clock.now(), 3) for _ in range(3)] == [3, 2, 0]

    async def test_a_restart_begins_with_the_runs_own_priority(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        aged = await given.add(priority=0)
        clock.advance(10)
        await store.age(clock.now())
        await given.end(await given.claim())
        other = await given.add()
        await store.move([aged], RunEvent.RESTART, "ann", clock.now())
        assert await given.claimed(2) == [other, aged]


class TestUniqueForms:
    async def test_until_the_start_lets_one_wait_while_another_runs(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        first = await given.add(unique_key="k", until_start=True)
        refused = await store.enqueue([given.run(unique_key="k", until_start=True)])
        assert refused == [Enqueued(first, created=False)]
        claim = await given.claim()
        second = await given.add(unique_key="k", until_start=True)
        await given.turn(0, 1)
        refused = await store.enqueue([given.run(unique_key="k", until_start=True)])
        assert refused == [Enqueued(second, created=False)]  # a reservation has not started
        await given.end(claim, RunEvent.RETRY)

    async def test_within_a_period_an_ended_run_counts_too(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        ended = await given.ended(unique_key="k")
        clock.advance(10)
        since = clock.now() - 60 * SECOND
        assert await store.enqueue([given.run(unique_key="k", unique_since=since)]) == [
            Enqueued(ended.id, created=False)
        ]
        assert await given.add(unique_key="other", unique_since=since)
        assert await given.add(unique_key="k", unique_since=clock.now() - 5 * SECOND)
