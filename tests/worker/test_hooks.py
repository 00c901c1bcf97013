"""An application's hooks: which they are, when they come, and that no run waits for them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runwright import Hooks, Retry, Run, RunCancelled, RunContext, RunFailed, Settings, TaskManager, task
from runwright.testing import drain


@task
async def good(number: int = 1) -> int:
    return number


@task
def bad() -> None:
    raise ValueError("on purpose")


@task(retry=Retry(max_retries=2, delay=0))
async def third_time(run: RunContext) -> int:
    if run.attempt < 3:
        raise OSError
    return run.attempt


@task
async def endless(run: RunContext) -> None:
    while True:
        await run.checkpoint()
        await asyncio.sleep(0.001)


@task(timeout=0.05)
async def late() -> None:
    await asyncio.sleep(60)


class Told:
    """What the hooks heard."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Run]] = []
        self.hooks = Hooks(
            on_start=[self.on_start, self.on_start_too], on_success=self.on_success, on_error=self.on_error,
            on_cancel=self.on_cancel,
        )  # fmt: skip

    async def on_start(self, run: Run) -> None:
        self.calls.append(("start", run))

    def on_start_too(self, run: Run) -> None:
        assert threading.current_thread() is not threading.main_thread()

    def on_success(self, run: Run) -> None:
        self.calls.append(("success", run))

    async def on_error(self, run: Run) -> None:
        self.calls.append(("error", run))

    async def on_cancel(self, run: Run) -> None:
        self.calls.append(("cancel", run))

    def of(self, task: str) -> list[str]:
        return [name for name, run in self.calls if run.task == task]


@asynccontextmanager
async def manager_with(hooks: Hooks, **settings: Any) -> AsyncIterator[TaskManager]:
    given: dict[str, Any] = {"store": "sqlite:///:memory:", "shutdown_grace": 1, **settings}
    tasks = [good, bad, third_time, endless, late]
    async with TaskManager(Settings(**given), tasks=tasks, hooks=hooks) as manager:
        yield manager


async def test_each_ending_has_its_hook_and_the_run_as_it_was_stored() -> None:
    told = Told()
    async with manager_with(told.hooks) as manager:
        await manager.run("good", {"number": 7})
        for name in ("bad", "late"):
            with pytest.raises(RunFailed):
                await manager.run(name)
        run = await manager.start("endless")
        while (await manager.get(run.id)).started_at is None:
            await asyncio.sleep(0.005)
        await manager.cancel(run.id)
        await manager.wait(run.id, timeout=5)
    assert told.of("good") == ["start", "success"]
    assert told.of("bad") == told.of("late") == ["start", "error"]
    assert told.of("endless") == ["start", "cancel"]
    ends = {run.task: run for name, run in told.calls if name != "start"}
    assert (ends["good"].result, ends["good"].arguments) == (7, {"number": 7})
    assert (ends["bad"].error.kind, ends["late"].error.kind) == ("ValueError", "timeout")  # type: ignore[union-attr]  # both failed


async def test_an_attempt_that_is_tried_again_is_no_error_yet() -> None:
    told = Told()
    async with manager_with(told.hooks) as manager:
        assert await manager.run("third_time") == 3
    assert told.of("third_time").count("success") == 1
    assert "error" not in told.of("third_time")
    assert told.of("third_time").count("start") == 3


async def test_every_one_of_many_is_told_once_before_the_manager_is_closed() -> None:
    told = Told()
    async with manager_with(told.hooks, max_concurrent=20) as manager:
        ids = await manager.start_many([("good", {"number": n}) for n in range(500)])
        await drain(manager)
    ended = [run.id for name, run in told.calls if name == "success"]
    assert sorted(ended) == sorted(ids)
    assert sorted(run.id for name, run in told.calls if name == "start") == sorted(ids)


async def test_no_run_waits_for_a_hook_that_fails_or_blocks(caplog: pytest.LogCaptureFixture) -> None:
    blocked, going_on = threading.Event(), threading.Event()

    def slow(run: Run) -> None:
        blocked.set()
        going_on.wait(20)

    def broken(run: Run) -> None:
        raise LookupError("nobody is there")

    async with manager_with(Hooks(on_start=[broken, slow])) as manager:
        began = time.monotonic()
        await manager.run("good")
        await asyncio.to_thread(blocked.wait, 5)
        assert await manager.run("good", {"number": 2}) == 2
        assert time.monotonic() - began < 10
        going_on.set()
    assert "broken failed: LookupError: nobody is there" in caplog.text


@pytest.mark.parametrize("fault", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit, RunCancelled])
async def test_whatever_a_hook_raises_runs_and_the_close_go_on(
    fault: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    async def breaks(run: Run) -> None:
        raise fault

    def breaks_too(run: Run) -> None:
        raise fault

    async def hears(run: Run) -> None:
        told.append(run.id)

    hooks = Hooks(on_start=[breaks, breaks_too, hears], on_success=[breaks, breaks_too, hears])
    async with manager_with(hooks) as manager:
        ids = [(await manager.start("good", {"number": n})).id for n in range(3)]
        assert [(await manager.wait(run, timeout=20)).result for run in ids] == [0, 1, 2]
    assert sorted(told) == sorted(2 * ids)
    assert caplog.text.count(f"breaks failed: {fault.__name__}") == caplog.text.count("breaks_too failed") == 6


async def test_a_hook_that_takes_too_long_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runwright.worker.hooks.PATIENCE_SECONDS", 0.05)
    stopped: list[str] = []

    async def endless_hook(run: Run) -> None:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            stopped.append(run.id)
            raise

    async with manager_with(Hooks(on_success=endless_hook)) as manager:
        run = await manager.start("good")
        await manager.wait(run.id, timeout=20)
    assert stopped == [run.id]


async def test_hooks_beside_tasks_are_found_and_go_with_their_file(tmp_path: Path) -> None:
    """So that a server which only has a folder of tasks can have hooks, too."""
    (tmp_path / "alerts.py").write_text(
        "from pathlib import Path\nfrom runwright import Hooks\n"
        f"told = Path({str(tmp_path / 'told')!r})\n"
        "def alert(run):\n    with told.open('a') as file:\n        print(run.task, file=file)\n"
        "hooks = Hooks(on_success=alert)\n"
    )
    (tmp_path / "work.py").write_text("def run(): return 1\n")
    settings = Settings(store="sqlite:///:memory:", directory=tmp_path, allowed_roots=[tmp_path], interval=0.05)
    manager = TaskManager(settings, tasks=[good])
    report = await manager.discover(watch=True)
    assert report.problems == ()
    async with manager:
        await manager.run("work")
        async with asyncio.timeout(5):
            while not (tmp_path / "told").exists():
                await asyncio.sleep(0.01)
        (tmp_path / "alerts.py").unlink()
        async with asyncio.timeout(10):
            while manager.registry.hooks:
                await asyncio.sleep(0.01)
        await manager.run("good")
    assert (tmp_path / "told").read_text() == "work\n"


async def test_a_refused_start_and_a_run_that_never_began_call_nothing(tmp_path: Path) -> None:
    told = Told()
    async with manager_with(told.hooks, max_concurrent=1) as manager:
        first = await manager.start("endless")
        while (await manager.get(first.id)).started_at is None:
            await asyncio.sleep(0.005)
        waiting = await manager.start("good")
        await manager.cancel(waiting.id)
        await manager.cancel(first.id)
        await manager.wait(first.id, timeout=5)
    assert told.of("good") == []
