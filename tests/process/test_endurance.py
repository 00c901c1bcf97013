"""What a worker must stand for long: hopeless tasks, floods of output, very many runs. Nothing may be left of them.

Each has a short form, which `make test` runs, and its full one, which `make soak` runs; the figures of that are in
docs/design/processes.md.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from runwright import RunStatus, Settings, TaskManager, task
from runwright.model import LogLine
from tests.process.process_tasks import TASKS, hopeless

MEBIBYTE = 1024 * 1024
LIVE = [status for status in RunStatus if not status.terminal]
KINDS = ("spin", "sleep", "ignore", "fork", "daemon")


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings(**{"store": f"sqlite:///{tmp_path / 'endurance.db'}", "cancel_grace": 0.3, **given})


def alive(pid: int) -> bool:
    """Whether there is such a process, be it only a zombie."""
    return psutil.pid_exists(pid)


async def peak_growth(work: Awaitable[Any]) -> int:
    """By how many bytes this process grew at most while ``work`` went on."""
    gc.collect()
    me = psutil.Process()
    before = most = me.memory_info().rss
    doing = asyncio.ensure_future(work)
    while not doing.done():
        most = max(most, me.memory_info().rss)
        await asyncio.wait([doing], timeout=0.02)
    await doing
    return most - before


async def settled(manager: TaskManager, runs: list[str], seconds: float = 600) -> None:
    async with asyncio.timeout(seconds):
        for run_id in runs:
            await manager.wait(run_id)


def others() -> list[threading.Thread]:
    """The threads of this process, without asyncio's own: these stay, as many as were once needed together."""
    return [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]


@asynccontextmanager
async def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Afterwards there are the same threads, descriptors, processes and temporary files as before."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    me = psutil.Process()
    descriptors, threads, children = me.num_fds(), len(others()), set(me.children(recursive=True))
    yield
    left: object = None
    with suppress(TimeoutError):
        async with asyncio.timeout(10):  # what others had left before may go meanwhile
            while any(
                left := (
                    max(0, me.num_fds() - descriptors),
                    max(0, len(others()) - threads),
                    set(me.children(recursive=True)) - children,
                )
            ):
                await asyncio.sleep(0.05)
    assert left == (0, 0, set())
    assert list(temporary.iterdir()) == []


# ----- hopeless tasks ---------------------------------------------------------------------------------------------


async def hopeless_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """Every kind in turn: each is an error for its time, and all that it started is gone when its run has ended."""
    marks = tmp_path / "marks"
    marks.mkdir()
    async with nothing_left(tmp_path, monkeypatch):
        given = settings(tmp_path, max_processes=6, timeout=30)
        async with TaskManager(given, tasks=[hopeless.with_(timeout=0.5)]) as manager:
            calls = [("hopeless", {"kind": KINDS[n % 5], "marks": str(marks / str(n))}) for n in range(rounds)]
            for number, run_id in enumerate(await manager.start_many(calls)):
                run = await manager.wait(run_id, timeout=600)
                assert run.error is not None and run.error.kind == "timeout", run
                assert run.completed_at is not None and run.started_at is not None
                assert (run.completed_at - run.started_at).total_seconds() < 0.5 + 0.3 + 5, run
                lines = (marks / str(number)).read_text().splitlines() if (marks / str(number)).exists() else []
                assert [line for line in lines if alive(int(line.split()[0]))] == []


async def test_hopeless_tasks_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await hopeless_rounds(tmp_path, monkeypatch, 15)


@pytest.mark.soak
async def test_a_thousand_hopeless_tasks_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await hopeless_rounds(tmp_path, monkeypatch, 1000)


# ----- very many runs ---------------------------------------------------------------------------------------------


@task
async def quick(number: int) -> int:
    print("number", number)
    return number


@task
def quick_sync(number: int) -> int:
    return number


async def many(manager: TaskManager, count: int) -> None:
    """So many runs, most of them coroutines, some in threads, a few in processes."""
    for start in range(0, count, 1000):
        numbers = range(min(1000, count - start))
        kinds = ["add" if n % 500 == 0 else "quick_sync" if n % 10 == 0 else "quick" for n in numbers]
        calls = [(kind, {"a" if kind == "add" else "number": start + n}) for n, kind in enumerate(kinds)]
        last = (await manager.start_many(calls))[-1]
        await manager.wait(last)
        async with asyncio.timeout(120):
            while (await manager.runs(status=LIVE, limit=1)).items:
                await asyncio.sleep(0.01)


