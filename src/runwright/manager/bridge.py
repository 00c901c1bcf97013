"""The one bridge for synchronous callers: a manager on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import inspect
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from runwright.errors import Conflict
from runwright.events.feed import Frame
from runwright.model import JSON, Page, Run
from runwright.tasks.uploads import UploadedFile

if TYPE_CHECKING:
    from runwright.manager.manager import TaskManager
    from runwright.manager.requests import Given, StartOptions

T = TypeVar("T")


class Blocking:
    """A TaskManager's verbs for code without an event loop; each waits for its answer. From any thread.

    A ``with`` block opens and closes it; so do ``open`` and ``close``, for applications that have a start and an end of
    their own; what is still open when the program ends is closed then. Open it after a server has forked its workers:
    threads do not survive a fork.
    """

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="runwright-bridge", daemon=True)
        self._closed = False

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Start the thread and open the manager in it. Raises Conflict if it was opened before."""
        if self._thread.ident is not None or self._closed:
            raise Conflict("this bridge was opened before: take a new one from manager.in_thread()")
        self._thread.start()
        try:
            self.call(self._manager.open())
        except BaseException:
            self._end()
            raise
        _at_exit(weakref.WeakMethod(self.close))
        return self

    def close(self) -> None:
        """Close the manager and end its thread; closing twice is allowed."""
        if self._closed:
            return
        if self._thread.ident is None:
            self._closed = True
            self._loop.close()
            return
        try:
            self.call(self._manager.close())
        finally:
            self._end()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run any coroutine of the manager on its loop, and wait for its value."""
        if not self._thread.is_alive():
            coroutine.close()
            raise Conflict("the manager's thread does not run: use 'with manager.in_thread() as blocking:'")
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise Conflict("a coroutine must not wait for its own thread: await the manager's verbs there")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def run(self, task: Any, arguments: Given | None = None, **options: Unpack[StartOptions]) -> JSON:
        """Start a run, wait for its end and return its result. Raises RunFailed."""
        return self.call(self._manager.run(task, arguments, **options))

    def start(self, task: Any, arguments: Given | None = None, **options: Unpack[StartOptions]) -> Run:
        """Start a run; it is stored when this returns."""
        return self.call(self._manager.start(task, arguments, **options))

    def start_many(self, calls: Sequence[tuple[Any, Given]], **options: Unpack[StartOptions]) -> list[str]:
        """Start many runs in one transaction, all or none; their ids in the same order."""
        return self.call(self._manager.start_many(calls, **options))

    def upload(self, content: Path | bytes, name: str | None = None, content_type: str = "") -> UploadedFile:
        """Take in a file, to be given as an argument."""
        return self.call(self._manager.upload(content, name, content_type))

    def wait(self, run_id: str, timeout: float | None = None) -> Run:
        """Wait until the run has ended; ``timeout`` in seconds raises TimeoutError."""
        return self.call(self._manager.wait(run_id, timeout))

    def follow(self, run_id: str, after: int = 0) -> Iterator[Frame]:
        """Everything about one run until it ends."""
        frames = self._manager.follow(run_id, after)
        try:
            while (frame := self.call(_next(frames))) is not None:
                yield frame
        finally:
            if inspect.isasyncgen(frames):
                self.call(_closed(frames))

    def get(self, run_id: str) -> Run:
        """The run as it is now."""
        return self.call(self._manager.get(run_id))

    def runs(self, **query: Any) -> Page[Run]:
        """A page of runs, newest first."""
        return self.call(self._manager.runs(**query))

    def pause(self, run_id: str) -> Run:
        """Ask a run to pause at its next checkpoint."""
        return self.call(self._manager.pause(run_id))

    def resume(self, run_id: str) -> Run:
        """Let a paused run go on."""
        return self.call(self._manager.resume(run_id))

    def cancel(self, run_id: str) -> Run:
        """Stop a run."""
        return self.call(self._manager.cancel(run_id))

    def restart(self, run_id: str, arguments: Mapping[str, Any] | None = None) -> Run:
        """Run a terminal run again; ``arguments`` replaces those of the same names."""
        return self.call(self._manager.restart(run_id, arguments))

    def delete(self, run_id: str) -> None:
        """Delete a terminal run with its history."""
        self.call(self._manager.delete(run_id))

    @property
    def schedules(self) -> BlockingVerbs:
        """The verbs of ``manager.schedules``."""
        return BlockingVerbs(self, lambda: self._manager.schedules)

    @property
    def services(self) -> BlockingVerbs:
        """The verbs of ``manager.services``."""
        return BlockingVerbs(self, lambda: self._manager.services)

    def _end(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BlockingVerbs:
    """Every verb of a part of the manager, with the same arguments; each waits for its answer."""

    def __init__(self, blocking: Blocking, part: Callable[[], object]) -> None:
        self._blocking = blocking
        self._part = part

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        asked = getattr(self._part(), verb)
        return lambda *arguments, **options: self._blocking.call(asked(*arguments, **options))


async def _next(frames: AsyncIterator[Frame]) -> Frame | None:
    return await anext(frames, None)


async def _closed(frames: Any) -> None:
    await frames.aclose()


def _at_exit(close: weakref.WeakMethod[Callable[[], None]]) -> None:
    """Close before the interpreter ends its thread pools, without which nothing can be closed in good order.

    Plain ``atexit`` comes after that. What the pools use themselves has no public name.
    """

    def call() -> None:
        if (method := close()) is not None:
            method()

    getattr(threading, "_register_atexit", atexit.register)(call)
