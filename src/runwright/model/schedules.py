"""Vocabulary, model: schedules, and the ledger of what became of their due times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runwright.clock import Micros
from runwright.model.commands import NewRun
from runwright.model.values import JSONObject, RunStatus, frozen_for_the_checker
from runwright.retry import Retry


@frozen_for_the_checker
@dataclass(frozen=True, slots=True)
class Schedule:
    """When, with which arguments and as whom a task is run.

    ``when`` is JSON text in the form of ``schedule.when_to_json``; ``arguments`` is JSON text with secrets sealed.
    ``version`` rises with every edit and every fire; a writer that read an older one loses.
    ``cursor_at`` is the watermark: no due time up to it is ever considered again.
    ``origin`` is empty for a schedule made by people, else the place in code or file that declares it; ``declared`` is
    what it declared last, as JSON text.
    ``deleted`` and ``edited``: people deleted it, and it stays away; only ``deleted``: it was withdrawn, since nothing
    declared it any more, and its declaration brings it back.
    ``restarts``: of a service, its failures in a row, none of which had run for a healthy minute.
    ``outcome`` is how its newest decided due time ended: a run's status or, without a run, a FireOutcome.
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
    declared: str = ""
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
    outcome: str | None = None
    outcome_at: Micros | None = None
    skipped_at: Micros | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A schedule to be written: a new one (``action`` says so), or one in the place of the version that it names."""

    schedule: Schedule
    action: str = "schedule.created"
    detail: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """All schedules are paused: why, by whom, since when."""

    reason: str
    by: str
    since: Micros


@dataclass(frozen=True, slots=True)
class Needed:
    """A schedule that a waiting run depends on, as it is now.

    ``running``: it has a run that has not ended. ``coming``: an ending of it is not settled yet, or it has a due time,
    no later than the waiting run's, that is not a run yet. ``again``: it will be due again.
    """

    name: str
    there: bool = True
    running: bool = False
    coming: bool = False
    again: bool = True
    outcome: str | None = None
    outcome_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits for other schedules, the first one of its schedule, and all that decides what it does.

    ``last_start_at`` and ``skipped_at`` tell of its schedule. ``there`` is False if that schedule was removed.
    """

    run: str
    due_at: Micros
    last_start_at: Micros | None = None
    skipped_at: Micros | None = None
    needs: tuple[Needed, ...] = ()
    there: bool = True


@dataclass(frozen=True, slots=True)
class NewFire:
    """A row for the fire ledger. ``count`` and ``last_due_at`` describe a collapsed span of due times."""

    due_at: Micros
    outcome: str
    reason: str = ""
    run: NewRun | None = None
    count: int = 1
    last_due_at: Micros | None = None

    @property
    def newest_due_at(self) -> Micros:
        """The last of the due times that it stands for."""
        return self.due_at if self.last_due_at is None else self.last_due_at


@dataclass(frozen=True, slots=True)
class FirePlan:
    """All that one look at one schedule writes, or nothing of it if the schedule's version has moved on.

    ``fills``: a due time that is in the ledger without a run gets the one that is given for it.
    ``cancels``: the runs of the schedule that are live then are cancelled in favour of the one that is given.
    """

    schedule: str
    version: int
    fires: tuple[NewFire, ...]
    cursor_at: Micros
    next_due_at: Micros | None
    enabled: bool = True
    first_done: bool = True
    fills: bool = False
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Fire:
    """One row of the fire ledger, as it is shown.

    A collapsed span has a ``last_due_at``, and ``due_at`` is its first. ``count`` due times between the two ended so;
    others in between may have rows of their own (a backfill's, or what was not in a blackout).
    """

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
class ServiceEnd:
    """What follows from the end of a service's run, if its schedule still has this version.

    ``next_due_at`` is None if it stays stopped: its schedule is disabled, for ``reason``. ``gave_up``: it failed too
    often.
    """

    version: int
    next_due_at: Micros | None
    restarts: int
    reason: str
    gave_up: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What the run of a service used when its worker measured it last; None is what cannot be told apart."""

    run: str
    cpu_seconds: float | None
    memory_bytes: int | None
    measured_at: Micros


@dataclass(frozen=True, slots=True)
class Measured:
    """What a claimed run uses now. ``cpu_seconds`` since its attempt began."""

    key: int
    token: int
    cpu_seconds: float | None
    memory_bytes: int | None


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
