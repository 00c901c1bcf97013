"""API: WebSockets. Frames of the feed as JSON; a client that is too slow is dropped, never waited for.

Each socket has a bounded queue between the feed and the wire. When it is full the socket is closed with 1013; the
client comes back with its cursor, and nothing is lost. Authority is looked at again every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from fastapi import APIRouter, WebSocket
from pydantic_core import to_json
from starlette.websockets import WebSocketDisconnect, WebSocketState

from runwright.api.guard import actor_of, session_of
from runwright.api.wire import Document, line_value, run_value
from runwright.clock import Clock
from runwright.control import Control
from runwright.errors import NotFound
from runwright.events.feed import Complete, Feed, Frame, Log, Progress, Resync, Snapshot, Snapshots, State

LINES_PER_FRAME = 500
AUTHORITY_SECONDS = 5.0
COMPLETE, NOT_ALLOWED, TOO_SLOW, REVOKED, UNKNOWN = 1000, 1008, 1013, 4403, 4404


def routes(control: Control, feed: Feed, clock: Clock, buffer_size: int) -> APIRouter:
    """The sockets."""
    router = APIRouter()

    @router.websocket("/ws/task/{run_id}")
    async def one(socket: WebSocket, run_id: str, after: str = "0") -> None:
        await socket.accept()
        cursor = int(after) if after.isascii() and after.isdigit() and len(after) < 18 else -1
        try:
            run = await control.runs.get(actor_of(socket), run_id)
            if cursor > 0 and cursor // 1_000_000_000 > run.attempt:
                cursor = -1  # a cursor that this run has never given
        except NotFound:
            await socket.close(UNKNOWN, "there is no such run")
            return
        await Socket(socket, control, feed, clock, buffer_size).serve(feed.follow(run_id, cursor))

    @router.websocket("/ws/tasks")
    async def every(socket: WebSocket) -> None:
        await socket.accept()
        await Socket(socket, control, feed, clock, buffer_size).serve(feed.follow_all())

    return router


class Socket:
    """One client."""

    def __init__(self, socket: WebSocket, control: Control, feed: Feed, clock: Clock, buffer_size: int) -> None:
        self._socket = socket
        self._control = control
        self._feed = feed
        self._clock = clock
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(buffer_size)

    async def serve(self, frames: AsyncIterator[Frame]) -> None:
        """Send the frames until they end, the client goes, is too slow, or may not see them any more."""
        parts = {
            asyncio.ensure_future(self._fill(frames)): None,
            asyncio.ensure_future(self._send()): COMPLETE,
            asyncio.ensure_future(self._receive()): None,
            asyncio.ensure_future(self._authority()): REVOKED,
        }
        fill = next(iter(parts))
        code: int | None = None
        try:
            pending = set(parts)
            while code is None:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if task is fill and task.exception() is None:
                        if task.result():
                            continue  # all frames are queued; the sender ends with the last one
                        code = TOO_SLOW
                    elif isinstance(task.exception(), NotFound):
                        code = UNKNOWN  # the run was deleted
                    elif task.exception() is not None or parts[task] is None:
                        code = 0  # the client has gone
                    else:
                        code = parts[task]
        finally:
            for task in parts:
                task.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        if code and self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(code)

    async def _fill(self, frames: AsyncIterator[Frame]) -> bool:
        async with aclosing(frames) as each:  # type: ignore[type-var]  # the feed's iterators are generators
            async for frame in each:
                for document in documents(frame, self._control, self._feed):
                    try:
                        self._queue.put_nowait(to_json(document, inf_nan_mode="null").decode())
                    except asyncio.QueueFull:
                        return False
                    if self._queue.qsize() > self._queue.maxsize // 2:
                        await asyncio.sleep(0)  # give the sender a chance before the buffer is judged
        await self._queue.put(None)
        return True

    async def _send(self) -> None:
        while (text := await self._queue.get()) is not None:
            await self._socket.send_text(text)

    async def _receive(self) -> None:
        while True:  # nothing is expected from clients; this is how their going is seen
            await self._socket.receive_text()

    async def _authority(self) -> None:
        secret, kind = session_of(self._socket), "session"
        scheme, _, token = self._socket.headers.get("authorization", "").partition(" ")
        if scheme:
            secret, kind = token.strip(), "token"
        while True:
            await self._clock.sleep(AUTHORITY_SECONDS)
            if secret is not None and await self._control.accounts.actor(secret, kind) is None:
                return


def documents(frame: Frame, control: Control, feed: Feed) -> list[Document]:
    """The frame as JSON values; long logs become several."""
    match frame:
        case Snapshot(run, seq):
            return [{"type": "snapshot", "run": run_value(run, control, feed), "seq": seq}]
        case Snapshots(runs, seq):
            return [{"type": "snapshot", "runs": [run_value(run, control, feed) for run in runs], "seq": seq}]
        case Log(lines, _):
            parts = [lines[i : i + LINES_PER_FRAME] for i in range(0, len(lines), LINES_PER_FRAME)]
            return [{"type": "log", "lines": [line_value(line) for line in p], "seq": p[-1].seq} for p in parts]
        case Progress(progress, eta, seq):
            return [{"type": "progress", "current": progress.current, "total": progress.total,
                     "message": progress.message, "eta": eta, "seq": seq}]  # fmt: skip
        case State(run, seq):
            return [{"type": "state", "status": run.status, "run": run_value(run, control, feed), "seq": seq}]
        case Complete(run, seq):
            return [{"type": "complete", "run": run_value(run, control, feed), "seq": seq}]
        case Resync(seq):
            return [{"type": "resync", "seq": seq}]
