"""Runwright: the background-task engine. These are its public names; everything else is behind them.

What makes an engine is imported when it is asked for. A file of tasks needs none of it, and is tried out, and run in
processes of its own, without.
"""

import importlib
import typing

from runwright.clock import Clock, SystemClock
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
from runwright.model import HIGH, LOW, MEDIUM, Actor, Run, RunStatus, TaskProgress
from runwright.retry import Discard, Retry, Snooze
from runwright.schedule import parse_when
from runwright.tasks.base_task import BaseTask
from runwright.tasks.context import RunCancelled, RunContext, current_run
from runwright.tasks.definition import Task, task
from runwright.tasks.form import Choices, Multiline
from runwright.tasks.hooks import Hooks
from runwright.tasks.options import Unique
from runwright.tasks.uploads import UploadedFile
from runwright.when import Always, At, Cron, Every

if typing.TYPE_CHECKING:
    from runwright.config import Settings
    from runwright.manager import Blocking, TaskManager

_LATER = {"Blocking": "runwright.manager", "Settings": "runwright.config", "TaskManager": "runwright.manager"}

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
    "Multiline",
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


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(importlib.import_module(_LATER[name]), name))
