"""Vocabulary, model: schedules, and the ledger of what became of their due times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runwright.clock import Micros
from runwright.model.commands import NewRun
from runwright.model.values import RunStatus
from runwright.retry import Retry


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
