"""Cron in zones whose clocks jump, against an oracle (``oracle.py``) that walks through the instants of UTC one by one.

``make test`` compares some windows with a fixed seed; ``make soak`` a million hours of schedules in every zone, and
every change of every zone's clocks, and prints the figures.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import compile_when, describe, parse_when
from runwright.when import Cron
from tests.unit.schedule.oracle import MONTHS, WEEK, Refused, Walk, read

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
    "America/St_Johns",  # went back across midnight, at 00:01
    "Asia/Kathmandu",  # an offset of quarters
    "America/Caracas",  # changed its offset by half an hour, twice
    "Asia/Gaza",  # several changes a year, at odd times
)
MINUTE, SECOND, HOUR = timedelta(minutes=1), timedelta(seconds=1), timedelta(hours=1)
FIRST, LAST = datetime(1975, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)


# ----- random expressions, as people and programs write them -------------------------------------------------------


def number_field(chance: random.Random, low: int, high: int, names: tuple[str, ...] = ()) -> str:
    """Some numbers of a field: a list of one to four values, ranges and steps."""

    def value(at_least: int = low) -> tuple[int, str]:
        number = chance.randint(at_least, high)
        if names and number - low < len(names) and chance.random() < 0.3:
            return number, chance.choice((names[number - low], names[number - low].upper()))
        return number, str(number)

    def item() -> str:
        shape = chance.choice(("value", "value", "value", "range", "range step", "from step"))
        start, text = value()
        if shape == "value":
            return text
        step = chance.randint(1, min(high - low + 1, 7) if high == 7 else high - low + 1)
        if shape == "from step":
            return f"{text}/{step}"
        last = value(start)[1]
        return f"{text}-{last}" if shape == "range" else f"{text}-{last}/{step}"

    return ",".join(item() for _ in range(chance.choice((1, 1, 1, 2, 4))))


def some_field(chance: random.Random, low: int, high: int, stars: float, names: tuple[str, ...] = ()) -> str:
    drawn = chance.random()
    if drawn < stars:
        return chance.choice(("*", "*", "*", "?"))
    if drawn < stars + 0.15:
        return f"*/{chance.randint(1, min(high - low + 1, 7) if high == 7 else high - low + 1)}"
    if drawn < stars + 0.18:
        return chance.choice(("*/{0},{1}", "{1},*/{0}")).format(chance.randint(2, 7), chance.randint(low, high))
    return number_field(chance, low, high, names)


def expression(chance: random.Random, *, seconds: bool = False) -> str:
    if not seconds and chance.random() < 0.02:
        return chance.choice(("@hourly", "@daily", "@midnight", "@weekly", "@MONTHLY", "@yearly"))
    month_day = some_field(chance, 1, 31, 0.5)
    if chance.random() < 0.1:
        month_day = chance.choice(("L", "LW", "L,15", "1,LW", "l"))
    week_day = some_field(chance, 0, 7, 0.5, WEEK)
    if chance.random() < 0.1:
        day = chance.choice(("0", "3", "5", "7", "sun", "MON", "fri"))
        week_day = chance.choice(
            (f"{day}L", f"{day}#{chance.randint(1, 5)}", f"{day}#1,{day}#3", f"2,{day}L", "mon-FRI")
        )
    fields = [
        some_field(chance, 0, 59, 0.08),
        some_field(chance, 0, 23, 0.8 if seconds else 0.3),
        month_day,
        some_field(chance, 1, 12, 0.6, MONTHS),
        week_day,
    ]
    if seconds:
        fields.insert(0, some_field(chance, 0, 59, 0.05))
    return " ".join(fields)


# ----- windows -----------------------------------------------------------------------------------------------------


@cache
def jumps(name: str) -> tuple[datetime, ...]:
    """The hours in which the zone's clocks change, from 1975 to 2037."""
    zone, found, day = ZoneInfo(name), [], FIRST
    while day < LAST:
        following = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            hour = day
            while (hour + HOUR).astimezone(zone).utcoffset() == day.astimezone(zone).utcoffset():
                hour += HOUR
            found.append(hour)
        day = following
    return tuple(found)


def window(chance: random.Random, name: str, hours: int) -> tuple[datetime, datetime]:
    """A stretch of time around a change of the zone's clocks, or anywhere."""
    changes = jumps(name)
    if changes and chance.random() < 0.85:
        start = chance.choice(changes) - chance.randrange(1, hours * 60) * MINUTE
    else:
        start = FIRST + chance.randrange(0, 62 * 365 * 24 * 60) * MINUTE
    return start, start + timedelta(hours=hours)


