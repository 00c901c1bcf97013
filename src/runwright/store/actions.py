"""The store: the names that changes have on the timeline. One table; every lifecycle event has its entry."""

from __future__ import annotations

from enum import StrEnum

from runwright.lifecycle import RunEvent
from runwright.model import RunStatus

TASK = "task"
"""The ``event_type`` of everything that happens to runs and schedules."""
USER = "user"
"""The ``event_type`` of what happens to people's credentials."""


class Action(StrEnum):
    """What an entry of the timeline tells. Commands on schedules name their own (``schedule.enabled`` …)."""

    RUN_CREATED = "run.created"
    RUN_STARTED = "run.started"
    RUN_PAUSED = "run.paused"
    RUN_RESUMED = "run.resumed"
    RUN_CANCELLING = "run.cancelling"
    RUN_COMPLETED = "run.completed"
    RUN_FAILED = "run.failed"
    RUN_RETRYING = "run.retrying"
    RUN_CANCELLED = "run.cancelled"
    RUN_INTERRUPTED = "run.interrupted"
    RUN_SNOOZED = "run.snoozed"
    RUN_RELEASED = "run.released"
    RUN_RESTARTED = "run.restarted"
    RUN_SKIPPED = "run.skipped"
    RUN_DELETED = "run.deleted"
    PAUSE_REQUESTED = "run.pause_requested"
    SCHEDULE_CREATED = "schedule.created"
    SCHEDULE_UPDATED = "schedule.updated"
    SCHEDULE_DELETED = "schedule.deleted"
    SCHEDULE_DISABLED = "schedule.disabled"
    SCHEDULE_WITHDRAWN = "schedule.withdrawn"
    SERVICE_RESTARTING = "service.restarting"
    SERVICE_STOPPED = "service.stopped"
    SERVICE_GAVE_UP = "service.gave_up"
    SCHEDULES_PAUSED = "schedules.paused"
    SCHEDULES_RESUMED = "schedules.resumed"
    CREDENTIAL_ADDED = "credential.added"
    CREDENTIAL_REVOKED = "credential.revoked"


# Two statuses say too little (pending, running), because several events lead to them.
_BY_EVENT = {
    RunEvent.START: Action.RUN_STARTED,
    RunEvent.RESUME: Action.RUN_RESUMED,
    RunEvent.SNOOZE: Action.RUN_SNOOZED,
    RunEvent.RELEASE: Action.RUN_RELEASED,
    RunEvent.CRASH: Action.RUN_INTERRUPTED,
    RunEvent.RESTART: Action.RUN_RESTARTED,
}
_BY_STATUS = {
    RunStatus.PAUSED: Action.RUN_PAUSED,
    RunStatus.CANCELLING: Action.RUN_CANCELLING,
    RunStatus.RETRYING: Action.RUN_RETRYING,
    RunStatus.COMPLETED: Action.RUN_COMPLETED,
    RunStatus.ERROR: Action.RUN_FAILED,
    RunStatus.CANCELLED: Action.RUN_CANCELLED,
    RunStatus.INTERRUPTED: Action.RUN_INTERRUPTED,
    RunStatus.SKIPPED: Action.RUN_SKIPPED,
}


def action_of(event: RunEvent, after: RunStatus) -> Action:
    """The timeline's name for a lifecycle event that led to the status ``after``."""
    return _BY_STATUS.get(after) or _BY_EVENT[event]
