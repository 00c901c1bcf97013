"""WebSockets through a real server: frames, resuming, slow clients, and who may listen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from runwright.api import live
from runwright.api.server import Server
from runwright.model import SYSTEM
from tests.edges.conftest import Doors


@pytest.fixture
async def address(doors: Doors) -> AsyncIterator[str]:
    settings = doors.manager.settings.model_copy(update={"port": 0})
    server = Server(doors.manager.asgi(), doors.manager.control, settings)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(server.serve(told.set_result))
    link = await told
    yield "ws" + link.partition("/sign-in")[0].removeprefix("http")
    server.stop()
    await serving


def listen(doors: Doors, address: str, path: str) -> Any:
    """A socket with the viewer's token."""
    return connect(address + path, additional_headers={"Authorization": f"Bearer {doors.tokens['viewer']}"})


async def frames(socket: ClientConnection) -> list[dict[str, Any]]:
    """All frames until the server closes, for whatever reason."""
    found = []
    with suppress(ConnectionClosed):
        while True:
            found.append(json.loads(await socket.recv()))
    return found


async def test_a_run_is_told_from_its_beginning_to_its_end(doors: Doors, address: str) -> None:
    run = (await doors.start("chatty", {"lines": 1200})).json()["data"]["id"]
    async with listen(doors, address, f"/ws/task/{run}") as socket:
        found = await frames(socket)
        code = socket.close_code

    lines = [line["text"] for frame in found if frame["type"] == "log" for line in frame["lines"]]
    assert (found[0]["type"], found[-1]["type"], code) == ("snapshot", "complete", 1000)
    assert lines == [f"line {number}" for number in range(1200)]
    assert found[-1]["run"]["result"] == 1200
    cursors = [frame["seq"] for frame in found]
    assert cursors == sorted(cursors)


async def test_a_cursor_goes_on_without_a_gap_and_without_doubles(doors: Doors, address: str) -> None:
    run = (await doors.start("chatty", {"lines": 1200})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    async with listen(doors, address, f"/ws/task/{run}?after={1_000_000_000 + 700}") as socket:
        found = await frames(socket)
    async with listen(doors, address, f"/ws/task/{run}?after=9999999999") as socket:
        strange = await frames(socket)

    lines = [line["text"] for frame in found if frame["type"] == "log" for line in frame["lines"]]
    assert lines == [f"line {number}" for number in range(700, 1200)]
    assert strange[0]["type"] == "resync"
    assert sum(len(frame["lines"]) for frame in strange if frame["type"] == "log") == 1200


async def test_progress_state_and_the_list_of_all(doors: Doors, address: str) -> None:
    async with listen(doors, address, "/ws/tasks") as every:
        assert json.loads(await every.recv())["type"] == "snapshot"
        run = (await doors.start("waiting")).json()["data"]["id"]
        async with listen(doors, address, f"/ws/task/{run}") as one:
            known = None  # told by the snapshot, or by a frame of its own
            while known is None:
                frame = json.loads(await one.recv())
                known = frame["run"]["progress"] if "run" in frame else frame.get("current")
            await doors.operator.post(f"/api/run/{run}/cancel")
            last = (await frames(one))[-1]
        seen: dict[str, str] = {}
        while seen.get(run) != "cancelled":
            frame = json.loads(await every.recv())
            seen[frame["run"]["id"]] = frame["status"]

    assert last["type"] == "complete"
    assert last["run"]["status"] == "cancelled"


async def test_strangers_unknown_runs_and_foreign_pages(doors: Doors, address: str) -> None:
    run = (await doors.start("add", {"a": 1})).json()["data"]["id"]
    for headers in ({}, {"Authorization": "Bearer rw_wrong"}):
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            async with connect(f"{address}/ws/task/{run}", additional_headers=headers) as socket:
                await socket.recv()
    async with listen(doors, address, "/ws/task/nobody") as socket:
        assert await frames(socket) == []
        assert socket.close_code == 4404
    code = await doors.manager.control.accounts.sign_in_code("ada")
    cookie = (await doors.anonymous.get(f"/sign-in?code={code}")).headers["set-cookie"].partition(";")[0]
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with connect(f"{address}/ws/tasks", additional_headers={"Cookie": cookie},
                           origin="http://evil.example") as socket:  # type: ignore[arg-type]  # fmt: skip  # a plain origin
            await socket.recv()


async def test_a_revoked_token_closes_its_socket(doors: Doors, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AUTHORITY_SECONDS", 0.05)
    async with listen(doors, address, "/ws/tasks") as socket:
        await socket.recv()
        await doors.manager.control.accounts.revoke(SYSTEM, doors.tokens["viewer"])
        await frames(socket)

        assert socket.close_code == 4403


async def test_without_websockets_there_are_none_and_all_else_is_there(doors: Doors) -> None:
    settings = doors.manager.settings.model_copy(update={"port": 0, "websocket_enabled": False})
    doors.manager.settings = settings
    server = Server(doors.manager.asgi(), doors.manager.control, settings)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(server.serve(told.set_result))
    address = (await told).partition("/sign-in")[0]
    for path in ("/ws/tasks", "/ws/task/nobody"):
        with pytest.raises(InvalidStatus) as caught:
            async with listen(doors, "ws" + address.removeprefix("http"), path):
                raise AssertionError("it was opened")
        assert caught.value.response.status_code in (403, 404)
    assert (await doors.viewer.get("/api/run")).status_code == 200
    server.stop()
    await serving


class Stuck(live.Socket):
    """A client that takes nothing: its frames stay in the buffer."""

    async def _send(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize(("size", "code"), [(3, 1013), (50, None)])
async def test_the_buffer_holds_so_many_frames_and_no_more(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, size: int, code: int | None
) -> None:
    """A run with a log of ten frames, to somebody who takes none of them."""
    monkeypatch.setattr(live, "Socket", Stuck)
    run = (await doors.start("chatty", {"lines": 10 * live.LINES_PER_FRAME})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=20)
    settings = doors.manager.settings.model_copy(update={"port": 0, "buffer_size": size})
    doors.manager.settings = settings
    server = Server(doors.manager.asgi(), doors.manager.control, settings)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(server.serve(told.set_result))
    address = "ws" + (await told).partition("/sign-in")[0].removeprefix("http")
    async with listen(doors, address, f"/ws/task/{run}") as socket:
        with suppress(TimeoutError):
            async with asyncio.timeout(10 if code else 0.5):
                assert await frames(socket) == []
        assert socket.close_code == code
    server.stop()
    await serving
