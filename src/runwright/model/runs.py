"""Vocabulary, model: runs and what belongs to them, as they are shown. Snapshots with aware datetimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runwright.model.values import (
    JSON,
    SEQ_PER_ATTEMPT,
    AttemptStatus,
    JSONObject,
    Lane,
    RunError,
    RunStatus,
    TaskProgress,
)


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
    """A session: one process start of a worker or scheduler, from registration to its end."""

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
    roles: tuple[str, ...] = ("worker",)


@dataclass(frozen=True, slots=True)
class TaskVersion:
    """That a live session knows a task. Sessions with other code, parameters or options of it have other hashes."""

    task: str
    source_hash: str
    session: str
    roles: tuple[str, ...]


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
