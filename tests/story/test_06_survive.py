"""Chapter 6: what is there after the process has gone, in whatever way it went."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from runwright import (
    Every,
    RunContext,
    RunStatus,
    Settings,
    StartRefused,
    TaskManager,
    task,
)
from runwright.model import SYSTEM


def settings(folder: Path, **more: object) -> Settings:
    """A store in a file of this test."""
    return Settings(store=f"sqlite:///{folder / 'story.db'}", shutdown_grace=0, **more)  # type: ignore[arg-type]  # plain values


@task
async def add(a: int, b: int) -> int:
    return a + b


async def test_results_and_waiting_runs_are_there_after_a_restart(tmp_path: Path) -> None:
    """A manager without roles only stores; the next one with a worker does what is waiting."""
    async with TaskManager(settings(tmp_path), tasks=[add], roles=()) as manager:
        run = await manager.start(add, {"a": 2, "b": 3})

    async with TaskManager(settings(tmp_path), tasks=[add]) as manager:
        assert (await manager.wait(run.id, timeout=5)).result == 5

    async with TaskManager(settings(tmp_path), tasks=[add], roles=()) as manager:
        again = await manager.get(run.id)
        assert (again.status, again.result) == (RunStatus.COMPLETED, 5)


async def test_a_shutdown_interrupts_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """An orderly shutdown is neither a failure nor a crash; saved state is kept."""
    reached = asyncio.Event()

    @task
    async def long(run: RunContext) -> str:
        if run.state == "half":
            return f"attempt {run.attempt} went on from {run.state}"
        await run.save("half")
        reached.set()
        await asyncio.Event().wait()
        return "never"

    async with TaskManager(settings(tmp_path), tasks=[long]) as manager:
        run = await manager.start(long)
        await reached.wait()

    async with TaskManager(settings(tmp_path), tasks=[long]) as manager:
        ended = await manager.wait(run.id, timeout=5)
        attempts = await manager.store.attempts(run.id)

    assert (ended.status, ended.result) == (RunStatus.COMPLETED, "attempt 2 went on from half")
    assert (ended.failures, ended.crashes) == (0, 0)
    assert [attempt.status for attempt in attempts] == ["interrupted", "completed"]


async def test_an_interval_is_not_run_again_by_a_restart(tmp_path: Path) -> None:
    async with TaskManager(settings(tmp_path), tasks=[add]) as manager:
        schedule = await manager.schedules.add("sum", task=add, when=Every(hours=1), arguments={"a": 1, "b": 1})
        wakeup = manager.bus.subscribe("events")
        while not (await manager.schedules.get("sum")).run_count:
            await wakeup.wait(0.2)
        wakeup.close()

    async with TaskManager(settings(tmp_path), tasks=[add]) as manager:
        await manager.run(add, {"a": 1, "b": 1})

        assert len((await manager.runs(schedule=schedule.id)).items) == 1


async def test_a_run_of_a_task_that_is_gone_waits_for_it(tmp_path: Path) -> None:
    async with TaskManager(settings(tmp_path), tasks=[add], roles=()) as manager:
        run = await manager.start(add, {"a": 1, "b": 1})

    async with TaskManager(settings(tmp_path)) as manager:
        why = await manager.control.runs.waiting_for(SYSTEM, await manager.get(run.id))
        assert why is not None and "add" in why
        manager.register(add)  # and now it is here

        assert (await manager.wait(run.id, timeout=5)).result == 2


async def test_secrets_never_leave_the_store_in_clear(tmp_path: Path) -> None:
    """A secret argument reaches its task, and is neither shown nor readable in the file."""
    seen = []

    @task
    async def sign_in(user: str, password: SecretStr, run: RunContext) -> None:
        seen.append(password.get_secret_value())
        assert "correct horse" not in str(run.arguments)

    async with TaskManager(settings(tmp_path), tasks=[sign_in]) as manager:
        run = await manager.start(sign_in, {"user": "ada", "password": "correct horse"})
        ended = await manager.wait(run.id, timeout=5)

    assert seen == ["correct horse"]
    assert ended.arguments == {"user": "ada", "password": "••••••"}
    assert b"correct horse" not in b"".join(path.read_bytes() for path in tmp_path.glob("story.db*") if path.is_file())


async def test_a_folder_of_tasks_and_a_broken_file_among_good_ones(tmp_path: Path) -> None:
    """A broken file is listed with its line and hides nobody; a file dropped in while serving is there at once."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "good.py").write_text(
        "from runwright import task\n\n@task\nasync def good() -> str:\n    return 'good'\n"
    )
    (folder / "bad.py").write_text("import runwright\n\ndef broken(:\n")
    (folder / "script.py").write_text(
        "title = 'A script'\n\ndef run(times: int = 2) -> str:\n    return 'ab' * times\n"
    )
    async with TaskManager(settings(tmp_path, directory=str(folder), interval=0.1)) as manager:
        await manager.discover(watch=True)

        assert [each.name for each in manager.tasks] == ["good", "script"]
        (problem,) = manager.registry.problems
        assert (Path(problem.file).name, problem.line) == ("bad.py", 3)
        assert await manager.run("script", {"times": 3}) == "ababab"

        changed = asyncio.Event()
        end = manager.registry.subscribe(changed.set)
        (folder / "late.py").write_text("from runwright import task\n\n@task\ndef late() -> int:\n    return 42\n")
        async with asyncio.timeout(10):
            while manager.registry.find("late") is None:
                await changed.wait()
                changed.clear()
        end()
        assert await manager.run("late") == 42


async def test_one_worker_for_each_sqlite_file(tmp_path: Path) -> None:
    """A second one is refused with the reason; a process that only stores and asks is welcome."""
    async with TaskManager(settings(tmp_path), tasks=[add]):
        with pytest.raises(StartRefused, match="another worker process"):
            async with TaskManager(settings(tmp_path), tasks=[add]):
                pass
        async with TaskManager(settings(tmp_path), tasks=[add], roles=()) as asking:
            assert (await asking.runs()).items == ()
