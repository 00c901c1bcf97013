"""Bench: Runwright itself, embedded in the measuring process, on a SQLite file with the engine's own durability.

What it claims to have stored is checked in the file, past the engine: all runs completed, all attempts and events.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from bench.peer import Peer
from bench.recorder import Fire, Recorder
from runwright import Every, RunContext, Settings, TaskManager, task

LANE = 100
QUESTIONS = {
    "completed runs": "select count(*) from run where task = 'noop' and status = 'completed'",
    "attempts": "select count(*) from run where task = 'noop' and attempt = 1 and worker > 0"
    " and started_at > 0 and completed_at >= started_at",
    "events of creation": "select count(*) from event where task = 'noop' and action = 'run.created'",
    "events of completion": "select count(*) from event where task = 'noop' and action = 'run.completed'",
}
"""What is asked of the store past the engine, in either database's SQL."""
LIVE = "select count(*) from run where status in ('pending', 'running', 'retrying')"


def lacking(found: dict[str, int], jobs: int) -> str:
    """What the answers to QUESTIONS lack for so many jobs, in words; empty if nothing."""
    words = [f"{number} {name}" for name, number in found.items() if number < jobs]
    return f"of {jobs} jobs the store holds only {', '.join(words)}" if words else ""


class Runwright(Peer):
    """One process: scheduler and worker, a lane of a hundred, or of the default size where the workload says so."""

    bulk = 1000
    producers = True
    due_known = True
    durability = "flush at every commit; run, attempt and events kept"
    manager: TaskManager

    def __init__(self, recorder: Recorder, store: Path) -> None:
        super().__init__(recorder, store)
        self.folder = store.parent / "engine"
        self.file = self.folder / "runs.db"
        self.ticks: list[tuple[int, float, str]] = []

        @task(name="noop")
        async def noop(number: int) -> None:
            recorder.hit(number)

        @task(name="tick")
        async def tick(schedule: int, run: RunContext) -> None:
            self.ticks.append((schedule, time.time(), run.id))
            recorder.fire(schedule)

        self.noop, self.tick = noop, tick

    @property
    def settings(self) -> str:  # type: ignore[override]  # it depends on the workload
        """What is set."""
        lane = f"max_concurrent={os.cpu_count()} (default)" if self.default_lane else f"max_concurrent={LANE}"
        return f"embedded, SQLite, {lane}"

    def make(self, *roles: str) -> TaskManager:
        """A manager on the same file."""
        url = f"sqlite:///{self.file}"
        settings = Settings(store=url) if self.default_lane else Settings(store=url, max_concurrent=LANE)
        return TaskManager(settings, [self.noop, self.tick], roles=roles)

    async def open(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.manager = self.make()
        await self.manager.open()

    async def start(self) -> None:
        await self.manager.close()
        self.manager = self.make("scheduler", "worker")
        await self.manager.open()

    async def close(self) -> None:
        await self.manager.close()

    async def enqueue(self, number: int) -> None:
        await self.manager.start(self.noop, {"number": number})

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.manager.start_many([(self.noop, {"number": number}) for number in numbers])

    async def unfinished(self) -> int:
        return self.count(LIVE)

    async def add_every_second(self, count: int) -> None:
        when = Every(seconds=1, first="later", anchor="start")
        await self.manager.schedules.add_many(
            {"name": f"second-{n}", "task": self.tick, "when": when, "arguments": {"schedule": n}} for n in range(count)
        )

    async def add_far(self, count: int, first: int = 0) -> None:
        month = (time.gmtime().tm_mon + 5) % 12 + 1
        await self.manager.schedules.add_many(
            {
                "name": f"far-{n}",
                "task": self.tick,
                "when": f"{n % 60} {n // 60 % 24} {n // 1440 % 28 + 1} {month} *",
                "arguments": {"schedule": n},
            }
            for n in range(first, first + count)
        )

    def count(self, question: str) -> int:
        """One number from the file, by a connection of our own."""
        db = apsw.Connection(str(self.file), flags=apsw.SQLITE_OPEN_READONLY)
        found = int(db.execute(question).get)
        db.close()
        return found

    def fires(self) -> list[Fire]:
        db = apsw.Connection(str(self.file), flags=apsw.SQLITE_OPEN_READONLY)
        rows: list[Any] = db.execute("select run, due_at from fire where run is not null").fetchall()
        db.close()
        due = {run: moment / 1e6 for run, moment in rows}
        return [Fire(schedule, ran, due.get(run, 0.0)) for schedule, ran, run in self.ticks]

    async def check(self, jobs: int) -> str:
        return lacking({name: self.count(question) for name, question in QUESTIONS.items()}, jobs)

    def versions(self) -> str:
        return f"runwright {importlib.metadata.version('runwright')}, SQLite {apsw.sqlite_lib_version()}"
