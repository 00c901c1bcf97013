"""The one bridge for synchronous callers: a manager on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from runwright.errors import Conflict
from runwright.model import JSON, Page, Run

if TYPE_CHECKING:
    from runwright.manager.manager import TaskManager

T = TypeVar("T")


class Blocking:
    """A TaskManager's verbs for code without an event loop; each waits for its answer. From any thread."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="runwright-bridge", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.call(self._manager.open())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.call(self._manager.close())
        finally:
            self._end()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run any coroutine of the manager on its loop, and wait for its value."""
        if not self._thread.is_alive():
            coroutine.close()
            raise Conflict("the manager's thread does not run: use 'with manager.in_thread() as blocking:'")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def run(self, task: Any, arguments: Mapping[str, Any] | None = None, **options: Any) -> JSON:
        """Start a run, wait for its end and return its result. Raises RunFailed."""
        return self.call(self._manager.run(task, arguments, **options))

    def start(self, task: Any, arguments: Mapping[str, Any] | None = None, **options: Any) -> Run:
        """Start a run; it is stored when this returns."""
        return self.call(self._manager.start(task, arguments, **options))

    def wait(self, run_id: str, timeout: float | None = None) -> Run:
        """Wait until the run has ended."""
        return self.call(self._manager.wait(run_id, timeout))

    def get(self, run_id: str) -> Run:
        """The run as it is now."""
        return self.call(self._manager.get(run_id))

    def runs(self, **query: Any) -> Page[Run]:
        """A page of runs, newest first."""
        return self.call(self._manager.runs(**query))

    def cancel(self, run_id: str) -> Run:
        """Stop a run."""
        return self.call(self._manager.cancel(run_id))

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
