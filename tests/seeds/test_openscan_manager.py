"""What OpenScan3's own tests assert of its task manager, and the defects that were found in it, on Runwright.

Its names stay; where its behaviour was a defect (a lost slot, a zombie, a false pause), the test says what holds here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest

from runwright import (
    BaseTask,
    Conflict,
    InvalidArguments,
    NotFound,
    Retry,
    RunFailed,
    RunStatus,
    TaskProgress,
    task,
)
from runwright.model import SYSTEM
from runwright.testing import drain
from tests.seeds.openscan import (
    ScanConfig,
    gate,
    opened,
    settled,
    start,
    status,
    until,
    until_status,
)


class TestCreateAndRun:
    async def test_a_task_is_created_and_run(self) -> None:
        async with opened() as manager:
            run = await manager.start("simple_task", {"label": "a", "answer": {"n": 1}})
            assert (run.task, run.status, run.arguments) == (
                "simple_task", RunStatus.PENDING, {"label": "a", "answer": {"n": 1}},
            )  # fmt: skip
            gate.let("a")
            ended = await manager.wait(run.id, timeout=5)
        assert (ended.status, ended.result, ended.error) == (RunStatus.COMPLETED, {"n": 1}, None)
        assert ended.created_at is not None
        assert ended.started_at is not None
        assert ended.completed_at is not None
        assert ended.created_at <= ended.started_at <= ended.completed_at

    async def test_a_model_and_positional_arguments(self) -> None:
        async with opened() as manager:
            for config in (ScanConfig(points=3), {"points": 3}):
                result = await manager.run("scan_task", {"config": config, "args": [1, 2], "start_from_step": 4})
                assert result == {"points": 3, "more": [1, 2], "step": 4}
            (run, *_) = (await manager.runs(task="scan_task")).items
            assert run.arguments == {
                "config": {"points": 3, "shape": "spiral"}, "args": [1, 2], "start_from_step": 4,
            }  # fmt: skip

    async def test_its_own_calls_by_position(self) -> None:
        """``create_and_run_task("scan_task", config, 1, 2)``, and ``{"args": [...]}`` over HTTP."""
        async with opened() as manager:
            for given in ([ScanConfig(points=3), 1, 2], [{"points": 3}, 1, 2], {"args": [{"points": 3}, 1, 2]}):
                result = await manager.run("scan_task", given)
                assert result == {"points": 3, "more": [1, 2], "step": 0}
            started = await manager.start_many([("scan_task", [{"points": 4}])])
            assert (await manager.wait(started[0])).result == {"points": 4, "more": [], "step": 0}
            with pytest.raises(InvalidArguments, match="config: is required"):
                await manager.start("scan_task", [])

    async def test_wrong_arguments_make_no_run(self) -> None:
        """There: accepted, and the run ended in an error."""
        async with opened() as manager:
            with pytest.raises(InvalidArguments) as refused:
                await manager.start("scan_task", {"config": {"points": "many"}, "start": 1})
            assert {error.pointer for error in refused.value.errors} == {"/config/points", "/start"}
            with pytest.raises(NotFound, match="scan_task"):
                await manager.start("scan_taks", {})
            assert (await manager.runs()).items == ()

    async def test_an_error_keeps_its_text_and_its_traceback(self) -> None:
        async with opened() as manager:
            with pytest.raises(RunFailed, match="on purpose"):
                await manager.run("failing_task", {"error_message": "on purpose"})
            (run,) = (await manager.runs()).items
            (attempt,) = await manager.store.attempts(run.id)
        assert (run.status, run.error.message) == (RunStatus.ERROR, "on purpose")  # type: ignore[union-attr]  # it failed
        assert "raise ValueError(error_message)" in attempt.error.traceback  # type: ignore[union-attr,operator]  # as above

    async def test_streaming_reports_and_completes(self) -> None:
        async with opened() as manager:
            run = await manager.start("streaming_task", {"steps": 4})
            told = [frame.progress async for frame in manager.follow(run.id) if hasattr(frame, "progress")]
            ended = await manager.wait(run.id, timeout=5)
        assert ended.result == {"steps": 4}
        assert ended.progress == TaskProgress(4, 4, "step 3")
        assert [each.current for each in told] == sorted(each.current for each in told)

    async def test_a_result_that_is_no_json_loses_no_slot(self) -> None:
        """There: the slot was never released."""
        async with opened(max_concurrent=1) as manager:
            with pytest.raises(RunFailed, match="cannot be written as JSON"):
                await manager.run("unspeakable_task")
            gate.let("a")
            assert await manager.run("simple_task", {"label": "a", "answer": 1}) == 1


class TestConcurrency:
    async def test_the_fourth_waits_for_a_slot(self) -> None:
        async with opened() as manager:
            runs = [await start(manager, "simple_task", label) for label in "abcd"]
            await until(lambda: len(gate.begun) == 3)
            await settled(manager)
            assert (gate.begun, await status(manager, runs[3])) == (["a", "b", "c"], RunStatus.PENDING)
            gate.let("b")
            await until(lambda: "d" in gate.begun)
            gate.let(*"acd")
            await drain(manager)

    async def test_blocking_tasks_have_slots_of_their_own(self) -> None:
        """There, a blocking task stuck behind a fourth async one that waited."""
        async with opened(max_concurrent=1) as manager:
            for label in "ab":
                await start(manager, "simple_task", label)
            await start(manager, "blocking_task", "t")
            await until(lambda: "t" in gate.begun)
            assert gate.begun.count("b") == 0
            gate.thread.set()
            gate.let(*"ab")
            await drain(manager)

    async def test_blocking_does_not_block_the_loop(self) -> None:
        """And does not count among the asynchronous ones: the only slot of those is free."""
        async with opened(max_concurrent=1) as manager:
            run = await start(manager, "blocking_task", "t")
            await asyncio.to_thread(gate.in_thread.wait, 5)
            gate.let("a")
            assert await manager.run("simple_task", {"label": "a", "answer": 7}) == 7
            assert await status(manager, run) is RunStatus.RUNNING
            gate.thread.set()
            assert (await manager.wait(run, timeout=5)).result == "t"

    @pytest.mark.parametrize("first", ["simple_task", "blocking_task"])
    async def test_an_exclusive_task_waits_for_all_and_holds_up_all(self, first: str) -> None:
        async with opened() as manager:
            await start(manager, first, "first")
            await until(lambda: gate.begun)
            alone = await start(manager, "alone_task", "alone")
            behind = [await start(manager, "simple_task", "async"), await start(manager, "blocking_task", "thread")]
            await settled(manager)
            assert gate.begun == ["first"]  # the starvation rule: free slots do not help those behind it
            assert await status(manager, alone) is RunStatus.PENDING
            gate.let("first")
            gate.thread.set()
            await until(lambda: "alone" in gate.begun)
            await settled(manager)
            assert gate.begun == ["first", "alone"]
            assert [await status(manager, run) for run in behind] == [RunStatus.PENDING] * 2
            gate.let("alone", "async")
            await drain(manager)
        assert Counter(gate.ended) == Counter(["first", "alone", "async", "thread"])

    async def test_a_slot_that_comes_free_helps_nobody_behind_an_exclusive_task(self) -> None:
        async with opened(max_concurrent=2) as manager:
            for label in "ab":
                await start(manager, "simple_task", label)
            await until(lambda: len(gate.begun) == 2)
            await start(manager, "alone_task", "alone")
            behind = await start(manager, "simple_task", "c")
            gate.let("a")
            await until(lambda: gate.ended == ["a"])
            await settled(manager)
            assert (gate.begun, await status(manager, behind)) == (["a", "b"], RunStatus.PENDING)
            gate.let("b", "alone", "c")
            await drain(manager)
        assert gate.begun == ["a", "b", "alone", "c"]

    async def test_exclusive_tasks_go_in_their_order(self) -> None:
        async with opened() as manager:
            for label in "abc":
                await start(manager, "alone_task", label)
            await until(lambda: gate.begun == ["a"])
            gate.let(*"cba")
            await drain(manager)
        assert gate.ended == ["a", "b", "c"]

    async def test_cancelling_a_waiting_exclusive_task_releases_those_behind_it(self) -> None:
        """There: they waited for the next completion."""
        async with opened() as manager:
            await start(manager, "simple_task", "a")
            await until(lambda: gate.begun)
            alone = await start(manager, "alone_task", "alone")
            await start(manager, "simple_task", "b")
            await settled(manager)
            assert gate.begun == ["a"]
            await manager.cancel(alone)
            await until(lambda: "b" in gate.begun)
            gate.let("a", "b")
            await drain(manager)
        assert "alone" not in gate.begun

    async def test_a_restarted_task_does_not_overtake_a_waiting_exclusive_one(self) -> None:
        """There: restart looked at running tasks only."""
        async with opened() as manager:
            old = await start(manager, "simple_task", "old")
            await until(lambda: gate.begun)
            await manager.cancel(old)
            await manager.wait(old, timeout=5)
            await start(manager, "simple_task", "a")
            await until(lambda: "a" in gate.begun)
            await start(manager, "alone_task", "alone")
            await manager.restart(old)
            await settled(manager)
            assert gate.begun == ["old", "a"]
            gate.let("a", "alone", "old")
            await drain(manager)
        assert gate.begun == ["old", "a", "alone", "old"]

    async def test_an_exclusive_task_never_meets_the_thread_of_a_cancelled_one(self) -> None:
        """There: the thread's slot was free at once, and both ran."""
        async with opened() as manager:
            run = await start(manager, "blocking_task", "thread")
            await asyncio.to_thread(gate.in_thread.wait, 5)
            await manager.cancel(run)
            await start(manager, "alone_task", "alone")
            await settled(manager)
            assert gate.begun == ["thread"]
            assert await status(manager, run) is RunStatus.CANCELLING
            gate.thread.set()
            await until(lambda: "alone" in gate.begun)
            assert await status(manager, run) is RunStatus.CANCELLED
            gate.let("alone")
            await drain(manager)


