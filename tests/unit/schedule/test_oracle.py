"""Cron in zones whose clocks jump, against an oracle that walks through the instants of UTC one by one.

The oracle shares no code with the product or with cronsim: it never parses an expression (its fields come from the
strategy as sets), and it knows gaps and folds only from watching the wall clock while it walks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runwright.errors import ScheduleRefused
from runwright.schedule import Trigger, compile_when
from runwright.when import Cron

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Europe/Dublin",  # its winter is the daylight-saving time, with a negative saving
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",  # goes back for a month each year, and forward again
    "Antarctica/Troll",  # two hours
    "Pacific/Apia",  # left out 2011-12-30
    "America/Sao_Paulo",  # jumped at midnight
    "Asia/Kathmandu",  # an offset of quarters
    "America/Caracas",  # changed its offset by half an hour, twice
    "Asia/Gaza",  # several changes a year, at odd times
)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
FIRST, LAST = datetime(1975, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)

DayRule = Callable[[datetime], bool]


@dataclass(frozen=True)
class Fields:
    """A cron expression, and what it means: sets, and predicates for the two day fields."""

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    of_month: DayRule
    of_week: DayRule
    both_days: bool
    fixed: bool

    def day(self, wall: datetime) -> bool:
        if wall.month not in self.months:
            return False
        if self.both_days:
            return self.of_month(wall) and self.of_week(wall)
        return self.of_month(wall) or self.of_week(wall)

    def match(self, wall: datetime) -> bool:
        return (
            wall.minute in self.minutes and wall.hour in self.hours and wall.second in self.seconds and self.day(wall)
        )


def walk(
    fields: Fields, zone: ZoneInfo, start: datetime, stop: datetime, *, gap: str, fold: str, step: timedelta
) -> Iterator[datetime]:
    """Every due instant in (start, stop]: the brute-force oracle."""
    instant = start - timedelta(hours=27)  # long enough to have seen every wall that may come again
    before = instant.astimezone(zone).replace(tzinfo=None)
    highest = before
    while instant < stop:
        instant += step
        wall = instant.astimezone(zone).replace(tzinfo=None)
        due = False
        if fields.match(wall) and (not fields.fixed or fold == "twice" or wall > highest):
            due = True
        if fields.fixed and gap == "after" and wall - before > step:
            skipped = before + step
            while skipped < wall:
                due = due or fields.match(skipped)
                skipped += step
        before, highest = wall, max(highest, wall)
        if due and instant > start:
            yield instant


@cache
def jumps(name: str) -> tuple[datetime, ...]:
    """The hours in which the zone's clocks change, from 1975 to 2037."""
    zone, found, day = ZoneInfo(name), [], FIRST
    while day < LAST:
        following = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            hour = day
            while (hour + timedelta(hours=1)).astimezone(zone).utcoffset() == day.astimezone(zone).utcoffset():
                hour += timedelta(hours=1)
            found.append(hour)
        day = following
    return tuple(found)


def number_field(draw: st.DrawFn, low: int, high: int, shapes: tuple[str, ...]) -> tuple[str, frozenset[int]]:
    """The text of a field of numbers, and the set it stands for."""
    shape = draw(st.sampled_from(shapes))
    number, steps = st.integers(low, high), st.integers(1, min(high - low + 1, 7 if high == 7 else 60))
    everything = range(low, high + 1)
    if shape == "star":
        return "*", frozenset(everything)
    if shape == "star step":
        step = draw(steps)
        return f"*/{step}", frozenset(everything[::step])
    if shape == "list":
        values = draw(st.lists(number, min_size=1, max_size=4))
        return ",".join(map(str, values)), frozenset(values)
    start = draw(number)
    if shape == "from step":
        step = draw(steps)
        return f"{start}/{step}", frozenset(range(start, high + 1, step))
    stop = draw(st.integers(start, high))
    if shape == "range":
        return f"{start}-{stop}", frozenset(range(start, stop + 1))
    step = draw(steps)
    mixed = draw(number)
    return f"{start}-{stop}/{step},{mixed}", frozenset(range(start, stop + 1, step)) | {mixed}


SHAPES = ("star", "star step", "list", "list", "from step", "range", "mixed")


def month_day(draw: st.DrawFn) -> tuple[str, DayRule]:
    shape = draw(st.sampled_from(("star",) * 8 + ("L", "LW", "L,15") + SHAPES))
    if shape == "L":
        return "L", lambda wall: (wall + timedelta(days=1)).day == 1
    if shape == "L,15":
        return "L,15", lambda wall: (wall + timedelta(days=1)).day == 1 or wall.day == 15
    if shape == "LW":
        return "LW", is_last_working_day
    text, values = number_field(draw, 1, 31, (shape,))
    return text, lambda wall: wall.day in values


def is_last_working_day(wall: datetime) -> bool:
    if wall.isoweekday() > 5:
        return False
    later = wall + timedelta(days=1)
    while later.month == wall.month:
        if later.isoweekday() <= 5:
            return False
        later += timedelta(days=1)
    return True


def week_day(draw: st.DrawFn) -> tuple[str, DayRule]:
    shape = draw(st.sampled_from(("star",) * 8 + ("last", "nth", "names") + SHAPES))
    if shape == "names":
        return "mon-FRI", lambda wall: wall.isoweekday() <= 5
    if shape in ("last", "nth"):
        day, nth = draw(st.integers(0, 7)), draw(st.integers(1, 5))
        if shape == "nth":
            return f"{day}#{nth}", lambda wall: wall.isoweekday() % 7 == day % 7 and (wall.day - 1) // 7 == nth - 1
        return (
            f"{day}L",
            lambda wall: wall.isoweekday() % 7 == day % 7 and (wall + timedelta(days=7)).month != wall.month,
        )
    text, values = number_field(draw, 0, 7, (shape,))
    week = frozenset(value % 7 for value in values)
    return text, lambda wall: wall.isoweekday() % 7 in week


