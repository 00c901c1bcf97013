"""Cron expressions: what is accepted and means what, what is refused with which field, and how fast."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import compile_when, next_fires, parse_when
from runwright.when import Cron

START = datetime(2026, 11, 20, 12, 7, 30, tzinfo=UTC)  # a Friday


def fires(text: str, count: int = 3) -> list[str]:
    return [f"{due:%a %Y-%m-%d %H:%M:%S}" for due in next_fires(Cron(text), START, count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5/15 * * * *", ["Fri 2026-11-20 12:20:00", "Fri 2026-11-20 12:35:00", "Fri 2026-11-20 12:50:00"]),
        ("1-5/2 * * * *", ["Fri 2026-11-20 13:01:00", "Fri 2026-11-20 13:03:00", "Fri 2026-11-20 13:05:00"]),
        ("7-7/20 12 * * *", ["Sat 2026-11-21 12:07:00", "Sun 2026-11-22 12:07:00", "Mon 2026-11-23 12:07:00"]),
        ("*/20 30 2 * * *", ["Sat 2026-11-21 02:30:00", "Sat 2026-11-21 02:30:20", "Sat 2026-11-21 02:30:40"]),
        ("0 0 1-5,10 DEC ?", ["Tue 2026-12-01 00:00:00", "Wed 2026-12-02 00:00:00", "Thu 2026-12-03 00:00:00"]),
        ("0 0 L * *", ["Mon 2026-11-30 00:00:00", "Thu 2026-12-31 00:00:00", "Sun 2027-01-31 00:00:00"]),
        ("0 0 LW * *", ["Mon 2026-11-30 00:00:00", "Thu 2026-12-31 00:00:00", "Fri 2027-01-29 00:00:00"]),
        ("0 0 * * 5L", ["Fri 2026-11-27 00:00:00", "Fri 2026-12-25 00:00:00", "Fri 2027-01-29 00:00:00"]),
        ("0 0 * * friL", ["Fri 2026-11-27 00:00:00", "Fri 2026-12-25 00:00:00", "Fri 2027-01-29 00:00:00"]),
        ("0 0 * * 1#2", ["Mon 2026-12-14 00:00:00", "Mon 2027-01-11 00:00:00", "Mon 2027-02-08 00:00:00"]),
        ("0 0 * * 0", ["Sun 2026-11-22 00:00:00", "Sun 2026-11-29 00:00:00", "Sun 2026-12-06 00:00:00"]),
        ("0 0 * * 7", ["Sun 2026-11-22 00:00:00", "Sun 2026-11-29 00:00:00", "Sun 2026-12-06 00:00:00"]),
        ("0 0 * * sun-sun", ["Sun 2026-11-22 00:00:00", "Sun 2026-11-29 00:00:00", "Sun 2026-12-06 00:00:00"]),
        ("0 0 * * sat-sun", ["Sat 2026-11-21 00:00:00", "Sun 2026-11-22 00:00:00", "Sat 2026-11-28 00:00:00"]),
        ("0 0 13 * fri", ["Fri 2026-11-27 00:00:00", "Fri 2026-12-04 00:00:00", "Fri 2026-12-11 00:00:00"]),
        ("0 0 23 * fri", ["Mon 2026-11-23 00:00:00", "Fri 2026-11-27 00:00:00", "Fri 2026-12-04 00:00:00"]),
        ("0 0 */2 * mon", ["Mon 2026-11-23 00:00:00", "Mon 2026-12-07 00:00:00", "Mon 2026-12-21 00:00:00"]),
        ("0 0 1-31 * mon", ["Sat 2026-11-21 00:00:00", "Sun 2026-11-22 00:00:00", "Mon 2026-11-23 00:00:00"]),
        ("0 0 29 2 *", ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00", "Fri 2036-02-29 00:00:00"]),
        ("0 0 29 2 */7", ["Sun 2032-02-29 00:00:00", "Sun 2060-02-29 00:00:00", "Sun 2088-02-29 00:00:00"]),
        ("@YEARLY", ["Fri 2027-01-01 00:00:00", "Sat 2028-01-01 00:00:00", "Mon 2029-01-01 00:00:00"]),
    ],
)
def test_an_expression_means(text: str, expected: list[str]) -> None:
    assert fires(text) == expected


def test_a_leap_day_is_found_across_the_century_without_one() -> None:
    assert next_fires(Cron("0 0 29 2 *"), datetime(2096, 2, 29, tzinfo=UTC), 1) == [datetime(2104, 2, 29, tzinfo=UTC)]
    assert next_fires(Cron("0 0 29 2 */7"), datetime(2088, 2, 29, tzinfo=UTC), 1) == [datetime(2128, 2, 29, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("60 * * * *", "minute", "60 is out of range"),
        ("61 * * * * *", "second", "61 is out of range"),
        ("* 24 * * *", "hour", "24 is out of range"),
        ("* * 0 * *", "day-of-month", "0 is out of range"),
        ("* * 32 * *", "day-of-month", "32 is out of range"),
        ("* * * 13 *", "month", "13 is out of range"),
        ("* * * foo *", "month", "'FOO' is not a value"),
        ("* * * * 8", "day-of-week", "8 is out of range"),
        ("* * * * 1#6", "day-of-week", "from 1 to 5"),
        ("* * * * 1#1/2", "day-of-week", "from 1 to 5"),
        ("* * * * L", "day-of-week", "say which weekday"),
        ("* * 15W * *", "day-of-month", "not supported"),
        ("* * L-3 * *", "day-of-month", "not supported"),
        ("* 22-2 * * *", "hour", "runs backwards"),
        ("*/0 * * * *", "minute", "a step is a number from 1 on"),
        ("*/70 * * * *", "minute", "longer than the field"),
        ("*/-5 * * * *", "minute", "a step is a number"),
        ("1,,2 * * * *", "minute", "an empty item"),
        ("-5 * * * *", "minute", "'' is not a value"),
        ("٣ * * * *", "minute", "is not a value"),
        ("99999999999999999999 * * * *", "minute", "is not a value"),
        ("0 0 30 2 *", "day-of-month", "never comes"),
        ("0 0 31 4,6,9,11 *", "day-of-month", "never comes"),
        ("0 0 */31 * 1#5", "day-of-month", "no day of any year"),
        ("* * * *", "cron", "needs 5 fields"),
        ("* * * * * * *", "cron", "needs 5 fields"),
        ("@fortnightly", "cron", "is not known"),
        ("0 " * 200, "schedule", "longer than 256"),
    ],
)
def test_a_refusal_names_field_and_reason(text: str, field: str, reason: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        parse_when(text)
    assert refused.value.field_name == field
    assert reason in refused.value.reason


def test_code_is_refused_like_text() -> None:
    with pytest.raises(ScheduleRefused) as refused:
        compile_when(Cron("0 0 30 2 *"))
    assert refused.value.field_name == "day-of-month"
    with pytest.raises(ScheduleRefused, match="timezone"):
        compile_when(Cron("0 0 * * *", "Mars/Olympus"))


def test_rubbish_gets_a_verdict_at_once() -> None:
    """Random text in the letters of cron is refused or answered, each in milliseconds; nothing else escapes."""
    chance, slowest = random.Random(6), 0.0
    letters = "0123456789*/,-#?LW @ mon feb TZ="
    texts = ["".join(chance.choices(letters, k=chance.randrange(1, 60))) for _ in range(1500)]
    texts += [
        " ".join(
            chance.choice(("*", "*/7", "1", "L", "1-3", "5/2", "0#5", "31", "29")) for _ in range(chance.choice((5, 6)))
        )
        for _ in range(1500)
    ]
    accepted = 0
    for text in texts:
        began = time.process_time()
        try:
            when = parse_when(text)
            compile_when(when).next_after(START)
            accepted += 1
        except ScheduleRefused:
            pass
        slowest = max(slowest, time.process_time() - began)
    assert accepted > 100
    assert slowest < 0.05  # 5 ms is the aim; a shared machine hiccups
