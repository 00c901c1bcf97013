"""The store's suite: runs that wait for others. What may run meanwhile, and when their own code may go on."""

from __future__ import annotations

from runwright.lifecycle import RunEvent
from runwright.model import Claim, Lane, RunStatus
from runwright.store.base import Store, Wanted
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup


class Family(Setup):
    """Runs that wait, beside what a setup has."""

    async def running(self, task: str = "backup", *, session: str = "w1", **options: object) -> Claim:
        """A run that is claimed and started now; nothing else may be waiting."""
        run = await self.add(task, **options)  # type: ignore[arg-type]  # options of a run, passed on
        claim = await self.claim(session)
        assert claim.run_id == run
        return claim

    async def lend(self, claim: Claim, *, session: str = "w1") -> None:
        """The claim's code waits for another run."""
        turn = await self.store.turn(session, changes=[self.change(claim, RunEvent.LEND)])
        assert turn.lost == frozenset()

    async def goes_on(self, claim: Claim, *, session: str = "w1") -> bool:
        """The claim's code would go on; whether it may."""
        turn = await self.store.turn(session, changes=[self.change(claim, RunEvent.TAKE_BACK)])
        assert turn.lost == frozenset()
        assert turn.refused <= {claim.token}
        return not turn.refused


class TestWaitingParents:
    async def test_an_exclusive_child_runs_while_all_others_only_wait(self, store: Store, clock: ManualClock) -> None:
        """Else two parents with an exclusive child each would wait for one another."""
        given = Family(store, clock)
        await given.worker()
        await given.worker("w2")
        parents = [await given.running(), await given.running("report", session="w2")]
        first = await given.add(exclusive=True, parent=parents[0].run_id)
        await given.lend(parents[0])
        assert await given.claimed() == []
        await given.lend(parents[1], session="w2")
        second = await given.add(exclusive=True, parent=parents[1].run_id)
        claim = await given.claim()
        assert (claim.run_id, claim.exclusive) == (first, True)
        assert await given.claimed(session="w2") == []
        await given.end(claim)
        assert await given.goes_on(parents[0])
        assert await given.claimed(session="w2") == []
        await given.end(parents[0])
        assert await given.claimed(session="w2") == [second]

    async def test_nobody_goes_on_beside_an_exclusive_run_save_its_kin(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        mother, other = await given.running(), await given.running("report")
        await given.lend(mother)
        await given.lend(other)
        await given.add(exclusive=True, parent=mother.run_id)
        child = await given.claim()
        assert not await given.goes_on(other)
        assert await given.goes_on(mother)
        grandchild = await given.running(parent=child.run_id)
        await given.lend(grandchild)
        assert await given.goes_on(grandchild)
        await given.end(grandchild)
        await given.end(child)
        assert await given.goes_on(other)

    async def test_an_exclusive_run_that_waits_is_still_alone_with_what_is_part_of_it(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Family(store, clock)
        await given.worker()
        other = await given.running()
        await given.lend(other)
        alone = await given.running("report", exclusive=True)
        await given.add("sync")
        await given.add("sync", exclusive=True)
        await given.add("sync", parent=other.run_id)
        await given.add("sync", parent=other.run_id, exclusive=True)
        await given.lend(alone)
        assert await given.claimed() == []
        assert not await given.goes_on(other)
        inner = await given.running(exclusive=True, parent=alone.run_id)
        sibling = await given.add(parent=alone.run_id)
        assert await given.claimed() == []  # the inner one runs alone, too
        own = await given.running(parent=inner.run_id)
        await given.end(own)
        assert await given.goes_on(alone)  # as a parent may that does not wait
        await given.lend(alone)
        await given.end(inner)
        assert (await given.claim()).run_id == sibling

    async def test_who_would_go_on_comes_before_the_next_exclusive_run(self, store: Store, clock: ManualClock) -> None:
        """Else a stream of exclusive runs would keep a run waiting for ever."""
        given = Family(store, clock)
        await given.worker()
        other = await given.running()
        await given.lend(other)
        first = await given.running("report", exclusive=True)
        second = await given.add("report", exclusive=True)
        assert not await given.goes_on(other)
        (answer,) = [await store.turn("w1", [Wanted(Lane.ASYNC, 5)], finished=[given.finish(first)])]
        assert answer.claims == ()
        assert await given.goes_on(other)
        assert await given.claimed() == []
        await given.lend(other)
        assert await given.claimed() == [second]

    async def test_what_is_part_of_an_exclusive_run_does_not_wait_for_those_whom_it_keeps(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Family(store, clock)
        await given.worker()
        other = await given.running()
        await given.lend(other)
        alone = await given.running("report", exclusive=True)
        assert not await given.goes_on(other)
        inner = await given.add(exclusive=True, parent=alone.run_id)
        await given.lend(alone)
        assert await given.claimed() == [inner]

    async def test_a_run_that_waits_for_one_behind_the_barrier_lets_the_barrier_go(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Family(store, clock)
        await given.worker()
        waiter = await given.running()
        barrier = await given.add("report", exclusive=True)
        stranger = await given.add("sync")
        assert await given.claimed() == []
        await given.lend(waiter)
        claim = await given.claim()
        assert claim.run_id == barrier
        await given.end(claim)
        assert await given.claimed() == [stranger]

    async def test_an_exclusive_child_is_found_behind_any_number_of_exclusive_runs(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Family(store, clock)
        await given.worker()
        alone = await given.running("report", exclusive=True)
        others = [await given.add("report", exclusive=True) for _ in range(30)]
        inner = await given.add("report", exclusive=True, parent=alone.run_id)
        await given.lend(alone)
        claim = await given.claim()
        assert claim.run_id == inner
        await given.end(claim)
        assert await given.goes_on(alone)
        await given.end(alone)
        assert await given.claimed() == others[:1]

    async def test_a_lender_that_ends_or_dies_has_lent_nothing_any_more(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        retried = await given.running()
        await given.lend(retried)
        await given.end(retried, RunEvent.RETRY)
        again = await given.claim()
        barrier = await given.add("report", exclusive=True)
        assert await given.claimed() == []
        await given.lend(again)
        clock.advance(LEASE_SECONDS)
        await store.rescue([(orphan, RunEvent.CRASH) for orphan in await store.orphans()])
        await given.worker("w2")
        rescued = await given.claim("w2")
        assert rescued.run_id == retried.run_id
        assert await given.claimed(session="w2") == []
        await given.lend(rescued, session="w2")
        assert await given.claimed(session="w2") == [barrier]

    async def test_both_changes_need_their_claim(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        await given.worker("w2")
        claim = await given.running()
        for event in (RunEvent.LEND, RunEvent.TAKE_BACK):
            turn = await store.turn("w2", changes=[given.change(claim, event)])
            assert turn.lost == {claim.token}
            assert not turn.refused
        await given.lend(claim)
        await given.lend(claim)  # told again, because an answer was lost
        assert await given.goes_on(claim)
        assert await given.goes_on(claim)
        actions = await given.actions(claim.run_id)
        assert actions == ["run.created", "run.started"]
        await given.end(claim)
        turn = await store.turn("w1", changes=[given.change(claim, RunEvent.TAKE_BACK)])
        assert turn.lost == {claim.token}

    async def test_a_lender_that_is_cancelled_still_asks(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        lender = await given.running()
        await given.lend(lender)
        alone = await given.running("report", exclusive=True)
        await store.move([lender.run_id], RunEvent.CANCEL, "ann", clock.now())
        assert not await given.goes_on(lender)
        reason = await store.waiting_for(lender.run_id)
        assert reason == f"It goes on when the exclusive run {alone.run_id} of report has ended."
        await given.end(alone)
        assert await given.goes_on(lender)
        assert await store.waiting_for(lender.run_id) is None
        assert (await given.end(lender, RunEvent.STOPPED)).status is RunStatus.CANCELLED

    async def test_why_an_exclusive_child_waits(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        mother, other = await given.running(), await given.running("report")
        child = await given.add(exclusive=True, parent=mother.run_id)
        assert await store.waiting_for(child) == (
            f"It is exclusive and waits until {other.run_id} of report have ended or only wait for other runs."
        )
        await given.lend(other)
        assert await store.waiting_for(child) is None
        claim = await given.claim()
        cousin = await given.add(parent=other.run_id)
        assert await store.waiting_for(cousin) == f"The exclusive run {claim.run_id} of backup is running alone."


class TestKeysOfParents:
    async def test_children_have_the_key_while_their_parent_waits_one_at_a_time(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Family(store, clock)
        await given.worker()
        mother = await given.running(concurrency_key="k", concurrency_limit=1)
        children = [await given.add(concurrency_key="k", concurrency_limit=1, parent=mother.run_id) for _ in range(3)]
        stranger = await given.add(concurrency_key="k", concurrency_limit=1, priority=100)
        assert await given.claimed() == []
        assert await store.waiting_for(children[0]) == "At most 1 may run at a time for its concurrency key k."
        await given.lend(mother)
        for child in children:
            assert await store.waiting_for(stranger) == "At most 1 may run at a time for its concurrency key k."
            claims = (await given.turn(10)).claims
            assert [claim.run_id for claim in claims] == [child]
            await given.end(claims[0])
        assert await given.goes_on(mother)
        assert await given.claimed() == []
        await given.end(mother)
        assert await given.claimed() == [stranger]

    async def test_a_parent_does_not_go_on_beside_a_child_with_its_key(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        mother = await given.running(concurrency_key="k", concurrency_limit=2)
        await given.lend(mother)
        held = [await given.running(concurrency_key="k", concurrency_limit=2, parent=mother.run_id) for _ in range(2)]
        assert not await given.goes_on(mother)
        await given.end(held[0])
        assert await given.goes_on(mother)
        await given.add(concurrency_key="k", concurrency_limit=2, parent=mother.run_id)
        assert await given.claimed() == []

    async def test_a_grandchild_has_the_key_of_all_above_who_wait(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        mother = await given.running(concurrency_key="k", concurrency_limit=1)
        await given.lend(mother)
        middle = await given.running("report", parent=mother.run_id)
        child = await given.running(concurrency_key="k", concurrency_limit=1, parent=middle.run_id)
        aunt = await given.add(concurrency_key="k", concurrency_limit=1, parent=mother.run_id, priority=100)
        grandchild = await given.add(concurrency_key="k", concurrency_limit=1, parent=child.run_id)
        assert await given.claimed() == []
        await given.lend(child)
        assert await given.claimed() == [grandchild]
        (claim,) = [claim for claim in await store.claims("w1") if claim.run_id == grandchild]
        assert not await given.goes_on(child)
        await given.end(claim)
        assert await given.goes_on(child)
        await given.end(child)
        assert await given.claimed() == [aunt]

    async def test_reservations_of_children_keep_to_the_limit(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        mother = await given.running(concurrency_key="k", concurrency_limit=1)
        await given.lend(mother)
        for _ in range(3):
            await given.add(concurrency_key="k", concurrency_limit=1, parent=mother.run_id)
        assert len(await given.claimed(1, 5)) == 1
        assert not await given.goes_on(mother)

    async def test_a_parked_child_passes_the_barrier_while_its_parent_waits(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Family(store, clock)
        await given.worker()
        busy = await given.running("report")
        mother = await given.running(concurrency_key="k", concurrency_limit=1)
        child = await given.add(concurrency_key="k", concurrency_limit=1, parent=mother.run_id)
        assert await given.claimed() == []
        barrier = await given.add("sync", exclusive=True)
        await given.lend(mother)
        claim = await given.claim()
        assert claim.run_id == child
        await given.end(claim)
        await given.end(busy)
        assert await given.claimed() == [barrier]

    async def test_an_exclusive_child_has_the_key_of_its_parent(self, store: Store, clock: ManualClock) -> None:
        given = Family(store, clock)
        await given.worker()
        mother = await given.running(concurrency_key="k", concurrency_limit=1)
        child = await given.add(concurrency_key="k", concurrency_limit=1, exclusive=True, parent=mother.run_id)
        assert await given.claimed() == []
        await given.lend(mother)
        assert await given.claimed() == [child]

    async def test_whom_an_exclusive_run_keeps_does_not_keep_a_key_from_its_children(
        self, store: Store, clock: ManualClock
    ) -> None:
        """Else they would wait for one another. Those who are part of the exclusive run keep theirs."""
        given = Family(store, clock)
        await given.worker()
        other = await given.running(concurrency_key="k", concurrency_limit=1)
        await given.lend(other)
        alone = await given.running("report", exclusive=True)
        child = await given.running(concurrency_key="k", concurrency_limit=1, parent=alone.run_id)
        sibling = await given.add(concurrency_key="k", concurrency_limit=1, parent=alone.run_id)
        await given.lend(child)
        assert await given.claimed() == []
        await given.end(alone)
        assert await given.goes_on(child)
        assert not await given.goes_on(other)  # the child has the key
        await given.end(child)
        assert await given.goes_on(other)
        await given.end(other)
        assert await given.claimed() == [sibling]

    async def test_of_two_who_have_a_key_for_one_each_can_wait_for_its_own(
        self, store: Store, clock: ManualClock
    ) -> None:
        """So it comes when an exclusive run ends before its child: nobody is left who waits for both."""
        given = Family(store, clock)
        await given.worker()
        other = await given.running(concurrency_key="k", concurrency_limit=1)
        await given.lend(other)
        alone = await given.running("report", exclusive=True)
        left = await given.running(concurrency_key="k", concurrency_limit=1, parent=alone.run_id)
        await given.lend(left)
        await given.end(alone)
        children = [
            await given.add(concurrency_key="k", concurrency_limit=1, parent=claim.run_id) for claim in (other, left)
        ]
        for _ in children:
            claim = await given.claim()
            assert await given.claimed() == []
            await given.end(claim)
        assert [await given.status(child) for child in children] == [RunStatus.COMPLETED] * 2
        assert await given.goes_on(left)
        assert not await given.goes_on(other)