@st.composite
def expressions(draw: st.DrawFn, *, with_seconds: bool = False) -> Fields:
    second = number_field(draw, 0, 59, SHAPES) if with_seconds else ("", frozenset({0}))
    minute = number_field(draw, 0, 59, SHAPES)
    hour = number_field(draw, 0, 23, (*SHAPES, "star", "range"))
    month = number_field(draw, 1, 12, ("star", "star", "star", "list", "range"))
    of_month, of_week = month_day(draw), week_day(draw)
    texts = (second[0], minute[0], hour[0], of_month[0], month[0], of_week[0])
    return Fields(
        " ".join(texts).strip(),
        second[1],
        minute[1],
        hour[1],
        month[1],
        of_month[1],
        of_week[1],
        both_days=of_month[0].startswith("*") or of_week[0].startswith("*"),
        fixed=not any(text.startswith("*") for text in texts[:3]),
    )


def window(seed: random.Random, name: str, hours: int) -> tuple[datetime, datetime]:
    """A stretch of time around a change of the zone's clocks, or anywhere."""
    changes = jumps(name)
    if changes and seed.random() < 0.85:
        start = seed.choice(changes) - seed.randrange(1, hours * 60) * MINUTE
    else:
        start = FIRST + seed.randrange(0, 60 * 365 * 24 * 60) * MINUTE
    return start, start + timedelta(hours=hours)


def check(fields: Fields, name: str, seed: int, hours: int, gap: str, fold: str, step: timedelta) -> None:
    """Product and oracle agree on every due time of a window, from every side."""
    gap_rule: Literal["after", "skip"] = "after" if gap == "after" else "skip"
    fold_rule: Literal["once", "twice"] = "once" if fold == "once" else "twice"
    when = Cron(fields.text, name, gap_rule, fold_rule)
    try:
        trigger: Trigger = compile_when(when)
    except ScheduleRefused:
        days = (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=index) for index in range(28 * 366))
        assert not any(fields.day(day) for day in days), f"{fields.text} was refused, but there is such a day"
        return
    chance = random.Random(seed)
    start, stop = window(chance, name, hours)
    wanted = list(walk(fields, ZoneInfo(name), start, stop, gap=gap, fold=fold, step=step))

    found, moment = [], start
    while (due := trigger.next_after(moment)) is not None and due <= stop:
        assert due > moment
        found.append(due)
        moment = due
    assert found == wanted, (when, start, stop)

    for _ in range(12):  # from anywhere: within a gap's second, in the first and in the second pass of a fold
        moment = start + chance.randrange(int((stop - start) / step)) * step
        moment += timedelta(microseconds=chance.choice((0, 0, 1, 999_999)))
        later = next((instant for instant in wanted if instant > moment), None)
        due = trigger.next_after(moment)
        assert later == (due if due is not None and due <= stop else None), (when, moment)
        until = moment + chance.randrange(int((stop - moment) / step) + 1) * step
        inside = [instant for instant in wanted if moment < instant <= until]
        dues = trigger.due_between(moment, until, 5)
        assert (dues.count, dues.first) == (len(inside), inside[0] if inside else None), (when, moment, until)
        assert list(dues.newest) == inside[-5:], (when, moment, until)


GAPS, FOLDS = st.sampled_from(("after", "after", "skip")), st.sampled_from(("once", "once", "twice"))
SHORT = settings(max_examples=140, derandomize=True, deadline=None, database=None)
LONG = settings(
    max_examples=20_000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@SHORT
@given(expressions(), st.sampled_from(ZONES), st.integers(0, 10**9), GAPS, FOLDS)
def test_minutes_agree_with_the_oracle(fields: Fields, name: str, seed: int, gap: str, fold: str) -> None:
    check(fields, name, seed, 30, gap, fold, MINUTE)


@settings(SHORT, max_examples=25)
@given(expressions(with_seconds=True), st.sampled_from(ZONES), st.integers(0, 10**9), GAPS, FOLDS)
def test_seconds_agree_with_the_oracle(fields: Fields, name: str, seed: int, gap: str, fold: str) -> None:
    check(fields, name, seed, 1, gap, fold, SECOND)


@pytest.mark.soak
@LONG
@given(expressions(), st.sampled_from(sorted(available_timezones())), st.integers(0, 10**9), GAPS, FOLDS)
def test_every_zone_agrees_with_the_oracle(fields: Fields, name: str, seed: int, gap: str, fold: str) -> None:
    check(fields, name, seed, 50, gap, fold, MINUTE)


@pytest.mark.soak
def test_fixed_times_agree_at_every_change_of_every_zone() -> None:
    """Each change of each zone from 1975 to 2037, 27 hours either side, for a fixed time in each quarter of an hour."""
    differences = []
    for name in sorted(available_timezones()):
        for change in jumps(name):
            chance = random.Random(f"{name} {change}")
            start, stop = change - timedelta(hours=3), change + timedelta(hours=4)
            minute, hours = chance.randrange(60), frozenset(range(24))
            fields = Fields(
                f"{minute} 0-23 * * *",
                frozenset({0}),
                frozenset({minute}),
                hours,
                frozenset(range(1, 13)),
                lambda wall: True,
                lambda wall: True,
                both_days=True,
                fixed=True,
            )
            trigger = compile_when(Cron(fields.text, name))
            wanted = list(walk(fields, ZoneInfo(name), start, stop, gap="after", fold="once", step=MINUTE))
            if trigger.due_between(start, stop, 1000).newest != tuple(wanted):
                differences.append((name, change))
    assert differences == []
