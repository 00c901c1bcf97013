"""The store's suite: what a turn records of claimed runs."""

from __future__ import annotations

from runwright.clock import SECOND, to_datetime
from runwright.lifecycle import TRANSITIONS, RunEvent
from runwright.model import AttemptStatus, Lane, RunError, RunStatus, TaskProgress
from runwright.store.base import Store, Wanted
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestChanges:
    async def test_pause_needs_a_request_and_resume_takes_it_back(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        pause = given.change(claim, RunEvent.PAUSE)
        assert (await store.turn("w1", changes=[pause])).lost == frozenset()
        assert await given.status(run) is RunStatus.RUNNING  # nobody asked (any more): it goes on
        assert await store.request_pause(run, "ann") is RunStatus.RUNNING
        await store.turn("w1", changes=[pause])
        assert await given.status(run) is RunStatus.PAUSED
        assert await store.move([run], RunEvent.RESUME, "ann", clock.now()) == [(RunStatus.PAUSED, RunStatus.RUNNING)]
        assert (await given.end(claim)).status is RunStatus.COMPLETED
        assert await given.actions(run) == [
            "run.created",
            "run.started",
            "run.pause_requested",
            "run.paused",
            "run.resumed",
            "run.completed",
        ]

    async def test_expiring_shows_it_as_cancelling_though_nobody_cancelled(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        await store.turn("w1", changes=[given.change(claim, RunEvent.EXPIRING)])
        read = await given.read(run)
        assert (read.status, read.cancel_requested) == (RunStatus.CANCELLING, False)
        assert list(await store.controls("w1")) == []
        ended = await given.end(claim, RunEvent.EXPIRE)
        assert ended.status is RunStatus.ERROR
        assert ended.failures == 1

    async def test_a_cancel_during_expiry_wins(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        await store.turn("w1", changes=[given.change(claim, RunEvent.EXPIRING)])
        moved = await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert moved == [(RunStatus.CANCELLING, RunStatus.CANCELLING)]
        assert (await given.end(claim, RunEvent.EXPIRE_RETRY)).status is RunStatus.CANCELLED

    async def test_a_wrong_token_or_session_is_lost(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        run = await given.add()
        claim = await given.claim()
        assert (await store.turn("w2", finished=[given.finish(claim)])).lost == {claim.token}
        assert await given.status(run) is RunStatus.RUNNING
        other = given.finish(claim)
        wrong = type(other)(
            claim.key, claim.token + 1, "complete", AttemptStatus.COMPLETED, other.started_at, other.completed_at, 1
        )
        assert (await store.turn("w1", finished=[wrong])).lost == {wrong.token}
        assert await given.status(run) is RunStatus.RUNNING

    async def test_changes_come_before_finishes(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        (claim,) = (await given.turn(0, 1)).claims
        turn = await store.turn(
            "w1",
            changes=[given.change(claim, RunEvent.START), given.change(claim, RunEvent.EXPIRING)],
            finished=[given.finish(claim, RunEvent.EXPIRE, error=RunError("timeout", "too long"))],
        )
        assert turn.lost == frozenset()
        assert await given.actions(claim.run_id) == ["run.created", "run.started", "run.cancelling", "run.failed"]

    async def test_a_change_that_the_lifecycle_does_not_know_is_lost(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        claim = await given.claim()
        assert (await store.turn("w1", changes=[given.change(claim, RunEvent.START)])).lost == {claim.token}
        assert (await store.turn("w1", changes=[given.change(claim, RunEvent.RESTART)])).lost == {claim.token}
        assert (await given.end(claim)).status is RunStatus.COMPLETED


class TestFinish:
    async def test_it_stores_all_that_the_attempt_left(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        clock.advance(2)
        finish = given.finish(
            claim, result='{"ok":[1,null]}', progress=TaskProgress(3, 4, "done"), warnings=("late",), cpu_seconds=0.25
        )
        await store.turn("w1", finished=[finish])
        read = await given.read(run)
        assert (read.status, read.result, read.error) == (RunStatus.COMPLETED, {"ok": [1, None]}, None)
        assert (read.progress, read.warnings, read.cpu_seconds) == (TaskProgress(3, 4, "done"), ("late",), 0.25)
        assert (read.started_at, read.completed_at) == (
            to_datetime(clock.now() - SECOND),
            to_datetime(clock.now()),
        )
        assert read.worker == "w1"

    async def test_a_second_finish_has_lost(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        await given.end(claim)
        again = await store.turn("w1", finished=[given.finish(claim, RunEvent.FAIL)])
        assert again.lost == {claim.token}
        assert await given.status(run) is RunStatus.COMPLETED
        assert len(await store.attempts(run)) == 1

    async def test_an_ending_told_again_does_not_hide_the_next_one(self, store: Store, clock: ManualClock) -> None:
        """The turn that failed after its commit had claimed the same run again, which ends meanwhile, too."""
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        first = await given.claim()
        retried = given.finish(first, RunEvent.RETRY, error=RunError("ValueError", "no"), due_in=0.0)
        (second,) = (await store.turn("w1", [Wanted(Lane.ASYNC, 1)], finished=[retried])).claims
        turn = await store.turn("w1", finished=[retried, given.finish(second)])
        assert turn.lost == {first.token}
        assert await given.status(run) is RunStatus.COMPLETED

    async def test_one_lost_finish_does_not_stop_the_others(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(3):
            await given.add()
        claims = (await given.turn(3)).claims
        await given.end(claims[1])
        turn = await store.turn("w1", [Wanted(Lane.ASYNC, 1)], finished=[given.finish(claim) for claim in claims])
        assert turn.lost == {claims[1].token}
        assert [await given.status(claim.run_id) for claim in claims] == [RunStatus.COMPLETED] * 3

    async def test_a_failure_keeps_its_error_and_a_retry_its_traceback(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        error = RunError("ValueError", "no such table", "Traceback …")
        await store.turn("w1", finished=[given.finish(claim, RunEvent.RETRY, error=error, due_in=10)])
        read = await given.read(run)
        assert (read.status, read.failures, read.error) == (RunStatus.RETRYING, 1, error)
        assert read.due_at == to_datetime(clock.now() + 10 * SECOND)
        turn = await given.turn()
        assert turn.claims == ()
        assert turn.next_due == clock.now() + 10 * SECOND
        clock.advance(10)
        second = await given.claim()
        assert (second.attempt, second.failures, second.token != claim.token) == (2, 1, True)
        assert (await given.end(second)).error is None
        attempts = await store.attempts(run)
        assert [(attempt.number, attempt.status) for attempt in attempts] == [
            (1, AttemptStatus.ERROR),
            (2, AttemptStatus.COMPLETED),
        ]
        assert attempts[0].error == error

    async def test_snooze_and_release_are_no_failures(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        snoozed = await given.end(await given.claim(), RunEvent.SNOOZE)
        assert (snoozed.status, snoozed.failures, snoozed.crashes) == (RunStatus.PENDING, 0, 0)
        released = await given.end(await given.claim(), RunEvent.RELEASE)
        assert (released.status, released.failures, released.crashes) == (RunStatus.PENDING, 0, 0)
        third = await given.claim()
        assert third.attempt == 3
        assert [attempt.status for attempt in await store.attempts(run)] == [
            AttemptStatus.SNOOZED,
            AttemptStatus.INTERRUPTED,
            AttemptStatus.RUNNING,
        ]
        assert (await given.actions(run))[1:6] == [
            "run.started",
            "run.snoozed",
            "run.started",
            "run.released",
            "run.started",
        ]

    async def test_text_that_is_not_unicode_never_fails_a_finish(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        broken = "name \ud800 of a file"
        finish = given.finish(claim, RunEvent.FAIL, error=RunError("E", broken, broken), warnings=(broken,))
        assert (await store.turn("w1", finished=[finish])).lost == frozenset()
        read = await given.read(run)
        assert read.error is not None
        assert read.error.message == "name ? of a file"

    async def test_a_cancelled_run_ends_as_cancelled_whatever_it_returns(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        for event in (RunEvent.COMPLETE, RunEvent.FAIL, RunEvent.RETRY, RunEvent.SNOOZE, RunEvent.STOPPED):
            run = await given.add()
            claim = await given.claim()
            await store.move([run], RunEvent.CANCEL, "ann", clock.now())
            ended = await given.end(claim, event)
            assert (ended.status, ended.result) == (RunStatus.CANCELLED, None)


class TestLifecycle:
    async def test_a_finish_follows_the_table_and_nothing_else(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for status in (RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.CANCELLING):
            for event in RunEvent:
                run = await given.add()
                claim = await given.claim()
                if status is RunStatus.PAUSED:
                    await store.request_pause(run, "ann")
                    await store.turn("w1", changes=[given.change(claim, RunEvent.PAUSE)])
                elif status is RunStatus.CANCELLING:
                    await store.turn("w1", changes=[given.change(claim, RunEvent.EXPIRING)])
                assert await given.status(run) is status
                after = TRANSITIONS.get((status, event))
                ends = after is not None and after not in (
                    RunStatus.RUNNING,
                    RunStatus.PAUSED,
                    RunStatus.CANCELLING,
                )
                if after is None:
                    turn = await store.turn("w1", finished=[given.finish(claim, event, due_in=0)])
                    assert turn.lost == {claim.token}
                    assert await given.status(run) is status
                if not ends:  # leave the queue empty for the next pair
                    await store.move([run], RunEvent.CANCEL, "ann", clock.now())
                    await given.end(claim, RunEvent.STOPPED)
                    continue
                await store.turn("w1", finished=[given.finish(claim, event, due_in=9999)])
                assert await given.status(run) is after
