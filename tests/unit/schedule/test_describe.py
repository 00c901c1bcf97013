"""Schedules in English."""

from __future__ import annotations

import pytest

from runwright.schedule import describe, duration_words, parse_when
from runwright.when import Cron


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 2 * * *", "At 02:00 every day"),
        ("0 30 2 * * *", "At 02:30 every day"),
        ("@hourly", "At the start of every hour"),
        ("*/10 * * * * *", "Every 10th second of every minute"),
        ("*/15 9-17 * * mon-fri", "Every 15th minute from 09:00 through 17:59 on Monday through Friday"),
        ("0 0 13 * fri", "At 00:00 on the 13th day of month or on Friday"),
        ("0 0 */2 * mon", "At 00:00 on every second day of month if it's on Monday"),
        ("0 0 1-31 * mon", "At 00:00 every day"),  # "1-31" does not restrict, so neither does the weekday
        ("0 0 21,11 * *", "At 00:00 on the 21st and the 11th day of month"),
        ("0 0 31 * 0,7", "At 00:00 on the 31st day of month or on Sunday"),
        ("0 0 LW * *", "At 00:00 on the last weekday of every month"),
        ("0 12 * * 1#2", "At 12:00 on the second Monday of the month"),
        ("CRON_TZ=Europe/Berlin @daily", "At 00:00 every day (Europe/Berlin)"),
        ("@every 1h30m", "Every 1 hour 30 minutes"),
        ("@every 1h", "Every hour"),
        ("@every 45s", "Every 45 seconds"),
        ('{"type": "interval", "seconds": 300}', "Every 5 minutes, counted from the end of each run"),
        ("2030-01-01T09:00+09:00", "Once at 2030-01-01 00:00:00 UTC"),
        (
            "2030-01-01, 2030-01-02, 2030-01-03, 2030-01-04",
            "Once at 2030-01-01 00:00:00 UTC, 2030-01-02 00:00:00 UTC, 2030-01-03 00:00:00 UTC and 1 more",
        ),
        ("@always", "Always: one is kept running"),
        ('{"type": "always", "restart": "always"}', "Always: one is kept running, and started again whenever it ends"),
    ],
)
def test_a_schedule_in_english(text: str, sentence: str) -> None:
    assert describe(parse_when(text)) == sentence


def test_the_schedules_zone_is_named() -> None:
    assert describe(parse_when("@daily"), "Asia/Tokyo") == "At 00:00 every day (Asia/Tokyo)"
    assert describe(parse_when("2030-01-01 09:00"), "Asia/Tokyo") == "Once at 2030-01-01 00:00:00 UTC"


def test_what_the_clocks_do_is_told_where_it_matters() -> None:
    chosen = Cron("30 2 * * *", "Europe/Berlin", "skip", "twice")
    assert describe(chosen) == (
        "At 02:30 every day (Europe/Berlin, not if the clocks skip it, twice if the clocks repeat it)"
    )
    assert describe(Cron("30 2 * * *", "UTC", "skip", "twice")) == "At 02:30 every day"
    assert describe(Cron("*/30 * * * *", "Europe/Berlin", "skip")) == "Every 30th minute of every hour (Europe/Berlin)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (604_800, "1 week"),
        (691_200, "8 days"),
        (90_061, "1 day 1 hour 1 minute 1 second"),
    ],
)
def test_durations_in_words(seconds: int, words: str) -> None:
    assert duration_words(seconds) == words
