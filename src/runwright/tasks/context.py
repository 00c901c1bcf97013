"""Room of tasks: what a task's code sees of its run, and the port behind it that a worker implements.

A RunContext is injected into a parameter annotated with it, and ``current_run()`` gives it anywhere below. It holds no
engine and no store: everything it does goes through RunPort.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from runwright.errors import Conflict, InvalidInput, RunFailed
from runwright.model import JSON, JSONObject, Run, RunStatus, TaskProgress
from runwright.tasks.progress import plain, progress_of
from runwright.tasks.text import text_of, text_of_record
from runwright.tasks.values import faults

P = ParamSpec("P")
T = TypeVar("T")

STATE_BYTES = 1024 * 1024


class RunCancelled(BaseException):
    """Raised by a checkpoint once the run was cancelled or its time is over.

    Like ``asyncio.CancelledError`` it is not an ``Exception``, so that ``except Exception`` in a task does not swallow
    it; unlike it, a task group does not take it for the end of one child. Clean up in ``finally``, and let it pass.
    """


class RunPort(Protocol):
    """What a run may ask of the worker that executes it. The worker makes it safe to call from the run's thread."""

    @property
    def cancelled(self) -> bool:
        """Whether the run shall stop: cancelled, out of time, or its worker shuts down."""
        ...

    def progress(self, progress: TaskProgress) -> None:
        """Take the latest progress; the worker decides how often it is saved and published."""
        ...

    def emit(self, level: int, text: str) -> None:
        """Take one entry of the log; ``level`` is a number of the logging module."""
        ...

    def warn(self, text: str) -> None:
        """Take a warning that is shown with the run when it has completed."""
        ...

    async def checkpoint(self) -> None:
        """Wait while the run is paused; raise RunCancelled if it shall stop."""
        ...

    def checkpoint_sync(self) -> None:
        """The same for code in a thread or process: it blocks."""
        ...

    async def save(self, json_text: str) -> None:
        """Store the run's state; returns after the commit."""
        ...

    def save_sync(self, json_text: str) -> None:
        """The same for code in a thread or process: it blocks."""
        ...

    async def start(self, task: object, arguments: JSONObject) -> str:
        """Start a child run; returns its id after the commit."""
        ...

    def start_sync(self, task: object, arguments: JSONObject) -> str:
        """The same for code in a thread or process: it blocks."""
        ...

    async def wait(self, run_id: str) -> Run:
        """Wait until another run has ended; this run lends its slot meanwhile. Raises NotFound and Conflict.

        However the wait ends, it returns or raises only when the run may go on.
        """
        ...

    def wait_sync(self, run_id: str) -> Run:
        """The same for code in a thread or process: it blocks. Raises RunCancelled if this run shall stop."""
        ...


