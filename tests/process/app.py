"""The program that is killed: serves a folder of tasks whose ledger is a file outside of the product."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from runwright import RunContext, Settings, TaskManager, task

LEDGER = Path(os.environ["LEDGER"])


def note(word: str, number: int) -> None:
    """One durable line: what the task says happened, whatever the store says."""
    descriptor = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{word} {number}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@task
async def work(number: int, seconds: float = 0.01) -> int:
    note("began", number)
    await asyncio.sleep(seconds)
    note("ended", number)
    return number


@task
def block(number: int) -> int:
    note("began", number)
    note("ended", number)
    return number


@task(on_interrupt="hold")
async def once(number: int, run: RunContext) -> str:
    """What must not be repeated unless a person says so: it is killed in its first attempt."""
    note("began", number)
    if run.state is None:
        await run.save("was here")
        note("saved", number)
        await asyncio.Event().wait()
    return f"attempt {run.attempt}, {run.state}"


async def main() -> None:
    """Work until killed; numbers read from standard input are started, and acknowledged on standard output.

    Every tenth is a thread's, a number below zero is one that is held when it is interrupted.
    """
    settings = Settings(store=f"sqlite:///{sys.argv[1]}", max_concurrent=50, lease_seconds=2, heartbeat_seconds=0.5,
                        sweep_seconds=0.2)  # fmt: skip
    async with TaskManager(settings, tasks=[work, block, once], user_loop=True) as manager:
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            number = int(line)
            name = "once" if number < 0 else "block" if number % 10 == 0 else "work"
            run = await manager.start(name, {"number": number})
            print(f"{run.id} {number}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
