"""The program of a cluster: one role on one database, and tasks whose ledger is a file outside of the product.

    python -m tests.process.cluster_app worker|scheduler|both FOLDER

Settings come from the environment (`TASK_…`), as for any process. It prints `ready` and works until SIGTERM.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Self

from runwright import RunCancelled, RunContext, Settings, SystemClock, TaskManager, task
from runwright.clock import Clock, Micros
from runwright.store.postgres import PostgresStore

STEP_SECONDS = 0.05
EARLY_SECONDS = 0.05
LONGEST_NAP = 0.05
PACE = struct.Struct("<ddd")
"""The machine's monotonic clock at the last change of the pace, what the cluster's clock showed then, and the pace."""


@cache
def ledger() -> int:
    """The ledger's file, where every line is appended whole."""
    return os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def note(word: str, number: int, attempt: int, *, durable: bool = True) -> None:
    """One durable line: what the task says happened, whatever the store says."""
    os.write(ledger(), f"{word} {number} {attempt} {os.getpid()} {time.monotonic():.6f}\n".encode())
    if durable:
        os.fsync(ledger())


@task
async def work(number: int, seconds: float, run: RunContext) -> list[int]:
    """Lasts so long, without the time for which its process is frozen, and looks up often enough to be stopped."""
    note("began", number, run.attempt)
    left = seconds
    try:
        while left > 0:
            await asyncio.sleep(min(left, STEP_SECONDS))
            left -= STEP_SECONDS
    except (asyncio.CancelledError, RunCancelled):
        note("stopped", number, run.attempt)
        raise
    note("ended", number, run.attempt)
    return [os.getpid(), run.attempt]


@task(exclusive=True)
async def alone(number: int, run: RunContext) -> list[int]:
    """Must never overlap anything."""
    note("began", number, run.attempt)
    await asyncio.sleep(0.002)
    note("ended", number, run.attempt)
    return [os.getpid(), run.attempt]


@task
async def tick(number: int, seconds: float, run: RunContext) -> None:
    """What a schedule of this number starts: lasts about so long, by the cluster's clock."""
    note("began", number, run.attempt, durable=False)
    try:
        await clock().sleep(random.expovariate(1 / seconds))
    except asyncio.CancelledError:
        note("stopped", number, run.attempt, durable=False)
        raise
    note("ended", number, run.attempt, durable=False)


TASKS = (work, alone, tick)


class FastClock(SystemClock):
    """Time that passes more quickly, the same for all processes of the cluster: it is kept in a file that they share.

    The wall clock is ahead by ``ahead`` seconds, and a timer comes early by up to ``early`` seconds.
    """

    def __init__(self, path: Path, ahead: float = 0, early: float = 0) -> None:
        with path.open("r+b") as file:
            self._pace = mmap.mmap(file.fileno(), PACE.size)
        self._ahead, self._early = ahead, early

    @classmethod
    def begin(cls, path: Path, speed: float) -> Self:
        """A clock that goes from now on, ``speed`` times as fast as the machine's, until it is told another pace."""
        path.write_bytes(PACE.pack(time.monotonic(), time.time(), speed))
        return cls(path)

    def set_speed(self, speed: float) -> None:
        """Let time pass so quickly from now on, for all."""
        self._pace[:] = PACE.pack(time.monotonic(), self._seconds(), speed)

    @property
    def speed(self) -> float:
        """How many seconds pass in one of the machine's."""
        return self._read()[2]

    def now(self) -> Micros:
        return int((self._seconds() + self._ahead) * 1e6)

    def monotonic(self) -> float:
        return self._seconds()

    async def sleep(self, seconds: float) -> None:
        end = self._seconds() + max(0.0, seconds - random.uniform(0, self._early))
        while (left := end - self._seconds()) > 0:
            await asyncio.sleep(min(left / self.speed, LONGEST_NAP))
        await asyncio.sleep(0)

    def _seconds(self) -> float:
        since, seconds, speed = self._read()
        return seconds + (time.monotonic() - since) * speed

    def _read(self) -> tuple[float, float, float]:
        while (read := bytes(self._pace)) != bytes(self._pace):  # it was being written
            pass
        since, seconds, speed = PACE.unpack(read)
        return since, seconds, speed


@cache
def clock() -> Clock:
    """The machine's, or the cluster's if CLUSTER_CLOCK names its file, up to CLUSTER_SKEW seconds off."""
    if not (path := os.environ.get("CLUSTER_CLOCK")):
        return SystemClock()
    skew = float(os.environ["CLUSTER_SKEW"])
    return FastClock(Path(path), random.uniform(-skew, skew), EARLY_SECONDS if skew else 0)


def own_time(store: PostgresStore) -> Micros:
    """A store's time as the process has it, and not as the server has it."""
    return store._clock.now()


def end_with_the_tests() -> None:
    """Wait for the end of the input, which comes when the process that started this one is gone."""
    sys.stdin.read()
    os._exit(1)


async def main(role: str, folder: str) -> None:
    """Work in this role until SIGTERM."""
    threading.Thread(target=end_with_the_tests, daemon=True).start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    if isinstance(clock(), FastClock):
        PostgresStore.now = own_time  # type: ignore[assignment, method-assign]  # the server's wall clock is of no use then
    roles = ("worker", "scheduler") if role == "both" else (role,)
    settings = Settings.load(directory=folder)
    async with TaskManager(settings, tasks=TASKS, roles=roles, user_loop=True, clock=clock()):
        print("ready", flush=True)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
