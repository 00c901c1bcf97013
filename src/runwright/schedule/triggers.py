"""Schedule: what every trigger can answer, and the triggers that need no calendar: interval, once, service, plug-in.

A trigger is immutable, takes no time from a clock and keeps no state: what it needs to know is in the question.
Instants go in aware and come out in UTC, in whole seconds for cron and as they were given for the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from runwright.errors import ScheduleRefused
from runwright.schedule.wallclock import first_instant, zone_of
from runwright.when import APSchedulerTrigger, At, Every, Plugin

Kind: TypeAlias = Literal["cron", "interval", "once", "service", "plugin"]

LONGEST_WALK = 10_000
"""How many due times of a plug-in are asked for at once; what remains is due at the next question."""


@dataclass(frozen=True, slots=True)
class DueTimes:
    """The due times of a stretch of time: how many, the first, and the newest of them in ascending order.

    ``complete`` is False if the walk was cut short (plug-ins only): there may be more after the last.
    """

    count: int = 0
    first: datetime | None = None
    newest: tuple[datetime, ...] = ()
    complete: bool = True

    @classmethod
    def of(cls, dues: Sequence[datetime], limit: int, *, complete: bool = True) -> DueTimes:
        """These due times, of which the newest ``limit`` are kept."""
        return cls(len(dues), dues[0], tuple(dues[-limit:] if limit else ()), complete) if dues else cls()

    @property
    def all_kept(self) -> bool:
        """Whether ``newest`` has them all."""
        return self.count == len(self.newest)


class Trigger(Protocol):
    """What a schedule is compiled to."""

    @property
    def kind(self) -> Kind:
        """Which of the five kinds it is."""
        ...

    @property
    def first_now(self) -> bool:
        """Whether the first due time is the moment at which the schedule is made."""
        ...

    @property
    def anchored_at_end(self) -> bool:
        """Whether the next due time is counted from the end of the last run."""
        ...

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        """The first due time strictly later than ``moment``, in UTC; None if there is none.

        ``anchor`` is the stored epoch of an interval on a grid, and begins at ``moment`` without one; others ignore it.
        Raises ScheduleRefused if a plug-in breaks its promise.
        """
        ...

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        """The due times in (after, until], keeping the newest ``limit``."""
        ...


def as_utc(moment: datetime) -> datetime:
    """The aware ``moment`` in UTC; ValueError for a naive one, which would mean a different instant everywhere."""
    if moment.tzinfo is None:
        raise ValueError("a moment must be aware of its time zone")
    return moment.astimezone(UTC)


def whole_seconds(moment: datetime) -> datetime:
    """``moment`` without its fraction of a second."""
    return moment.replace(microsecond=0) if moment.microsecond else moment


class IntervalTrigger:
    """Every so many seconds: on a grid from a stored epoch, or counted from the end of the last run.

    On a grid the n-th due time is epoch + n · interval, computed and not added up, so that it neither drifts nor loops
    over what was missed. The epoch itself is due if the first fire is to be now.
    """

    kind: Kind = "interval"

    def __init__(self, when: Every) -> None:
        self.interval = timedelta(seconds=when.seconds)
        self.first_now = when.first == "now"
        self.anchored_at_end = when.anchor == "end"

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        start = as_utc(moment)
        epoch = start if self.anchored_at_end or anchor is None else as_utc(anchor)
        earliest = 0 if self.first_now and not self.anchored_at_end else 1
        try:
            return epoch + max((start - epoch) // self.interval + 1, earliest) * self.interval
        except OverflowError:  # beyond the year 9999
            return None

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        start, stop = as_utc(after), as_utc(until)
        first = self.next_after(start, anchor=anchor)
        if first is None or first > stop:
            return DueTimes()
        if self.anchored_at_end:  # the one after it is not known before a run has ended
            return DueTimes(1, first, (first,)[:limit])
        count = (stop - first) // self.interval + 1
        kept = min(count, limit)
        return DueTimes(count, first, tuple(first + (count - kept + index) * self.interval for index in range(kept)))


class OnceTrigger:
    """At each of some times, and never again."""

    kind: Kind = "once"
    first_now = False
    anchored_at_end = False

    def __init__(self, when: At, timezone: str) -> None:
        zone = zone_of(timezone)
        self.times = sorted(
            {
                first_instant(moment.replace(fold=0), zone) if moment.tzinfo is None else as_utc(moment)
                for moment in when.times
            }
        )

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        index = bisect_right(self.times, as_utc(moment))
        return self.times[index] if index < len(self.times) else None

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        due = self.times[bisect_right(self.times, as_utc(after)) : bisect_right(self.times, as_utc(until))]
        return DueTimes.of(due, limit)


class ServiceTrigger:
    """A service: it is due when its schedule is made or enabled, and has no due times after that.

    What is due after its end is not a matter of time: see ``services.after_end``.
    """

    kind: Kind = "service"
    first_now = True
    anchored_at_end = True

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        return None

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        return DueTimes()


class PluginTrigger:
    """An object of the user's that knows its due times: our own protocol, or a trigger of APScheduler 3.

    Its answers are checked: aware, and strictly later than the question. Whatever it raises is a ScheduleRefused.
    """

    kind: Kind = "plugin"
    first_now = False
    anchored_at_end = False

    def __init__(self, when: Plugin | APSchedulerTrigger) -> None:
        self.plugin = when

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        start = as_utc(moment)
        name = type(self.plugin).__qualname__
        try:
            plugin = self.plugin
            found = plugin.next_after(start) if isinstance(plugin, Plugin) else self._foreign(plugin, start)
        except ScheduleRefused:
            raise
        except Exception as error:
            raise ScheduleRefused("schedule", f"{name} raised {type(error).__name__}: {error!s:.500}") from error
        if found is None:
            return None
        _refuse_naive(found, name)
        if found <= start:
            raise ScheduleRefused("schedule", f"{name} must answer with a later time than {start}, not {found}")
        return as_utc(found)

    @staticmethod
    def _foreign(plugin: APSchedulerTrigger, start: datetime) -> datetime | None:
        """APScheduler's "not before now" is ours "strictly after", one microsecond on.

        Asked without a previous fire time, a trigger is bound to its own start and not to our question; but some begin
        with the past then, and are asked on from their answers, as their own scheduler does.
        """
        now = start + timedelta(microseconds=1)
        found, previous = plugin.get_next_fire_time(None, now), None
        for _ in range(LONGEST_WALK):
            if found is None:
                return None
            _refuse_naive(found, type(plugin).__qualname__)
            if found > start or found == previous:
                break
            found, previous = plugin.get_next_fire_time(found, now), found
        return found if found is None or found > start else plugin.get_next_fire_time(start, now)

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        """As the protocol has it, but at most LONGEST_WALK due times from the oldest on; ``complete`` tells."""
        stop = as_utc(until)
        return walk(self, as_utc(after), stop, limit)


def _refuse_naive(found: object, name: str) -> None:
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise ScheduleRefused("schedule", f"{name} must answer with an aware datetime or None, not {found!r:.80}")


def walk(trigger: Trigger, after: datetime, stop: datetime, limit: int) -> DueTimes:
    """The due times in (after, stop], asked for one by one, at most LONGEST_WALK of them."""
    first: datetime | None = None
    newest: deque[datetime] = deque(maxlen=limit)
    step, count = after, 0
    while count < LONGEST_WALK:
        due = trigger.next_after(step)
        if due is None or due > stop:
            return DueTimes(count, first, tuple(newest))
        first = first or due
        newest.append(due)
        step, count = due, count + 1
    return DueTimes(count, first, tuple(newest), complete=False)