def _awaited(
    method: Callable[Concatenate[RunContext, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[RunContext, P], Coroutine[Any, Any, T]]:
    """Refuse the call where nobody can await it: nothing would happen, and Python's warning is in nobody's log."""

    @wraps(method)
    def checked(self: RunContext, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            name = method.__name__
            raise Conflict(
                f"{name}() must be awaited, by asynchronous code; a plain function says {name}_sync()"
            ) from None
        return method(self, *args, **kwargs)

    return checked


class RunContext:
    """One attempt of a run, as its own code sees it.

    What must be awaited raises Conflict in a plain function, which has the same with ``_sync`` behind its name.

    Attributes:
        id: the run's identifier.
        task_name: the name of its task.
        attempt: the number of this attempt, from 1.
        user: as whom it runs, an e-mail address or name, or None.
        entity: the entity that its schedule names, or None.
        arguments: the arguments as JSON, secrets masked; the real ones are the parameters.
        state: the JSON value last saved with ``save``, by this attempt or an earlier one; None at first.
    """

    __slots__ = ("_latest", "_log", "_port", "arguments", "attempt", "entity", "id", "state", "task_name", "user")

    def __init__(
        self,
        port: RunPort,
        *,
        id: str,
        task_name: str,
        attempt: int = 1,
        user: str | None = None,
        entity: str | None = None,
        arguments: JSONObject | None = None,
        state: JSON = None,
    ) -> None:
        self._port = port
        self._log: logging.Logger | None = None
        self._latest: TaskProgress | None = None
        self.id = id
        self.task_name = task_name
        self.attempt = attempt
        self.user = user
        self.entity = entity
        self.arguments: JSONObject = {} if arguments is None else arguments
        self.state = state

    @property
    def cancelled(self) -> bool:
        """Whether the run shall stop. Code in a thread looks here, or calls ``checkpoint_sync``."""
        return self._port.cancelled

    @property
    def latest_progress(self) -> TaskProgress | None:
        """What was last reported by this attempt, or None."""
        return self._latest

    @property
    def log(self) -> logging.Logger:
        """A logger whose entries go to this run's log, from whichever thread they come."""
        if self._log is None:
            self._log = _RunLogger(self.task_name, self._port)
        return self._log

    def progress(self, current: float, total: float | None = None, message: str = "") -> None:
        """Report how far the run is; call it as often as you like.

        Args:
            current: how much is done, a finite number of 0 or more; it may pass ``total``.
            total: how much there is to do; None or 0 while that is not known.
            message: what is being done; its first 1,000 characters count.

        Raises:
            InvalidInput: a number is missing, negative or not finite. The progress stays as it was.
        """
        self._tell(plain(current, total, message))

    def report(self, progress: TaskProgress | Mapping[str, Any]) -> None:
        """Report a progress value as a whole, or a mapping with its names. Raises InvalidInput, as ``progress``."""
        self._tell(progress_of(progress))

    def _tell(self, progress: TaskProgress) -> None:
        self._latest = progress
        self._port.progress(progress)

    def warn(self, text: str) -> None:
        """Let the run complete with a warning that is shown beside its result."""
        self._port.warn(text_of(text))

    @_awaited
    async def checkpoint(self) -> None:
        """A place where the run can be paused or cancelled. Raises RunCancelled if it shall stop."""
        await self._port.checkpoint()

    def checkpoint_sync(self) -> None:
        """A checkpoint for code in a thread or process; it blocks while the run is paused."""
        self._port.checkpoint_sync()

    @_awaited
    async def save(self, state: JSON) -> None:
        """Keep a JSON value that survives restarts and later attempts; returns once it is stored.

        Raises:
            InvalidInput: the value is not JSON, or has more than 1 MiB.
        """
        text = _state_text(state)
        await self._port.save(text)
        self.state = json.loads(text)

    def save_sync(self, state: JSON) -> None:
        """The same for code in a thread or process."""
        text = _state_text(state)
        self._port.save_sync(text)
        self.state = json.loads(text)

    @_awaited
    async def start(self, task: object, arguments: Mapping[str, Any] | None = None) -> str:
        """Start a child run of ``task`` (a task or its name), which records this run as its parent; returns its id."""
        return await self._port.start(task, {} if arguments is None else arguments)

    def start_sync(self, task: object, arguments: Mapping[str, Any] | None = None) -> str:
        """The same for code in a thread or process."""
        return self._port.start_sync(task, {} if arguments is None else arguments)

    @_awaited
    async def wait(self, run_id: str) -> JSON:
        """Wait until another run, a child for instance, has ended; its result.

        Meanwhile this run does nothing: it lends its slot in the worker, and its place at its concurrency key to what
        is part of it, so that its child can always run. An exclusive run may begin; then this returns, or raises what
        ended the wait, when that has ended. A run that waits for several at once counts as waiting until the last has
        ended: what its other coroutines do meanwhile is not kept apart from exclusive runs.

        Raises:
            RunFailed: it ended otherwise than completed.
            NotFound: there is no such run.
            Conflict: it is this run itself, or one that it is part of, and neither could ever end. Two runs of
                different parents that wait for each other are not found out: they do so until one is out of time.
        """
        return _result(await self._port.wait(run_id))

    def wait_sync(self, run_id: str) -> JSON:
        """The same for code in a thread or process; RunCancelled if this run shall stop."""
        return _result(self._port.wait_sync(run_id))


def _state_text(state: JSON) -> str:
    try:
        wrong = list(faults(state, "/state"))
        text = "" if wrong else json.dumps(state, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"state cannot be saved: it must be JSON, but {error}") from error
    if wrong:
        raise InvalidInput(f"state cannot be saved: {wrong[0].pointer} {wrong[0].message}", wrong)
    if (size := len(text.encode())) > STATE_BYTES:
        raise InvalidInput(
            f"state cannot be saved: it has {size} bytes; at most {STATE_BYTES} are kept: write it to a file"
        )
    return text


def _result(run: Run) -> JSON:
    if run.status is not RunStatus.COMPLETED:
        raise RunFailed(run)
    return run.result


class _RunLogger(logging.Logger):
    """A logger outside of the logging hierarchy: its records go to one run, whatever the application configures."""

    def __init__(self, name: str, port: RunPort) -> None:
        super().__init__(name, logging.DEBUG)
        self._port = port

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        self._port.emit(record.levelno, text_of_record(record))


current: ContextVar[RunContext | None] = ContextVar("runwright_run", default=None)
"""The run whose code is being executed. The worker sets it around each invocation."""


def current_run() -> RunContext:
    """The context of the run whose code calls this, in its task, its threads and whatever it awaits.

    Raises:
        Conflict: no run is being executed here.
    """
    context = current.get()
    if context is None:
        raise Conflict("current_run() was called outside of a run: only code that Runwright runs has a context")
    return context
