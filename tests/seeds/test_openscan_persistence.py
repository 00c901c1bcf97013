"""What OpenScan3's own tests assert of its state files and of the next start, and the defects that were found there."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runwright import (
    BaseTask,
    RunFailed,
    RunStatus,
    TaskProgress,
)
from runwright.model import SYSTEM
from runwright.testing import ManualClock, drain, memory_manager
from tests.seeds.openscan import (
    AloneTask,
    ScanConfig,
    SimpleTask,
    gate,
    opened,
    settled,
    start,
    status,
    until,
    until_status,
)

ROOT = Path(__file__).parents[2]
MOVING = """
import asyncio
from runwright import Settings, TaskManager
from tests.seeds.test_openscan_persistence import MoveTask

async def main() -> None:
    async with TaskManager(Settings(store="sqlite:///scan.db"), tasks=[MoveTask]) as manager:
        await manager.start("move_task", {"label": "arm"})
        await asyncio.Event().wait()

asyncio.run(main())
"""


class MoveTask(BaseTask):
    task_name = "move_task"
    task_on_interrupt = "hold"

    async def run(self, label: str) -> str:
        begun_at = self._task_model.progress.current
        self._update_progress(3, 4, "moves")
        await gate.hold(label)
        return f"{label} from {begun_at:g}"


def kept(file: Path, column: str) -> list[Any]:
    """What the file has of each run, as another program sees it."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            return [row[0] for row in store.execute(f"SELECT {column} FROM run")]
    except sqlite3.OperationalError:  # it is not there yet
        return []


