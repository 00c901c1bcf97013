"""Bench: how long 20,000 log lines of a run take to an open page.

The engine and its HTTP door are in this process, as under `runwright serve` (user code on a loop of its own); the
reader is another process (`bench.reader`) on a WebSocket. The clock runs from the call of the first line to the moment
the last one is read.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

import uvicorn

from bench.place import REPOSITORY
from bench.workloads import Failed, Figures
from runwright import RunContext, Settings, TaskManager, task
from runwright.model import Actor, Role

LINES = 20_000
LIMIT_SECONDS = 60.0


async def logs(folder: Path) -> Figures:
    """Serve, open the page, let the run talk, wait for the last line."""
    reader_is_there = threading.Event()
    begun: list[float] = []

    @task(name="talk")
    async def talk(run: RunContext) -> None:
        while not reader_is_there.is_set():
            await asyncio.sleep(0.01)
        begun.append(time.monotonic())
        for number in range(LINES):
            run.log.info("line %06d: what a task has to say when it has a lot to do", number)
            if number % 100 == 0:
                await asyncio.sleep(0)

    manager = TaskManager(Settings(store=f"sqlite:///{folder / 'logs.db'}"), [talk], user_loop=True)
    async with manager:
        config = uvicorn.Config(manager.asgi(Actor("bench", Role.ADMIN)), port=0, log_level="warning")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        run = await manager.start(talk)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                ended = await read(f"ws://127.0.0.1:{port}/ws/task/{run.id}", reader_is_there)
        finally:
            server.should_exit = True
            await serving
    return {"seconds": ended - begun[0], "lines_per_s": LINES / (ended - begun[0])}


async def read(address: str, reader_is_there: threading.Event) -> float:
    """Start the reader, open the gate when it is connected, and return when it read the last line (CLOCK_MONOTONIC)."""
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.reader", address, str(LINES), cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert reader.stdout is not None
    try:
        if (await reader.stdout.readline()).strip() != b"open":
            raise Failed("the reader could not open the run's socket")
        reader_is_there.set()
        answer = (await reader.stdout.readline()).split()
    finally:
        if reader.returncode is None:
            reader.terminate()
        await reader.wait()
    if len(answer) != 2 or int(answer[1]) != LINES:
        raise Failed(f"of {LINES} lines the reader got {answer[1].decode() if len(answer) == 2 else 'none'}")
    return float(answer[0])
