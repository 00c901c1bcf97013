"""The store's suite: worker sessions, what their runs leave while they run, and what is done when they die."""

from __future__ import annotations

from runwright.clock import SECOND
from runwright.lifecycle import RunEvent, decide_crash
from runwright.model import AttemptStatus, Cursor, LogChunk, OnInterrupt, ProgressUpdate, RunStatus, TaskProgress
from runwright.store.base import RunQuery, Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup


class TestSessions:
    async def test_a_session_is_listed_with_what_it_does(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker("w1", ("report", "backup"))
        await given.add()
        await given.add()
        await given.turn(1, 1)
        (worker,) = await store.workers()
        assert (worker.id, worker.host, worker.pid, worker.state) == ("w1", "host", 1, "live")
        assert (dict(worker.lanes), sorted(worker.tasks), worker.running) == ({"async": 4}, ["backup", "report"], 1)
        assert (worker.lease_until - worker.heartbeat_at).total_seconds() == LEASE_SECONDS

    async def test_a_heartbeat_renews_a_lease_and_cannot_revive_one(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(4):
            clock.advance(LEASE_SECONDS - 1)
            assert store.beat("w1", LEASE_SECONDS)
        assert not (await given.turn()).fenced
        clock.advance(LEASE_SECONDS)
        assert not store.beat("w1", LEASE_SECONDS)
        assert (await given.turn()).fenced
        assert not store.beat("nobody", LEASE_SECONDS)

    async def test_a_step_of_the_wall_clock_does_not_end_a_lease(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        clock.step(7200)
        assert store.beat("w1", LEASE_SECONDS)
        assert not (await given.turn()).fenced
        clock.step(-14_400)
        assert list(await store.orphans()) == []
        clock.advance(LEASE_SECONDS)
        assert (await given.turn()).fenced

    async def test_an_ended_session_gives_its_reservations_back(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        await given.add()
        reserved = await given.add()
        await given.turn(1, 1)
        await store.end_session("w1")
        assert await given.claimed(session="w2") == [reserved]
        assert (await given.turn()).fenced
        assert not store.beat("w1", LEASE_SECONDS)
        assert {worker.id: worker.state for worker in await store.workers()} == {"w1": "ended", "w2": "live"}
        clock.advance(3601)
        assert "w1" not in {worker.id for worker in await store.workers()}


class TestNotes:
    async def test_log_lines_come_back_in_order_and_after_a_sequence(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        first = LogChunk(claim.key, claim.token, 1, 2, '[[1,1000000,"INFO","one"],[2,2000000,"ERROR","two"]]')
        second = LogChunk(claim.key, claim.token, 3, 3, '[[3,3000000,"INFO","three"]]')
        assert await store.append_logs("w1", [first, second]) == frozenset()
        assert await store.append_logs("w1", [second]) == frozenset()  # sent again after a doubtful commit
        lines = await store.log(run)
        assert [(line.seq, line.level, line.text) for line in lines] == [
            (1, "INFO", "one"),
            (2, "ERROR", "two"),
            (3, "INFO", "three"),
        ]
        assert lines[0].time.timestamp() == 1.0
        assert [line.seq for line in await store.log(run, after=1)] == [2, 3]
        assert [line.seq for line in await store.log(run, after=0, limit=1)] == [1, 2]
        assert list(await store.log(run, after=3)) == []
        assert list(await store.log("nothing")) == []

    async def test_every_write_shows_its_token(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        run = await given.add()
        claim = await given.claim()
        for session, token in (("w1", claim.token + 1), ("w2", claim.token)):
            assert await store.append_logs(session, [LogChunk(claim.key, token, 1, 1, "[]")]) == {claim.key}
            assert await store.save_progress(session, [ProgressUpdate(claim.key, token, TaskProgress(1, 2))]) == {
                claim.key
            }
            assert not await store.save_state(session, claim.key, token, "1")
        read = await given.read(run)
        assert read.progress is None
        assert list(await store.log(run)) == []

    async def test_a_fenced_session_writes_nothing(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        clock.advance(LEASE_SECONDS)
        update = ProgressUpdate(claim.key, claim.token, TaskProgress(1, 2))
        assert await store.save_progress("w1", [update]) == {claim.key}
        assert not await store.save_state("w1", claim.key, claim.token, "1")
        assert await store.append_logs("w1", [LogChunk(claim.key, claim.token, 1, 1, "[]")]) == {claim.key}
        assert (await given.read(run)).progress is None

    async def test_progress_is_the_latest_and_gone_with_the_next_attempt(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        for current in (1.0, 2.5):
            update = ProgressUpdate(claim.key, claim.token, TaskProgress(current, 10, "half"))
            assert await store.save_progress("w1", [update]) == frozenset()
        assert (await given.read(run)).progress == TaskProgress(2.5, 10, "half")
        await given.end(claim, RunEvent.RETRY)
        await given.claim()
        assert (await given.read(run)).progress is None

    async def test_saved_state_comes_with_the_next_claim(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        claim = await given.claim()
        assert await store.save_state("w1", claim.key, claim.token, '{"n":1}')
        assert await store.save_state("w1", claim.key, claim.token, '{"n":2}')
        await given.end(claim, RunEvent.RETRY)
        assert (await given.claim()).state == '{"n":2}'


class TestOrphans:
    async def test_nobody_is_an_orphan_while_the_lease_holds(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add()
        await given.claim()
        clock.advance(LEASE_SECONDS - 1)
        assert list(await store.orphans()) == []

    async def test_a_crash_interrupts_the_attempt_and_the_run_starts_again(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        reserved = await given.add()
        await given.turn(0, 1)
        clock.advance(LEASE_SECONDS)
        (orphan,) = await store.orphans()
        assert (orphan.run_id, orphan.task, orphan.attempt, orphan.crashes, orphan.worker) == (
            run,
            "backup",
            1,
            0,
            "w1",
        )
        assert (orphan.status, orphan.on_interrupt, orphan.token) == (RunStatus.RUNNING, OnInterrupt.RETRY, claim.token)
        assert await store.rescue([(orphan, decide_crash(0, orphan.on_interrupt, lost=True))]) == 1
        assert await store.rescue([(orphan, RunEvent.CRASH)]) == 0
        read = await given.read(run)
        assert (read.status, read.crashes, read.failures) == (RunStatus.PENDING, 1, 0)
        (attempt,) = await store.attempts(run)
        assert (attempt.status, attempt.worker) == (AttemptStatus.INTERRUPTED, "w1")
        assert attempt.error is not None
        assert attempt.error.kind == "interrupted"
        await given.worker("w2")
        assert await given.claimed(session="w2") == [run, reserved]
        assert await given.actions(run) == ["run.created", "run.started", "run.interrupted", "run.started"]
        assert (await store.turn("w1", finished=[given.finish(claim)])).fenced

    async def test_held_runs_wait_for_a_person(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add(on_interrupt=OnInterrupt.HOLD, schedule="s")
        await given.claim()
        clock.advance(LEASE_SECONDS)
        (orphan,) = await store.orphans()
        assert orphan.on_interrupt is OnInterrupt.HOLD
        await store.rescue([(orphan, decide_crash(0, orphan.on_interrupt, lost=True))])
        read = await given.read(run)
        assert read.status is RunStatus.INTERRUPTED
        assert read.error is not None
        assert read.completed_at is not None
        assert [ended.run for ended in await store.ended()] == [run]

    async def test_a_crash_loop_ends_as_an_error(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        run = await given.add()
        for crash in (1, 2, 3):
            session = await given.worker(f"w{crash}")
            assert (await given.claim(session)).crashes == crash - 1
            clock.advance(LEASE_SECONDS)
            (orphan,) = await store.orphans()
            assert orphan.crashes == crash - 1
            await store.rescue([(orphan, decide_crash(orphan.crashes, orphan.on_interrupt, lost=orphan.lost))])
        read = await given.read(run)
        assert read.status is RunStatus.ERROR
        assert read.error is not None
        assert read.error.kind == "crash_loop"
        assert len(await store.attempts(run)) == 3

    async def test_a_cancelled_or_paused_run_is_no_exception(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        cancelled, paused = await given.add(), await given.add()
        claims = (await given.turn(2)).claims
        await store.move([cancelled], RunEvent.CANCEL, "ann", clock.now())
        await store.request_pause(paused, "ann")
        await store.turn("w1", changes=[given.change(claims[1], RunEvent.PAUSE)])
        clock.advance(LEASE_SECONDS)
        await store.rescue([(orphan, RunEvent.CRASH) for orphan in await store.orphans()])
        assert await given.status(cancelled) is RunStatus.CANCELLED
        assert await given.status(paused) is RunStatus.PENDING

    async def test_runs_left_by_an_orderly_end_are_no_crashes(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        await given.claim()
        await store.end_session("w1")
        (orphan,) = await store.orphans()
        assert await store.rescue([(orphan, RunEvent.CRASH)]) == 1
        assert (await given.read(run)).crashes == 0

    async def test_an_orphan_says_whether_its_session_was_lost(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        left = [await given.add(), await given.add()]
        for session in ("lost", "ended"):
            await given.claim(await given.worker(session))
        await store.end_session("ended")
        clock.advance(LEASE_SECONDS)
        orphans = await store.orphans()
        assert [(orphan.run_id, orphan.worker, orphan.lost) for orphan in orphans] == [
            (left[0], "lost", True),
            (left[1], "ended", False),
        ]

    async def test_they_are_ordered_by_key_and_limited(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(5):
            await given.add()
        await given.turn(5)
        clock.advance(LEASE_SECONDS)
        keys = [orphan.key for orphan in await store.orphans()]
        assert keys == sorted(keys)
        assert len(keys) == 5
        assert [orphan.key for orphan in await store.orphans(2)] == keys[:2]

    async def test_people_can_cancel_an_orphan(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        await given.claim()
        clock.advance(LEASE_SECONDS)
        await store.orphans()
        assert await store.move([run], RunEvent.CANCEL, "ann", clock.now()) == [
            (RunStatus.RUNNING, RunStatus.CANCELLING)
        ]
        await store.rescue([(orphan, RunEvent.CRASH) for orphan in await store.orphans()])
        assert await given.status(run) is RunStatus.CANCELLED


class TestPrune:
    async def test_only_old_terminal_runs_go_in_small_batches(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        waiting = await given.add(due_in=1e6)
        for task in ("backup", "report") * 5:
            await given.ended(task)
        clock.advance(10)
        store.beat("w1", LEASE_SECONDS)
        young = await given.ended()
        before = clock.now() - 5 * SECOND
        assert [await store.prune(before, 4) for _ in range(4)] == [4, 4, 2, 0]
        left = await store.runs(RunQuery())
        assert {run.id for run in left.items} == {waiting, young.id}
        times = [event.time.timestamp() for event in (await store.events([], limit=500)).items]
        assert times
        assert min(times) * SECOND >= before

    async def test_the_timelines_cursor_survives(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.ended()
        cursor, _ = await store.changed_since(Cursor())
        clock.advance(1)
        await store.prune(clock.now())
        assert (await store.changed_since(None))[0].last in (0, cursor.last)
        run = await given.add()
        assert (await store.changed_since(cursor))[1] == (run,)