class TestPersistence:
    async def test_what_has_ended_is_there_with_its_arguments_and_result(self, tmp_path: Path) -> None:
        """There: a completed task was deleted at the next start."""
        gate.let("a")
        async with opened(tmp_path) as manager:
            await manager.run("simple_task", {"label": "a", "answer": [1, "zwei", None]})
            with pytest.raises(RunFailed):
                await manager.run("failing_task")
        async with opened(tmp_path) as manager:
            kept = {run.task: run for run in (await manager.runs()).items}
        assert (kept["simple_task"].status, kept["simple_task"].result) == (RunStatus.COMPLETED, [1, "zwei", None])
        assert kept["simple_task"].arguments == {"label": "a", "answer": [1, "zwei", None]}
        assert kept["failing_task"].status is RunStatus.ERROR

    async def test_what_waited_is_no_zombie(self, tmp_path: Path) -> None:
        """There: restored as pending, it could not be run, cancelled or deleted."""
        async with opened(tmp_path, roles=()) as manager:
            runs = [await start(manager, "simple_task", label) for label in "abcd"]
        async with opened(tmp_path, max_concurrent=1) as manager:
            await until(lambda: gate.begun)
            await manager.cancel(runs[1])
            await manager.wait(runs[1], timeout=5)
            await manager.delete(runs[1])
            gate.let(*"acd")
            await drain(manager)
        assert gate.ended == ["a", "c", "d"]

    @pytest.mark.parametrize("paused", [False, True])
    async def test_what_ran_goes_on_at_the_next_start(self, tmp_path: Path, paused: bool) -> None:
        async with opened(tmp_path) as manager:
            run = (await manager.start("patient_task")).id
            await until(lambda: gate.begun)
            if paused:
                await manager.pause(run)
                await until_status(manager, run, RunStatus.PAUSED)
        async with opened(tmp_path, roles=()) as manager:
            between = await manager.get(run)
            assert between.progress == TaskProgress(1, 4, "waits")
        gate.let("patient")
        async with opened(tmp_path) as manager:
            ended = await manager.wait(run, timeout=5)
            attempts = await manager.store.attempts(run)
        assert between.status is RunStatus.PENDING
        assert (ended.result, [attempt.status for attempt in attempts]) == ("patient", ["interrupted", "completed"])

    async def test_an_interrupted_run_waits_for_its_restart(self, tmp_path: Path) -> None:
        """Interrupted by the death of its process, in a task that is not to be repeated unasked; there, in each."""
        file = tmp_path / "scan.db"
        (tmp_path / "moving.py").write_text(MOVING)
        process = subprocess.Popen(
            [sys.executable, "moving.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        try:
            async with asyncio.timeout(30):
                while kept(file, "progress_current") != [3]:
                    assert process.poll() is None
                    await asyncio.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        gate.let("arm")
        async with opened(tmp_path, tasks=[MoveTask]) as manager:
            (run,) = [run.id for run in (await manager.runs()).items]
            held = await manager.wait(run, timeout=30)  # there: until the patience ended
            await settled(manager)
            assert (held.status, held.progress, gate.begun) == (RunStatus.INTERRUPTED, TaskProgress(3, 4, "moves"), [])
            again = await manager.restart(run)
            assert (again.id, again.created_at, again.completed_at) == (run, held.created_at, None)
            ended = await manager.wait(run, timeout=5)
            attempts = await manager.store.attempts(run)
        assert (ended.status, ended.result) == (RunStatus.COMPLETED, "arm from 0")
        assert [attempt.status for attempt in attempts] == ["interrupted", "completed"]

    async def test_a_cancelled_run_stays_cancelled_and_can_be_restarted(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as manager:
            run = await start(manager, "simple_task", "a")
            await until(lambda: gate.begun)
            await manager.cancel(run)
            before = await manager.wait(run, timeout=5)
        gate.let("a")
        async with opened(tmp_path) as manager:
            await settled(manager)
            assert await manager.get(run) == before
            await manager.restart(run)
            assert (await manager.wait(run, timeout=5)).status is RunStatus.COMPLETED

    async def test_a_model_is_a_model_again_at_the_next_start(self, tmp_path: Path) -> None:
        """There, it came back as a dict."""
        async with opened(tmp_path, roles=()) as manager:
            run = (await manager.start("scan_task", {"config": ScanConfig(points=3), "args": [1]})).id
        async with opened(tmp_path) as manager:
            assert (await manager.wait(run, timeout=5)).result == {"points": 3, "more": [1], "step": 0}

    async def test_each_state_is_in_the_file_when_it_is_told(self, tmp_path: Path) -> None:
        file = tmp_path / "scan.db"
        async with opened(tmp_path, roles=()) as manager:
            run = (await manager.start("patient_task")).id
            assert kept(file, "status") == ["pending"]
        async with opened(tmp_path) as manager:
            seen = []
            for act, wanted in (
                (None, RunStatus.RUNNING), (manager.pause, RunStatus.PAUSED), (manager.resume, RunStatus.RUNNING),
                (manager.cancel, RunStatus.CANCELLED), (manager.restart, RunStatus.RUNNING),
            ):  # fmt: skip
                if act is not None:
                    await act(run)
                await until_status(manager, run, wanted)
                seen.append(([wanted], kept(file, "status")))
            gate.let("patient")
            await manager.wait(run, timeout=5)
            assert kept(file, "status") == ["completed"]
        assert [state for _, state in seen] == [wanted for wanted, _ in seen]

    @pytest.mark.parametrize(
        ("column", "damage", "ends", "told"),
        [
            ("arguments", '{"label": "b"', "error", "the arguments cannot be read"),
            ("arguments", '["b"]', "error", "the arguments cannot be read"),
            ("retry", '{"max_retries": "many"}', "completed", ""),
            ("tags", '["scan"', "completed", ""),
            ("warnings", "[", "completed", ""),
        ],
    )
    async def test_a_record_that_cannot_be_read_hides_no_other(
        self, tmp_path: Path, column: str, damage: str, ends: str, told: str
    ) -> None:
        gate.let(*"abc")
        async with opened(tmp_path) as manager:
            done = (await manager.start("simple_task", {"label": "a", "answer": 7})).id
            await manager.wait(done, timeout=5)
        async with opened(tmp_path, roles=()) as manager:
            runs = [await start(manager, "simple_task", label) for label in "abc"]
        with closing(sqlite3.connect(tmp_path / "scan.db")) as store, store:
            store.execute(f"UPDATE run SET {column} = ? WHERE id = ?", (damage, runs[1]))
            store.execute("UPDATE run SET result = '{' WHERE id = ?", (done,))
        async with opened(tmp_path) as manager:
            ended = [await manager.wait(run, timeout=5) for run in runs]
            assert [run.status.value for run in ended] == ["completed", ends, "completed"]
            assert told in (ended[1].error.message if ended[1].error else "")
            assert {run.id for run in (await manager.runs()).items} == {*runs, done}
            unreadable = await manager.get(done)
            assert (unreadable.status, unreadable.result) == (RunStatus.COMPLETED, None)
            assert "its result cannot be read" in unreadable.warnings[0]
            await manager.delete(runs[1])

    async def test_a_task_that_is_not_registered_is_held_and_not_spoilt(self, tmp_path: Path) -> None:
        """There: an error over its old status, and a KeyError at the restart."""
        gate.let("a")
        async with opened(tmp_path, roles=()) as manager:
            waiting = await start(manager, "simple_task", "a")
        async with opened(tmp_path) as manager:
            done = await start(manager, "simple_task", "a")
            await drain(manager)
        async with opened(tmp_path, tasks=[AloneTask]) as manager:
            assert await status(manager, done) is RunStatus.COMPLETED
            again = await manager.restart(done)
            await settled(manager)
            assert await status(manager, done) is RunStatus.PENDING
            assert await manager.control.runs.waiting_for(SYSTEM, again) is not None
            manager.register(SimpleTask)
            assert (await manager.wait(done, timeout=5)).status is RunStatus.COMPLETED
            assert await status(manager, waiting) is RunStatus.COMPLETED

    async def test_progress_is_saved_at_two_seconds_or_five_percent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = ManualClock()
        saved: list[float] = []
        step, done = asyncio.Event(), asyncio.Event()

        class SteppingTask(BaseTask):
            task_name = "stepping_task"

            async def run(self) -> None:
                for current in (0, 1, 5, 6, 7):
                    self._update_progress(current, 100)
                    done.set()
                    await step.wait()
                    step.clear()

        async with memory_manager(SteppingTask, clock=clock) as manager:
            save = manager.store.save_progress

            async def spy(session: str, updates: Any) -> Any:
                saved.extend(update.progress.current for update in updates)
                return await save(session, updates)

            monkeypatch.setattr(manager.store, "save_progress", spy)
            run = await manager.start("stepping_task")
            for number in range(5):
                await done.wait()
                done.clear()
                await asyncio.sleep(0.15)
                if number == 4:
                    assert saved == [0, 5]
                    clock.advance(2.1)
                    await until(lambda: saved == [0, 5, 7])
                step.set()
            await manager.wait(run.id, timeout=5)
