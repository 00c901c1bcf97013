"""The store: what it is asked, as values: which runs, which entries of the timeline, what a worker offers and wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from runwright.model import Lane, RunStatus

Guard: TypeAlias = Callable[[Mapping[str, Sequence[str]], frozenset[str]], None]
"""Judges a graph: what each schedule depends on, and which of those that are depended on exist. It raises to refuse."""


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs to list. ``newest_first`` orders by creation; ``after`` is a Page's cursor.

    ``schedule`` is a name, or an id, which also finds the runs of a schedule that has gone.
    """

    task: str | None = None
    statuses: Collection[RunStatus] = ()
    schedule: str | None = None
    parent: str | None = None
    newest_first: bool = True
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """One condition on the timeline. ``Store.events`` refuses a ``column`` or ``operator`` that it does not know."""

    column: str
    operator: str
    value: str | int | Sequence[str]


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` runs of a task start in any ``micros`` microseconds, whichever session starts them."""

    count: int
    micros: int


@dataclass(frozen=True, slots=True)
class Definition:
    """What a session tells of a task to processes without its code: JSON text, and what tells versions apart."""

    source_hash: str
    body: str


@dataclass(frozen=True, slots=True)
class NewWorker:
    """A session that registers: a random id for each process start.

    Args:
        tasks: the names of the tasks whose runs it may be given; none for a scheduler.
        rates: the limits of some of them.
        definitions: what it tells of the tasks that it knows.
        roles: ``worker``, ``scheduler``, or both.
    """

    id: str
    host: str
    pid: int
    lanes: Mapping[str, int]
    tasks: Sequence[str]
    rates: Mapping[str, Rate] = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    roles: Collection[str] = ("worker",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a session asks of ``turn`` for one lane: ``now`` runs to start at once, ``ahead`` to reserve beyond."""

    lane: Lane
    now: int
    ahead: int = 0