async def growth_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> int:
    """What runs leave in memory: from a worker that has done a hundred, so that all is imported and started."""
    me, warm = psutil.Process(), 100
    async with nothing_left(tmp_path, monkeypatch):
        given = settings(tmp_path, max_concurrent=20, max_threads=4, max_processes=2)
        async with TaskManager(given, tasks=[quick, quick_sync, *TASKS], user_loop=True) as manager:
            await many(manager, warm)
            gc.collect()
            before = me.memory_info().rss
            await many(manager, count)
            gc.collect()
            growth = me.memory_info().rss - before
            statistics = await manager.store.statistics()
            assert statistics.runs_by_status["completed"] == warm + count
            return growth


async def test_thousands_of_runs_cost_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await growth_of_many(tmp_path, monkeypatch, 8000) < 10 * MEBIBYTE


@pytest.mark.soak
async def test_a_hundred_thousand_runs_cost_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    growth = await growth_of_many(tmp_path, monkeypatch, 100_000)
    print(f"grew by {growth / MEBIBYTE:.1f} MiB")
    assert growth < 10 * MEBIBYTE


# ----- floods -----------------------------------------------------------------------------------------------------


@task
def prints(lines: int, width: int) -> None:
    for _ in range(lines):
        print("x" * width)
    print("the last line")


@task
def prints_at_once(megabytes: int) -> None:
    print("a\n" * (megabytes * 500_000) + "the last line")


async def flood(tmp_path: Path, name: str, **arguments: int) -> tuple[int, list[LogLine]]:
    """The growth of the worker, and what is left of the log."""
    async with TaskManager(settings(tmp_path, timeout=None), tasks=[prints, prints_at_once, *TASKS]) as manager:
        await manager.run("add", {"a": 1})
        run = await manager.start(name, arguments)
        growth = await peak_growth(manager.wait(run.id, timeout=900))
        assert (await manager.get(run.id)).status is RunStatus.COMPLETED
        lines: list[LogLine] = []
        after = 0
        while page := await manager.store.log(run.id, after):
            lines += page
            after = page[-1].seq
    print(f"{name}: grew by {growth / MEBIBYTE:.1f} MiB")
    return growth, lines


def assert_capped(lines: list[LogLine]) -> None:
    assert lines[-1].text == "the last line"
    assert any("lines left out" in line.text for line in lines)
    assert sum(len(line.text) for line in lines) < 12 * MEBIBYTE
    assert [line.seq for line in lines] == sorted({line.seq for line in lines})


@pytest.mark.parametrize(("name", "width"), [("flood", 80), ("flood", 0), ("prints", 80), ("prints", 0)])
async def test_a_flood_is_capped(tmp_path: Path, name: str, width: int) -> None:
    growth, lines = await flood(tmp_path, name, lines=400_000, width=width)
    assert_capped(lines)
    assert growth < 64 * MEBIBYTE


@pytest.mark.soak
@pytest.mark.parametrize("name", ["flood", "prints"])
async def test_a_gigabyte_is_capped(tmp_path: Path, name: str) -> None:
    growth, lines = await flood(tmp_path, name, lines=12_500_000, width=80)
    assert_capped(lines)
    assert growth < 64 * MEBIBYTE


async def test_one_print_costs_little_more_than_its_text(tmp_path: Path) -> None:
    growth, lines = await flood(tmp_path, "prints_at_once", megabytes=100)
    assert_capped(lines)
    assert growth < (2 * 96 + 64) * MEBIBYTE  # the task's own text, which it builds of two


async def test_one_line_of_100_megabytes_is_cut(tmp_path: Path) -> None:
    growth, lines = await flood(tmp_path, "one_line", megabytes=100)

    assert [line.text[:5] for line in lines] == ["y" * 5, "z" * 5, "after"]
    assert lines[1].text.endswith(f"({100_000_000 - 16 * 1024} characters left out)")
    assert growth < 64 * MEBIBYTE


def test_the_machine_is_one_that_can_be_trusted() -> None:
    """What is above shows nothing on a system without these: then it must fail here, and not be passed over."""
    assert hasattr(os, "pidfd_open")
    assert Path("/proc/self/task").is_dir()
