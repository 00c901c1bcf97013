"""Schedule: from a value that says when, to the trigger that can answer for it, and the questions asked of triggers.

Pure: the present is always an argument. What a due time leads to is decided in ``catchup``.
"""

from __future__ import annotations

from datetime import datetime

from runwright.errors import ScheduleRefused
from runwright.schedule.crontrigger import CronTrigger
from runwright.schedule.triggers import (
    DueTimes,
    IntervalTrigger,
    OnceTrigger,
    PluginTrigger,
    ServiceTrigger,
    Trigger,
    as_utc,
)
from runwright.schedule.wallclock import zone_of
from runwright.when import Always, APSchedulerTrigger, At, Cron, Every, Plugin, When


def compile_when(when: When, timezone: str = "UTC") -> Trigger:
    """The trigger for ``when``, in the schedule's ``timezone`` (an IANA name) where the value names none itself.

    Raises ScheduleRefused, naming field and reason, for what is malformed or can never be due.
    """
    zone_of(timezone)
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


def next_fires(when: When, after: datetime, count: int, timezone: str = "UTC") -> list[datetime]:
    """The next ``count`` due times strictly after ``after``, in UTC; fewer if there are no more.

    A preview: an interval is shown as if its runs took no time and its grid began at ``after``.
    """
    trigger = compile_when(when, timezone)
    epoch = as_utc(after)
    found: list[datetime] = []
    moment: datetime | None = epoch
    while len(found) < count and (moment := trigger.next_after(moment or epoch, anchor=epoch)) is not None:
        found.append(moment)
    return found


def due_between(
    trigger: Trigger, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None
) -> DueTimes:
    """The due times in (after, until]: their number, the first, and the newest ``limit``, in O(limit) memory."""
    return trigger.due_between(after, until, limit, anchor=anchor)


def refuse_past(when: When, now: datetime, timezone: str = "UTC") -> None:
    """Raise ScheduleRefused if ``when`` names times of which none is after ``now``: it would never fire."""
    if isinstance(when, At) and compile_when(when, timezone).next_after(now) is None:
        past = "lies in the past" if len(when.times) == 1 else "all lie in the past"
        raise ScheduleRefused("times", f"{past}; give at least one time after {as_utc(now):%Y-%m-%d %H:%M:%S} UTC")
