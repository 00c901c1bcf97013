"""What happens to schedules when the clocks change: the written policy, example by example."""

from __future__ import annotations

import sys
import zoneinfo
from datetime import UTC, datetime
from typing import Literal

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import compile_when, parse_when
from runwright.when import At, Cron


def dues(text: str, zone: str, start: str, stop: str, gap: str = "after", fold: str = "once") -> list[str]:
    """The due times in UTC, as ``HH:MM``, and the counted ones must agree."""
    gap_rule: Literal["after", "skip"] = "after" if gap == "after" else "skip"
    fold_rule: Literal["once", "twice"] = "once" if fold == "once" else "twice"
    trigger = compile_when(Cron(text, zone, gap_rule, fold_rule))
    begin, end = datetime.fromisoformat(start + "Z"), datetime.fromisoformat(stop + "Z")
    found, moment = [], begin
    while (due := trigger.next_after(moment)) is not None and due <= end:
        found.append(due)
        moment = due
    counted = trigger.due_between(begin, end, 1000)
    assert list(counted.newest) == found
    assert counted.count == len(found)
    return [f"{due:%H:%M}" for due in found]


SPRING = ("America/New_York", "2026-03-08T05:59", "2026-03-08T09:00")  # 02:00 became 03:00 at 07:00 UTC
AUTUMN = ("America/New_York", "2026-11-01T03:59", "2026-11-01T08:00")  # 02:00 became 01:00 at 06:00 UTC


def test_a_fixed_time_in_a_gap_fires_once_right_after_it() -> None:
    assert dues("30 2 * * *", *SPRING) == ["07:00"]
    assert dues("0,10,20 2 * * *", *SPRING) == ["07:00"]
    assert dues("0 30 2 * * *", *SPRING) == ["07:00"]  # seconds change nothing about it
    assert dues("30 2,3 * * *", *SPRING) == ["07:00", "07:30"]
    assert dues("0,30 2,3 * * *", *SPRING) == ["07:00", "07:30"]  # 03:00 and what was skipped are one


def test_a_fixed_time_in_a_gap_may_be_left_out() -> None:
    assert dues("30 2 * * *", *SPRING, gap="skip") == []
    assert dues("0,30 2,3 * * *", *SPRING, gap="skip") == ["07:00", "07:30"]


def test_a_fixed_time_that_is_repeated_fires_the_first_time() -> None:
    assert dues("30 1 * * *", *AUTUMN) == ["05:30"]
    assert dues("30 1 * * *", *AUTUMN, fold="twice") == ["05:30", "06:30"]
    assert dues("0,30 0-2 * * *", *AUTUMN) == ["04:00", "04:30", "05:00", "05:30", "07:00", "07:30"]


def test_asked_in_the_second_pass_a_fixed_time_does_not_go_back() -> None:
    trigger = compile_when(Cron("30 1 * * *", "America/New_York"))
    second_pass = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    assert trigger.next_after(second_pass) == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_every_so_many_minutes_goes_by_elapsed_time() -> None:
    assert dues("*/30 * * * *", *SPRING) == ["06:00", "06:30", "07:00", "07:30", "08:00", "08:30", "09:00"]
    assert dues("*/30 1 * * *", *AUTUMN) == ["05:00", "05:30", "06:00", "06:30"]
    assert dues("*/30 * * * *", *AUTUMN, fold="once") == [f"0{h}:{m}0" for h in range(4, 8) for m in (0, 3)] + ["08:00"]


def test_half_an_hour_on_lord_howe() -> None:
    """02:00 became 01:30 on 2026-04-05, at 15:00 UTC of the day before; a quarter past two is not stepped over."""
    zone, start, stop = "Australia/Lord_Howe", "2026-04-04T13:59", "2026-04-04T17:00"
    assert dues("*/15 2 * * *", zone, start, stop) == ["15:30", "15:45", "16:00", "16:15"]
    assert dues("45 1 * * *", zone, start, stop) == ["14:45"]
    assert dues("*/15 1 * * *", zone, start, stop) == ["14:00", "14:15", "14:30", "14:45", "15:00", "15:15"]


def test_a_day_that_was_left_out() -> None:
    """Apia went from the 29th of December 2011 to the 31st, at 10:00 UTC on the 30th."""
    zone, start, stop = "Pacific/Apia", "2011-12-29T11:00", "2011-12-31T09:59"
    assert dues("0 12 * * *", zone, start, stop) == ["22:00", "10:00", "22:00"]
    assert dues("0 0 * * *", zone, start, stop) == ["10:00"]
    assert dues("0 12 30 12 *", zone, start, stop) == ["10:00"]
    assert dues("0 12 30 12 *", zone, start, stop, gap="skip") == []


