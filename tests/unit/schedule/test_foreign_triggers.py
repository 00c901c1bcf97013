"""Triggers of APScheduler 3: faithful copies of what each of its kinds answers, and that ours is strictly after them.

APScheduler itself is not among the packages of the tests; these answer as its 3.11 does to (previous, now).
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import Plan, Policy, Situation, begin, compile_when, describe, next_fires, plan, when_to_json
from runwright.when import APSchedulerTrigger

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class DateTrigger:
    """Its date when there was no fire before, also if that is long past; then nothing."""

    def __init__(self, run_date: datetime) -> None:
        self.run_date = run_date

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return self.run_date if previous_fire_time is None else None


class IntervalTrigger:
    """From the previous fire on, else on the grid of its start."""

    def __init__(self, interval: timedelta, start_date: datetime) -> None:
        self.interval, self.start_date = interval, start_date

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        if previous_fire_time:
            return previous_fire_time + self.interval
        if self.start_date > now:
            return self.start_date
        return self.start_date + -((self.start_date - now) // self.interval) * self.interval


class MinutelyTrigger:
    """A cron trigger: the first match from now on, or after the previous fire if that is earlier."""

    def __init__(self, jitter: float = 0) -> None:
        self.jitter, self.chance = jitter, random.Random(1)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        start = now if previous_fire_time is None else min(now, previous_fire_time + timedelta(microseconds=1))
        whole = start.replace(second=0, microsecond=0)
        return (whole if whole == start else whole + MINUTE) + self.jitter * self.chance.random() * SECOND


class CalendarTrigger:
    """The next date after the previous one; without one its start date, even if that is past."""

    def __init__(self, days: int, start_date: datetime) -> None:
        self.days, self.start_date = days, start_date

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return self.start_date if previous_fire_time is None else previous_fire_time + self.days * DAY


class OrTrigger:
    """The earliest answer of several, all asked with the same previous fire time."""

    def __init__(self, *triggers: APSchedulerTrigger) -> None:
        self.triggers = triggers

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        found = [trigger.get_next_fire_time(previous_fire_time, now) for trigger in self.triggers]
        return min((one for one in found if one is not None), default=None)


def test_a_date_is_due_once() -> None:
    assert next_fires(DateTrigger(NOON + HOUR), NOON, 3) == [NOON + HOUR]
    assert next_fires(DateTrigger(NOON - HOUR), NOON, 3) == []
    assert next_fires(DateTrigger(NOON), NOON, 3) == []


def test_an_interval_keeps_its_grid_whenever_it_is_asked() -> None:
    trigger = IntervalTrigger(7 * MINUTE, NOON)
    assert next_fires(trigger, NOON - DAY, 2) == [NOON, NOON + 7 * MINUTE]
    assert next_fires(trigger, NOON, 2) == [NOON + 7 * MINUTE, NOON + 14 * MINUTE]
    assert next_fires(trigger, NOON + 8 * MINUTE, 1) == [NOON + 14 * MINUTE]
    dues = compile_when(trigger).due_between(NOON, NOON + DAY, 1)
    assert dues.count == DAY // (7 * MINUTE)


def test_a_cron_trigger_is_asked_strictly_after() -> None:
    assert next_fires(MinutelyTrigger(), NOON, 2) == [NOON + MINUTE, NOON + 2 * MINUTE]
    assert next_fires(MinutelyTrigger(), NOON + SECOND, 1) == [NOON + MINUTE]


def test_a_calendar_interval_counts_from_its_start_date() -> None:
    trigger = CalendarTrigger(10, NOON - 95 * DAY)
    assert next_fires(trigger, NOON, 2) == [NOON + 5 * DAY, NOON + 15 * DAY]
    assert next_fires(CalendarTrigger(10, NOON + DAY), NOON, 2) == [NOON + DAY, NOON + 11 * DAY]


def test_a_past_date_does_not_hide_what_is_combined_with_it() -> None:
    trigger = OrTrigger(DateTrigger(NOON - 90 * MINUTE), DateTrigger(NOON - 2 * DAY), MinutelyTrigger())
    assert next_fires(trigger, NOON, 2) == [NOON + MINUTE, NOON + 2 * MINUTE]
    long_past = OrTrigger(DateTrigger(NOON - 365 * DAY), MinutelyTrigger())
    assert next_fires(long_past, NOON, 2) == [NOON + MINUTE, NOON + 2 * MINUTE]


def test_one_that_answers_at_random_is_due_when_it_first_said() -> None:
    """Its jitter is drawn anew at each question: what was stored as next is what is fired, once for each minute."""
    trigger = compile_when(MinutelyTrigger(jitter=50))
    cursor, due = begin(trigger, NOON)
    found: list[datetime] = []
    while due is not None and due < NOON + HOUR:
        planned: Plan = plan(trigger, Situation(cursor, due), Policy(), due + timedelta(milliseconds=3))
        assert [fire.due for fire in planned.fires] == [due]
        found.append(due)
        cursor, due = planned.cursor, planned.next_due
    assert [moment.replace(second=0, microsecond=0) for moment in found] == [NOON + n * MINUTE for n in range(1, 60)]


class Stuck:
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return NOON


class Naive:
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return now.replace(tzinfo=None)


def test_one_that_never_goes_on_is_refused_by_name() -> None:
    with pytest.raises(ScheduleRefused, match="Stuck must answer with a later time"):
        next_fires(Stuck(), NOON, 1)
    with pytest.raises(ScheduleRefused, match="Naive must answer with an aware datetime"):
        next_fires(Naive(), NOON, 1)


def test_it_is_described_and_written_by_its_class() -> None:
    assert describe(DateTrigger(NOON)) == "Whenever DateTrigger says"
    assert when_to_json(DateTrigger(NOON))["type"] == "plugin"
