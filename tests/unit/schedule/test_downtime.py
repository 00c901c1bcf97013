"""Three days down with a thousand schedules, and a clock that is set back and forth: each policy, exact to the row.

What is expected is worked out here from plain lists of due times (of the oracle, or counted), without the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runwright.schedule import Fire, Policy, Situation, Trigger, begin, compile_when, opening, parse_windows, plan
from runwright.schedule.limits import Limits
from runwright.when import At, CatchUp, Cron, Every, Overlap
from tests.downtime import Row, expected
from tests.unit.schedule.oracle import Walk, read

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOWN, AHEAD = 3 * DAY, 40 * HOUR
DOWNTIMES = {  # the end of the downtime; within it the clocks change, but for the first
    "UTC": "2026-11-20T12:00:12",
    "Europe/Berlin": "2026-10-26T07:30:07",
    "America/New_York": "2026-03-09T15:00:00",
    "Australia/Lord_Howe": "2026-04-05T23:59:59",
    "Africa/Casablanca": "2026-03-23T00:20:00",
    "Antarctica/Troll": "2026-03-30T01:00:00",
    "Pacific/Apia": "2011-12-31T12:00:00",
    "America/Sao_Paulo": "2018-11-05T05:00:01",
}
CRONS = [
    *("* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "15 1,2,3 * * *", "0 9-17 * * mon-fri", "5/20 */3 * * *"),
    *("0 0 * * *", "*/30 0-4 * * *", "0 12 1 * *", "0 0 * * 0", "45 1 L * *", "59 23 * * *", "10,20,30 2 * * *"),
]


def rows(fires: tuple[Fire, ...]) -> list[Row]:
    return [(fire.outcome.value, fire.first, fire.due, fire.count) for fire in fires]


def schedules(
    chance: random.Random, now: datetime, zone: str
) -> tuple[Trigger, datetime, Callable[[], list[datetime]]]:
    """A schedule, its anchor, and its due times from the start of the downtime until some time after its end."""
    start, stop = now - DOWN, now + AHEAD
    shape = chance.random()
    if shape < 0.7:
        text = chance.choice(CRONS)
        return compile_when(Cron(text, zone)), start, lambda: cron_dues(text, zone, now)
    anchor = start - chance.randrange(10**7) * SECOND
    if shape < 0.95:
        length = chance.choice((10, 60, 90, 300, 3600, 3600, 5000, 86_400, 86_400, 7 * 86_400)) * SECOND

        def grid() -> list[datetime]:
            first = (start - anchor) // length + 1
            return [anchor + number * length for number in range(first, (stop - anchor) // length + 1)]

        return compile_when(Every(seconds=int(length / SECOND), first="later", anchor="start")), anchor, grid
    times = sorted(
        {start + chance.randrange(int((stop - start) / SECOND)) * SECOND for _ in range(chance.randrange(1, 9))}
    )
    return compile_when(At(*times)), anchor, lambda: [moment for moment in times if moment > start]


_WALKS: dict[tuple[str, datetime], Walk] = {}
_DUES: dict[tuple[str, str, datetime], list[datetime]] = {}


def cron_dues(text: str, zone: str, now: datetime) -> list[datetime]:
    if (text, zone, now) not in _DUES:
        start = (now - DOWN).replace(second=0)
        walk = _WALKS.setdefault((zone, now), Walk(ZoneInfo(zone), start, now + AHEAD))
        _DUES[text, zone, now] = [due for due in walk.dues(read(text)) if due > now - DOWN]
    return _DUES[text, zone, now]


@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_after_three_days_down_each_of_a_thousand_schedules_is_caught_up_to_the_row(catch_up: CatchUp) -> None:
    chance, told = random.Random(f"three days, {catch_up}"), 0
    for _ in range(1_000):
        zone = chance.choice(list(DOWNTIMES))
        now = datetime.fromisoformat(DOWNTIMES[zone] + "Z")
        trigger, anchor, listing = schedules(chance, now, zone)
        grace = chance.choice((None, 0, 5, 60, 3600, 86_400.5))
        most = chance.choice((100, 100, 1, 3, 1000))
        policy = Policy(chance.choice((Overlap.SKIP, Overlap.QUEUE, Overlap.ALLOW)), catch_up, grace, most)
        everything = listing()
        dues = [due for due in everything if due <= now]
        planned = plan(trigger, Situation(now - DOWN, dues[0] if dues else None, anchor), policy, now)
        assert rows(planned.fires) == expected(dues, catch_up, most, grace, now), (
            trigger,
            zone,
            policy,
        )
        assert planned.cursor == (dues[-1] if dues else now - DOWN)
        following = next((due for due in everything if due > now), None)
        if following is not None or trigger.kind == "once":
            assert planned.next_due == following
            assert planned.finished == (following is None)
        again = plan(trigger, Situation(planned.cursor, planned.next_due, anchor), policy, now + SECOND)
        assert [fire for fire in again.fires if fire.due <= now] == []
        told += len(dues)
    assert told > 100_000


def test_what_counts_from_the_end_has_one_due_time_whatever_the_downtime() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for length in (10, 300, 86_400):
        trigger = compile_when(Every(seconds=length))
        due = now - DOWN + length * SECOND
        for catch_up, wanted in ((CatchUp.LATEST, "late"), (CatchUp.ALL, "late"), (CatchUp.SKIP, "missed")):
            planned = plan(trigger, Situation(now - DOWN, due), Policy(catch_up=catch_up), now)
            assert rows(planned.fires) == [(wanted, due, due, 1)]
            assert planned.next_due == (now + length * SECOND if wanted == "missed" else None)
            assert planned.awaits_end == (wanted == "late")


def test_a_thousand_steps_of_the_clock_fire_nothing_twice_and_stall_nothing() -> None:
    """From a day back to a year forward: what is told is told once, in order, and the next due time is near."""
    chance = random.Random(1000)
    limits = Limits(excluded=parse_windows(["sat 03:00-05:00", "12-24/12-26"], "Europe/Berlin"))
    triggers = [
        compile_when(Cron("*/10 * * * *", "America/New_York")),
        compile_when(Cron("30 2 * * *", "Europe/Berlin")),
        compile_when(Every(seconds=90, anchor="start")),
        compile_when(Cron("*/5 * * * *"), "UTC", limits),
    ]
    for trigger in triggers:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        anchor = opening(trigger, now)
        cursor, due = begin(trigger, now, anchor=anchor, first=True)
        first, high, told = cursor, now, 0
        blackouts = parse_windows(["22:00-23:00", "mon 04:00-06:30"])
        for _ in range(250):
            step = chance.choice((-86_400, -3_600, -60, -1, 1, 60, 3_600, 86_400, 30 * 86_400, 366 * 86_400))
            now += chance.random() * step * SECOND
            policy = Policy(catch_up=chance.choice(list(CatchUp)), misfire_grace_seconds=30, most=5)
            planned = plan(trigger, Situation(cursor, due, anchor, blackouts=blackouts), policy, now)
            assert all(cursor < fire.first <= fire.due <= max(now, cursor) for fire in planned.fires)
            assert sum(fire.outcome.starts_run for fire in planned.fires) <= policy.most
            told += sum(fire.count for fire in planned.fires)
            assert planned.cursor >= cursor
            cursor, due = planned.cursor, planned.next_due
            high = max(high, now)
            assert due is not None
            assert due > cursor
            if now == high:  # not behind: what is due next is what the trigger says next, and not long past
                assert due > now
        assert told == trigger.due_between(first, high, 0, anchor=anchor).count