@dataclass
class Figures:
    """What was compared."""

    expressions: int = 0
    hours: float = 0
    dues: int = 0
    questions: int = 0
    refused: int = 0


def compare(
    chance: random.Random, figures: Figures, name: str, start: datetime, stop: datetime, walk: Walk, text: str
) -> None:
    """Product and oracle agree on every due time of a window, from every side."""
    gap: Literal["after", "skip"] = chance.choice(("after", "after", "skip"))
    fold: Literal["once", "twice"] = chance.choice(("once", "once", "twice"))
    figures.expressions += 1
    try:
        reading = read(text)
    except Refused:
        figures.refused += 1
        with pytest.raises(ScheduleRefused):
            compile_when(Cron(text, name, gap, fold))
        return
    here = f"{text!r} in {name}, {gap}, {fold}, from {start} to {stop}"
    trigger = compile_when(Cron(text, name, gap, fold))
    wanted = list(walk.dues(reading, gap, fold))
    figures.hours += (stop - start) / HOUR
    figures.dues += len(wanted)

    found, moment = [], start
    while (due := trigger.next_after(moment)) is not None and due <= stop:
        assert due > moment, here
        found.append(due)
        moment = due
    assert found == wanted, f"{here}: {sorted(set(found) ^ set(wanted))[:5]}"

    step = walk.step * SECOND
    for _ in range(6):  # from anywhere: within a gap's second, in the first and in the second pass of a fold
        moment = start + chance.randrange((stop - start) // step) * step
        moment += timedelta(microseconds=chance.choice((0, 0, 1, 999_999)))
        index = bisect_right(wanted, moment)
        due = trigger.next_after(moment)
        assert (due if due is not None and due <= stop else None) == (wanted[index] if index < len(wanted) else None), (
            f"{here}, after {moment}"
        )
        until = moment + chance.randrange((stop - moment) // step + 1) * step
        inside = wanted[index : bisect_right(wanted, until)]
        dues = trigger.due_between(moment, until, 5)
        assert (dues.count, dues.first) == (len(inside), inside[0] if inside else None), f"{here}: {moment} to {until}"
        assert list(dues.newest) == inside[-5:], f"{here}: {moment} to {until}"
        figures.questions += 2


def trial(seed: int, zones: tuple[str, ...], *, windows: int, hours: int, each: int, step: int = 60) -> Figures:
    """Compare in so many windows, with so many expressions in each."""
    chance, figures = random.Random(seed), Figures()
    for _ in range(windows):
        name = chance.choice(zones)
        start, stop = window(chance, name, hours)
        walk = Walk(ZoneInfo(name), start, stop, step)
        for _ in range(each):
            compare(chance, figures, name, start, stop, walk, expression(chance, seconds=step == 1))
    return figures


def test_minutes_agree_with_the_oracle() -> None:
    figures = trial(1, ZONES, windows=120, hours=30, each=4)
    assert figures.dues > 2_000
    assert figures.refused < figures.expressions / 10


def test_seconds_agree_with_the_oracle() -> None:
    assert trial(2, ZONES, windows=12, hours=1, each=8, step=1).dues > 500


def test_days_agree_with_the_oracle_over_the_years() -> None:
    """Rare days: every match of a daily time from 2026 on, for thirty years."""
    chance, begin = random.Random(3), datetime(2026, 1, 1, tzinfo=UTC)
    seen = 0
    for _ in range(60):
        _, _, *days = expression(chance).split() if chance.random() < 0.9 else ["0", "0", "29", "2", "*/7"]
        text = " ".join(("30", "12", *days))
        try:
            reading = read(text)
        except (Refused, IndexError):
            continue
        trigger, moment = compile_when(Cron(text)), begin
        found: list[datetime] = []
        until = begin + timedelta(days=30 * 365)
        wanted = [
            begin + timedelta(days=number, hours=12, minutes=30)
            for number in range(30 * 365)
            if reading.day((begin - datetime(1970, 1, 1, tzinfo=UTC)).days + number)
        ]
        while (due := trigger.next_after(moment)) is not None and due < until and len(found) < 400:
            found.append(due)
            moment = due
        assert found == wanted[:400], text
        assert trigger.due_between(begin, until, 0).count == len(wanted), text
        seen += len(found)
    assert seen > 5_000


# ----- verdicts ----------------------------------------------------------------------------------------------------


def garbled(chance: random.Random) -> str:
    """Something that is, or nearly is, or is not at all an expression."""
    kind = chance.random()
    if kind < 0.35:
        letters = list(expression(chance, seconds=chance.random() < 0.3))
        for _ in range(chance.choice((0, 1, 1, 2))):
            index = chance.randrange(len(letters) + 1)
            letters[index : index + chance.choice((0, 1))] = chance.choice(
                ("", "0", "9", "*", "/", "-", ",", "#", "L", "?", "W", " ", "7")
            )
        return "".join(letters)
    if kind < 0.6:
        parts = ("*", "*/7", "1", "L", "1-3", "5/2", "0#5", "31", "29", "30", "2", "LW", "5L", "?", "*/31", "28-31")
        return " ".join(chance.choice(parts) for _ in range(chance.choice((5, 5, 5, 6))))
    if kind < 0.9:
        return "".join(chance.choices('0123456789*/,-#?LW @ mon feb TZ=[{"', k=chance.randrange(1, 60)))
    return chance.choice(("*" * 9, "1," * 9, "0 " * 9, "-" * 9, "/" * 9, "@every " + "9" * 9, "é" * 9, "[" * 9)) * 1200


def verdicts(seed: int, count: int) -> tuple[int, float]:
    """How many of so many texts were accepted, and the longest time to a verdict and a first due time, in seconds."""
    chance, accepted, slowest = random.Random(seed), 0, 0.0
    now = datetime(2026, 11, 20, 12, 7, 30, tzinfo=UTC)

    def verdict(text: str) -> bool:
        try:
            when = parse_when(text)
            compile_when(when).next_after(now)
        except ScheduleRefused as refused:
            return not (refused.field_name and refused.reason)
        return bool(describe(when))

    for _ in range(count):
        text = garbled(chance)
        took, answer = timed(verdict, text)
        slowest = max(slowest, took)
        accepted += answer
        if len(text.split()) in (5, 6) and not set(text.lstrip()[:1]) & set("@{[T") and "=" not in text:
            assert answer == readable(text), text
    return accepted, slowest


def readable(text: str) -> bool:
    try:
        read(text)
    except (Refused, IndexError):
        return False
    return True


def timed(call: Callable[[str], bool], text: str) -> tuple[float, bool]:
    """The time that a call takes when nothing else is in its way: the best of five, if it seems slow."""
    best, answer = float("inf"), False
    for _ in range(5):
        began = time.process_time()
        answer = call(text)
        best = min(best, time.process_time() - began)
        if best < 0.002:
            break
    return best, answer


def test_a_verdict_comes_at_once_and_is_the_oracles() -> None:
    accepted, slowest = verdicts(4, 1_500)
    assert accepted > 200
    assert slowest < 0.005


# ----- the long trials ---------------------------------------------------------------------------------------------

EVERY_ZONE = tuple(sorted(available_timezones()))


def shown(name: str, figures: Figures, began: float) -> None:
    print(
        f"\n{name}: {figures.hours:,.0f} schedule-hours of {figures.expressions:,} expressions, {figures.dues:,} due "
        f"times, {figures.questions:,} questions from within, {figures.refused} refused by both; no difference; "
        f"{time.process_time() - began:,.0f} s"
    )


@pytest.mark.soak
def test_a_million_hours_agree_with_the_oracle() -> None:
    began = time.process_time()
    figures = trial(10, EVERY_ZONE, windows=2_700, hours=100, each=4)
    shown("minutes", figures, began)
    assert figures.hours >= 1_000_000


@pytest.mark.soak
def test_many_seconds_agree_with_the_oracle() -> None:
    began = time.process_time()
    shown("seconds", trial(11, EVERY_ZONE, windows=250, hours=2, each=8, step=1), began)


@pytest.mark.soak
def test_every_change_of_every_zone_agrees_with_the_oracle() -> None:
    """Each change from 1975 to 2037, three hours before to four hours after: fixed times and elapsed ones."""
    began, figures, changes = time.process_time(), Figures(), 0
    for name in EVERY_ZONE:
        zone = ZoneInfo(name)
        for change in jumps(name):
            changes += 1
            chance = random.Random(f"{name} {change}")
            start, stop = change - 3 * HOUR, change + 4 * HOUR
            walk = Walk(zone, start, stop)
            minute = chance.randrange(60)
            for text in (f"{minute} 0-23 * * *", f"*/{chance.randint(1, 60)} * * * *", expression(chance)):
                compare(chance, figures, name, start, stop, walk, text)
    shown(f"{changes:,} changes", figures, began)


@pytest.mark.soak
def test_ten_thousand_verdicts_come_at_once() -> None:
    accepted, slowest = verdicts(12, 10_000)
    print(f"\nverdicts: 10,000, of which {accepted:,} accepted; the slowest took {slowest * 1000:.2f} ms")
    assert slowest < 0.005
