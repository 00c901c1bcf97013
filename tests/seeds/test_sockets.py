"""The two sockets of the documents, through a real server: ``/ws/task/{runID}`` of one run, ``/ws/tasks`` of all.

There, the first did not exist: a run lived only as long as the socket that had started it. The second said nothing of
what was there before, and lost what happened between two connections.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection

from runwright import RunContext, RunStatus, task
from tests.edges.conftest import Doors
from tests.edges.test_ws import address, frames, listen
from tests.seeds.openscan import until_status

__all__ = ["address"]


class Doorstep:
    """What the tasks wait for; fresh for each test."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()


step = Doorstep()


@task
async def report(run: RunContext) -> int:
    for number in range(3):
        run.log.info("early %d", number)
    run.progress(1, 2, "half")
    await step.go_on.wait()
    run.log.info("late")
    return 7


@task
async def upload(token: SecretStr, run: RunContext) -> str:
    run.progress(1, 2, "half")
    while not step.go_on.is_set():
        await run.checkpoint()
        await asyncio.sleep(0.005)
    return "up"


@pytest.fixture
async def served(doors: Doors) -> Doors:
    step.__init__()  # type: ignore[misc]  # the tasks know this one object
    for each in (report, upload):
        doors.manager.register(each)
    return doors


async def until(socket: ClientConnection, wanted: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    """The frames that come until they are what is wanted."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not found or not wanted(found):
            found.append(json.loads(await socket.recv()))
    return found


def lines(found: list[dict[str, Any]]) -> list[str]:
    return [line["text"] for frame in found if frame["type"] == "log" for line in frame["lines"]]


EARLY = ["early 0", "early 1", "early 2"]


class TestOneRun:
    async def test_what_was_is_replayed_what_comes_is_followed_and_the_end_is_told(
        self, served: Doors, address: str
    ) -> None:
        run = (await served.start("report")).json()["data"]["id"]
        await until_status(served.manager, run, RunStatus.RUNNING)
        async with asyncio.timeout(10):
            while len(await served.manager.store.log(run)) < len(EARLY):
                await asyncio.sleep(0.01)
        async with listen(served, address, f"/ws/task/{run}") as socket:
            before = await until(socket, lambda found: lines(found) == EARLY)
            step.go_on.set()
            after = await frames(socket)
        assert (before[0]["type"], before[0]["run"]["status"]) == ("snapshot", "running")
        assert lines(before) == EARLY
        assert lines(after) == ["late"]
        assert (after[-1]["type"], after[-1]["run"]["status"], after[-1]["run"]["result"]) == (
            "complete", "completed", 7,
        )  # fmt: skip
        assert [frame["type"] for frame in before + after].count("complete") == 1
        assert socket.close_code == 1000

    async def test_who_comes_again_goes_on_where_he_was_and_who_comes_late_hears_all(
        self, served: Doors, address: str
    ) -> None:
        run = (await served.start("report")).json()["data"]["id"]
        async with listen(served, address, f"/ws/task/{run}") as socket:
            first = await until(socket, lambda found: lines(found) == EARLY)
        assert (await served.manager.get(run)).status is RunStatus.RUNNING  # it does not go with its listener
        step.go_on.set()
        await served.manager.wait(run, timeout=5)
        async with listen(served, address, f"/ws/task/{run}?after={first[-1]['seq']}") as socket:
            again = await frames(socket)
        async with listen(served, address, f"/ws/task/{run}") as socket:
            late = await frames(socket)
        assert (lines(first), lines(again), lines(late)) == (EARLY, ["late"], [*EARLY, "late"])
        assert again[-1]["type"] == late[-1]["type"] == "complete"


class TestAllRuns:
    async def test_each_change_is_told_and_no_secret(self, served: Doors, address: str) -> None:
        there = (await served.start("report")).json()["data"]["id"]
        await until_status(served.manager, there, RunStatus.RUNNING)
        told: list[str] = []
        async with listen(served, address, "/ws/tasks") as socket:
            (snapshot,) = await until(socket, lambda found: found[-1]["type"] == "snapshot")
            assert [run["id"] for run in snapshot["runs"]] == [there]
            run = (await served.start("upload", {"token": "correct-horse"})).json()["data"]["id"]

            async def hears(status: str) -> dict[str, Any]:
                heard = await until(
                    socket, lambda found: (found[-1]["run"]["id"], found[-1]["status"]) == (run, status)
                )
                told.extend(json.dumps(frame) for frame in heard)
                return heard[-1]

            await hears("running")
            await served.manager.pause(run)
            await hears("paused")
            await served.manager.resume(run)
            await hears("running")
            step.go_on.set()
            assert (await hears("completed"))["run"]["result"] == "up"
        assert not any("correct-horse" in frame for frame in told)
        assert any("••••••" in json.loads(frame)["run"]["arguments"].values() for frame in told)