def test_midnight_in_a_gap() -> None:
    """São Paulo's clocks went from 00:00 to 01:00 on 2018-11-04, at 03:00 UTC."""
    assert dues("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00", "2018-11-04T12:00") == ["03:00"]
    assert dues("*/30 * 4 11 *", "America/Sao_Paulo", "2018-11-03T12:00", "2018-11-04T04:00") == [
        "03:00",
        "03:30",
        "04:00",
    ]


def test_naive_times_follow_the_same_rule() -> None:
    trigger = compile_when(At(datetime(2026, 3, 8, 2, 30), datetime(2026, 11, 1, 1, 30)), "America/New_York")  # noqa: DTZ001 naive is the subject
    first = trigger.next_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert first == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    assert trigger.next_after(first) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    parsed = parse_when("2026-03-08 02:30", "America/New_York")
    assert parsed == At(first)


def test_an_answer_must_come_soon_in_zones_too() -> None:
    """A job that can only be due inside gaps: there is no loop through thousands of years."""
    trigger = compile_when(Cron("*/5 2 * 3 0#2", "America/New_York"))
    assert trigger.next_after(datetime(2026, 11, 20, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "name", ["America", "../etc/passwd", "/etc/localtime", "Europe/Nowhere", "", "x" * 100, "a\0b"]
)
def test_a_bad_zone_is_refused(name: str) -> None:
    with pytest.raises(Exception, match="timezone") as refused:
        compile_when(Cron("0 0 * * *"), name)
    assert type(refused.value).__name__ == "ScheduleRefused"


def test_a_machine_without_zone_data_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tzdata", None)  # as if it were not installed
    zoneinfo.ZoneInfo.clear_cache(only_keys=["Asia/Kuching"])
    zoneinfo.reset_tzpath(to=())
    try:
        with pytest.raises(ScheduleRefused, match="no time zone data; pip install tzdata") as refused:
            compile_when(Cron("0 0 * * *"), "Asia/Kuching")
    finally:
        zoneinfo.reset_tzpath()
        monkeypatch.undo()
    assert refused.value.field_name == "timezone"
    assert compile_when(Cron("0 0 * * *"), "Asia/Kuching").kind == "cron"


def test_dublin_has_its_daylight_saving_time_in_winter() -> None:
    """In the data Ireland's standard time is that of summer; its clocks change like London's all the same."""
    for zone in ("Europe/Dublin", "Europe/London"):
        assert dues("30 1 * * *", zone, "2026-03-28T20:00", "2026-03-29T12:00") == ["01:00"]
        assert dues("30 1 * * *", zone, "2026-10-24T20:00", "2026-10-25T12:00") == ["00:30"]
        assert dues("30 1 * * *", zone, "2026-10-24T20:00", "2026-10-25T12:00", fold="twice") == ["00:30", "01:30"]


def test_casablanca_goes_back_for_the_month_of_fasting() -> None:
    """In 2026 its clocks went from 03:00 to 02:00 on 15 February, and from 02:00 to 03:00 on 22 March."""
    assert dues("30 2 * * *", "Africa/Casablanca", "2026-02-14T12:00", "2026-02-15T12:00") == ["01:30"]
    assert dues("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00", "2026-03-22T12:00") == ["02:00"]
    assert dues("0 0-23 * * *", "Africa/Casablanca", "2026-02-15T00:30", "2026-02-15T04:00") == [
        "01:00",
        "03:00",
        "04:00",
    ]
    assert len(dues("*/30 * * * *", "Africa/Casablanca", "2026-02-14T12:00", "2026-02-15T12:00")) == 48


def test_troll_changes_by_two_hours() -> None:
    """From 01:00 to 03:00 on 29 March 2026, at 01:00 UTC, and from 03:00 to 01:00 on 25 October."""
    assert dues("30 1 * * *", "Antarctica/Troll", "2026-03-28T12:00", "2026-03-29T12:00") == ["01:00"]
    assert dues("15 1,2,3 * * *", "Antarctica/Troll", "2026-03-28T12:00", "2026-03-29T12:00") == ["01:00", "01:15"]
    assert dues("30 1,2 * * *", "Antarctica/Troll", "2026-10-24T20:00", "2026-10-25T12:00") == ["23:30", "00:30"]
