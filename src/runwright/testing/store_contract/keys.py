"""The store's suite: concurrency keys, of which only so many runs are claimed at a time."""

from __future__ import annotations

from runwright.lifecycle import RunEvent
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup


class TestConcurrencyKeys:
    async def test_not_more_than_the_limit_are_claimed(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        keyed = [await given.add(concurrency_key="k", concurrency_limit=2) for _ in range(4)]
        free = await given.add("report")
        turn = await given.turn(10)
        assert [claim.run_id for claim in turn.claims] == [*keyed[:2], free]
        assert await given.claimed(session="w2") == []
        await given.end(turn.claims[0])
        assert await given.claimed(10, 10, session="w2") == [keyed[2]]
        await given.end(turn.claims[1])
        assert await given.claimed() == [keyed[3]]

    async def test_many_waiting_for_a_key_hold_up_nobody(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await store.enqueue([given.run(concurrency_key="k", concurrency_limit=1, priority=100) for _ in range(500)])
        others = [await given.add("report") for _ in range(3)]
        got: list[str] = []
        for _ in range(10):
            turn = await given.turn(2)
            got += [claim.run_id for claim in turn.claims]
            if not turn.backlog:
                break
        assert got[1:] == others

    async def test_a_better_one_that_comes_later_is_taken_first(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add(concurrency_key="k", concurrency_limit=1)
        first = await given.claim()
        await given.add(concurrency_key="k", concurrency_limit=1)
        assert await given.claimed() == []
        urgent = await given.add(concurrency_key="k", concurrency_limit=1, priority=100)
        await given.end(first)
        assert await given.claimed() == [urgent]

    async def test_every_way_to_leave_a_place_frees_it(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        runs = [await given.add(concurrency_key="k", concurrency_limit=1) for _ in range(6)]
        order: list[str] = []
        released = await given.claim()
        order.append(released.run_id)
        assert await given.claimed() == []
        await given.end(released, RunEvent.RELEASE)
        await store.move([released.run_id], RunEvent.CANCEL, "ann", clock.now())  # one that was ready to take it
        claim = await given.claim()
        order.append(claim.run_id)
        assert await given.claimed() == []
        await store.move([runs[2]], RunEvent.CANCEL, "ann", clock.now())  # one that waits for the key
        await given.end(claim, RunEvent.FAIL)
        retried = await given.claim()
        order.append(retried.run_id)
        assert await given.claimed() == []
        await store.move([runs[4]], RunEvent.CANCEL, "ann", clock.now())
        clock.advance(LEASE_SECONDS)
        await store.rescue([(orphan, RunEvent.CRASH_HOLD) for orphan in await store.orphans()])
        await given.worker("w2")
        order.append((await given.claim("w2")).run_id)
        assert order == [runs[0], runs[1], runs[3], runs[5]]
