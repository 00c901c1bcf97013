"""Schedule: from a value that says when, to the trigger that can answer for it, and the questions asked of triggers.

Pure: the present is always an argument. What a due time leads to is decided in ``catchup``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from runwright.errors import ScheduleRefused
from runwright.schedule.catchup import begin
from runwright.schedule.crontrigger import CronTrigger
from runwright.schedule.limits import NO_LIMITS, LimitedTrigger, Limits
from runwright.schedule.triggers import (
    IntervalTrigger,
    OnceTrigger,
    PluginTrigger,
    ServiceTrigger,
    Trigger,
    as_utc,
)
from runwright.schedule.wallclock import zone_of
from runwright.when import Always, APSchedulerTrigger, At, Cron, Every, Plugin, When


def compile_when(when: When, timezone: str = "UTC", limits: Limits = NO_LIMITS) -> Trigger:
    """The trigger for ``when``, in the schedule's ``timezone`` (an IANA name) where the value names none itself.

    ``limits`` are the schedule's bounds and excluded windows. Raises ScheduleRefused, naming field and reason, for what
    is malformed or can never be due.
    """
    zone_of(timezone)
    trigger = _compiled(when, timezone)
    return LimitedTrigger(trigger, limits) if limits else trigger


def _compiled(when: When, timezone: str) -> Trigger:
    if isinstance(when, Cron):
        return CronTrigger(when, timezone)
    if isinstance(when, Every):
        return IntervalTrigger(when)
    if isinstance(when, At):
        return OnceTrigger(when, timezone)
    if isinstance(when, Always):
        return ServiceTrigger()
    if isinstance(when, type) or not isinstance(when, Plugin | APSchedulerTrigger):
        raise ScheduleRefused("schedule", f"{when!r:.80} is neither a time nor an object with next_after(moment)")
    return PluginTrigger(when)


def next_fires(
    when: When, after: datetime, count: int, timezone: str = "UTC", limits: Limits = NO_LIMITS
) -> list[datetime]:
    """The next ``count`` due times strictly after ``after``, in UTC; fewer if there are no more.

    A preview: an interval is shown as if its runs took no time and its grid began at ``after``.
    """
    trigger = compile_when(when, timezone, limits)
    epoch = as_utc(after)
    found: list[datetime] = []
    moment: datetime | None = epoch
    while len(found) < count and (moment := trigger.next_after(moment or epoch, anchor=epoch)) is not None:
        found.append(moment)
    return found


def due_in_range(
    trigger: Trigger, first: datetime, last: datetime, most: int, *, anchor: datetime | None = None
) -> tuple[list[datetime], bool]:
    """The due times from ``first`` to ``last``, both included, oldest first; and whether there are more than ``most``.

    For a preview or a backfill of a range, past or to come. An interval that counts from the end of its runs is shown
    as if they took no time. ``anchor`` is the stored epoch of a grid; without one it begins at ``first``.
    """
    stop, epoch = as_utc(last), as_utc(anchor or first)
    found: list[datetime] = []
    before = as_utc(first) if trigger.anchored_at_end else as_utc(first) - timedelta(microseconds=1)
    due = trigger.next_after(before, anchor=epoch)
    while due is not None and due <= stop:
        if len(found) == most:
            return found, True
        found.append(due)
        due = trigger.next_after(due, anchor=epoch)
    return found, False


def refuse_past(when: When, now: datetime, timezone: str = "UTC", limits: Limits = NO_LIMITS) -> None:
    """Raise ScheduleRefused if there is no due time after ``now``: the schedule would never fire."""
    trigger = _compiled(when, timezone)
    if trigger.kind == "service":
        return
    if isinstance(when, At) and trigger.next_after(now) is None:
        past = "lies in the past" if len(when.times) == 1 else "all lie in the past"
        raise ScheduleRefused("times", f"{past}; give at least one time after {as_utc(now):%Y-%m-%d %H:%M:%S} UTC")
    if begin(compile_when(when, timezone, limits), now, first=True)[1] is not None:
        return
    if limits.ends_at is not None and limits.ends_at <= now:
        raise ScheduleRefused("ends_at", f"lies in the past; it is {as_utc(now):%Y-%m-%d %H:%M:%S} UTC")
    if limits:
        raise ScheduleRefused("schedule", "is never due within starts_at, ends_at and what is excluded")
    raise ScheduleRefused("schedule", "is never due")
