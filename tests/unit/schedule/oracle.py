"""Test: a second opinion about cron, by brute force: its own reader of expressions, and a walk through the instants.

It shares no code with the product or with any cron library. It knows nothing of gaps and folds but what it sees: it
asks zoneinfo for the offset of every single minute (or second) of UTC, and watches what the clock on the wall does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1)
HOURS_BEFORE = 27
"""How long before its window a walk begins: long enough to have seen every wall that may come again."""

DayRule = Callable[[date], bool]


class Refused(Exception):
    """The oracle does not take this for a cron expression."""


@dataclass
class Reading:
    """What an expression says: plain sets, and rules for days."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    of_month: list[DayRule]
    of_week: list[DayRule]
    both_days: bool
    fixed: bool
    _known: dict[int, bool] = field(default_factory=dict)

    def day(self, number: int) -> bool:
        """Whether the day with this number (from 1970-01-01 on) matches."""
        if number not in self._known:
            day = FIRST_DAY + timedelta(days=number)
            one, other = any(rule(day) for rule in self.of_month), any(rule(day) for rule in self.of_week)
            matches = (one and other) if self.both_days else (one or other)
            self._known[number] = matches and day.month in self.months
        return self._known[number]

    def times(self, step: int) -> list[bool]:
        """For each step of a day whether hour, minute and second match."""
        found = []
        for second in range(0, 86_400, step):
            found.append(
                second // 3600 in self.hours and second // 60 % 60 in self.minutes and second % 60 in self.seconds
            )
        return found


def read(text: str) -> Reading:
    """Read an expression of five or six fields, or an alias; Refused if it is none."""
    text = text.strip().lower()
    fields = ALIASES.get(text, text).split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6 or len(text) > 256 or (text.startswith("@") and text not in ALIASES):
        raise Refused(text)
    fields = [part.replace("?", "*") for part in fields] if _questions_stand_alone(fields) else _refuse(text)
    second, minute, hour, month_day, month, week_day = fields
    reading = Reading(
        seconds=_numbers(second, 0, 59),
        minutes=_numbers(minute, 0, 59),
        hours=_numbers(hour, 0, 23),
        months=_numbers(month, 1, 12, MONTHS),
        of_month=[_month_day(item) for item in month_day.split(",")],
        of_week=[_week_day(item) for item in week_day.split(",")],
        both_days=month_day[0] == "*" or week_day[0] == "*",
        fixed=all(part[0] != "*" for part in (second, minute, hour)),
    )
    if not any(reading.day(number) for number in range(10_957, 10_957 + 28 * 366)):  # from 2000 on
        raise Refused(text)
    return reading


def _questions_stand_alone(fields: list[str]) -> bool:
    return all(item == "?" or item.startswith("?/") or "?" not in item for f in fields for item in f.split(","))


def _refuse(text: str) -> list[str]:
    raise Refused(text)


def _numbers(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        found |= _item(item, low, high, names)
    return frozenset(found)


def _item(item: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    body, slash, step = item.partition("/")
    longest = high - low + 1 if names != WEEK else 7
    if slash and not (step.isascii() and step.isdigit() and len(step) < 5 and 1 <= int(step) <= longest):
        raise Refused(item)
    stride = int(step) if slash else 1
    if body == "*":
        return set(range(low, high + 1, stride))
    first, dash, last = body.partition("-")
    start = _number(first, low, high, names)
    if not dash:
        return set(range(start, high + 1, stride)) if slash else {start}
    stop = _number(last, low, high, names)
    if last == "sun" and start > 0 and names == WEEK:
        stop = 7
    if stop < start:
        raise Refused(item)
    return set(range(start, stop + 1, stride))


def _number(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + low
    if not (text.isascii() and text.isdigit() and len(text) < 5 and low <= int(text) <= high):
        raise Refused(text)
    return int(text)


def _month_day(item: str) -> DayRule:
    if item == "l":
        return lambda day: (day + timedelta(days=1)).month != day.month
    if item == "lw":
        return _last_working_day
    numbers = _item(item, 1, 31, ())
    return lambda day: day.day in numbers


def _last_working_day(day: date) -> bool:
    if day.isoweekday() > 5:
        return False
    later = day + timedelta(days=1)
    while later.month == day.month:
        if later.isoweekday() <= 5:
            return False
        later += timedelta(days=1)
    return True


def _week_day(item: str) -> DayRule:
    if "#" in item:
        name, _, which = item.partition("#")
        if which not in ("1", "2", "3", "4", "5"):
            raise Refused(item)
        wanted, nth = _number(name, 0, 7, WEEK) % 7, int(which)
        return lambda day: day.isoweekday() % 7 == wanted and (day.day + 6) // 7 == nth
    if item.endswith("l"):
        wanted = _number(item[:-1], 0, 7, WEEK) % 7
        return lambda day: day.isoweekday() % 7 == wanted and (day + timedelta(days=7)).month != day.month
    numbers = {number % 7 for number in _item(item, 0, 7, WEEK)}
    return lambda day: day.isoweekday() % 7 in numbers


class Walk:
    """The clock on the wall of a zone, at every step of UTC in (start, stop]; ``start`` is whole minutes."""

    def __init__(self, zone: ZoneInfo, start: datetime, stop: datetime, step: int = 60) -> None:
        self.step = step
        self.start = int((start - EPOCH).total_seconds()) // step
        self.begin = self.start - HOURS_BEFORE * 3600 // step
        stride = timedelta(seconds=step)
        instant = start - timedelta(hours=HOURS_BEFORE)
        number, self.walls = self.begin, []
        while instant <= stop:
            offset = instant.astimezone(zone).utcoffset()
            assert offset is not None
            seconds = offset.days * 86_400 + offset.seconds
            assert seconds % step == 0, "an offset that is not whole minutes: walk in seconds"
            self.walls.append(number + seconds // step)
            instant += stride
            number += 1

    def dues(self, reading: Reading, gap: str = "after", fold: str = "once") -> Iterator[datetime]:
        """Every instant at which the expression is due."""
        times, day, per_day = reading.times(self.step), reading.day, 86_400 // self.step
        once = reading.fixed and fold == "once"
        make_up = reading.fixed and gap == "after"
        highest = before = self.walls[0]
        for number, wall in enumerate(self.walls, self.begin):
            due = times[wall % per_day] and (not once or wall > highest) and day(wall // per_day)
            if make_up and wall > before + 1 and not due:
                due = any(times[skipped % per_day] and day(skipped // per_day) for skipped in range(before + 1, wall))
            before = wall
            if wall > highest:
                highest = wall
            if due and number > self.start:
                yield EPOCH + timedelta(seconds=number * self.step)
