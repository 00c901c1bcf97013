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


@dataclass(frozen=True, slots=True, eq=False)
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

    __slots__ = ("_days", "_times", "fields", "fixed", "text")

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            raise ScheduleRefused("cron", f"is longer than {LONGEST_TEXT} characters")
        words = text.split()
        self.text = " ".join(words)
        self.fields = tuple(map(_checked, _FIELDS, _parts(words)))
        second, minute, hour, *days = self.fields
        self.fixed = "*" not in (second[0], minute[0], hour[0])
        self._times = _times(second, minute, hour)
        self._days = _days(*days)

    def next_wall(self, wall: datetime) -> datetime | None:
        """The first match strictly after ``wall``, which has whole seconds; None if there is none within 50 years."""
        today = wall.date()
        if self._days.match(today) and (later := self._times.after(wall.time())) is not None:
            return datetime.combine(today, later)
        try:
            day = _day_after(self._days, today)
        except (OverflowError, ValueError):  # beyond the year 9999
            return None
        return None if day is None else datetime.combine(day, self._times.first)

    def matches(self, wall: datetime) -> bool:
        """Whether ``wall`` is a match."""
        return self._times.match(wall.time()) and self._days.match(wall.date())

    def count_walls(self, start: datetime, stop: datetime) -> int:
        """How many matches lie in [start, stop). Takes time by the days in between, not by the matches."""
        if stop <= start:
            return 0
        day, last = start.date(), stop.date()
        total = -self._times.before(start.time()) if self._days.match(day) else 0
        while day < last:
            if self._days.match(day):
                total += self._times.count
            day += _DAY
        return total + (self._times.before(stop.time()) if self._days.match(last) else 0)


class _Times:
    """The times of a day that match."""

    __slots__ = ("count", "first", "hours", "minutes", "seconds")

    def __init__(self, seconds: list[int], minutes: list[int], hours: list[int]) -> None:
        self.hours, self.minutes, self.seconds = hours, minutes, seconds
        self.first = time(self.hours[0], self.minutes[0], self.seconds[0])
        self.count = len(self.hours) * len(self.minutes) * len(self.seconds)

    def match(self, moment: time) -> bool:
        return moment.second in self.seconds and moment.minute in self.minutes and moment.hour in self.hours

    def after(self, moment: time) -> time | None:
        """The first strictly after ``moment``."""
        hours, minutes, seconds = self.hours, self.minutes, self.seconds
        if moment.hour in hours:
            if moment.minute in minutes and (at := bisect_right(seconds, moment.second)) < len(seconds):
                return time(moment.hour, moment.minute, seconds[at])
            if (at := bisect_right(minutes, moment.minute)) < len(minutes):
                return time(moment.hour, minutes[at], seconds[0])
        at = bisect_right(hours, moment.hour)
        return time(hours[at], minutes[0], seconds[0]) if at < len(hours) else None

    def before(self, moment: time) -> int:
        """How many come before ``moment``."""
        hours, minutes, seconds = self.hours, self.minutes, self.seconds
        total = bisect_left(hours, moment.hour) * len(minutes) * len(seconds)
        if moment.hour in hours:
            total += bisect_left(minutes, moment.minute) * len(seconds)
            if moment.minute in minutes:
                total += bisect_left(seconds, moment.second)
        return total


class _Days:
    """The days that match."""

    __slots__ = ("_sim",)

    def __init__(self, sim: CronSim) -> None:
        self._sim = sim

    def match(self, day: date) -> bool:
        return day.month in self._sim.months and self._sim.match_day(day)

    def after(self, day: date) -> date | None:
        """The first strictly after ``day``; None if there is none within 50 years."""
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


@lru_cache(1024)
def expression(text: str) -> CronExpression:
    """The expression that a text describes: a schedule is looked at in many places, and many are alike."""
    return CronExpression(text)


@lru_cache(1024)
def _days(days: str, months: str, weekdays: str) -> _Days:
    """These days; ScheduleRefused if there is no such day."""
    try:
        sim = CronSim(f"* * * {days} {months} {weekdays}", _START)
    except CronSimError as error:  # the one thing it finds that the fields alone do not show
        raise _DOM.refuse("that day never comes in the months given") from error
    if not any(sim.match_day(day) for day in _sample_days(sim.months)):
        raise _DOM.refuse("no day of any year is both this day of the month and this day of the week")
    return _Days(sim)


@lru_cache(2048)
def _times(second: str, minute: str, hour: str) -> _Times:
    """These times of every day."""
    return _Times(_numbers(_SECOND, second), _numbers(_MINUTE, minute), _numbers(_HOUR, hour))


@lru_cache(1024)
def _numbers(field: _Field, checked: str) -> list[int]:
    """The values of a checked field that has nothing but numbers, ascending."""
    found: set[int] = set()
    for item in checked.split(","):
        head, _, step = item.partition("/")
        first, _, last = head.partition("-")
        low = field.low if first == "*" else int(first)
        high = int(last) if last else field.high if step or first == "*" else low
        found.update(range(low, high + 1, int(step or 1)))
    return sorted(found)


@lru_cache(4096)
def _day_after(days: _Days, day: date) -> date | None:
    """See ``_Days.after``: few days are asked for, and again for each schedule and each of its fires."""
    return days.after(day)


def _parts(words: list[str]) -> list[str]:
    """The six fields, as they were written."""
    if words and words[0].startswith("@"):
        expanded = ALIASES.get(words[0].lower()) if len(words) == 1 else None
        if expanded is None:
            known = ", ".join(ALIASES)
            raise ScheduleRefused("cron", f"{' '.join(words)!r} is not known; there are {known}, @every and @always")
        words = expanded.split()
    parts = [word.upper() for word in words]
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
