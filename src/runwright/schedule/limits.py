"""Schedule: a trigger within limits: a first and a last moment, and windows in which it is not due.

What lies outside is no due time at all: it is neither previewed nor recorded. A blackout is something else: its due
times stay, and are recorded as blocked (``catchup``). Also the spread of runs over some seconds after a due time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from runwright.errors import ScheduleRefused
from runwright.schedule.triggers import LONGEST_WALK, DueTimes, Kind, Trigger, as_utc, walk
from runwright.schedule.windows import NEVER, Windows

_INSTANT = timedelta(microseconds=1)
_MOST_DETOURS = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """When a schedule may be due at all.

    ``starts_at`` and ``ends_at`` are aware and included; None sets no bound. ``excluded`` are windows
    (``parse_windows``) in which it is not due. Raises ScheduleRefused if it ends before it starts.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    excluded: Windows = NEVER

    def __post_init__(self) -> None:
        if self.starts_at is not None and self.ends_at is not None and self.ends_at < self.starts_at:
            raise ScheduleRefused("ends_at", "lies before starts_at")

    def __bool__(self) -> bool:
        return self.starts_at is not None or self.ends_at is not None or bool(self.excluded)


NO_LIMITS = Limits()


class LimitedTrigger:
    """The due times of ``trigger`` that lie within ``limits``.

    An interval that counts from the end of its runs has no due times that could be left out: what would fall into an
    excluded window is due when the window ends.
    """

    def __init__(self, trigger: Trigger, limits: Limits) -> None:
        self.trigger = trigger
        self.limits = limits
        self.starts_at = None if limits.starts_at is None else as_utc(limits.starts_at)
        self.ends_at = None if limits.ends_at is None else as_utc(limits.ends_at)
        self.kind: Kind = trigger.kind
        self.first_now = trigger.first_now
        self.anchored_at_end = trigger.anchored_at_end

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        """As of every trigger; None also if a thousand in a row are excluded, or fifty years."""
        start = as_utc(moment)
        if self.starts_at is not None:
            start = max(start, self.starts_at if self.anchored_at_end else self.starts_at - _INSTANT)
        due = self.trigger.next_after(start, anchor=anchor)
        for _ in range(_MOST_DETOURS):
            if due is None or (self.ends_at is not None and due > self.ends_at):
                return None
            outside = self.limits.excluded.ends_after(due)
            if outside is None or outside == due:
                return outside
            due = outside if self.anchored_at_end else self.trigger.next_after(outside - _INSTANT, anchor=anchor)
        return None

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        """As of every trigger. Takes time by the excluded windows in between, not by the due times."""
        start, stop = as_utc(after), as_utc(until)
        if self.anchored_at_end:
            due = self.next_after(start, anchor=anchor)
            return DueTimes() if due is None or due > stop else DueTimes(1, due, (due,)[:limit])
        if self.trigger.kind == "plugin":
            return walk(self, start, stop, limit)
        if self.starts_at is not None:
            start = max(start, self.starts_at - _INSTANT)
        if self.ends_at is not None:
            stop = min(stop, self.ends_at)
        if stop <= start:
            return DueTimes()
        if not self.limits.excluded:
            return self.trigger.due_between(start, stop, limit, anchor=anchor)
        return split(self.trigger, self.limits.excluded, start, stop, limit, anchor=anchor)[0]


def opening(trigger: Trigger, now: datetime) -> datetime:
    """The moment from which on ``trigger`` may be due: ``now``, or its first moment if that is still to come.

    It is the anchor of a schedule that is made now.
    """
    starts_at = trigger.starts_at if isinstance(trigger, LimitedTrigger) else None
    return as_utc(now) if starts_at is None else max(as_utc(now), starts_at)


def earliest(trigger: Trigger, now: datetime) -> datetime | None:
    """The first moment from ``now`` on at which the limits of ``trigger`` let it be due; None if there is none."""
    if not isinstance(trigger, LimitedTrigger):
        return as_utc(now)
    moment = trigger.limits.excluded.ends_after(opening(trigger, now))
    return None if moment is None or (trigger.ends_at is not None and moment > trigger.ends_at) else moment


def split(
    trigger: Trigger, windows: Windows, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None
) -> tuple[DueTimes, DueTimes]:
    """The due times in (after, until] that lie outside of the windows, and those inside; ``limit`` as in due_between.

    A plug-in is walked as in ``due_between``, at most LONGEST_WALK due times from the oldest on.
    """
    if trigger.kind == "plugin":
        dues = trigger.due_between(after, until, LONGEST_WALK)
        outside = [due for due in dues.newest if windows.at(due) is None]
        inside = [due for due in dues.newest if windows.at(due) is not None]
        return (
            DueTimes.of(outside, limit, complete=dues.complete),
            DueTimes.of(inside, limit, complete=dues.complete),
        )
    spans = [(low - _INSTANT, high - _INSTANT) for low, high in windows.spans(after + _INSTANT, until + _INSTANT)]
    edges = [after, *(edge for span in spans for edge in span), until]
    open_spans = [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]
    return _gathered(trigger, open_spans, limit, anchor), _gathered(trigger, spans, limit, anchor)


def _gathered(
    trigger: Trigger, spans: Iterable[tuple[datetime, datetime]], limit: int, anchor: datetime | None
) -> DueTimes:
    """The due times of several stretches (after, until] as one."""
    total = DueTimes()
    for low, high in reversed(list(spans)):
        dues = trigger.due_between(low, high, limit - len(total.newest), anchor=anchor)
        if dues.count:
            total = DueTimes(total.count + dues.count, dues.first, dues.newest + total.newest)
    return total


def jitter(key: str, due: datetime, seconds: float) -> timedelta:
    """How long after ``due`` the run of schedule ``key`` is to begin: from nothing to ``seconds``, evenly spread.

    The same for the same due time, whoever asks and however often; due times in a row are spread independently.
    """
    if not seconds:
        return timedelta()
    digest = blake2b(f"{key} {as_utc(due).isoformat()}".encode(), digest_size=8).digest()
    return timedelta(seconds=seconds * (int.from_bytes(digest) / 2**64))
