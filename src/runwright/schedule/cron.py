"""Schedule: the text of a cron expression, checked field by field, and the walls (naive times) that it matches.

Which days match is cronsim's to say, on naive dates only; what the clocks of a zone do to them is ``crontrigger``'s
business. The checking is our own: every refusal names its field, and some forms that cronsim takes mean something else
to it. So is the search: by days, in a third of the time.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from cronsim import CronSim, CronSimError

from runwright.errors import ScheduleRefused

LONGEST_TEXT = 256

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_DAY = timedelta(days=1)
_NUMBER = re.compile(r"[0-9]{1,4}")
_START = datetime(2000, 1, 1)
_YEARS = 50


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def refuse(self, reason: str) -> ScheduleRefused:
        return ScheduleRefused(self.name, reason)


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DOM = _Field("day-of-month", 1, 31)
_MONTH = _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
_DOW = _Field("day-of-week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
_FIELDS = (_SECOND, _MINUTE, _HOUR, _DOM, _MONTH, _DOW)


class CronExpression:
    """A checked expression: its six fields in plain numbers, and the walls it matches. Immutable after it is made.

    Raises ScheduleRefused, naming the field, for text that is malformed or that no day of any year can match.
    """

    __slots__ = ("_first_time", "_sim", "_times", "fields", "fixed", "text")

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            raise ScheduleRefused("cron", f"is longer than {LONGEST_TEXT} characters")
        self.text = " ".join(text.split())
        parts = _split(self.text)
        self.fields = tuple(_checked(field, part) for field, part in zip(_FIELDS, parts, strict=True))
        self.fixed = not any(part.startswith("*") for part in self.fields[:3])
        self._sim = _copy(_on_days(*self.fields[3:]))
        times = _at_times(*self.fields[:3])
        self._sim.seconds, self._sim.minutes, self._sim.hours = times.seconds, times.minutes, times.hours
        self._times = sorted(times.hours), sorted(times.minutes), sorted(times.seconds)
        self._first_time = time(self._times[0][0], self._times[1][0], self._times[2][0])

    def next_wall(self, wall: datetime) -> datetime | None:
        """The first match strictly after ``wall``, which has whole seconds; None if there is none within 50 years."""
        today = wall.date()
        if self._day_matches(today) and (later := self._time_after(wall.time())) is not None:
            return datetime.combine(today, later)
        try:
            day = self._day_after(today)
        except (OverflowError, ValueError):  # beyond the year 9999
            return None
        return None if day is None else datetime.combine(day, self._first_time)

    def _time_after(self, moment: time) -> time | None:
        """The first time of a day strictly after ``moment``."""
        hours, minutes, seconds = self._times
        if moment.hour in self._sim.hours:
            if moment.minute in self._sim.minutes and (at := bisect_right(seconds, moment.second)) < len(seconds):
                return time(moment.hour, moment.minute, seconds[at])
            if (at := bisect_right(minutes, moment.minute)) < len(minutes):
                return time(moment.hour, minutes[at], seconds[0])
        at = bisect_right(hours, moment.hour)
        return time(hours[at], minutes[0], seconds[0]) if at < len(hours) else None

    def _day_after(self, day: date) -> date | None:
        """The first day that matches strictly after ``day``; None if there is none within 50 years."""
        last_year, months, match = day.year + _YEARS, self._sim.months, self._sim.match_day
        day += _DAY
        while day.year <= last_year:
            if day.month not in months:
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            elif match(day):
                return day
            else:
                day += _DAY
        return None

    def matches(self, wall: datetime) -> bool:
        """Whether ``wall`` is a match."""
        sim = self._sim
        return (
            wall.second in sim.seconds
            and wall.minute in sim.minutes
            and wall.hour in sim.hours
            and self._day_matches(wall.date())
        )

    def count_walls(self, start: datetime, stop: datetime) -> int:
        """How many matches lie in [start, stop). Takes time by the days in between, not by the matches."""
        if stop <= start:
            return 0
        day, last = start.date(), stop.date()
        total = -self._before(start.time()) if self._day_matches(day) else 0
        per_day = len(self._sim.hours) * len(self._sim.minutes) * len(self._sim.seconds)
        while day < last:
            if self._day_matches(day):
                total += per_day
            day += _DAY
        return total + (self._before(stop.time()) if self._day_matches(last) else 0)

    def _day_matches(self, day: date) -> bool:
        return day.month in self._sim.months and self._sim.match_day(day)

    def _before(self, moment: time) -> int:
        """How many matches of a day that matches come before ``moment``."""
        hours, minutes, seconds = self._times
        total = bisect_left(hours, moment.hour) * len(minutes) * len(seconds)
        if moment.hour in self._sim.hours:
            total += bisect_left(minutes, moment.minute) * len(seconds)
            if moment.minute in self._sim.minutes:
                total += bisect_left(seconds, moment.second)
        return total


@lru_cache(1024)
def expression(text: str) -> CronExpression:
    """The expression that a text describes: a schedule is looked at in many places, and many are alike."""
    return CronExpression(text)


def _copy(sim: CronSim) -> CronSim:
    """A shallow copy, at a tenth of what ``copy`` takes."""
    twin = CronSim.__new__(CronSim)
    twin.__dict__.update(sim.__dict__)
    return twin


@lru_cache(1024)
def _on_days(days: str, months: str, weekdays: str) -> CronSim:
    """Every second of these days; ScheduleRefused if there is no such day."""
    try:
        sim = CronSim(f"* * * {days} {months} {weekdays}", _START)
    except CronSimError as error:  # the one thing it finds that the fields alone do not show
        raise _DOM.refuse("that day never comes in the months given") from error
    if not any(sim.match_day(day) for day in _sample_days(sim.months)):
        raise _DOM.refuse("no day of any year is both this day of the month and this day of the week")
    return sim


@lru_cache(2048)
def _at_times(second: str, minute: str, hour: str) -> CronSim:
    """Every day at these times."""
    return CronSim(f"{second} {minute} {hour} * * *", _START)


def _split(text: str) -> list[str]:
    if text.startswith("@"):
        expanded = ALIASES.get(text.lower())
        if expanded is None:
            known = ", ".join(ALIASES)
            raise ScheduleRefused("cron", f"{text!r} is not known; there are {known}, @every and @always")
        text = expanded
    parts = text.upper().split()
    if len(parts) not in (5, 6):
        raise ScheduleRefused(
            "cron",
            f"needs 5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first, not {len(parts)}",
        )
    return parts if len(parts) == 6 else ["0", *parts]


@lru_cache(1024)
def _checked(field: _Field, text: str) -> str:
    """The field in plain numbers, or ScheduleRefused."""
    return ",".join(dict.fromkeys(_checked_item(field, item) for item in text.split(",")))


def _checked_item(field: _Field, item: str) -> str:
    if not item:
        raise field.refuse("has an empty item in its list")
    special = _special(field, item)
    if special is not None:
        return special
    head, slash, step_text = item.partition("/")
    step = _step(field, step_text) if slash else 1
    if head in ("*", "?"):
        return f"*/{step}" if slash else "*"
    first_text, dash, last_text = head.partition("-")
    first = _value(field, first_text)
    if not dash:
        if slash:
            return f"{first}/{step}"
        return str(first % 7 if field is _DOW else first)  # one name for Sunday
    last = _value(field, last_text)
    if field is _DOW and last_text == "SUN" and first > 0:
        last = 7  # fri-sun ends with the week, not before it began
    if last < first:
        raise field.refuse(f"the range {head.lower()} runs backwards; write it as two ranges")
    if first == last:
        return str(first)  # a range of one value; with a step, cronsim would read it as "from here on"
    return f"{first}-{last}/{step}" if slash else f"{first}-{last}"


def _special(field: _Field, item: str) -> str | None:
    """L, LW, 5L and 1#2; None if the item is none of them."""
    if field is _DOM:
        if item in ("L", "LW"):
            return item
        if item.startswith("L") or item.endswith("W"):
            raise field.refuse(f"{item!r} is not supported; there are L (last day) and LW (last weekday)")
    if field is _DOW:
        if item == "L":
            raise field.refuse("say which weekday: 5L is the last Friday of the month")
        head, hash_sign, nth = item.partition("#")
        if hash_sign:
            if nth not in ("1", "2", "3", "4", "5"):
                raise field.refuse(f"after # comes a number from 1 to 5, not {nth!r}")
            return f"{_value(field, head)}#{nth}"
        if item.endswith("L"):
            return f"{_value(field, item[:-1])}L"
    return None