class TestControl:
    async def test_pause_and_resume(self) -> None:
        async with opened() as manager:
            run = (await manager.start("patient_task")).id
            await until(lambda: gate.begun)
            await manager.pause(run)
            await until_status(manager, run, RunStatus.PAUSED)
            with pytest.raises(Conflict):
                await manager.pause(run)
            await manager.resume(run)
            await until_status(manager, run, RunStatus.RUNNING)
            with pytest.raises(Conflict):
                await manager.resume(run)
            gate.let("patient")
            assert (await manager.wait(run, timeout=5)).result == "patient"

    async def test_a_stream_pauses_where_it_yields(self) -> None:
        class StepsTask(BaseTask):
            task_name = "steps_task"

            async def run(self) -> AsyncGenerator[TaskProgress, None]:
                for number in range(3):
                    gate.begun.append(str(number))
                    yield TaskProgress(number, 3)
                    await gate.hold(f"after {number}")

        async with opened(tasks=[StepsTask]) as manager:
            run = (await manager.start("steps_task")).id
            await until(lambda: "after 0" in gate.begun)
            await manager.pause(run)
            await settled(manager)
            assert await status(manager, run) is RunStatus.RUNNING  # it has not come to its next yield
            gate.let("after 0", "after 1", "after 2")
            await until_status(manager, run, RunStatus.PAUSED)
            async with asyncio.timeout(10):
                while (await manager.get(run)).progress != TaskProgress(1, 3):
                    await asyncio.sleep(0.01)
            assert gate.begun == ["0", "after 0", "1"]
            await manager.resume(run)
            assert (await manager.wait(run, timeout=5)).status is RunStatus.COMPLETED

    async def test_a_blocking_task_says_that_it_cannot_pause(self) -> None:
        """There: it showed as paused, and ran on."""
        async with opened() as manager:
            run = await start(manager, "blocking_task", "t")
            await asyncio.to_thread(gate.in_thread.wait, 5)
            with pytest.raises(Conflict, match="no checkpoint"):
                await manager.pause(run)
            gate.thread.set()
            await manager.wait(run, timeout=5)

    async def test_cancel_running_paused_and_waiting(self) -> None:
        async with opened(max_concurrent=2) as manager:
            running = await start(manager, "simple_task", "a")
            paused = (await manager.start("patient_task")).id
            waiting = await start(manager, "simple_task", "b")
            await until(lambda: len(gate.begun) == 2)
            await manager.pause(paused)
            await until_status(manager, paused, RunStatus.PAUSED)
            for run in (waiting, running, paused):
                await manager.cancel(run)
                ended = await manager.wait(run, timeout=5)
                assert ended.status is RunStatus.CANCELLED
                assert ended.completed_at is not None
        assert "b" not in gate.begun

    async def test_a_full_queue_can_be_cancelled(self) -> None:
        async with opened(max_concurrent=1) as manager:
            runs = [await start(manager, "simple_task", str(number)) for number in range(20)]
            await until(lambda: gate.begun)
            bulk = await manager.control.runs.bulk(SYSTEM, "cancel", runs)
            assert {answer.outcome for answer in bulk.answers} == {"done"}
            for run in runs:
                assert (await manager.wait(run, timeout=5)).status is RunStatus.CANCELLED
        assert gate.begun == ["0"]

    async def test_a_task_that_swallows_its_cancellation_is_cancelled_all_the_same(self) -> None:
        """There: completed, with an error that said cancelled."""

        class StubbornTask(BaseTask):
            task_name = "stubborn_task"

            async def run(self) -> str:
                with suppress(asyncio.CancelledError):
                    await gate.hold("stubborn")
                return "nevertheless"

        async with opened(tasks=[StubbornTask]) as manager:
            run = (await manager.start("stubborn_task")).id
            await until(lambda: gate.begun)
            await manager.cancel(run)
            ended = await manager.wait(run, timeout=5)
        assert (ended.status, ended.error) == (RunStatus.CANCELLED, None)

    async def test_restart_begins_again_with_the_same_arguments(self) -> None:
        async with opened() as manager:
            run = (await manager.start("simple_task", {"label": "a", "answer": 5})).id
            await until(lambda: gate.begun)
            with pytest.raises(Conflict):
                await manager.restart(run)
            await manager.cancel(run)
            before = await manager.wait(run, timeout=5)
            gate.let("a")
            await manager.restart(run)
            ended = await manager.wait(run, timeout=5)
            attempts = await manager.store.attempts(run)
        assert (ended.id, ended.status, ended.result, ended.attempt) == (run, RunStatus.COMPLETED, 5, 2)
        assert ended.created_at == before.created_at
        assert [attempt.status for attempt in attempts] == ["cancelled", "completed"]

    async def test_restart_forgets_error_and_progress(self) -> None:
        seen: list[tuple[object, object]] = []

        class TwiceTask(BaseTask):
            task_name = "twice_task"

            async def run(self) -> str:
                seen.append((self._task_model.progress.current, self.context.attempt))
                self._update_progress(3, 4, "nearly")
                if len(seen) == 1:
                    raise OSError("first")
                return "second"

        async with opened(tasks=[TwiceTask]) as manager:
            run = (await manager.start("twice_task")).id
            failed = await manager.wait(run, timeout=5)
            again = await manager.restart(run)
            ended = await manager.wait(run, timeout=5)
        assert failed.error is not None
        assert (again.error, again.result) == (None, None)
        assert (ended.error, ended.result, ended.progress) == (None, "second", TaskProgress(4, 4, "nearly"))
        assert seen == [(0, 1), (0, 2)]

    async def test_delete_wants_an_end(self) -> None:
        async with opened(max_concurrent=1) as manager:
            running, waiting = [await start(manager, "simple_task", label) for label in "ab"]
            await until(lambda: gate.begun)
            for run in (running, waiting):
                with pytest.raises(Conflict, match="cancel it before"):
                    await manager.delete(run)
            for run in (waiting, running):
                await manager.cancel(run)
                await manager.wait(run, timeout=5)
                await manager.delete(run)
                with pytest.raises(NotFound):
                    await manager.get(run)
            with pytest.raises(NotFound):
                await manager.delete(running)

    async def test_wait_has_a_patience_and_knows_every_end(self) -> None:
        async with opened() as manager:
            run = await start(manager, "simple_task", "a")
            with pytest.raises(TimeoutError):
                await manager.wait(run, timeout=0.05)
            gate.let("a")
            assert (await manager.wait(run, timeout=5)).status is RunStatus.COMPLETED
            with pytest.raises(NotFound):
                await manager.wait("00000000-0000-7000-8000-000000000000", timeout=1)


class TestIdempotentStart:
    """The pattern of OpenScan's service layer: starting what is under way gives what is under way."""

    async def test_unique_returns_the_active_run(self) -> None:
        @task(unique="{project}", unique_action="return", retry=Retry(max_retries=0))
        async def start_scan(project: str) -> str:
            await gate.hold(project)
            return project

        async with opened(tasks=[start_scan]) as manager:
            first = await manager.start(start_scan, {"project": "vase"})
            again = await manager.start(start_scan, {"project": "vase"})
            other = await manager.start(start_scan, {"project": "cup"})
            assert first.id == again.id != other.id
            gate.let("vase", "cup")
            await drain(manager)
            assert (await manager.start(start_scan, {"project": "vase"})).id != first.id
            await drain(manager)
