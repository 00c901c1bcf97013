"""A page without workers and a worker without a page, on one PostgreSQL: what one shows and wants, the other does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from runwright.cli.client import Client

TOKEN = "a-token-for-two-machines-and-nobody-else"
TASKS = """
import asyncio
from runwright import RunContext, task


@task
async def count(to: int = 1000, *, run: RunContext) -> int:
    for number in range(to):
        run.log.info("number %d", number)
        run.progress(number, to, "counting")
        await run.checkpoint()
        await asyncio.sleep(0.02)
    return to
"""


@dataclass(frozen=True, slots=True)
class Machines:
    """Both processes, and where the page is."""

    page: str
    worker: subprocess.Popen[str]
    environment: Mapping[str, str]

    async def command(self, *words: str, directory: Path | None = None) -> tuple[int | None, str, str]:
        """A command on another machine: its exit code, what it answers, and what it says."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runwright", *words,
            env={**self.environment, **({} if directory is None else {"TASK_DIRECTORY": str(directory)})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.page, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)


def first_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


@pytest.fixture
def machines(postgres_url: str, tmp_path: Path) -> Iterator[Machines]:
    """The page's folder has the task too: it checks arguments, and never runs it."""
    (tmp_path / "count.py").write_text(TASKS)
    settings = {
        "TASK_STORE": postgres_url, "TASK_DIRECTORY": str(tmp_path), "TASK_ADMIN_TOKEN": TOKEN, "TASK_PORT": "0",
        "TASK_POLL_SECONDS": "60",  # so that what happens soon happened by a hint
    }  # fmt: skip
    environment = {**os.environ, **settings}

    def begin(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "runwright", *words],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    serving, worker = begin("serve", "--page-only"), begin("worker")
    try:
        page = first_line(serving.stdout).removesuffix("/sign-in")
        assert first_line(worker.stdout) == "worker is ready"
        yield Machines(page, worker, environment)
    finally:
        for process in (serving, worker):
            process.send_signal(signal.SIGTERM)
        for process in (serving, worker):
            process.communicate(timeout=60)
    assert (serving.returncode, worker.returncode) == (0, 0)


async def status_of(client: httpx2.AsyncClient, run: str, wanted: str) -> dict[str, Any]:
    """Ask until the run has a status; its attributes."""
    async with asyncio.timeout(20):
        while True:
            attributes: dict[str, Any] = (await client.get(f"/api/run/{run}")).json()["data"]["attributes"]
            if attributes["status"] == wanted:
                return attributes
            await asyncio.sleep(0.02)


async def test_a_run_elsewhere_is_watched_paused_and_cancelled_from_here(machines: Machines) -> None:
    async with machines.client() as client:
        workers = (await client.get("/api/worker")).json()["data"]
        assert [worker["attributes"]["pid"] for worker in workers] == [machines.worker.pid]
        asked = Client(client)
        assert await asked.works_on("count")
        assert not await asked.works_on("another")
        run = (await asked.post("/api/run", "run", {"definition": "count", "arguments": {"to": 5000}})).id
        address = f"{machines.page.replace('http', 'ws')}/ws/task/{run}"
        async with connect(address, additional_headers={"Authorization": f"Bearer {TOKEN}"}, proxy=None) as socket:
            numbers: list[int] = []
            frame: dict[str, Any] = {}
            kinds: set[str] = set()
            async with asyncio.timeout(20):
                while len(numbers) < 50 or "progress" not in kinds:
                    frame = json.loads(await socket.recv())
                    kinds.add(frame["type"])
                    for line in frame.get("lines", ()):
                        numbers.append(int(line["text"].rpartition(" ")[2]))
            assert numbers == list(range(len(numbers)))
            await client.post(f"/api/run/{run}/pause")
            await status_of(client, run, "paused")
            await client.post(f"/api/run/{run}/resume")
            await status_of(client, run, "running")
            await client.post(f"/api/run/{run}/cancel")
            async with asyncio.timeout(20):
                while frame["type"] != "complete":
                    frame = json.loads(await socket.recv())
            assert frame["run"]["status"] == "cancelled"
        attributes = await status_of(client, run, "cancelled")
        assert attributes["worker"] == workers[0]["id"]


async def test_a_worker_that_is_told_to_stop_finishes_what_it_runs(machines: Machines) -> None:
    async with machines.client() as client:
        asked = Client(client)
        run = (await asked.post("/api/run", "run", {"definition": "count", "arguments": {"to": 50}})).id
        await status_of(client, run, "running")
        waiting = (await asked.post("/api/run", "run", {"definition": "count", "arguments": {"to": 1}})).id
        machines.worker.send_signal(signal.SIGTERM)
        late = (await asked.post("/api/run", "run", {"definition": "count", "arguments": {"to": 1}})).id
        assert await asyncio.to_thread(machines.worker.wait, 60) == 0
        assert (await status_of(client, run, "completed"))["result"] == 50
        shown = (await client.get("/api/worker")).json()["data"]
        assert [worker["attributes"]["state"] for worker in shown] == ["ended"]
        assert not await asked.works_on("count")  # the page's own process has it, and does not work
        assert (await client.get(f"/api/run/{late}")).json()["data"]["attributes"]["status"] in ("pending", "completed")
        assert (await client.get(f"/api/run/{waiting}")).json()["data"]["attributes"]["attempt"] <= 1


async def test_a_run_in_the_foreground_is_the_workers_and_leaves_them_theirs(machines: Machines) -> None:
    """The command shows it and takes nothing that waits; only what no worker has is done by its own process."""
    async with machines.client() as client:
        code, out, err = await machines.command("run", "count", "--to", "3")
        assert (code, out, "number 2" in err) == (0, "3\n", True)
        workers = (await client.get("/api/worker")).json()["data"]
        assert [worker["attributes"]["pid"] for worker in workers] == [machines.worker.pid]


async def test_what_no_worker_has_is_said_or_done_here(machines: Machines, tmp_path: Path) -> None:
    here = tmp_path / "another machine"
    here.mkdir()
    (here / "local.py").write_text("from runwright import task\n\n@task\ndef local() -> str:\n    return 'done here'\n")
    code, _, err = await machines.command("start", "local", directory=here)
    assert (code, "no worker that has local works on this store now: the run waits" in err) == (0, True)
    code, out, _ = await machines.command("run", "local", directory=here)
    assert (code, out) == (0, "done here\n")
