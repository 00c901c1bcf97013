"""One claimed run while its code executes: what the task's RunContext talks to, and what the executor reads.

Shared between the home loop and the place where user code runs: fields are only ever replaced or appended to, one
side writes each, and the other looks at its own pace. Nothing here touches the store.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from runwright.clock import Clock, Micros
from runwright.lifecycle import Outcome
from runwright.model import SEQ_PER_ATTEMPT, Claim, JSONObject, LogChunk, TaskProgress
from runwright.tasks.context import RunCancelled
from runwright.tasks.definition import Task
from runwright.worker.ending import clean

CHUNK_BYTES = 64 * 1024
LINE_CHARACTERS = 16 * 1024
TAIL_BYTES = 1024 * 1024
PROGRESS_SAVE_SECONDS = 2.0
PROGRESS_SAVE_SHARE = 0.05


@dataclass(slots=True)
class LogCap:
    """How many bytes of one attempt's log are kept from its beginning; after them only the newest lines are."""

    head_bytes: int


class Host(Protocol):
    """The executor, as a job sees it; every method may be called from the place where user code runs."""

    def touched(self, job: Job) -> None:
        """The job has new log lines or progress."""
        ...

    def paused(self, job: Job) -> None:
        """The job has reached a checkpoint and waits there."""
        ...

    async def save_state(self, job: Job, state: str) -> None:
        """Store the job's saved state."""
        ...

    async def start_child(self, job: Job, task: object, arguments: JSONObject) -> str:
        """Start a child run of the job; its id."""
        ...


class Job:
    """A run in this worker's hands. Implements ``tasks.context.RunPort``."""

    __slots__ = (
        "_cap",
        "_clock",
        "_cutting",
        "_host",
        "_gate",
        "_last_line",
        "_lines",
        "_loop",
        "_partial",
        "_sealed",
        "_size",
        "_tail",
        "_tail_dropped",
        "_tail_size",
        "cancel_wanted",
        "claim",
        "deadline",
        "ended_at",
        "expired",
        "handle",
        "lost",
        "outcome",
        "pause_wanted",
        "paused_at",
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
                 cap: LogCap) -> None:  # fmt: skip
        self.claim = claim
        self.task = task
        self.timeout = timeout
        self.reported = not claim.reserved  # whether the store knows that it runs
        self.started_at: Micros = 0
        self.ended_at: Micros = 0
        self.taken_at = clock.monotonic()
        self.outcome: Outcome | None = None
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
        self._host = host
        self._clock = clock
        self._cap = cap
        self._gate: threading.Event | asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: list[tuple[int, Micros, str, str]] = []
        self._partial = ""
        self._cutting = False
        self._last_line = claim.attempt * SEQ_PER_ATTEMPT
        self._size = self._tail_size = 0
        self._tail: deque[tuple[int, Micros, str, str]] | None = None
        self._tail_dropped = 0
        self._sealed = False

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
            self.warnings.append(clean(text)[:1000])
        self.emit(logging.WARNING, text)

    def emit(self, level: int, text: str) -> None:
        """Append to the run's log; each line of the text becomes one."""
        if self._sealed:
            return
        name, now = logging.getLevelName(level), self._clock.now()
        for line in clean(text).split("\n"):
            self._append(name, now, line)
        self._host.touched(self)

    def write(self, text: str) -> None:
        """Take printed text; a line counts when it is complete."""
        if self._cutting:  # the rest of a line that was too long
            _, newline, text = text.partition("\n")
            self._cutting = not newline
        *lines, rest = (self._partial + text).split("\n")
        self._partial = rest
        if len(rest) > LINE_CHARACTERS:  # a line without an end must not grow without bound
            lines.append(rest)
            self._partial, self._cutting = "", True
        if lines:
            self.emit(logging.INFO, "\n".join(lines))

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
            gate = self._gate = threading.Event()
            self._loop = None
            self._host.paused(self)
            gate.wait()
            if self.cancelled:
                raise RunCancelled

    async def save(self, state: str) -> None:
        """Store the saved state; returns after its commit."""
        await self._host.save_state(self, state)

    async def start(self, task: object, arguments: JSONObject) -> str:
        """Start a child run; its id."""
        return await self._host.start_child(self, task, arguments)

    # ----- the executor's side ----------------------------------------------------------------------------------

    def open_gate(self) -> None:
        """Let a paused task go on (or notice that it shall stop)."""
        gate, self._gate = self._gate, None
        if gate is None:
            return
        if self._loop is not None and isinstance(gate, asyncio.Event):
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
        self.started_at = self._clock.now()
        if self.timeout is not None:
            self.deadline = self._clock.monotonic() + self.timeout

    def ended(self, outcome: Outcome) -> None:
        """User code has ended."""
        self.ended_at = self._clock.now()
        self.outcome = outcome

    def chunks(self, *, final: bool = False) -> list[LogChunk]:
        """Take the lines that were not stored yet, as chunks of at most 64 KiB."""
        if final:
            if self._partial:
                self.write("\n")
            self._sealed = True
            self._end_tail()
        lines, self._lines = self._lines, []
        chunks: list[LogChunk] = []
        part: list[tuple[int, Micros, str, str]] = []
        size = 0
        for line in lines:
            if part and size + len(line[3]) > CHUNK_BYTES:
                chunks.append(self._chunk(part))
                part, size = [], 0
            part.append(line)
            size += len(line[3]) + 40
        if part:
            chunks.append(self._chunk(part))
        return chunks

    @property
    def has_lines(self) -> bool:
        """Whether lines wait to be stored."""
        return bool(self._lines)

    def _chunk(self, lines: list[tuple[int, Micros, str, str]]) -> LogChunk:
        text = json.dumps(lines, ensure_ascii=False, separators=(",", ":"))
        return LogChunk(self.claim.key, self.claim.token, lines[0][0], lines[-1][0], text)

    def _append(self, level: str, now: Micros, text: str) -> None:
        if len(text) > LINE_CHARACTERS:
            text = f"{text[:LINE_CHARACTERS]} … ({len(text) - LINE_CHARACTERS} characters left out)"
        self._last_line += 1
        self._size += len(text)
        line = (self._last_line, now, level, text)
        if self._size <= self._cap.head_bytes:
            self._lines.append(line)
            return
        if self._tail is None:
            self._tail = deque()
            self._lines.append((self._last_line, now, "WARNING", "… the log is long: from here only its end is kept …"))
            self._last_line += 1
            line = (self._last_line, now, level, text)
        self._tail.append(line)
        self._tail_size += len(text) + 40
        while self._tail_size > TAIL_BYTES and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft()[3]) + 40
            self._tail_dropped += 1

    def _end_tail(self) -> None:
        if self._tail is not None:
            if self._tail_dropped:
                first = self._tail[0]  # the marker takes the number of the line left out just before it
                self._lines.append((first[0] - 1, first[1], "WARNING", f"… {self._tail_dropped} lines left out …"))
            self._lines.extend(self._tail)
            self._tail = None


current_job: ContextVar[Job | None] = ContextVar("runwright_job", default=None)
"""The job whose code runs here; set by the executor around every invocation."""
