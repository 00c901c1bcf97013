"""The RunContext's port in the process of a run: it asks the worker through the process's two pipes.

It starts no thread: messages of the worker are looked for whenever the task asks something, and by the event loop of a
coroutine task.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from pydantic_core import from_json, to_json

from runwright.clock import SystemClock
from runwright.errors import Conflict, FieldError, InvalidInput, RunwrightError
from runwright.model import JSONObject, Run, TaskProgress
from runwright.tasks.context import RunCancelled
from runwright.tasks.text import clean
from runwright.worker import frames
from runwright.worker.ending import Ended
from runwright.worker.snapshot import run_from_json

TEXT_CHARACTERS = 1024 * 1024
PROGRESS_PER_SECOND = 100.0
LOOK_SECONDS = 0.2


class Port:
    """What a RunContext asks of its worker, over the pipes. Implements ``tasks.context.RunPort``."""

    def __init__(self, mark: bytes, output: int, control: int) -> None:
        self._mark, self._output, self._control = mark, output, control
        for pipe in (output, control):
            os.set_inheritable(pipe, False)  # programs that the task starts have no business with them
        self._own = os.getpid()
        self._clock = SystemClock()
        self._rest = b""
        self._cancelled = self._pause = self._go = self._finished = False
        self._knows = False  # whether the code was told that it shall stop
        self._replies: dict[int, frames.Message] = {}
        self._asked = 0
        self._task: asyncio.Task[Any] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._held_back: TaskProgress | None = None
        self._allowance, self._allowed_at = PROGRESS_PER_SECOND, self._clock.monotonic()
        self._heard_on: set[asyncio.AbstractEventLoop] = set()
        self._busy = False
        self._lock = threading.RLock()  # the task may have threads

    # ----- RunPort ------------------------------------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """Whether the run shall stop."""
        self._look()
        self._knows = self._knows or self._cancelled
        return self._cancelled

    def progress(self, progress: TaskProgress) -> None:
        """Take the latest progress; a flood of them is thinned out, and its last one comes with the end."""
        now = self._clock.monotonic()
        self._allowance += (now - self._allowed_at) * PROGRESS_PER_SECOND
        self._allowance, self._allowed_at = min(self._allowance, PROGRESS_PER_SECOND), now
        if self._allowance >= 1:
            self._allowance -= 1
            self._tell_progress(progress)
        else:
            self._held_back = progress

    def emit(self, level: int, text: str) -> None:
        """Take one entry of the log; it comes after all that was printed before."""
        flush()
        if len(text) > TEXT_CHARACTERS:
            left_out = len(text) - TEXT_CHARACTERS
            half = TEXT_CHARACTERS // 2
            text = f"{text[:half]}\n… {left_out} characters left out …\n{text[-half:]}"
        self._send({"log": [level, clean(text)]})

    def warn(self, text: str) -> None:
        """Take a warning."""
        self._send({"warn": clean(text[:TEXT_CHARACTERS])})

    async def checkpoint(self) -> None:
        """Wait while the run is paused."""
        if self._at_checkpoint():
            await self._until(lambda: self._go or self._cancelled)
            self._after_pause()

    def checkpoint_sync(self) -> None:
        """The same for code that blocks."""
        if self._at_checkpoint():
            self._until_sync(lambda: self._go or self._cancelled)
            self._after_pause()

    async def save(self, json_text: str) -> None:
        """Store the run's state."""
        await self._ask({"save": json_text})

    async def start(self, task: object, arguments: JSONObject) -> str:
        """Start a child run."""
        return str(await self._ask(_start(task, arguments)))

    def save_sync(self, json_text: str) -> None:
        """Store the run's state; it blocks."""
        self._ask_sync({"save": json_text})

    def start_sync(self, task: object, arguments: JSONObject) -> str:
        """Start a child run; it blocks."""
        return str(self._ask_sync(_start(task, arguments)))

    async def wait(self, run_id: str) -> Run:
        """Wait for the end of another run."""
        number = self._question({"wait": run_id})
        try:
            return run_from_json(await self._reply(number))
        except asyncio.CancelledError:
            await self._left(number)
            raise

    async def _left(self, number: int) -> None:
        """The code waits no more for the end of another run: the worker says when it may go on."""
        self._send({"leave": number})
        while number not in self._replies and not self._cancelled:  # who is cancelled may go on
            with suppress(asyncio.CancelledError):
                await self._until(lambda: number in self._replies or self._cancelled)
        self._replies.pop(number, None)

    def wait_sync(self, run_id: str) -> Run:
        """The same for code that blocks."""
        return run_from_json(self._ask_sync({"wait": run_id}))

    # ----- the program's side -------------------------------------------------------------------------------------

    def opening(self) -> frames.Message:
        """The worker's first message, which says what to execute."""
        while b"\n" not in self._rest:
            data = os.read(self._control, 1 << 20)
            if not data:
                os._exit(0)  # the worker is gone, or has thought better of it
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: frames.Message = from_json(line)
        os.set_blocking(self._control, False)
        self._send({"begun": os.getpid()})  # up to here the run could be given to another process
        return message

    def finish(self, ended: Ended) -> None:
        """Tell how the code ended, once."""
        if os.getpid() != self._own:
            os._exit(0)  # a fork that the code has made has come back here: it is not the run
        if self._finished:
            return
        self._finished = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        flush()
        if self._held_back is not None:
            self._tell_progress(self._held_back)
        self._send({"end": ended.to_json()})

    def terminate(self, _number: int, _frame: FrameType | None) -> None:
        """SIGTERM: leave the code wherever it is, if that is the worker's wish; others may not stop a run.

        Code that knows already is left alone: it cleans up.
        """
        if self._knows or self._finished:
            return
        self._look()
        task = self._task
        if self._cancelled and (task is None or asyncio.current_task(task.get_loop()) is not None):
            self._stop()

    @contextmanager
    def listening(self, task: asyncio.Task[Any] | None = None) -> Iterator[None]:
        """Hear the worker on the running loop; a cancel of the run cancels ``task``. It may be nested."""
        loop, control = asyncio.get_running_loop(), self._control
        self._task = task or self._task
        if loop in self._heard_on:
            yield
            return
        self._heard_on.add(loop)
        loop.add_reader(control, self._look)
        try:
            yield
        finally:
            loop.remove_reader(control)
            self._heard_on.discard(loop)

    def forked(self) -> None:
        """In a process that the code has forked: it may log, and must not take what is for the run itself."""
        self._control, self._busy, self._lock = -1, False, threading.RLock()

    # ----- pipes --------------------------------------------------------------------------------------------------

    def _send(self, message: frames.Message) -> None:
        with self._lock, suppress(BrokenPipeError):  # the worker is gone, and this process will be in a moment
            frames.write(self._output, self._mark, message)

    def _tell_progress(self, progress: TaskProgress) -> None:
        self._held_back = None
        self._send({"progress": [progress.current, progress.total, progress.message]})

    def _look(self) -> None:
        """Take what the worker has said."""
        if self._busy or self._control < 0:
            return  # a signal came while it was being looked at
        self._busy = True
        try:
            while True:
                try:
                    data = os.read(self._control, 1 << 16)
                except BlockingIOError:
                    return
                if not data:
                    self._control = -1
                    return
                *lines, self._rest = (self._rest + data).split(b"\n")
                for line in lines:
                    self._hear(from_json(line))
        finally:
            self._busy = False

    def _hear(self, message: frames.Message) -> None:
        if "cancel" in message:
            self._cancelled = True
            if self._task is not None and not self._finished:
                self._task.cancel()
                self._knows = asyncio.current_task(self._task.get_loop()) is None  # else it must await something first
        elif "pause" in message:
            self._pause = bool(message["pause"])
        elif "go" in message:
            self._go = True
        elif "reply" in message:
            self._replies[int(message["reply"])] = message
        for future in self._waiting:
            future.get_loop().call_soon_threadsafe(_wake, future)

    def _at_checkpoint(self) -> bool:
        """Whether to wait here; raises RunCancelled if the run shall stop."""
        self._look()
        if self._cancelled:
            self._stop()
        if not self._pause or self._control < 0:
            return False
        self._go = False
        self._send({"paused": True})
        return True

    def _after_pause(self) -> None:
        if self._cancelled:
            self._stop()

    def _stop(self) -> NoReturn:
        self._knows = True
        raise RunCancelled

    def _question(self, message: frames.Message) -> int:
        if self._control < 0:
            raise Conflict("only the process of the run itself can ask its worker, not one that it has forked")
        self._asked += 1
        try:
            with self._lock:
                frames.write(self._output, self._mark, {**message, "ask": self._asked})
        except ValueError as error:
            raise InvalidInput(f"too large for the pipe to the worker: {error}") from error
        return self._asked

    async def _ask(self, message: frames.Message) -> Any:
        return await self._reply(self._question(message))

    async def _reply(self, number: int) -> Any:
        await self._until(lambda: number in self._replies)
        return _answer(self._replies.pop(number))

    def _ask_sync(self, message: frames.Message) -> Any:
        number = self._question(message)
        self._until_sync(lambda: number in self._replies or self._cancelled)
        if number not in self._replies:
            self._stop()
        return _answer(self._replies.pop(number))

    async def _until(self, condition: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        with self.listening():
            while not condition():
                future: asyncio.Future[None] = loop.create_future()
                self._waiting.add(future)
                try:
                    await future
                finally:
                    self._waiting.discard(future)

    def _until_sync(self, condition: Callable[[], bool]) -> None:
        while not condition() and self._control >= 0:
            select.select([self._control], [], [], LOOK_SECONDS)  # another thread may take the message
            self._look()


def _answer(reply: frames.Message) -> Any:
    """The value of a reply, or its error as the class that it had in the worker."""
    error = reply.get("error")
    if error is None:
        return reply["value"]
    if error["code"] == "cancelled":
        raise RunCancelled
    kinds: list[type[RunwrightError]] = [RunwrightError]
    for kind in kinds:  # grows while it is walked
        kinds += kind.__subclasses__()
    known = next((kind for kind in kinds if kind.code == error["code"]), RunwrightError)
    raised_there = known.__new__(known)
    RunwrightError.__init__(raised_there, error["message"])
    vars(raised_there).update(error["fields"])
    if isinstance(raised_there, InvalidInput):
        raised_there.errors = tuple(FieldError(*fault) for fault in error["errors"])
    raise raised_there


def _start(task: object, arguments: JSONObject) -> frames.Message:
    name = task if isinstance(task, str) else str(getattr(task, "name", task))
    return {"start": name, "arguments": _plain(arguments)}


def _plain(arguments: JSONObject) -> Any:
    """Arguments as JSON: admission, in the worker, reads it back as the declared types."""
    try:
        return from_json(to_json(arguments))
    except ValueError as error:
        raise InvalidInput(f"the arguments cannot be sent to the worker: {error}") from error


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def flush() -> None:
    """Let go of what was printed."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the task may have closed or replaced it
            stream.flush()
