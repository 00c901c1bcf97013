"""Schedule: windows of time, as text and as stretches of UTC: when a schedule is not due, or must not start a run.

The same forms serve for what is excluded and for blackouts; what a window does to a due time is decided elsewhere.
Windows are written in wall-clock time and follow the clocks of their zone; only a window between two times with an
offset is bound to instants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

from runwright.errors import ScheduleRefused
from runwright.model import JSON
from runwright.schedule.wallclock import DAY, first_instant, segments, wall_of, zone_of

MOST_WINDOWS = 366
"""How many windows a schedule may have of each sort."""

Span: TypeAlias = tuple[datetime, datetime]
"""From the first moment on, up to the second, which is outside."""

_LONGEST_TEXT = 64
_INSTANT = timedelta(microseconds=1)
_LONGEST_REACH = timedelta(days=400)
_HORIZON = timedelta(days=366 * 50)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EXAMPLES = "2026-12-25, 12-24/12-26, sat,sun, mon-fri 22:00-06:00 or 2026-12-24T18:00/2026-12-27T06:00"
_YEARLY = re.compile(r"(\d\d)-(\d\d)")
_CLOCKS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


class _Walls(Protocol):
    """What a window is on the clock of a wall."""

    def walls(self, low: datetime, high: datetime) -> Iterator[Span]:
        """Its stretches that may touch [low, high), as naive times."""
        ...


@dataclass(frozen=True, slots=True)
class _Days:
    """Some days of one year, the last included."""

    first: date
    last: date

    def walls(self, low: datetime, high: datetime) -> Iterator[Span]:
        yield _midnight(self.first), _midnight(self.last) + DAY


@dataclass(frozen=True, slots=True)
class _Yearly:
    """Some days of every year, the last included; they may run into the next year."""

    first: tuple[int, int]
    last: tuple[int, int]

    def walls(self, low: datetime, high: datetime) -> Iterator[Span]:
        for year in range(max(low.year - 1, 1), min(high.year, 9998) + 1):
            start = _day_of(year, self.first)
            stop = _day_of(year + (self.last < self.first), self.last) + DAY
            if self.last == (2, 29) and stop.month == 3 and stop.day == 2:
                stop -= DAY  # a year without a 29th of February ends the window with the 28th
            if start < stop:
                yield start, stop


@dataclass(frozen=True, slots=True)
class _Weekly:
    """Some hours of some weekdays; hours across midnight belong to the day on which they begin."""

    days: frozenset[int]
    start: timedelta
    stop: timedelta

    def walls(self, low: datetime, high: datetime) -> Iterator[Span]:
        length = self.stop - self.start if self.stop > self.start else self.stop - self.start + DAY
        day = _midnight(low.date()) - DAY if low.year > 1 else _midnight(low.date())
        while day < high:
            if day.weekday() in self.days:
                yield day + self.start, day + self.start + length
            day += DAY


@dataclass(frozen=True, slots=True)
class Windows:
    """Some windows, and when they are. Empty windows never are; ``bool`` tells whether there are any."""

    zone: ZoneInfo
    recurring: tuple[tuple[str, _Walls], ...] = ()
    fixed: tuple[tuple[str, Span], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.recurring or self.fixed)

    def at(self, instant: datetime) -> str | None:
        """The text of a window that covers ``instant``; None if there is none."""
        for text, (start, stop) in self.fixed:
            if start <= instant < stop:
                return text
        wall = wall_of(instant, self.zone)
        for text, window in self.recurring:
            if any(start <= wall < stop for start, stop in window.walls(wall, wall + _INSTANT)):
                return text
        return None

    def spans(self, start: datetime, stop: datetime) -> list[Span]:
        """Where the windows are within [start, stop): in order, without overlap, in UTC."""
        found = [(max(start, low), min(stop, high)) for _, (low, high) in self.fixed]
        if self.recurring:
            for begin, end, offset in segments(start, stop, self.zone):
                low, high = begin.replace(tzinfo=None) + offset, end.replace(tzinfo=None) + offset
                for _, window in self.recurring:
                    for first, last in window.walls(low, high):
                        found.append((_utc(max(first, low) - offset), _utc(min(last, high) - offset)))
        return _merged(found)

    def ends_after(self, instant: datetime) -> datetime | None:
        """The first moment from ``instant`` on that is outside, often itself; None if there is none for fifty years."""
        moment, reach = instant, 2 * DAY
        while moment - instant < _HORIZON:
            spans = self.spans(moment, moment + reach)
            if not spans or spans[0][0] > moment:
                return moment
            moment, reach = spans[0][1], min(reach * 8, _LONGEST_REACH)
        return None


NEVER = Windows(ZoneInfo("UTC"))
"""No window at all."""


def parse_windows(texts: Sequence[JSON], timezone: str = "UTC", field: str = "excluded") -> Windows:
    """The windows that these texts describe, in wall-clock time of ``timezone`` (an IANA name).

    Args:
        texts: each a day ``2026-12-25``, days ``2026-12-24/2027-01-02`` or, every year, ``12-25`` and ``12-24/12-26``,
            the last day included; weekdays ``sat,sun``, hours ``22:00-06:00``, or both, ``mon-fri 22:00-06:00``; or a
            stretch between two times, ``2026-12-24T18:00/2026-12-27T06:00``, which may have offsets.
        timezone: the schedule's zone.
        field: named in the refusal, with the place in the list.

    Raises ScheduleRefused for what is none of these.
    """
    zone = zone_of(timezone)
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise ScheduleRefused(field, "must be a list of texts")
    if len(texts) > MOST_WINDOWS:
        raise ScheduleRefused(field, f"has {len(texts)} entries; at most {MOST_WINDOWS} are allowed")
    recurring: list[tuple[str, _Walls]] = []
    fixed: list[tuple[str, Span]] = []
    for index, given in enumerate(texts):
        here = f"{field}[{index}]"
        if not isinstance(given, str) or len(given) > _LONGEST_TEXT:
            raise ScheduleRefused(here, f"{given!r:.80} is not a window, such as {_EXAMPLES}")
        text = " ".join(given.split())
        try:
            window = _parse(text)
        except ValueError as error:
            raise ScheduleRefused(here, f"{text!r:.80} is not a window, such as {_EXAMPLES}: {error}") from error
        if isinstance(window, tuple):
            start, stop = (first_instant(m, zone) if m.tzinfo is None else m.astimezone(UTC) for m in window)
            if start >= stop:
                raise ScheduleRefused(here, f"{text!r} ends before it begins")
            fixed.append((text, (start, stop)))
        else:
            recurring.append((text, window))
    return Windows(zone, tuple(recurring), tuple(fixed))


def _parse(text: str) -> _Walls | Span:
    """One window; ValueError says what is wrong."""
    first, slash, last = text.partition("/")
    if not slash:
        last = first
    if len(first) == len(last) == 10 and first[:4].isdecimal():
        days = _Days(_date(first), _date(last))
        if days.last < days.first:
            raise ValueError("the last day is before the first")
        return days
    if _YEARLY.fullmatch(first) and _YEARLY.fullmatch(last):
        return _Yearly(_month_and_day(first), _month_and_day(last))
    if slash:
        return _moment(first.strip()), _moment(last.strip())
    return _weekly(text.lower())


def _weekly(text: str) -> _Weekly:
    words = text.split(" ")
    days = frozenset(range(7)) if _CLOCKS.fullmatch(words[0]) else _weekdays(words.pop(0))
    if not words:
        return _Weekly(days, timedelta(0), DAY)
    clocks = _CLOCKS.fullmatch(words[0])
    if clocks is None or len(words) > 1:
        raise ValueError(f"{' '.join(words)!r} is not a stretch of hours, such as 22:00-06:00")
    start, stop = _clock(clocks[1], clocks[2]), _clock(clocks[3], clocks[4])
    if start == stop:
        raise ValueError("it ends when it begins; a whole day is 00:00-24:00")
    return _Weekly(days, start, stop)


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        first, dash, last = item.partition("-")
        if first not in _WEEK or (dash and last not in _WEEK):
            raise ValueError(f"{item!r} is not a weekday")
        start = _WEEK.index(first)
        length = (_WEEK.index(last) - start) % 7 if dash else 0
        found.update((start + n) % 7 for n in range(length + 1))
    return frozenset(found)


def _clock(hours: str, minutes: str) -> timedelta:
    if not (int(minutes) < 60 and int(hours) < 24) and (hours, minutes) != ("24", "00"):
        raise ValueError(f"{hours}:{minutes} is not a time of day")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _month_and_day(text: str) -> tuple[int, int]:
    found = date.fromisoformat(f"2000-{text}")  # a year with every day
    return found.month, found.day


def _date(text: str) -> date:
    found = date.fromisoformat(text)
    if not 1970 <= found.year <= 9000:
        raise ValueError(f"the year {found.year} is out of range; it goes from 1970 to 9000")
    return found


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if not 1970 <= found.year <= 9000:
        raise ValueError(f"the year {found.year} is out of range; it goes from 1970 to 9000")
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _day_of(year: int, day: tuple[int, int]) -> datetime:
    try:
        return datetime(year, *day)
    except ValueError:  # the 29th of February
        return datetime(year, 3, 1)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found
