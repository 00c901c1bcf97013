"""Runwright: the background-task engine. These are its public names; everything else is behind them."""

from runwright.clock import Clock, SystemClock
from runwright.config import Settings
from runwright.errors import (
    ConfirmRequired,
    Conflict,
    DefinitionError,
    DuplicateName,
    FieldError,
    Forbidden,
    InvalidArguments,
    InvalidInput,
    NotFound,
    RunFailed,
    RunwrightError,
    ScheduleRefused,
    SettingsError,
    StartRefused,
    StoreRefused,
    StoreUnavailable,
)
from runwright.manager import Blocking, TaskManager
from runwright.model import HIGH, LOW, MEDIUM, Actor, Run, RunStatus, TaskProgress
from runwright.retry import Discard, Retry, Snooze
from runwright.schedule import parse_when
from runwright.tasks.base_task import BaseTask
from runwright.tasks.context import RunCancelled, RunContext, current_run
from runwright.tasks.definition import Task, task
from runwright.tasks.form import Choices
from runwright.tasks.hooks import Hooks
from runwright.tasks.options import Unique
from runwright.tasks.uploads import UploadedFile
from runwright.when import Always, At, Cron, Every

__all__ = [
    "HIGH",
    "LOW",
    "MEDIUM",
    "Actor",
    "Always",
    "At",
    "BaseTask",
    "Blocking",
    "Choices",
    "Clock",
    "ConfirmRequired",
    "Conflict",
    "Cron",
    "DefinitionError",
    "Discard",
    "DuplicateName",
    "Every",
    "FieldError",
    "Forbidden",
    "Hooks",
    "InvalidArguments",
    "InvalidInput",
    "NotFound",
    "Retry",
    "Run",
    "RunCancelled",
    "RunContext",
    "RunFailed",
    "RunStatus",
    "RunwrightError",
    "ScheduleRefused",
    "Settings",
    "SettingsError",
    "Snooze",
    "StartRefused",
    "StoreRefused",
    "StoreUnavailable",
    "SystemClock",
    "Task",
    "TaskManager",
    "TaskProgress",
    "Unique",
    "UploadedFile",
    "current_run",
    "parse_when",
    "task",
]
