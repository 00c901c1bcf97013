"""Vocabulary: the values that rooms hand to each other. Frozen, slotted, without I/O and without behaviour.

Snapshots for people (Run, Attempt, Event, Schedule, Fire, Worker) carry aware datetimes; commands on the hot path
(NewRun, Claim, Change, Finish) carry integers: microseconds since 1970 UTC, and the store's own row key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from runwright.clock import Micros
from runwright.retry import Retry

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"
JSONObject: TypeAlias = Mapping[str, JSON]

T = TypeVar("T")

LOW, MEDIUM, HIGH = 0, 50, 100

SEQ_PER_ATTEMPT = 1_000_000_000
"""A log line's sequence is ``attempt * SEQ_PER_ATTEMPT + line number``: it rises over all attempts of a run."""


class RunStatus(StrEnum):
    """Where a run stands. The last five are terminal."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    RETRYING = "retrying"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"

    @property
    def terminal(self) -> bool:
        """Nothing more happens to the run unless somebody restarts it."""
        return self in TERMINAL


TERMINAL = frozenset(
    {RunStatus.COMPLETED, RunStatus.ERROR, RunStatus.CANCELLED, RunStatus.INTERRUPTED, RunStatus.SKIPPED}
)
WAITING = frozenset({RunStatus.PENDING, RunStatus.RETRYING})
ACTIVE = frozenset({RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.CANCELLING})


class AttemptStatus(StrEnum):
    """How one try of a run ended; ``running`` while it has not."""

    RUNNING = "running"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    SNOOZED = "snoozed"


class Lane(StrEnum):
    """Where user code runs; each lane has slots of its own. A task's ``mode`` names its lane."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"
    SERVICE = "service"


class OnInterrupt(StrEnum):
    """What happens to a run whose worker died."""

    RETRY = "retry"
    HOLD = "hold"


class Role(StrEnum):
    """What an actor may do; each includes those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user of the page, a token, the local user of the CLI, or ``system``."""

    name: str
    role: Role = Role.VIEWER


