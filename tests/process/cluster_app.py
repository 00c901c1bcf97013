"""The program of a cluster: one role on one database, and tasks whose ledger is a file outside of the product.

    python -m tests.process.cluster_app worker|scheduler|both FOLDER

Settings come from the environment (`TASK_…`), as for any process. It prints `ready` and works until SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time
from functools import cache

from runwright import RunCancelled, RunContext, Settings, SystemClock, TaskManager, task
from runwright.clock import Clock, Micros
from runwright.store.postgres import PostgresStore

STEP_SECONDS = 0.05
EARLY_SECONDS = 0.05


@cache
def ledger() -> int:
    """The ledger's file, where every line is appended whole."""
    return os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def note(word: str, number: int, attempt: int) -> None:
    """One durable line: what the task says happened, whatever the store says."""
    os.write(ledger(), f"{word} {number} {attempt} {os.getpid()} {time.monotonic():.6f}\n".encode())
    os.fsync(ledger())


@task
async def work(number: int, seconds: float, run: RunContext) -> list[int]:
    """Lasts so long, and looks up often enough to be stopped."""
    note("began", number, run.attempt)
    end = time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, STEP_SECONDS))
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
async def tick() -> None:
    """What the schedules start; nobody need run it."""


TASKS = (work, alone, tick)


class FastClock(SystemClock):
    """Time that passes more quickly, from an instant that all processes of the cluster share.

    The wall clock is ahead by ``ahead`` seconds, and a timer comes early by up to ``early`` seconds.
    """

    def __init__(self, speed: float, origin: float, ahead: float = 0, early: float = 0) -> None:
        self._speed, self._origin = speed, origin
        self._ahead, self._early = ahead, early

    def now(self) -> Micros:
        return int((self._origin + (time.time() - self._origin) * self._speed + self._ahead) * 1e6)

    def monotonic(self) -> float:
        return time.monotonic() * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds - random.uniform(0, self._early)) / self._speed)


@cache
def clock() -> Clock:
    """The machine's, or a faster one if CLUSTER_SPEED and CLUSTER_ORIGIN say so, up to CLUSTER_SKEW seconds off."""
    speed, skew = (
        float(os.environ.get(name, default)) for name, default in (("CLUSTER_SPEED", 1), ("CLUSTER_SKEW", 0))
    )
    if speed == 1:
        return SystemClock()
    return FastClock(
        speed, float(os.environ["CLUSTER_ORIGIN"]), random.uniform(-skew, skew), EARLY_SECONDS if skew else 0
    )


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
