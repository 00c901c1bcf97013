"""The worker's side of one process: what it is told, what it says, and the ladder when it shall stop.

Lives in the thread of the process lane that serves the run, from the first word to the guard's last. See
docs/design/processes.md.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import logging
import os
import select
import signal
import threading
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from runwright.clock import Clock
from runwright.errors import InvalidInput
from runwright.model import RunError
from runwright.tasks.context import RunCancelled
from runwright.tasks.progress import plain
from runwright.worker import frames
from runwright.worker.ending import Ended, How
from runwright.worker.job import Job, Requests
from runwright.worker.snapshot import run_to_json

READ_BYTES = 1 << 18
BACKLOG_BYTES = 4 * 1024 * 1024
BACKLOG_LOOK_SECONDS = 0.05
TERMINATE_SHARE = 0.25
RELEASE_SECONDS = 1.0

logger = logging.getLogger("runwright.worker")


@dataclass(frozen=True, slots=True)
class Pipes:
    """The worker's ends of a run's three pipes."""

    output: int
    control: int
    orders: int

    def close(self) -> None:
        """Close all; whatever still lives of the run is killed by its guard."""
        for pipe in (self.output, self.control, self.orders):
            os.close(pipe)


class Conversation:
    """The worker's side of one run's pipes; all of it in the run's thread, save ``wake`` and ``kill``."""

    def __init__(self, job: Job, pipes: Pipes, mark: bytes, grace: float, clock: Clock, requests: Requests) -> None:
        self._job, self._pipes, self._clock, self._requests = job, pipes, clock, requests
        self._grace = grace
        self._reader = frames.FrameReader(mark)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._rope, False)
        self._lock = threading.Lock()
        self._unsent = b""
        self._answers: deque[frames.Message] = deque()
        self._waits: dict[int, asyncio.Task[Any] | None] = {}
        self._told_pause = False
        self._go = self._killed = self._begun = False
        self._since: float | None = None  # when it was first asked to stop, or has ended
        self._orders: set[bytes] = set()
        self._ended: Ended | None = None
        self._gone: frames.Message | None = None

    def wake(self) -> None:
        """Something is wanted of the run; from any thread."""
        with self._lock, contextlib.suppress(BlockingIOError):  # it is awake already
            if self._rope >= 0:  # never into whatever has the number now
                os.write(self._rope, b"!")

    def kill(self) -> None:
        """All of it shall go, at once; from any thread."""
        self._killed = True
        self.wake()

    def close(self) -> None:
        """Close the pipes."""
        self._pipes.close()
        with self._lock:
            os.close(self._rope)
            self._rope = -1
        os.close(self._bell)

    def talk(self, start: frames.Message) -> Ended | None:
        """Serve the process until nothing of it is left; how its code ended, None if it never began."""
        self._send(start)
        while self._gone is None:
            wait = self._climb()
            reading = self._orders >= {b"K"} or self._job.lost or self._job.backlog < BACKLOG_BYTES
            poll = select.poll()
            poll.register(self._bell, select.POLLIN)
            if reading:
                poll.register(self._pipes.output, select.POLLIN)
            else:  # the store is behind: let the task wait until its lines are taken
                wait = min(wait, BACKLOG_LOOK_SECONDS)
            if self._unsent:
                poll.register(self._pipes.control, select.POLLOUT)
            ready = {pipe for pipe, _ in poll.poll(None if wait == float("inf") else wait * 1000)}
            if self._bell in ready:
                os.read(self._bell, 4096)
                self._mirror()
            if self._pipes.control in ready:
                self._flush()
            if self._pipes.output in ready and not self._listen():
                break
        return self._conclude() if self._begun or self._gone or self._orders else None

    # ----- what the process says ------------------------------------------------------------------------------------

    def _listen(self) -> bool:
        """Take what was written. False at the end, which comes without a word only if a guard was killed."""
        data = os.read(self._pipes.output, READ_BYTES)
        if not data:
            self._print(self._reader.end())
            return False
        try:
            for piece in self._reader.feed(data):
                if isinstance(piece, bytes):
                    self._print(piece)
                else:
                    self._hear(piece)
        except (frames.FramesBroken, InvalidInput, KeyError, TypeError, ValueError) as error:
            logger.warning("run %s is killed: its process sent %s", self._job.claim.run_id, error)
            self._ended = Ended(How.RAISED, error=RunError("process", f"its process sent what cannot be read: {error}"))
            self._order(b"K")
        return True

    def _print(self, data: bytes) -> None:
        if not self._job.lost:
            self._job.write(self._decoder.decode(data))

    def _hear(self, message: frames.Message) -> None:
        job = self._job
        if "log" in message:
            level, text = message["log"]
            job.emit(int(level), str(text))
        elif "progress" in message:
            current, total, text = message["progress"]
            job.progress(plain(current, total, text))
        elif "warn" in message:
            job.warn(str(message["warn"]))
        elif "begun" in message:
            self._begun, job.pid = True, int(message["begun"])
        elif "paused" in message:
            job.wait_at(self)
        elif "end" in message:
            if self._ended is None:
                self._ended = Ended.from_json(message["end"])
                self._since = self._since or self._clock.monotonic()
        elif "gone" in message:
            self._gone = message["gone"]
        elif "save" in message:
            self._serve(message, self._requests.save_state(job, str(message["save"])))
        elif "wait" in message:
            self._serve(message, self._waited(int(message["ask"]), str(message["wait"])))
        elif "leave" in message:
            self._requests.on_home(self._leave(int(message["leave"])))
        elif "start" in message:
            self._serve(message, self._requests.start_child(job, str(message["start"]), message["arguments"]))

    async def _waited(self, number: int, run_id: str) -> dict[str, Any] | None:
        self._waits[number] = asyncio.current_task()
        try:
            return run_to_json(await self._requests.wait_for(self._job, run_id))
        except asyncio.CancelledError:  # it has left the wait, and may go on
            return None
        finally:
            del self._waits[number]

    async def _leave(self, number: int) -> None:
        """The task does not wait for this any more."""
        if (waiting := self._waits.get(number)) is not None:
            waiting.cancel()

    def _serve(self, message: frames.Message, answer: Coroutine[Any, Any, Any]) -> None:
        """Let the engine do what the task asked for; the reply follows when it is done."""
        number = int(message["ask"])
        future = self._requests.on_home(answer)

        def done(ended: Future[Any]) -> None:
            if ended.cancelled():  # the worker closes
                return
            error = ended.exception()
            reply = {"value": ended.result()} if error is None else {"error": _described(error)}
            self._answers.append({"reply": number, **reply})
            self.wake()

        future.add_done_callback(done)

    # ----- what it is told ------------------------------------------------------------------------------------------

    def set(self) -> None:
        """The gate of a paused run opens; called by the job."""
        self._go = True
        self.wake()

    def _mirror(self) -> None:
        """Tell the process what has changed."""
        while self._answers:
            self._send(self._answers.popleft())
        if self._job.pause_wanted != self._told_pause:
            self._told_pause = self._job.pause_wanted
            self._send({"pause": self._told_pause})
        if self._go and not self._job.cancelled:  # a cancel lets it go on by itself
            self._go = False
            self._send({"go": True})

    def _send(self, message: frames.Message) -> None:
        self._unsent += (
            json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        )
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._pipes.control, self._unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # it has ended: its last words say how
            self._unsent = b""

    def _climb(self) -> float:
        """The ladder: ask, then terminate, then kill. Seconds until the next rung."""
        job, now = self._job, self._clock.monotonic()
        if b"K" in self._orders:
            return float("inf")
        if job.lost or self._killed:
            self._order(b"K")
            if job.lost:
                logger.warning("run %s is not this worker's any more: its process was killed", job.claim.run_id)
            return float("inf")
        if job.cancelled and self._since is None:
            self._since = now
            self._send({"cancel": True})
        if self._since is None:
            return float("inf")
        grace = min(self._grace, RELEASE_SECONDS) if job.released else self._grace
        kill_at = self._since + grace
        if now >= kill_at:
            self._order(b"K")
            return float("inf")
        if self._ended is not None:  # it only has to close what it has open
            return kill_at - now
        terminate_at = self._since + (0 if job.released else grace * TERMINATE_SHARE)
        if now >= terminate_at and b"T" not in self._orders:
            self._order(b"T")
        return (kill_at if now >= terminate_at else terminate_at) - now

    def _order(self, order: bytes) -> None:
        self._orders.add(order)
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # its guard is gone, and everything with it
            os.write(self._pipes.orders, order)

    # ----- the end --------------------------------------------------------------------------------------------------

    def _conclude(self) -> Ended:
        job, gone = self._job, self._gone or {}
        self._print(b"")
        cpu, status, killed = gone.get("cpu"), gone.get("status"), int(gone.get("killed", 0))
        job.cpu_seconds = None if cpu is None else float(cpu)
        if killed:
            what = "1 process that the task had started was" if killed == 1 else f"{killed} processes of the task were"
            job.emit(logging.WARNING, f"… {what} killed with it …")
        if self._ended is not None:
            return self._ended
        return Ended(How.RAISED, error=RunError("process", _death(status)))


def _death(status: object) -> str:
    if not isinstance(status, int):
        return "its process was lost: somebody killed what watches over it"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(ValueError):
            hint = " (perhaps there was not enough memory)" if number == signal.SIGKILL else ""
            return f"its process was killed by {signal.Signals(number).name}{hint}"
        return f"its process was killed by signal {number}"
    return f"its process ended before the task did, with exit status {os.waitstatus_to_exitcode(status)}"


def _described(error: BaseException) -> dict[str, Any]:
    """An error as the process can raise it again: its code, its message, and what else it says in JSON."""
    if isinstance(error, RunCancelled):
        return {"code": "cancelled"}
    fields = {name: value for name, value in vars(error).items() if name != "errors" and _jsonable(value)}
    faults = [[fault.pointer, fault.message, fault.code] for fault in getattr(error, "errors", ())]
    return {"code": getattr(error, "code", "error"), "message": str(error), "fields": fields, "errors": faults}


def _jsonable(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
