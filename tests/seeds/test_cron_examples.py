"""Every schedule that the seed documents write down, and every one that one of their systems got wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import begin, compile_when, describe, next_fires, parse_when, refuse_past, when_to_text
from runwright.when import At, Cron, Every

START = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)  # a Friday


def fires(text: str, start: datetime = START, count: int = 3) -> list[str]:
    return [f"{due:%a %m-%d %H:%M}" for due in next_fires(parse_when(text), start, count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 003, supported syntax and its examples
        ("* * * * *", ["Fri 11-20 12:08", "Fri 11-20 12:09", "Fri 11-20 12:10"]),
        ("0 9-17 * * *", ["Fri 11-20 13:00", "Fri 11-20 14:00", "Fri 11-20 15:00"]),
        ("*/5 * * * *", ["Fri 11-20 12:10", "Fri 11-20 12:15", "Fri 11-20 12:20"]),
        ("0 8,12,18 * * *", ["Fri 11-20 18:00", "Sat 11-21 08:00", "Sat 11-21 12:00"]),
        ("0 9-17 * * 1-5", ["Fri 11-20 13:00", "Fri 11-20 14:00", "Fri 11-20 15:00"]),
        ("0 0 * * *", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Mon 11-23 00:00"]),
        ("*/15 * * * *", ["Fri 11-20 12:15", "Fri 11-20 12:30", "Fri 11-20 12:45"]),
        ("0 0 1 * *", ["Tue 12-01 00:00", "Fri 01-01 00:00", "Mon 02-01 00:00"]),
        ("30 2 * * 0", ["Sun 11-22 02:30", "Sun 11-29 02:30", "Sun 12-06 02:30"]),
        # 004, predefined schedules
        ("@yearly", ["Fri 01-01 00:00", "Sat 01-01 00:00", "Mon 01-01 00:00"]),
        ("@annually", ["Fri 01-01 00:00", "Sat 01-01 00:00", "Mon 01-01 00:00"]),
        ("@monthly", ["Tue 12-01 00:00", "Fri 01-01 00:00", "Mon 02-01 00:00"]),
        ("@weekly", ["Sun 11-22 00:00", "Sun 11-29 00:00", "Sun 12-06 00:00"]),
        ("@daily", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Mon 11-23 00:00"]),
        ("@midnight", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Mon 11-23 00:00"]),
        ("@hourly", ["Fri 11-20 13:00", "Fri 11-20 14:00", "Fri 11-20 15:00"]),
        # 004, intervals
        ("@every 5m", ["Fri 11-20 12:12", "Fri 11-20 12:17", "Fri 11-20 12:22"]),
        ("@every 1h", ["Fri 11-20 13:07", "Fri 11-20 14:07", "Fri 11-20 15:07"]),
        ("@every 2h", ["Fri 11-20 14:07", "Fri 11-20 16:07", "Fri 11-20 18:07"]),
        ("@every 6h", ["Fri 11-20 18:07", "Sat 11-21 00:07", "Sat 11-21 06:07"]),
        ("@every 24h", ["Sat 11-21 12:07", "Sun 11-22 12:07", "Mon 11-23 12:07"]),
        ("@every 60s", ["Fri 11-20 12:08", "Fri 11-20 12:09", "Fri 11-20 12:10"]),
        # 004, cron expressions
        ("0 3 * * *", ["Sat 11-21 03:00", "Sun 11-22 03:00", "Mon 11-23 03:00"]),
        ("0 9 * * 1", ["Mon 11-23 09:00", "Mon 11-30 09:00", "Mon 12-07 09:00"]),
        ("0 12 1 * *", ["Tue 12-01 12:00", "Fri 01-01 12:00", "Mon 02-01 12:00"]),
        ("0 2 * * *", ["Sat 11-21 02:00", "Sun 11-22 02:00", "Mon 11-23 02:00"]),
        ("0 8 * * 1", ["Mon 11-23 08:00", "Mon 11-30 08:00", "Mon 12-07 08:00"]),
    ],
)
def test_the_documents_examples(text: str, expected: list[str]) -> None:
    assert fires(text) == expected
    assert describe(parse_when(text))
    assert parse_when(when_to_text(parse_when(text))) == parse_when(text)


def test_every_thirty_seconds() -> None:
    found = next_fires(parse_when("@every 30s"), START, 2)
    assert found == [START + timedelta(seconds=30), START + timedelta(seconds=60)]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("0 0 * * *", datetime(2026, 1, 1, 10, 30, tzinfo=UTC), "Fri 01-02 00:00"),
        ("0 * * * *", datetime(2026, 1, 1, 10, 30, tzinfo=UTC), "Thu 01-01 11:00"),
        ("*/15 * * * *", datetime(2026, 1, 1, 10, 5, tzinfo=UTC), "Thu 01-01 10:15"),
        ("30 14 * * *", datetime(2026, 1, 1, 10, 0, tzinfo=UTC), "Thu 01-01 14:30"),
        ("0 0 1 * *", datetime(2026, 1, 15, 0, 0, tzinfo=UTC), "Sun 02-01 00:00"),
    ],
)
def test_the_next_times_that_003_tests(text: str, start: datetime, expected: str) -> None:
    assert fires(text, start, 1) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # each of these was refused, or meant something else, in one of the systems
        ("1-59/2 * * * *", ["Fri 11-20 12:09", "Fri 11-20 12:11", "Fri 11-20 12:13"]),
        ("5/15 * * * *", ["Fri 11-20 12:20", "Fri 11-20 12:35", "Fri 11-20 12:50"]),
        ("1-5,10 * * * *", ["Fri 11-20 12:10", "Fri 11-20 13:01", "Fri 11-20 13:02"]),
        ("*/15,5 * * * *", ["Fri 11-20 12:15", "Fri 11-20 12:30", "Fri 11-20 12:45"]),
        ("0 0 * * 7", ["Sun 11-22 00:00", "Sun 11-29 00:00", "Sun 12-06 00:00"]),
        ("0 0 * jan MON", ["Mon 01-04 00:00", "Mon 01-11 00:00", "Mon 01-18 00:00"]),
        ("0 0 ? * ?", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Mon 11-23 00:00"]),
        ("0 0 13 * 5", ["Fri 11-27 00:00", "Fri 12-04 00:00", "Fri 12-11 00:00"]),
        ("CRON_TZ=Asia/Tokyo 0 9 * * *", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Mon 11-23 00:00"]),
        ("TZ=Asia/Tokyo @daily", ["Fri 11-20 15:00", "Sat 11-21 15:00", "Sun 11-22 15:00"]),
    ],
)
def test_what_one_of_them_got_wrong(text: str, expected: list[str]) -> None:
    assert fires(text) == expected


def test_the_chain_of_leap_days() -> None:
    chain = next_fires(Cron("0 0 29 2 *"), datetime(2024, 2, 29, tzinfo=UTC), 3)
    assert chain == [datetime(year, 2, 29, tzinfo=UTC) for year in (2028, 2032, 2036)]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("0 0 31 2 *", "day-of-month"),
        ("0 0 30 2 *", "day-of-month"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("*/70 * * * *", "minute"),
        ("* * * * 8", "day-of-week"),
        ("*/0 * * * *", "minute"),
        ("", "schedule"),
        ("* * * *", "cron"),
        ("@every 0s", "schedule"),
        ("@every -5m", "schedule"),
        ("@every 100ms", "schedule"),
        ("@every", "schedule"),
        ("@every five minutes", "schedule"),
    ],
)
def test_what_is_refused_at_the_door(text: str, field: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        parse_when(text)
    assert refused.value.field_name == field


@pytest.mark.parametrize("seconds", [0, -300])
def test_an_interval_of_nothing_is_refused_when_it_is_written(seconds: int) -> None:
    with pytest.raises(ScheduleRefused):
        Every(seconds=seconds)
    with pytest.raises(ScheduleRefused):
        parse_when({"type": "interval", "seconds": seconds})


def test_first_runs_differ_between_the_two_kinds_of_interval() -> None:
    """003: an interval begins at once and counts from the end of a run. 004: @every begins later, on a fixed grid."""
    interval, grid = (
        compile_when(parse_when({"type": "interval", "seconds": 300})),
        compile_when(parse_when("@every 5m")),
    )
    assert begin(interval, START, first=True)[1] == START
    assert begin(grid, START, anchor=START, first=True)[1] == START + timedelta(minutes=5)
    assert (interval.anchored_at_end, grid.anchored_at_end) == (True, False)
    assert begin(interval, START)[1] == START + timedelta(minutes=5)  # enabled again: the first run is not repeated


def test_three_times_are_three_fires_and_then_none() -> None:
    times = [START + timedelta(hours=hours) for hours in (3, 1, 2)]
    assert next_fires(At(*times), START, 10) == sorted(times)
    refuse_past(At(*times), START)
    with pytest.raises(ScheduleRefused, match="all lie in the past"):
        refuse_past(At(*times), START + timedelta(hours=3))
    with pytest.raises(ScheduleRefused, match="lies in the past"):
        refuse_past(At(START), START)
