"""The store's suite: runs that a session has in reserve, and what becomes of them."""

from __future__ import annotations

from runwright.clock import to_datetime
from runwright.lifecycle import RunEvent
from runwright.model import Control, RunStatus
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup


class TestReservations:
    async def test_a_reservation_is_pending_to_everyone(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        first, second = await given.add(), await given.add()
        turn = await given.turn(1, 1)
        assert [(claim.run_id, claim.reserved) for claim in turn.claims] == [(first, False), (second, True)]
        read = await given.read(second)
        assert (read.status, read.worker, read.attempt, read.started_at) == (RunStatus.PENDING, None, 0, None)
        assert await given.claimed() == []

    async def test_it_starts_with_a_change(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        assert claim.attempt == 1
        turn = await store.turn("w1", changes=[given.change(claim, RunEvent.START)])
        assert turn.lost == frozenset()
        read = await given.read(claim.run_id)
        assert (read.status, read.attempt, read.worker) == (RunStatus.RUNNING, 1, "w1")
        await given.end(claim)
        assert await given.actions(claim.run_id) == ["run.created", "run.started", "run.completed"]

    async def test_a_finish_folds_the_start_in(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        run = await given.end(claim)
        assert (run.status, run.attempt) == (RunStatus.COMPLETED, 1)
        assert run.duration == 1.0
        assert await given.actions(claim.run_id) == ["run.created", "run.started", "run.completed"]
        assert [attempt.number for attempt in await store.attempts(run.id)] == [1]

    async def test_handed_back_it_waits_at_its_old_place(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        first = await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        second = await given.add()
        await store.hand_back("w1", [(claim.key, claim.token + 2)])
        assert await given.claimed(0, 9) == [second]
        await store.hand_back("w1", [(claim.key, claim.token)])
        third = await given.add()
        assert await given.claimed() == [first, third]
        turn = await store.turn("w1", changes=[given.change(claim, RunEvent.START)])
        assert turn.lost == {claim.token}

    async def test_a_started_run_is_not_handed_back(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        claim = await given.claim()
        await store.hand_back("w1", [(claim.key, claim.token)])
        assert (await given.end(claim)).status is RunStatus.COMPLETED

    async def test_a_run_that_crashed_is_never_reserved_ahead(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        suspect = await given.add()
        await given.claim()
        clock.advance(LEASE_SECONDS)
        await store.rescue([(orphan, RunEvent.CRASH) for orphan in await store.orphans()])
        other = await given.add()
        await given.worker("w2")
        assert await given.claimed(0, 5, session="w2") == [other]
        (claim,) = (await given.turn(1, 5, session="w2")).claims
        assert (claim.run_id, claim.crashes, claim.reserved, claim.attempt) == (suspect, 1, False, 2)


class TestCancelledReservations:
    """A reserved run may have begun without the store's knowing: what waits for its end goes on waiting."""

    async def test_it_counts_as_begun_until_its_session_says_how_it_ended(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add(concurrency_key="disk", concurrency_limit=1)
        (claim,) = (await given.turn(0, 1)).claims
        following = await given.add(concurrency_key="disk", concurrency_limit=1)
        moved = await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert moved == [(RunStatus.PENDING, RunStatus.CANCELLING)]
        assert list(await store.controls("w1")) == [Control(claim.key, run, claim.token, cancel=True, pause=False)]
        assert await given.claimed() == []
        start = given.change(claim, RunEvent.START)
        for _ in range(2):  # its start may be told late, and more than once
            assert (await store.turn("w1", changes=[start])).lost == frozenset()
        assert [(one.number, one.status.value) for one in await store.attempts(run)] == [(1, "running")]
        ended = await given.end(claim)
        assert (ended.status, ended.attempt, ended.duration) == (RunStatus.CANCELLED, 1, 1.0)
        assert [(one.number, one.status.value) for one in await store.attempts(run)] == [(1, "completed")]
        assert await given.claimed() == [following]
        assert await given.actions(run) == ["run.created", "run.cancelling", "run.cancelled"]

    async def test_no_exclusive_run_begins_beside_it(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        alone = await given.add(exclusive=True)
        await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert await given.claimed() == []
        await given.end(claim, RunEvent.STOPPED)
        assert await given.claimed() == [alone]

    async def test_handed_back_it_is_over_and_had_no_attempt(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add(concurrency_key="disk", concurrency_limit=1, schedule="nightly")
        (claim,) = (await given.turn(0, 1)).claims
        following = await given.add(concurrency_key="disk", concurrency_limit=1)
        await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        await store.hand_back("w1", [(claim.key, claim.token + 2)])
        assert await given.status(run) is RunStatus.CANCELLING
        for _ in range(2):
            await store.hand_back("w1", [(claim.key, claim.token)])
        read = await given.read(run)
        assert (read.status, read.attempt, read.started_at) == (RunStatus.CANCELLED, 0, None)
        assert (read.completed_at, await store.attempts(run)) == (to_datetime(clock.now()), [])
        assert [(one.run, one.status, one.started_at) for one in await store.ended()] == [
            (run, RunStatus.CANCELLED, None)
        ]
        assert await given.claimed() == [following]
        assert await given.actions(run) == ["run.created", "run.cancelling", "run.cancelled"]

    async def test_of_a_run_that_is_tried_again_the_attempts_stay(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        began = (await given.end(await given.claim(), RunEvent.RETRY)).started_at
        clock.advance(5)
        (claim,) = (await given.turn(0, 1)).claims
        moved = await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert moved == [(RunStatus.RETRYING, RunStatus.CANCELLING)]
        await store.hand_back("w1", [(claim.key, claim.token)])
        read = await given.read(run)
        assert (read.status, read.attempt, read.started_at) == (RunStatus.CANCELLED, 1, began)
        assert [one.number for one in await store.attempts(run)] == [1]

    async def test_its_session_may_ask_for_it(self, store: Store, clock: ManualClock) -> None:
        """A worker whose turn's answer was lost asks what it has claimed: what may have begun is no reservation."""
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        (known,) = await store.claims("w1")
        assert (known.token, known.attempt, known.reserved) == (claim.token, 1, False)

    async def test_it_is_over_when_its_session_has_died(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        await given.turn(0, 1)
        await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        await store.end_session("w1")
        assert await given.status(run) is RunStatus.CANCELLING
        await store.rescue([(orphan, RunEvent.CRASH) for orphan in await store.orphans()])
        assert await given.status(run) is RunStatus.CANCELLED
