"""Vocabulary, model: words that all others are made of: JSON, statuses, lanes, roles, progress, errors, pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, make_dataclass
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from runwright.clock import Micros

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"
JSONObject: TypeAlias = Mapping[str, JSON]

T = TypeVar("T")


def frozen_for_the_checker(cls: type[T]) -> type[T]:
    """A frozen dataclass that only the type checker keeps from being changed, for one with very many fields.

    To make a frozen one costs six times as much (each field goes through ``object.__setattr__``), and one is made for
    each row that is read. It stays what it is otherwise: equal and hashed by its fields, with slots.
    """
    same = [(each.name, each.type, each) for each in fields(cls)]  # type: ignore[arg-type]  # a dataclass, as told
    plain = make_dataclass(cls.__name__, same)
    cls.__init__ = plain.__init__  # type: ignore[misc, method-assign]  # that the two fit is what this is about
    for guard in ("__setattr__", "__delattr__"):
        delattr(cls, guard)
    return cls


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
    """Why an attempt failed. ``kind`` is ``timeout``, ``crash_loop``, ``result``, ``process``, ``internal`` or an
    exception's name."""

    kind: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the cursor that gives the next one (None at the end)."""

    items: tuple[T, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far somebody has followed the timeline: to the entry ``last``, save the ``gaps`` before it.

    Numbers are given before the commit, so a number that was not there may still appear: each gap has the time at which
    it was first missed, after which it is looked for a while.
    """

    last: int = 0
    gaps: tuple[tuple[int, Micros], ...] = ()


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


def read_json(text: str, otherwise: Any) -> Any:
    """What JSON text from the store says; ``otherwise`` if it cannot be read: a damaged row hides no other."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise
