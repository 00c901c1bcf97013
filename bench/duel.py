"""Bench: lone starts of two checkouts on one PostgreSQL server, one of each in turn: the machine's mood is in both.

    python -m bench.duel CHECKOUT [--rounds 800]

The other checkout needs an environment of its own (`make .venv/installed-dev` in it). Says the medians from the call to
the code's first statement, in another process, and their difference with 95 % of a bootstrap.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAUSE_SECONDS = 0.012
WARM_ROUNDS = 40
RESAMPLES = 400


async def work(url: str) -> None:
    """A worker process of one side: says when each run's code began."""
    from runwright import Settings, TaskManager, task  # noqa: PLC0415  # of the side's own checkout

    @task(name="noop")
    async def noop(number: int) -> None:
        os.write(1, b"%d %f\n" % (number, time.monotonic()))  # what a task prints goes into its log

    async with TaskManager(Settings(store=url, max_concurrent=100), [noop], roles=("worker",)):
        print("ready", flush=True)
        await asyncio.Event().wait()


async def produce(url: str) -> None:
    """The process that starts runs, one for each line that it is told, and says when it called."""
    from runwright import Settings, TaskManager, task  # noqa: PLC0415  # as above

    @task(name="noop")
    async def noop(number: int) -> None:
        pass

    async with TaskManager(Settings(store=url), [noop], roles=()) as manager:
        told = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
        print("ready", flush=True)
        while line := await told.readline():
            await asyncio.sleep(PAUSE_SECONDS)
            began = time.monotonic()
            await manager.start(noop, {"number": int(line)})
            print(int(line), began, flush=True)


class Side:
    """One checkout: its worker and its producer, on a database of their own."""

    def __init__(self, checkout: Path, url: str) -> None:
        self.checkout = checkout
        self.milliseconds: list[float] = []
        self._url = url

    async def open(self) -> None:
        self._worker, self._producer = [await self._begin(role) for role in ("worker", "producer")]

    async def _begin(self, role: str) -> Process:
        program = (str(self.checkout / ".venv" / "bin" / "python"), str(Path(__file__).resolve()), role, self._url)
        process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE, cwd=self.checkout)
        if await _words(process) != [b"ready"]:
            raise SystemExit(f"the {role} of {self.checkout} did not come up")
        return process

    async def start(self, number: int) -> None:
        """One lone start, to its code."""
        assert self._producer.stdin is not None
        self._producer.stdin.write(b"%d\n" % number)
        called, began = await _words(self._producer), await _words(self._worker)
        if not called[:1] == began[:1] == [b"%d" % number]:
            raise SystemExit(f"{self.checkout}: start {number} was lost or doubled")
        self.milliseconds.append((float(began[1]) - float(called[1])) * 1e3)

    def close(self) -> None:
        for process in (self._worker, self._producer):
            process.kill()


async def _words(process: Process) -> list[bytes]:
    assert process.stdout is not None
    return (await process.stdout.readline()).split()


async def duel(sides: tuple[Side, Side], rounds: int) -> None:
    """Play the rounds, and print what they showed."""
    for side in sides:
        await side.open()
    for number in range(rounds + WARM_ROUNDS):
        for side in random.sample(sides, 2):
            await side.start(number)
    for side in sides:
        side.close()
        side.milliseconds = side.milliseconds[WARM_ROUNDS:]
        cuts = statistics.quantiles(side.milliseconds, n=100)
        print(f"{side.checkout}: p50 {cuts[49]:.3f}, p25 {cuts[24]:.3f}, p75 {cuts[74]:.3f}, p99 {cuts[98]:.2f} ms")

    def difference(first: list[float], second: list[float]) -> float:
        return statistics.median(second) - statistics.median(first)

    first, second = (side.milliseconds for side in sides)
    again = sorted(
        difference(random.choices(first, k=rounds), random.choices(second, k=rounds)) for _ in range(RESAMPLES)
    )
    low, high = again[RESAMPLES // 40], again[-RESAMPLES // 40 - 1]
    print(f"this one by the other: {difference(first, second):+.3f} ms ({low:+.3f} … {high:+.3f})")


def main() -> None:
    """The command, and the processes of its sides."""
    if sys.argv[1:2] in (["worker"], ["producer"]):
        asyncio.run((work if sys.argv[1] == "worker" else produce)(sys.argv[2]))
        return
    from tools.postgres import Postgres  # noqa: PLC0415  # of this checkout only

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkout", type=Path, help="the checkout to compare this one with")
    parser.add_argument("--rounds", type=int, default=800, help="starts of each (800)")
    given = parser.parse_args()
    with Postgres() as server:
        asyncio.run(
            duel((Side(given.checkout.resolve(), server.database()), Side(ROOT, server.database())), given.rounds)
        )


if __name__ == "__main__":
    main()
