"""Vocabulary, model: what rooms tell the store and what it answers, on the hot path: integers and keys.

Values that are made for each run are not frozen, though nobody changes them: a frozen one takes three times as long to
make, for each of its fields passes through ``object.__setattr__``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runwright.clock import Micros
from runwright.model.values import (
    MEDIUM,
    AttemptStatus,
    JSONObject,
    Lane,
    OnInterrupt,
    Role,
    RunError,
    RunStatus,
    TaskProgress,
)
from runwright.retry import Retry


@dataclass(slots=True)
class NewRun:
    """A run that admission has let in and the store has not yet seen.

    ``arguments`` is JSON text with its secrets sealed. ``unique_key`` lets at most one live run have that key; with
    ``until_start`` only until it starts, with ``unique_since`` no ended run either that was let in since then.
    ``due_at`` is the schedule's due time for a run that a schedule made. ``waits``: it is not ready before
    ``decide_waiting`` says so, because its schedule depends on others. ``in_line``: it is not ready while runs of its
    schedule that came before it are live.
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
    waits: bool = False
    in_line: bool = False
    unique_key: str | None = None
    until_start: bool = False
    unique_since: Micros | None = None
    concurrency_key: str | None = None
    concurrency_limit: int | None = None
    idempotency_key: str | None = None
    idempotency_digest: str | None = None


@dataclass(frozen=True, slots=True)
class NewArguments:
    """Other arguments for a run that is restarted, as admission has let them in, and the keys that follow from them.

    ``arguments`` is JSON text with its secrets sealed; ``changed`` has the names that somebody gave.
    """

    arguments: str
    changed: tuple[str, ...]
    unique_key: str | None = None
    concurrency_key: str | None = None
    concurrency_limit: int | None = None


@dataclass(slots=True)
class Enqueued:
    """The store's answer to one NewRun, after its commit.

    ``created`` is False if ``unique_key`` or ``idempotency_key`` found a run that is there: ``run_id`` names it.
    ``same_body`` is False if the idempotency key was used before with another digest.
    """

    run_id: str
    created: bool = True
    same_body: bool = True


@dataclass(slots=True)
class Claim:
    """A run handed to one worker session: its fencing token, and what is needed to execute it.

    A ``reserved`` claim is prefetched: the run is still pending to everyone until its worker reports a start.
    ``attempt`` is the number of the attempt that begins with this claim.
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
    """A change of a claimed run that does not end its attempt: ``event``: start, pause, expiring, lend or take_back."""

    key: int
    token: int
    event: str
    at: Micros


@dataclass(slots=True)
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
    """What one turn of the wheel gave. ``lost`` has the tokens whose change or finish came too late (fenced off).

    ``refused`` has the tokens whose take_back is not allowed yet: their code must wait, and ask again.
    ``fenced`` is True if the whole session has lost its lease: nothing was written, and the worker must stop its runs.
    ``next_due`` is when the next waiting run of these lanes becomes due, None if there is none.
    ``backlog`` is True if a lane was given all it asked for, so that another turn may find more.
    ``wishes`` is True if ``controls`` had something to tell as the turn began.
    """

    claims: tuple[Claim, ...] = ()
    lost: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()
    fenced: bool = False
    next_due: Micros | None = None
    backlog: bool = False
    wishes: bool = False


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
    """A claim whose worker is gone, to be decided by ``lifecycle.decide_crash``.

    ``crashes`` are those before; this one is another if the session was ``lost``, and none if it ended in order.
    """

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
    lost: bool


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
class Credential:
    """A token, a browser session or a one-time sign-in code; only its SHA-256 digest is kept."""

    kind: str
    digest: str
    name: str
    role: Role
    created_at: Micros
    expires_at: Micros | None = None
