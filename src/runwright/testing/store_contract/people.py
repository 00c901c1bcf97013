"""The store's suite: what people do with runs."""

from __future__ import annotations

from runwright.clock import to_datetime
from runwright.lifecycle import RunEvent
from runwright.model import Control, LogChunk, NewArguments, RunStatus, TaskProgress
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestMove:
    async def test_cancel_of_a_waiting_run_is_immediate(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        at = clock.now()
        assert await store.move([run], RunEvent.CANCEL, "ann", at) == [(RunStatus.PENDING, RunStatus.CANCELLED)]
        read = await given.read(run)
        assert (read.completed_at, read.cancel_requested) == (to_datetime(at), True)
        assert await given.claimed() == []
        last = (await store.events([])).items[0]
        assert (last.action, last.user, last.run) == ("run.cancelled", "ann", run)

    async def test_cancel_of_a_running_run_is_told_to_its_session(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.worker("w2")
        run = await given.add()
        claim = await given.claim()
        assert list(await store.controls("w1")) == []
        moved = await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert moved == [(RunStatus.RUNNING, RunStatus.CANCELLING)]
        assert list(await store.controls("w1")) == [Control(claim.key, run, claim.token, cancel=True, pause=False)]
        assert list(await store.controls("w2")) == []
        assert [(await given.turn(session=session)).wishes for session in ("w1", "w2")] == [True, False]
        assert (await store.turn("w1", changes=[given.change(claim, RunEvent.LEND)])).wishes
        again = await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert again == [(RunStatus.CANCELLING, RunStatus.CANCELLING)]
        await given.end(claim, RunEvent.STOPPED)
        assert list(await store.controls("w1")) == []
        assert not (await given.turn()).wishes
        assert await given.actions(run) == ["run.created", "run.started", "run.cancelling", "run.cancelled"]

    async def test_what_is_not_possible_changes_nothing(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        done = (await given.ended()).id
        waiting = await given.add()
        before = len((await store.events([], limit=100)).items)
        assert await store.move([done, "nothing", waiting], RunEvent.RESUME, "ann", clock.now()) == [
            (RunStatus.COMPLETED, RunStatus.COMPLETED),
            None,
            (RunStatus.PENDING, RunStatus.PENDING),
        ]
        assert await store.move([done], RunEvent.CANCEL, "ann", clock.now()) == [
            (RunStatus.COMPLETED, RunStatus.COMPLETED)
        ]
        assert await store.move([waiting], RunEvent.RESTART, "ann", clock.now()) == [
            (RunStatus.PENDING, RunStatus.PENDING)
        ]
        assert len((await store.events([], limit=100)).items) == before

    async def test_restart_keeps_arguments_state_and_history(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add(arguments='{"a":1}')
        claim = await given.claim()
        assert await store.save_state("w1", claim.key, claim.token, '{"page":7}')
        await store.append_logs("w1", [LogChunk(claim.key, claim.token, 1, 1, '[[1,0,"INFO","hello"]]')])
        await store.turn(
            "w1",
            finished=[given.finish(claim, result="1", progress=TaskProgress(1, 2), warnings=("w",), cpu_seconds=1.0)],
        )
        clock.advance(1)
        assert await store.move([run], RunEvent.RESTART, "ann", clock.now()) == [
            (RunStatus.COMPLETED, RunStatus.PENDING)
        ]
        read = await given.read(run)
        assert (read.result, read.error, read.progress, read.warnings, read.cpu_seconds) == (None, None, None, (), None)
        assert (read.completed_at, read.due_at, read.cancel_requested) == (None, to_datetime(clock.now()), False)
        again = await given.claim()
        assert (again.run_id, again.attempt, again.state, again.arguments) == (run, 2, '{"page":7}', '{"a":1}')
        assert len(await store.attempts(run)) == 2
        assert [line.text for line in await store.log(run)] == ["hello"]

    async def test_restart_clears_the_counts(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = (await given.ended(event=RunEvent.FAIL)).id
        assert (await given.read(run)).failures == 1
        await store.move([run], RunEvent.RESTART, "ann", clock.now())
        read = await given.read(run)
        assert (read.failures, read.crashes, read.error) == (0, 0, None)

    async def test_restart_of_every_terminal_status(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        cancelled = await given.add()
        await store.move([cancelled], RunEvent.CANCEL, "ann", clock.now())
        failed = (await given.ended(event=RunEvent.FAIL)).id
        assert [
            pair and pair[1] for pair in await store.move([cancelled, failed], RunEvent.RESTART, "a", clock.now())
        ] == [
            RunStatus.PENDING,
            RunStatus.PENDING,
        ]
        assert set(await given.claimed()) == {cancelled, failed}

    async def test_restart_with_other_arguments(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = (await given.ended(arguments='{"a":1}', unique_key="k1")).id
        holder = await given.add(unique_key="k1")  # a live run has the old key: the new one counts
        other = NewArguments('{"a":2}', ("a",), "k2", "c", 1)
        assert await store.restart_with(run, other, "ann", clock.now()) == (RunStatus.COMPLETED, RunStatus.PENDING)
        (event,) = [each for each in (await store.events([], limit=1)).items if each.run == run]
        assert (event.action, event.user, event.detail) == ("run.restarted", "ann", {"changed": ["a"]})
        claims = {claim.run_id: claim for claim in [await given.claim(), await given.claim()]}
        assert claims.keys() == {run, holder}
        assert (claims[run].attempt, claims[run].arguments) == (2, '{"a":2}')
        assert (await given.read(run)).arguments == {"a": 2}
        assert await store.restart_with(run, other, "ann", clock.now()) == (RunStatus.RUNNING, RunStatus.RUNNING)
        assert await store.restart_with("nobody", other, "ann", clock.now()) is None

    async def test_restart_with_arguments_that_are_unique_to_a_live_run(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = (await given.ended(arguments='{"a":1}', unique_key="k1")).id
        await given.add(unique_key="k2")
        other = NewArguments('{"a":2}', ("a",), "k2")
        assert await store.restart_with(run, other, "ann", clock.now()) == (RunStatus.COMPLETED, RunStatus.COMPLETED)
        assert (await given.read(run)).arguments == {"a": 1}

    async def test_restart_does_not_break_a_unique_key(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        first = (await given.ended(unique_key="k")).id
        await given.add(unique_key="k")
        assert await store.move([first], RunEvent.RESTART, "ann", clock.now()) == [
            (RunStatus.COMPLETED, RunStatus.COMPLETED)
        ]


class TestPause:
    async def test_it_is_shown_until_the_checkpoint(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        assert await store.request_pause(run, "ann") is RunStatus.PENDING
        claim = await given.claim()
        assert list(await store.controls("w1")) == []
        assert await store.request_pause(run, "ann") is RunStatus.RUNNING
        assert (await given.read(run)).pause_requested
        wish = Control(claim.key, run, claim.token, cancel=False, pause=True)
        assert list(await store.controls("w1")) == [wish]
        await store.turn("w1", changes=[given.change(claim, RunEvent.PAUSE)])
        read = await given.read(run)
        assert (read.status, read.pause_requested) == (RunStatus.PAUSED, False)
        assert list(await store.controls("w1")) == [wish]  # it shall stay where it is
        await store.move([run], RunEvent.RESUME, "ann", clock.now())
        assert list(await store.controls("w1")) == []
        assert await store.request_pause("nothing", "ann") is None

    async def test_resume_takes_back_a_request(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        await given.claim()
        await store.request_pause(run, "ann")
        assert await store.move([run], RunEvent.RESUME, "ann", clock.now()) == [(RunStatus.RUNNING, RunStatus.RUNNING)]
        assert not (await given.read(run)).pause_requested
        assert list(await store.controls("w1")) == []

    async def test_a_paused_run_can_be_cancelled(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        await store.request_pause(run, "ann")
        await store.turn("w1", changes=[given.change(claim, RunEvent.PAUSE)])
        await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        assert list(await store.controls("w1")) == [Control(claim.key, run, claim.token, cancel=True, pause=False)]
        assert (await given.end(claim, RunEvent.STOPPED)).status is RunStatus.CANCELLED


class TestDelete:
    async def test_only_terminal_runs_and_all_that_hangs_on_them(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        await store.save_state("w1", claim.key, claim.token, "1")
        await store.append_logs("w1", [LogChunk(claim.key, claim.token, 1, 1, '[[1,0,"INFO","x"]]')])
        assert await store.delete([run, "nothing"], "ann") == [RunStatus.RUNNING, None]
        await given.end(claim)
        assert await store.delete([run], "ann") == [RunStatus.COMPLETED]
        assert await store.run(run) is None
        assert list(await store.attempts(run)) == []
        assert list(await store.log(run)) == []
        assert (await given.actions(run))[-1] == "run.deleted"
        assert await store.delete([run], "ann") == [None]
