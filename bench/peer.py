"""Bench: what the workloads ask of a peer. An adapter derives from `Peer` and says no more than how its engine is used.

Adapters of foreign engines run in a virtual environment of their own, so this module needs psutil and nothing else.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psutil

from bench.recorder import Fire, Recorder

STOP_SECONDS = 5.0


class Peer:
    """One engine with one setting. `open` gives an empty store without a worker, `start` begins to work on it."""

    settings = ""
    durability = ""
    packages: tuple[str, ...] = ()
    jobs = 10_000
    bulk = 0
    """Jobs in one call of `enqueue_many`; 0 when the peer has no such call."""
    producers = False
    """Whether several producers can wait at the same time."""
    due_known = False
    """Whether fires carry the time they were due; otherwise whole seconds of the wall clock are taken."""

    takes_all_first = False
    """Whether it takes the whole backlog before the first job starts: then its clock runs from `start`."""
    default_lane = False
    """Set by the workload that leaves the number of jobs at the same time to the peer's own default."""

    def __init__(self, recorder: Recorder, store: Path) -> None:
        self.recorder = recorder
        self.store = store
        self._workers: list[subprocess.Popen[bytes]] = []

    async def open(self) -> None:
        """Begin with an empty store and no worker."""

    async def start(self) -> None:
        """Begin to work on what is stored."""

    async def close(self) -> None:
        """End the worker and the store."""
        self.end_workers()

    async def enqueue(self, number: int) -> None:
        """Store one job; returns when the peer says that it has it."""
        raise NotImplementedError

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        """Store jobs in one call."""
        raise NotImplementedError

    async def unfinished(self) -> int | None:
        """Jobs the store does not hold as finished, or None if there is no cheap way to ask."""
        return None

    async def add_every_second(self, count: int) -> None:
        """Add schedules that fire each second."""
        raise NotImplementedError

    async def add_far(self, count: int, first: int = 0) -> None:
        """Add schedules that are due in months, numbered from `first` on."""
        raise NotImplementedError

    def fires(self) -> list[Fire]:
        """What schedules have run, with the time each was due if the peer knows it."""
        return self.recorder.fires()

    async def check(self, jobs: int) -> str:
        """What the store lacks after `jobs` jobs, in words; empty when it holds what it should."""
        return ""

    def versions(self) -> str:
        """Name and version of what is measured."""
        return ", ".join(f"{package} {metadata.version(package)}" for package in self.packages)

    def processes(self) -> list[psutil.Process]:
        """The processes whose cost is the peer's."""
        if not self._workers:
            return [psutil.Process()]
        found: list[psutil.Process] = []
        for worker in self._workers:
            process = psutil.Process(worker.pid)
            found += [process, *process.children(recursive=True)]
        return found

    def alive(self) -> bool:
        """Whether all workers that were started are there."""
        return all(worker.poll() is None for worker in self._workers)

    def start_worker(self, command: list[str], **environment: str) -> None:
        """Run a worker process whose output goes beside the store."""
        with self.store.with_suffix(".log").open("ab") as log:
            worker = subprocess.Popen(
                command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._workers.append(worker)

    def end_workers(self) -> None:
        """End the workers that were started here, and no others."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self._workers.clear()

    def delete_store(self) -> None:
        """Remove the store's file and what SQLite keeps beside it."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            self.store.with_name(self.store.name + suffix).unlink(missing_ok=True)
