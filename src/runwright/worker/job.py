"""One claimed run while its code executes: what the task's RunContext talks to, and what the executor reads.

Shared between the home loop and the place where user code runs: fields are only ever replaced or appended to, one
side writes each, and the other looks at its own pace. Nothing here touches the store.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from runwright.clock import Clock, Micros
from runwright.lifecycle import Outcome
from runwright.model import Claim, JSONObject, LogChunk, Run, TaskProgress
from runwright.tasks.context import RunCancelled
from runwright.tasks.definition import Task
from runwright.tasks.text import clean
from runwright.worker.log import RunLog

PROGRESS_SAVE_SECONDS = 2.0
PROGRESS_SAVE_SHARE = 0.05

T = TypeVar("T")


class Host(Protocol):
    """The executor, as a job sees it; every method may be called from the place where user code runs."""

    def touched(self, job: Job) -> None:
        """The job has new log lines or progress."""
        ...

    def paused(self, job: Job) -> None:
        """The job has reached a checkpoint and waits there."""
        ...

    @property
    def requests(self) -> Requests:
        """Where the job's wishes go."""
        ...


class Requests(Protocol):
    """What a job may ask for, as coroutines for the home loop; and the two ways there."""

    def on_home(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do something on the engine's own loop; from any other thread."""
        ...

    async def done(self, work: Coroutine[Any, Any, T]) -> T:
        """The same, to be awaited on any loop."""
        ...

    async def save_state(self, job: Job, state: str) -> None:
        """Store the job's saved state."""
        ...

    async def start_child(self, job: Job, task: object, arguments: JSONObject) -> str:
        """Start a child run of the job; its id."""
        ...

    async def wait_for(self, job: Job, run_id: str) -> Run:
        """Wait for the end of another run; the job's slot is lent meanwhile."""
        ...


class Gate(Protocol):
    """Where a paused run waits."""

    def set(self) -> None:
        """Let it go on."""
        ...


class Job:
    """A run in this worker's hands. Implements ``tasks.context.RunPort``."""

    __slots__ = (
        "_clock",
        "_host",
        "_gate",
        "_log",
        "_log_bytes",
        "_log_level",
        "_loop",
        "begun_at",
        "cancel_wanted",
        "claim",
        "cpu_clock",
        "cpu_seconds",
        "deadline",
        "ended_at",
        "expired",
        "handle",
        "lost",
        "outcome",
        "pause_wanted",
        "paused_at",
        "pid",
        "progress_saved",
        "progress_saved_at",
        "progress_shown",
        "progress_value",
        "released",
        "reported",
        "started_at",
        "stop_again_at",
        "taken_at",
        "task",
        "timeout",
        "warnings",
        "withdrawn",
    )

    def __init__(self, claim: Claim, task: Task[..., Any], host: Host, clock: Clock, timeout: float | None,
                 log_bytes: int, log_level: int = logging.NOTSET) -> None:  # fmt: skip
        self.claim = claim
        self.task = task
        self.timeout = timeout
        self.reported = not claim.reserved  # whether the store knows that it runs
        self.started_at: Micros = 0
        self.begun_at = 0.0  # the same on the steady clock; set before, because started_at says that it has begun
        self.ended_at: Micros = 0
        self.taken_at = clock.monotonic()
        self.outcome: Outcome | None = None
        self.cpu_seconds: float | None = None
        self.cpu_clock: Callable[[], float] | None = None  # of the thread that is all its own
        self.pid: int | None = None  # of the process that is all its own
        self.handle: asyncio.Task[None] | None = None
        self.withdrawn = self.lost = self.released = self.expired = False
        self.cancel_wanted = self.pause_wanted = False
        self.paused_at: float | None = None
        self.deadline: float | None = None
        self.stop_again_at: float | None = None
        self.progress_value: TaskProgress | None = None
        self.progress_shown: TaskProgress | None = None
        self.progress_saved: TaskProgress | None = None
        self.progress_saved_at = 0.0
        self.warnings: list[str] = []
        self._log: RunLog | None = None  # made with the first line: most runs say nothing
        self._log_bytes = log_bytes
        self._log_level = log_level
        self._host = host
        self._clock = clock
        self._gate: Gate | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # ----- RunPort: what the task says and asks -----------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """Whether the task should stop: somebody cancelled it, its time is over, or the worker shuts down."""
        return self.cancel_wanted or self.expired or self.released or self.lost

    def progress(self, progress: TaskProgress) -> None:
        """Take the latest progress."""
        self.progress_value = progress
        self._host.touched(self)

    def warn(self, text: str) -> None:
        """Keep a warning for the run's page, and log it."""
        if len(self.warnings) < 100:
            self.warnings.append(clean(text[:1000]))
        self.emit(logging.WARNING, text)

    def emit(self, level: int, text: str) -> None:
        """Append to the run's log what is severe enough; each line of the text becomes one."""
        if level >= self._log_level and self._own_log().add(level, text, self._clock.now()):
            self._host.touched(self)

    def write(self, text: str) -> None:
        """Take printed text, which has no level; a line counts when it is complete."""
        if self._own_log().write(text, self._clock.now()):
            self._host.touched(self)

    async def checkpoint(self) -> None:
        """Pause here while a pause is wanted; raise RunCancelled if the run shall stop."""
        if self.cancelled:
            raise RunCancelled
        if self.pause_wanted:
            gate = self._gate = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            self._host.paused(self)
            await gate.wait()
            if self.cancelled:
                raise RunCancelled

    def checkpoint_sync(self) -> None:
        """The same for a thread."""
        if self.cancelled:
            raise RunCancelled
        if self.pause_wanted:
            gate = threading.Event()
            self.wait_at(gate)
            gate.wait()
            if self.cancelled:
                raise RunCancelled

    async def save(self, state: str) -> None:
        """Store the saved state; returns after its commit."""
        requests = self._host.requests
        await requests.done(requests.save_state(self, state))

    def save_sync(self, state: str) -> None:
        """The same for a thread."""
        requests = self._host.requests
        requests.on_home(requests.save_state(self, state)).result()

    async def start(self, task: object, arguments: JSONObject) -> str:
        """Start a child run; its id."""
        requests = self._host.requests
        return await requests.done(requests.start_child(self, task, arguments))

    def start_sync(self, task: object, arguments: JSONObject) -> str:
        """The same for a thread."""
        requests = self._host.requests
        return requests.on_home(requests.start_child(self, task, arguments)).result()

    async def wait(self, run_id: str) -> Run:
        """Wait for the end of another run."""
        requests = self._host.requests
        return await requests.done(requests.wait_for(self, run_id))

    def wait_sync(self, run_id: str) -> Run:
        """The same for a thread; RunCancelled if the run shall stop."""
        requests = self._host.requests
        future = requests.on_home(requests.wait_for(self, run_id))
        self._gate, self._loop = _Waiting(self, future), None
        if self.cancelled:
            future.cancel()
        try:
            return future.result()
        except CancelledError:
            raise RunCancelled from None
        finally:
            self._gate = None

    def wait_at(self, gate: Gate) -> None:
        """The code has come to a checkpoint somewhere else, and waits there until the gate is opened."""
        self._gate, self._loop = gate, None
        self._host.paused(self)

    # ----- the executor's side ----------------------------------------------------------------------------------

    def open_gate(self) -> None:
        """Let a paused task go on (or notice that it shall stop)."""
        gate, self._gate = self._gate, None
        if gate is None:
            return
        if self._loop is not None:
            self._loop.call_soon_threadsafe(gate.set)
        else:
            gate.set()

    def worth_saving(self, new: TaskProgress, now: float) -> bool:
        """Whether progress is written: every 2 s or 5 %, when it falls or its total changes, and at the end."""
        saved = self.progress_saved
        if saved is None or now - self.progress_saved_at >= PROGRESS_SAVE_SECONDS:
            return True
        if new.current < saved.current or new.total != saved.total or (0 < new.total <= new.current):
            return True
        return new.total > 0 and new.current - saved.current >= max(1, new.total * PROGRESS_SAVE_SHARE)

    def begun(self) -> None:
        """User code begins now."""
        self.begun_at = self._clock.monotonic()
        self.started_at = self._clock.now()
        if self.timeout is not None:
            self.deadline = self.begun_at + self.timeout

    def ended(self, outcome: Outcome) -> None:
        """User code has ended."""
        self.ended_at = self._clock.now()
        self.outcome = outcome

    def chunks(self, *, final: bool = False) -> list[LogChunk]:
        """Take the lines that were not stored yet; ``final`` closes the log."""
        return [] if self._log is None else self._log.chunks(self._clock.now(), final=final)

    @property
    def backlog(self) -> int:
        """About how many bytes of log wait to be stored."""
        return 0 if self._log is None else self._log.backlog

    def _own_log(self) -> RunLog:
        if self._log is None:
            self._log = RunLog(self.claim, self._log_bytes)
        return self._log


class _Waiting:
    """A gate that opens to somebody who waits for another run, and only if he shall stop."""

    def __init__(self, job: Job, future: Future[Any]) -> None:
        self._job, self._future = job, future

    def set(self) -> None:
        if self._job.cancelled:
            self._future.cancel()


current_job: ContextVar[Job | None] = ContextVar("runwright_job", default=None)
"""The job whose code runs here; set by the executor around every invocation."""
