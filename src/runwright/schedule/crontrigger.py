"""Schedule: the due times of a cron expression in a zone whose clocks jump.

Two rules, as in Debian's cron. A *fixed time* (second, minute and hour fields not beginning with a star) that falls in
a gap fires once, right after it; one that the clocks repeat fires once, the first time; both can be chosen otherwise.
Everything else goes by elapsed time: what is in a gap does not happen, and both of two repeated hours count.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

from runwright.schedule.cron import expression
from runwright.schedule.triggers import DueTimes, Kind, as_utc, whole_seconds
from runwright.schedule.wallclock import (
    SECOND,
    fold_at,
    gap_end,
    instants_of,
    jumps_between,
    offset_at,
    wall_of,
    zone_of,
)
from runwright.when import Cron

_HORIZON = timedelta(days=366 * 50)
LONGEST_LOOK_BACK = timedelta(days=366 * 40)
"""How far back due times are counted: a cursor that is older belongs to a broken clock."""


class CronTrigger:
    """Due times of one cron schedule. Immutable; ScheduleRefused for what can never be due."""

    kind: Kind = "cron"
    first_now = False
    anchored_at_end = False

    def __init__(self, when: Cron, timezone: str) -> None:
        self.expression = expression(when.expression)
        self.zone = zone_of(when.timezone or timezone)
        self._steady = self.zone.utcoffset(None)  # how far the wall is ahead of UTC, where the clocks never jump
        self._after_gap = self.expression.fixed and when.dst_gap == "after"
        self._twice = not self.expression.fixed or when.dst_fold == "twice"

    def next_after(self, moment: datetime, *, anchor: datetime | None = None) -> datetime | None:
        """The first due time strictly after ``moment``; None if there is none within fifty years."""
        start = whole_seconds(as_utc(moment))
        if self._steady is not None:
            due = self.expression.next_wall(start.replace(tzinfo=None) + self._steady)
            return None if due is None else (due - self._steady).replace(tzinfo=UTC)
        shown = start.astimezone(self.zone)
        wall = shown.replace(tzinfo=None, fold=0)
        fold = fold_at(shown, self.zone)
        if fold is not None:
            put_back, first_pass = fold
            before = put_back.replace(tzinfo=None) + offset_at(put_back - SECOND, self.zone)
            if self._twice and first_pass:
                found = self.expression.next_wall(wall)
                if found is not None and found < before:
                    return start + (found - wall)
                wall = wall_of(put_back, self.zone) - SECOND
                start = put_back - SECOND
            elif not self._twice and not first_pass:
                wall = before - SECOND  # every wall until then had its turn the first time
        horizon = wall + _HORIZON if wall.year < 9000 else datetime.max
        while (due_wall := self.expression.next_wall(wall)) is not None and due_wall < horizon:
            wall = due_wall
            instants = instants_of(wall, self.zone)
            if not instants:
                end = gap_end(wall, self.zone)
                if self._after_gap:
                    return end
                wall = wall_of(end, self.zone) - SECOND
            elif not self._twice:
                return instants[0]
            else:
                for instant in instants:
                    if instant > start:
                        return instant
        return None

    def due_between(self, after: datetime, until: datetime, limit: int, *, anchor: datetime | None = None) -> DueTimes:
        """The due times in (after, until]: how many, the first, and the newest ``limit``.

        Counts by days and by the changes of the clocks, then walks through the newest only: a year of a schedule
        that is due every second costs no more than a year of a daily one. Looks back forty years at most.
        """
        stop = whole_seconds(as_utc(until))
        start = max(whole_seconds(as_utc(after)), stop - LONGEST_LOOK_BACK)
        count = self._count(start, stop)
        if count == 0:
            return DueTimes()
        newest: deque[datetime] = deque(maxlen=limit)
        step = stop if limit == 0 else self._start_of_newest(start, stop, limit, count)
        while (due := self.next_after(step)) is not None and due <= stop:
            newest.append(due)
            step = due
        first = newest[0] if len(newest) == count else self.next_after(start)
        return DueTimes(count, first, tuple(newest))

    def _start_of_newest(self, start: datetime, stop: datetime, limit: int, count: int) -> datetime:
        """An instant after which ``limit`` due times follow up to ``stop``, or all that there are, or a few more."""
        enough = limit + limit // 4 + 8
        reach = timedelta(hours=1)
        while stop - reach > start and self._count(stop - reach, stop) < limit:
            reach *= 2
        low, high = start, stop  # more than enough after low, or all; too few after high
        if stop - reach > start:
            low, count = stop - reach, self._count(stop - reach, stop)
        while count > enough:
            middle = low + int((high - low).total_seconds()) // 2 * SECOND
            if (number := self._count(middle, stop)) >= limit:
                low, count = middle, number
            else:
                high = middle
        return low

    def _count(self, after: datetime, until: datetime) -> int:
        """How many due times lie in (after, until], both in whole seconds."""
        if until <= after:
            return 0
        if self._steady is not None:
            ahead = self._steady + SECOND
            return self.expression.count_walls(after.replace(tzinfo=None) + ahead, until.replace(tzinfo=None) + ahead)
        count, seen = 0, datetime.min
        fold = fold_at(after.astimezone(self.zone), self.zone)
        if fold is not None and not fold[1]:
            seen = fold[0].replace(tzinfo=None) + offset_at(fold[0] - SECOND, self.zone)
        begin = after + SECOND
        for jump in (*jumps_between(after, until, self.zone), until + SECOND):
            offset = offset_at(begin, self.zone) if begin < jump else offset_at(after, self.zone)
            low, high = begin.replace(tzinfo=None) + offset, jump.replace(tzinfo=None) + offset
            count += self.expression.count_walls(low if self._twice else max(low, seen), high)
            seen = max(seen, high)
            if jump <= until:
                shown = wall_of(jump, self.zone)
                if self._after_gap and shown > high and not self.expression.matches(shown):
                    count += self.expression.count_walls(high, shown) > 0
                begin = jump
        return count
