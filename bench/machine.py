"""Bench: what the machine allows, with no queue at all: flushes, SQLite commits, event loop.

Each figure is things a second, taken for about a second. They are ceilings to read the others by, not promises.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import apsw

SECONDS = 1.0


def rate(step: Callable[[], int]) -> float:
    """Call `step`, which says how much it did, for a while."""
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        done += step()
    return done / (time.perf_counter() - begin)


def flushes(folder: Path) -> float:
    """Overwrite 4 KiB and wait until the disk has it."""
    path = folder / "flush"
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.pwrite(file, b"x" * 4096 * 64, 0)
    os.fsync(file)
    position = 0

    def step() -> int:
        nonlocal position
        position = (position + 4096) % (4096 * 64)
        os.pwrite(file, b"y" * 4096, position)
        os.fdatasync(file)
        return 1

    found = rate(step)
    os.close(file)
    path.unlink()
    return found


def inserts(folder: Path, batch: int) -> float:
    """Rows a second, `batch` rows a commit, synchronous FULL."""
    path = folder / "machine.db"
    for leftover in folder.glob("machine.db*"):
        leftover.unlink()
    db = apsw.Connection(str(path))
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute("create table row (id integer primary key, payload text)")

    def step() -> int:
        db.execute("begin immediate")
        db.executemany("insert into row (payload) values (?)", [("{}",)] * batch)
        db.execute("commit")
        return batch

    found = rate(step)
    db.close()
    return found


async def loop_tasks() -> float:
    """asyncio tasks that do nothing, a hundred at a time."""

    async def nothing() -> None:
        pass

    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        await asyncio.gather(*(nothing() for _ in range(100)))
        done += 100
    return done / (time.perf_counter() - begin)


async def thread_hops() -> float:
    """Round trips from the loop to a thread and back."""
    loop = asyncio.get_running_loop()
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        await loop.run_in_executor(None, int)
        done += 1
    return done / (time.perf_counter() - begin)


def limits(folder: Path) -> dict[str, float]:
    """All of them, by the words of the report."""
    return {
        "flush of 4 KiB (fdatasync)": flushes(folder),
        "SQLite FULL, 1 row a commit": inserts(folder, 1),
        "SQLite FULL, 100 rows a commit": inserts(folder, 100),
        "asyncio task, gathered by 100": asyncio.run(loop_tasks()),
        "thread round trip from asyncio": asyncio.run(thread_hops()),
    }
