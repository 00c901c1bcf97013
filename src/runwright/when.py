"""Vocabulary: when a task is to run, as values that a definition can carry, and the policies around a due time.

Values only. What the text of a cron expression means, and when the next due time is, is worked out in ``schedule``;
a value here checks no more than what can be seen without a calendar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from runwright.clock import YEARS
from runwright.errors import ScheduleRefused

LONGEST_SECONDS = 36_525 * 86_400
"""The longest interval, a hundred years: beyond it a number is a mistake."""


class FireOutcome(StrEnum):
    """What became of a due time. Only ``fired`` and ``late`` start a run."""

    FIRED = "fired"
    LATE = "late"
    MERGED = "merged"
    SKIPPED = "skipped"
    MISSED = "missed"
    HELD = "held"
    BLOCKED = "blocked"

    @property
    def starts_run(self) -> bool:
        """Whether a due time with this outcome makes a run that is to be executed."""
        return self in (FireOutcome.FIRED, FireOutcome.LATE)


class Overlap(StrEnum):
    """What happens at a due time while a run of the same schedule is still live."""

    SKIP = "skip"
    QUEUE = "queue"
    ALLOW = "allow"
    CANCEL_RUNNING = "cancel_running"


class CatchUp(StrEnum):
    """What happens to due times that passed while nobody was there to fire them."""

    LATEST = "latest"
    SKIP = "skip"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times that a cron expression describes.

    Args:
        expression: five fields, six with seconds first, or an alias such as ``@daily``.
        timezone: an IANA name; None means the zone of the schedule.
        dst_gap: a fixed time that the clocks skip fires once right after the gap (``"after"``) or not (``"skip"``).
        dst_fold: whether a fixed time that the clocks repeat fires ``"once"``, the first time, or ``"twice"``.

    A fixed time is one whose second, minute and hour fields do not begin with a star; other expressions go by elapsed
    time, and fire in both of two repeated hours. The expression is checked when it is compiled, not here.
    """

    expression: str
    timezone: str | None = None
    dst_gap: Literal["after", "skip"] = "after"
    dst_fold: Literal["once", "twice"] = "once"

    def __post_init__(self) -> None:
        for field, value in (("cron", self.expression), ("timezone", self.timezone or "")):
            if not isinstance(value, str):
                raise ScheduleRefused(field, f"must be text, not {type(value).__name__}")
        _choice("dst_gap", self.dst_gap, ("after", "skip"))
        _choice("dst_fold", self.dst_fold, ("once", "twice"))


@dataclass(frozen=True, slots=True, init=False)
class Every:
    """Again and again, with a fixed time in between; ``seconds`` is the whole of it.

    Args:
        weeks, days, hours, minutes, seconds: added up; the sum is a whole number of seconds, at least one.
        first: ``"now"`` fires at once when the schedule is made (not after a restart), ``"later"`` after one interval.
        anchor: ``"end"`` counts from the end of the last run, ``"start"`` keeps to a grid, however long runs take.

    Raises ScheduleRefused for a sum that is not a whole number of seconds from one second to a hundred years.
    """

    seconds: int
    first: Literal["now", "later"]
    anchor: Literal["end", "start"]

    def __init__(
        self,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        first: Literal["now", "later"] | None = None,
        anchor: Literal["end", "start"] | None = None,
    ) -> None:
        parts: dict[str, object] = {
            "weeks": weeks,
            "days": days,
            "hours": hours,
            "minutes": minutes,
            "seconds": seconds,
        }
        for name, value in parts.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ScheduleRefused(name, f"must be a number, not {value!r}")
        total = weeks * 604_800 + days * 86_400 + hours * 3_600 + minutes * 60 + seconds
        if total <= 0:
            raise ScheduleRefused("seconds", "an interval must be longer than nothing; the shortest is 1 second")
        if total > LONGEST_SECONDS:
            raise ScheduleRefused("seconds", "an interval must not be longer than a hundred years")
        whole = round(total)
        if whole < 1 or abs(total - whole) > 1e-6:
            raise ScheduleRefused("seconds", f"an interval must be a whole number of seconds, not {total:g}")
        object.__setattr__(self, "seconds", whole)
        object.__setattr__(self, "first", _choice("first", first or "now", ("now", "later")))
        object.__setattr__(self, "anchor", _choice("anchor", anchor or "end", ("end", "start")))


@dataclass(frozen=True, slots=True, init=False)
class At:
    """Once at each of these times, and then never again. A naive time is one in the zone of the schedule."""

    times: tuple[datetime, ...]

    def __init__(self, *times: datetime) -> None:
        if not times:
            raise ScheduleRefused("times", "needs at least one time")
        for index, moment in enumerate(times):
            if not isinstance(moment, datetime):
                raise ScheduleRefused(f"times[{index}]", f"must be a datetime, not {type(moment).__name__}")
            if moment.year not in YEARS:
                raise ScheduleRefused(f"times[{index}]", f"must be in a year from {YEARS[0]} to {YEARS[-1]}")
        object.__setattr__(self, "times", times)

    def __repr__(self) -> str:
        return f"At({', '.join(repr(moment) for moment in self.times)})"


@dataclass(frozen=True, slots=True)
class Always:
    """Never ends: a service, one of which is kept running. It has no due times.

    Args:
        restart: what follows when it ends by itself: ``"never"``, nothing; ``"on_failure"``, it is started again if it
            failed; ``"always"``, also if it returned. None means what the setting ``auto_restart`` says: on failure,
            or never.
    """

    restart: Literal["never", "on_failure", "always"] | None = None

    def __post_init__(self) -> None:
        if self.restart is not None:
            _choice("restart", self.restart, RESTARTS)


@runtime_checkable
class Plugin(Protocol):
    """Any object that knows its own due times. It lives in code only; the store keeps the name of its class."""

    def next_after(self, moment: datetime, /) -> datetime | None:
        """The first due time strictly later than the aware ``moment``, aware too; None if there is none."""
        ...


@runtime_checkable
class APSchedulerTrigger(Protocol):
    """A trigger of APScheduler 3."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime, /) -> datetime | None:
        """The next fire time, given the previous one and the present."""
        ...


RESTARTS = ("never", "on_failure", "always")
When: TypeAlias = Cron | Every | At | Always | Plugin | APSchedulerTrigger


def _choice(field: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ScheduleRefused(field, f"must be {' or '.join(repr(choice) for choice in choices)}, not {value!r}")
    return value