SYSTEM = Actor("system", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """How far a run is. ``total`` may be zero while it is not known."""

    current: float = 0
    total: float = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunError:
    """Why an attempt failed. ``kind`` is ``timeout``, ``crash_loop``, ``result`` or an exception's name."""

    kind: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a task, as it was when it was read. ``arguments`` has its secrets masked."""

    id: str
    task: str
    status: RunStatus
    lane: Lane
    arguments: JSONObject
    priority: int
    exclusive: bool
    created_at: datetime
    due_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    progress: TaskProgress | None = None
    result: JSON = None
    error: RunError | None = None
    warnings: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    entity: str | None = None
    user: str | None = None
    parent: str | None = None
    schedule: str | None = None
    worker: str | None = None
    pause_requested: bool = False
    cancel_requested: bool = False
    cpu_seconds: float | None = None

    @property
    def duration(self) -> float | None:
        """Seconds from the start of the last attempt to the end of the run; None while either is missing."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run."""

    run: str
    number: int
    status: AttemptStatus
    started_at: datetime
    completed_at: datetime | None = None
    worker: str | None = None
    error: RunError | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that admission has let in and the store has not yet seen.

    ``arguments`` is JSON text with its secrets sealed. ``unique_key`` lets at most one live run have that key.
    ``due`` is the schedule's due time for a run that a schedule made.
    """

    id: str
    task: str
    lane: Lane
    arguments: str
    created_at: Micros
    due_at: Micros
    priority: int = MEDIUM
    exclusive: bool = False
    on_interrupt: OnInterrupt = OnInterrupt.RETRY
    retry: Retry | None = None
    user: str | None = None
    created_by: str = "system"
    entity: str | None = None
    tags: tuple[str, ...] = ()
    parent: str | None = None
    schedule: str | None = None
    unique_key: str | None = None
    concurrency_key: str | None = None
    concurrency_limit: int | None = None
    idempotency_key: str | None = None
    idempotency_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The store's answer to one NewRun, after its commit.

    ``created`` is False if ``unique_key`` or ``idempotency_key`` found a run that is there: ``run_id`` names it.
    ``same_body`` is False if the idempotency key was used before with another digest.
    """

    run_id: str
    created: bool = True
    same_body: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """A run handed to one worker session: its fencing token, and what is needed to execute it.

    A ``reserved`` claim is prefetched: the run is still pending to everyone until its worker reports a start.
    ``attempt`` is the number of the attempt that begins with this claim. ``suspect`` has crashed a worker before.
    """

    key: int
    token: int
    run_id: str
    task: str
    lane: Lane
    arguments: str
    attempt: int
    failures: int
    crashes: int
    due_at: Micros
    priority: int
    exclusive: bool
    reserved: bool
    retry: Retry | None = None
    user: str | None = None
    entity: str | None = None
    schedule: str | None = None
    parent: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a claimed run that does not end its attempt: ``event`` is start, pause or expiring."""

    key: int
    token: int
    event: str
    at: Micros


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of one attempt. ``event`` is the lifecycle's event, decided by ``lifecycle.decide``.

    ``started_at`` is when user code began; the store folds the start in if it has not been told before.
    ``due_at`` is when a run that goes on (retry, snooze, release) is due again.
    ``refund`` takes the attempt off the counts: it neither failed nor crashed (shutdown, snooze).
    """

    key: int
    token: int
    event: str
    attempt_status: AttemptStatus
    started_at: Micros
    completed_at: Micros
    attempt: int
    result: str | None = None
    error: RunError | None = None
    due_at: Micros | None = None
    failed: bool = False
    warnings: tuple[str, ...] = ()
    progress: TaskProgress | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of the wheel gave. ``lost`` has the keys whose change or finish came too late (fenced off).

    ``fenced`` is True if the whole session has lost its lease: nothing was written, and the worker must stop its runs.
    ``next_due`` is when the next waiting run of these lanes becomes due, None if there is none.
    ``backlog`` is True if a lane was given all it asked for, so that another turn may find more.
    """

    claims: tuple[Claim, ...] = ()
    lost: frozenset[int] = frozenset()
    fenced: bool = False
    next_due: Micros | None = None
    backlog: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """What people want of a run that a session holds. Absent from the list means: run on."""

    key: int
    run_id: str
    token: int
    cancel: bool
    pause: bool


@dataclass(frozen=True, slots=True)
class Rescue:
    """A claim whose worker is gone, to be decided by ``lifecycle.decide_crash``."""

    key: int
    run_id: str
    task: str
    token: int
    status: RunStatus
    attempt: int
    crashes: int
    on_interrupt: OnInterrupt
    started_at: Micros | None
    worker: str | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log. ``level`` is a name of the logging module; ``print`` gives ``INFO``."""

    seq: int
    time: datetime
    level: str
    text: str

    @property
    def attempt(self) -> int:
        return self.seq // SEQ_PER_ATTEMPT


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Up to 64 KiB of log lines of one attempt, as one row. ``lines`` is JSON text: [[seq, micros, level, text], …]."""

    key: int
    token: int
    first_seq: int
    last_seq: int
    lines: str


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    """The latest progress of a claimed run."""

    key: int
    token: int
    progress: TaskProgress


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An entry of the timeline that a command writes together with its change."""

    event_type: str
    action: str
    subject: str
    user: str
    task: str | None = None
    run: str | None = None
    detail: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the append-only timeline."""

    id: int
    time: datetime
    event_type: str
    action: str
    subject: str
    task: str | None
    run: str | None
    user: str | None
    detail: JSONObject


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker session: one process start, from registration to its end."""

    id: str
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime
    state: str
    lanes: Mapping[str, int]
    tasks: tuple[str, ...]
    running: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the cursor that gives the next one (None at the end)."""

    items: tuple[T, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When, with which arguments and as whom a task is run.

    ``when`` is JSON text in the form of ``schedule.when_to_json``; ``arguments`` is JSON text with secrets sealed.
    ``version`` rises with every edit and every fire; a writer that read an older one loses.
    ``cursor_at`` is the watermark: no due time up to it is ever considered again.
    ``origin`` is empty for a schedule made by people, else the place in the code that declares it.
    """

    id: str
    name: str
    task: str
    when: str
    timezone: str = "UTC"
    arguments: str = "{}"
    label: str = ""
    description: str = ""
    entity: str | None = None
    as_user: str | None = None
    enabled: bool = True
    priority: int | None = None
    overlap: str = "skip"
    catch_up: str = "latest"
    misfire_grace_seconds: float | None = None
    jitter_seconds: float = 0.0
    retry: Retry | None = None
    depends_on: tuple[str, ...] = ()
    starts_at: Micros | None = None
    ends_at: Micros | None = None
    excluded: tuple[str, ...] = ()
    blackouts: tuple[str, ...] = ()
    origin: str = ""
    edited: bool = False
    deleted: bool = False
    created_by: str = "system"
    created_at: Micros = 0
    updated_at: Micros = 0
    version: int = 0
    anchor_at: Micros = 0
    cursor_at: Micros = 0
    next_due_at: Micros | None = None
    first_done: bool = False
    run_count: int = 0
    error_count: int = 0
    last_run_at: Micros | None = None
    last_status: str | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class NewFire:
    """A row for the fire ledger. ``count`` and ``last_due_at`` describe a collapsed span of due times."""

    due_at: Micros
    outcome: str
    reason: str = ""
    run: NewRun | None = None
    count: int = 1
    last_due_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class FirePlan:
    """All that one look at one schedule writes, or nothing of it if the schedule's version has moved on."""

    schedule: str
    version: int
    fires: tuple[NewFire, ...]
    cursor_at: Micros
    next_due_at: Micros | None
    enabled: bool = True
    first_done: bool = True


@dataclass(frozen=True, slots=True)
class Fire:
    """One row of the fire ledger, as it is shown."""

    id: int
    schedule: str
    due_at: datetime
    outcome: str
    reason: str
    run: str | None
    recorded_at: datetime
    count: int
    last_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """The end of a run that a schedule made, waiting for its consequences (statistics, end-anchored next fire)."""

    id: int
    run: str
    schedule: str
    status: RunStatus
    started_at: Micros | None
    completed_at: Micros
    error: str | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, a browser session or a one-time sign-in code; only its SHA-256 digest is kept."""

    kind: str
    digest: str
    name: str
    role: Role
    created_at: Micros
    expires_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The seed's totals over all schedules, and the runs by status."""

    total_tasks: int
    enabled_tasks: int
    running_tasks: int
    total_runs: int
    total_errors: int
    runs_by_status: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """What is known of a task's latest runs (the last 20 that ended)."""

    runs: int
    errors: int
    last_status: RunStatus | None
    last_run_at: datetime | None
    mean_seconds: float | None


SEALED = "$sealed"
"""The only key of a JSON object that stands for a secret; its value is the encrypted text."""
MASK = "••••••"


def masked(value: JSON) -> JSON:
    """The same JSON with every sealed secret shown as ``MASK``."""
    if isinstance(value, Mapping):
        if len(value) == 1 and SEALED in value:
            return MASK
        return {name: masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value
