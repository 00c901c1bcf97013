"""A cluster of real processes on one PostgreSQL, and the ledger that its tasks write: the truth for every assertion.

Nodes can be killed, frozen, thawed and ended; the ledger says what user code really did, in the order in which it
happened. It asserts nothing itself, except that nodes come up.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from runwright import Settings, SystemClock, TaskManager
from runwright.clock import Clock
from tests.process import cluster_app

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
SHORT_LEASES = {"lease_seconds": 2.0, "heartbeat_seconds": 0.5, "sweep_seconds": 0.2, "poll_seconds": 1.0}


@dataclass(frozen=True, slots=True)
class Line:
    """What the code of a run said. ``at`` is CLOCK_MONOTONIC, which the processes of a machine share."""

    word: str
    number: int
    attempt: int
    pid: int
    at: float


class Ledger:
    """An append-only file; the order of its lines is the order of what they tell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def lines(self) -> list[Line]:
        """All whole lines so far."""
        whole = self.path.read_text().rpartition("\n")[0].splitlines()
        return [
            Line(word, int(number), int(attempt), int(pid), float(at))
            for word, number, attempt, pid, at in (line.split() for line in whole)
        ]

    def of(self, word: str, pid: int | None = None) -> list[Line]:
        """The lines with this word, of one process or of all."""
        return [line for line in self.lines() if line.word == word and pid in (None, line.pid)]

    def numbers(self, word: str, pid: int | None = None) -> set[int]:
        """The runs of which this was said."""
        return {line.number for line in self.of(word, pid)}

    def in_flight(self, pid: int) -> dict[int, Line]:
        """The beginnings in one process that have no end yet, by run."""
        open_runs: dict[int, Line] = {}
        for line in self.lines():
            if line.pid == pid and line.word == "began":
                open_runs[line.number] = line
            elif line.pid == pid:
                open_runs.pop(line.number, None)
        return open_runs

    async def says(self, word: str, numbers: Iterable[int], seconds: float, pid: int | None = None) -> float:
        """Wait until this was said of all these runs; returns how long that took."""
        wanted = set(numbers)
        return await until(lambda: wanted <= self.numbers(word, pid), seconds, f"all of {len(wanted)} runs {word}")

    async def idle(self, pid: int, seconds: float) -> float:
        """Wait until nothing is in flight in this process; returns how long that took."""
        return await until(lambda: not self.in_flight(pid), seconds, f"process {pid} runs nothing")


class Node:
    """One process of the cluster."""

    def __init__(self, role: str, folder: Path, environment: dict[str, str]) -> None:
        self.role = role
        self.log = folder / f"{role}-{secrets.token_hex(3)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.process.cluster_app", role, str(folder)],
                cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait_until_ready(self) -> None:
        """Return when it works. Fails with what it said if it does not come up."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", f"{self.role} did not come up: {self.said()}"

    def said(self) -> str:
        """The end of its standard error."""
        return self.log.read_text(errors="replace")[-2000:]

    def kill(self) -> float:
        """SIGKILL; returns the moment in seconds since 1970."""
        self.process.kill()
        self.process.wait()
        return time.time()

    def freeze(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """SIGTERM; returns its exit code."""
        self.process.terminate()
        return self.process.wait(START_SECONDS)

    def close(self) -> None:
        """Nothing of it stays."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


class Cluster:
    """Nodes on one database. ``options`` are settings of all of them. Use it with ``with``.

    Their time passes ``speed`` times as fast; then each has a clock of its own, up to ``skew_seconds`` off.
    """

    def __init__(self, url: str, folder: Path, *, speed: float = 1, skew_seconds: float = 0, **options: Any) -> None:
        self.folder = folder
        self.settings = Settings(store=url, secret_key=secrets.token_urlsafe(32), **options)
        self.ledger = Ledger(folder / "ledger")
        self.nodes: list[Node] = []
        assert self.settings.secret_key is not None
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TASK_")},
            "TASK_STORE": url,
            "TASK_SECRET_KEY": self.settings.secret_key.get_secret_value(),
            **{f"TASK_{name.upper()}": str(value) for name, value in options.items()},
            "LEDGER": str(self.ledger.path),
            "CLUSTER_SKEW": str(skew_seconds),
        }
        self.clock: Clock = SystemClock()
        if speed != 1:
            self.clock = cluster_app.FastClock.begin(folder / "clock", speed)
            self._environment["CLUSTER_CLOCK"] = str(folder / "clock")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.close()

    def start(self, role: str, count: int = 1) -> list[Node]:
        """So many more nodes; they work when this returns."""
        fresh = [Node(role, self.folder, self._environment) for _ in range(count)]
        self.nodes += fresh
        for node in fresh:
            node.wait_until_ready()
        return fresh

    def manager(self) -> TaskManager:
        """A manager of the caller's process that only stores and asks."""
        return TaskManager(self.settings, tasks=cluster_app.TASKS, roles=(), clock=self.clock)

    def assert_alive(self, nodes: Iterable[Node] | None = None) -> None:
        """Fail with what a node said if one has ended."""
        for node in self.nodes if nodes is None else nodes:
            assert node.alive, f"{node.role} ended with {node.process.returncode}: {node.said()}"


async def until(done: Callable[[], bool | Awaitable[bool]], seconds: float, what: str) -> float:
    """Look again and again until it is so; returns how long that took. Fails after so many seconds."""
    begin = time.monotonic()
    while True:
        answer = done()
        if answer if isinstance(answer, bool) else await answer:
            return time.monotonic() - begin
        assert time.monotonic() - begin < seconds, f"not after {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