def _value(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + (1 if field is _MONTH else 0)
    if not _NUMBER.fullmatch(text):
        raise field.refuse(f"{text!r} is not a value of this field")
    value = int(text)
    if not field.low <= value <= field.high:
        raise field.refuse(f"{value} is out of range; it goes from {field.low} to {field.high}")
    return value


def _step(field: _Field, text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise field.refuse(f"a step is a number from 1 on, not {text!r}")
    longest = 7 if field is _DOW else field.high - field.low + 1
    if int(text) > longest:
        raise field.refuse(f"a step of {text} is longer than the field, which has {longest} values")
    return int(text)


def _sample_days(months: set[int]) -> list[date]:
    """Days of every shape that a month can have: each length that these months have, beginning on each weekday."""
    lengths = {length for month in months for length in _LENGTHS[month]}
    return [day for length in sorted(lengths) for day in _SHAPES[length]]


_LENGTHS = {month: (28, 29) if month == 2 else (30,) if month in (4, 6, 9, 11) else (31,) for month in range(1, 13)}


def _shapes() -> dict[int, list[date]]:
    found: dict[tuple[int, int], list[date]] = {}
    for year in range(2000, 2028):  # 28 years in a row without a skipped leap day hold every shape
        for month in range(1, 13):
            first = date(year, month, 1)
            length = (date(year + month // 12, month % 12 + 1, 1) - first).days
            found.setdefault((length, first.weekday()), [first + index * _DAY for index in range(length)])
    return {length: [day for key, days in found.items() if key[0] == length for day in days] for length, _ in found}


_SHAPES = _shapes()
