"""Windows of time: what their texts mean, on walls whose clocks jump too, and what is refused."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runwright.errors import ScheduleRefused
from runwright.model import JSON
from runwright.schedule import NEVER, parse_windows
from runwright.schedule.windows import MOST_WINDOWS

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "Z")


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [  # 2026-12-25 is a Friday
        ("2026-12-25", ["2026-12-25T00:00", "2026-12-25T23:59"], ["2026-12-24T23:59", "2026-12-26T00:00"]),
        ("2026-12-24/2027-01-02", ["2026-12-24T00:00", "2027-01-02T23:59"], ["2026-12-23T23:59", "2027-01-03T00:00"]),
        ("12-25", ["2026-12-25T12:00", "2031-12-25T00:00"], ["2026-12-26T00:00", "2026-11-25T12:00"]),
        ("12-24/01-02", ["2026-12-24T00:00", "2027-01-01T00:00", "2027-01-02T23:59"], ["2027-01-03T00:00"]),
        ("02-29", ["2028-02-29T12:00"], ["2027-02-28T12:00", "2027-03-01T12:00", "2028-03-01T00:00"]),
        ("02-20/02-29", ["2027-02-28T23:59", "2028-02-29T23:59"], ["2027-03-01T00:00", "2028-03-01T00:00"]),
        ("02-29/03-02", ["2027-03-01T00:00", "2028-02-29T00:00"], ["2027-02-28T23:59", "2027-03-03T00:00"]),
        ("sat,SUN", ["2026-12-26T00:00", "2026-12-27T23:59"], ["2026-12-25T23:59", "2026-12-28T00:00"]),
        ("sat-mon", ["2026-12-26T00:00", "2026-12-28T23:59"], ["2026-12-25T23:59", "2026-12-29T00:00"]),
        ("22:00-06:00", ["2026-12-25T22:00", "2026-12-25T00:00", "2026-12-25T05:59"], ["2026-12-25T06:00"]),
        ("fri 22:00-06:00", ["2026-12-25T22:00", "2026-12-26T05:59"], ["2026-12-25T05:00", "2026-12-26T22:00"]),
        ("mon-fri  09:00-24:00", ["2026-12-25T09:00", "2026-12-25T23:59"], ["2026-12-26T00:00", "2026-12-25T08:59"]),
        ("2026-12-24T18:00/2026-12-25T06:00", ["2026-12-24T18:00", "2026-12-25T05:59"], ["2026-12-25T06:00"]),
        ("2026-12-24T18:00+01:00/2026-12-25 06:00Z", ["2026-12-24T17:00"], ["2026-12-24T16:59", "2026-12-25T06:00"]),
    ],
)
def test_a_window_covers(window: str, inside: list[str], outside: list[str]) -> None:
    windows = parse_windows([window])
    assert [windows.at(at(text)) for text in inside] == [" ".join(window.split())] * len(inside)
    assert [windows.at(at(text)) for text in outside] == [None] * len(outside)


def test_windows_follow_the_clocks_of_their_zone() -> None:
    night = parse_windows(["01:00-03:00"], "America/New_York")
    assert night.spans(at("2026-03-08T00:00"), at("2026-03-09T00:00")) == [
        (at("2026-03-08T06:00"), at("2026-03-08T07:00"))  # 02:00 became 03:00: an hour is all that there is
    ]
    assert night.spans(at("2026-11-01T00:00"), at("2026-11-02T00:00")) == [
        (at("2026-11-01T05:00"), at("2026-11-01T08:00"))  # 02:00 became 01:00: three hours
    ]
    day = parse_windows(["2011-12-29"], "Pacific/Apia")
    assert day.ends_after(at("2011-12-30T00:00")) == at("2011-12-30T10:00")  # the 30th never came


def test_a_day_in_two_pieces() -> None:
    """St John's clocks went from 00:01 back to 23:01 of the day before: a minute of the next day lies in between."""
    day = parse_windows(["2010-11-06"], "America/St_Johns")
    assert day.spans(at("2010-11-06T00:00"), at("2010-11-08T00:00")) == [
        (at("2010-11-06T02:30"), at("2010-11-07T02:30")),
        (at("2010-11-07T02:31"), at("2010-11-07T03:30")),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"])
def test_spans_and_ends_agree_with_a_walk_through_the_minutes(zone: str) -> None:
    chance = random.Random(zone)
    forms = [
        "12-30",
        "12-25/01-02",
        "mon,thu",
        "fri 22:00-06:00",
        "23:30-01:15",
        "2011-12-28/2011-12-30",
        "03-01/04-30",
    ]
    forms += ["2011-12-30T10:00Z/2011-12-30T12:00+01:00", "sun 00:00-24:00", "10-25/11-08", "02:10-02:50"]
    clocks = ZoneInfo(zone)
    changes = [at("2011-12-30T00:00"), at("2010-11-07T00:00"), at("2026-03-29T00:00"), at("2026-04-04T12:00")]
    for _ in range(12):
        windows = parse_windows(chance.sample(forms, 3), zone)
        start = chance.choice(changes) - chance.randrange(2000) * MINUTE
        stop = start + 3 * DAY
        spans = windows.spans(start, stop)
        assert all(low < high for low, high in spans)
        assert all(first[1] < second[0] for first, second in itertools.pairwise(spans))
        moment = start
        while moment < stop:
            inside = any(low <= moment < high for low, high in spans)
            assert inside == (windows.at(moment) is not None), (moment, moment.astimezone(clocks), windows)
            moment += MINUTE
        for _ in range(5):
            moment = start + chance.randrange(int(DAY / MINUTE)) * MINUTE
            end = windows.ends_after(moment)
            assert end is not None
            assert windows.at(end) is None
            assert (end == moment) == (windows.at(moment) is None)
            if end > moment:
                assert windows.at(end - timedelta(microseconds=1)) is not None
                assert windows.at(moment + (end - moment) / 2) is not None


def test_without_windows_nothing_is_covered() -> None:
    for windows in (NEVER, parse_windows([])):
        assert not windows
        assert windows.at(at("2026-12-25T00:00")) is None
        assert windows.spans(at("2026-12-25T00:00"), at("2027-12-25T00:00")) == []
        assert windows.ends_after(at("2026-12-25T00:00")) == at("2026-12-25T00:00")


def test_windows_without_an_end_are_no_endless_search() -> None:
    assert parse_windows(["mon-sun"]).ends_after(at("2026-12-25T00:00")) is None
    assert parse_windows(["2026-01-01/2036-12-31"]).ends_after(at("2026-12-25T00:00")) == at("2037-01-01T00:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "christmas",
        "2026-13-01",
        "2026-02-30",
        "13-01",
        "02-30",
        "22-06",
        "2026-12-25/12-26",
        "2026-12-26/2026-12-25",
        "25:00-26:00",
        "22:60-23:00",
        "10:00-10:00",
        "24:30-25:00",
        "fri sat",
        "fri, sat",
        "mon-foo",
        "fri 22:00",
        "fri 22:00-06:00 utc",
        "2026-12-25T10:00/2026-12-25T09:00",
        "0001-01-01",
        "9999-12-31",
        "x" * 65,
        5,
        None,
        "2026-12-25T10:00/",
        "/",
        "sat,,sun",
        "0001-01-01T00:00/9999-12-31T23:59",
        "٢٠٢٦-١٢-٢٥",
    ],
)
def test_a_refusal_names_the_place_and_shows_what_to_write(text: JSON) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        parse_windows(["sat", text], "UTC", "blackouts")
    assert refused.value.field_name == "blackouts[1]"
    assert "is not a window, such as 2026-12-25" in refused.value.reason or "ends before it" in refused.value.reason


def test_a_list_must_be_a_list_and_not_endless() -> None:
    with pytest.raises(ScheduleRefused, match="must be a list") as refused:
        parse_windows("2026-12-25")
    assert refused.value.field_name == "excluded"
    with pytest.raises(ScheduleRefused, match="at most"):
        parse_windows(["12-25"] * (MOST_WINDOWS + 1))
    with pytest.raises(ScheduleRefused, match="timezone"):
        parse_windows(["12-25"], "Mars/Olympus")
    assert at("2026-12-25T00:00").tzinfo is UTC
