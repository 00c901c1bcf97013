"""Bounds, excluded windows, blackouts and jitter: what they do to due times, and what becomes of those."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import (
    DueTimes,
    Fire,
    Limits,
    Policy,
    Situation,
    after_run,
    begin,
    compile_when,
    due_in_range,
    jitter,
    next_fires,
    opening,
    parse_windows,
    plan,
    refuse_past,
)
from runwright.when import Always, At, CatchUp, Cron, Every, FireOutcome, Overlap, When

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GRID = Every(hours=1, first="now", anchor="start")
END = Every(hours=1)


class Often:
    def next_after(self, moment: datetime) -> datetime:
        return moment.replace(second=0, microsecond=0) + MINUTE


def excluded(*texts: str, zone: str = "UTC") -> Limits:
    return Limits(excluded=parse_windows(texts, zone))


def test_both_bounds_are_included_and_nothing_else() -> None:
    limits = Limits(NOON, NOON + 2 * HOUR)
    assert next_fires(Cron("0 * * * *"), NOON - DAY, 9, limits=limits) == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    trigger = compile_when(Cron("0 * * * *"), limits=limits)
    assert trigger.due_between(NOON - DAY, NOON + DAY, 2) == DueTimes(3, NOON, (NOON + HOUR, NOON + 2 * HOUR))
    assert trigger.due_between(NOON - DAY, NOON - HOUR, 2) == DueTimes()
    assert trigger.due_between(NOON + 3 * HOUR, NOON + DAY, 2) == DueTimes()
    assert next_fires(At(NOON - HOUR, NOON, NOON + DAY), NOON - DAY, 9, limits=limits) == [NOON]


def test_the_first_run_of_what_starts_later() -> None:
    later = NOON + DAY + timedelta(microseconds=5)
    for when, first, second in ((GRID, later, later + HOUR), (END, later, later + HOUR)):
        trigger = compile_when(when, limits=Limits(later))
        anchor = opening(trigger, NOON)
        assert anchor == later
        cursor, due = begin(trigger, NOON, anchor=anchor, first=True)
        assert due == first
        assert cursor < NOON
        fired = plan(trigger, Situation(cursor, due, anchor), Policy(), later)
        assert [(fire.outcome, fire.due) for fire in fired.fires] == [("fired", first)]
        following = fired.next_due or after_run(trigger, later, fired.cursor)
        assert following == second
    grid = compile_when(Every(hours=1, first="later", anchor="start"), limits=Limits(later))
    assert begin(grid, NOON, anchor=opening(grid, NOON), first=True)[1] == later + HOUR
    assert begin(compile_when(END, limits=Limits(later)), NOON)[1] == later + HOUR  # enabled again, not new
    assert opening(compile_when(END), NOON) == NOON


def test_after_its_end_a_schedule_is_finished() -> None:
    trigger = compile_when(Cron("0 * * * *"), limits=Limits(ends_at=NOON))
    last = plan(trigger, Situation(NOON - HOUR, NOON), Policy(), NOON)
    assert ([fire.due for fire in last.fires], last.next_due, last.finished) == ([NOON], None, True)
    ending = compile_when(END, limits=Limits(ends_at=NOON + HOUR))
    assert after_run(ending, NOON, NOON - HOUR) == NOON + HOUR
    assert after_run(ending, NOON + MINUTE, NOON - HOUR) is None
    held = plan(ending, Situation(NOON - HOUR, NOON, held="unbound"), Policy(), NOON + MINUTE)
    assert held.next_due is None
    assert held.finished


def test_excluded_due_times_are_not_there() -> None:
    weekdays = excluded("sat,sun")
    assert next_fires(Cron("0 9 * * *"), NOON, 3, limits=weekdays) == [NOON + n * DAY - 3 * HOUR for n in (3, 4, 5)]
    assert next_fires(Cron("0 0 25 12 *"), NOON, 1, limits=excluded("2026-12-25"))[0].year == 2027
    trigger = compile_when(Cron("* * * * *"), limits=excluded("12:30-13:30", "sat"))
    dues = trigger.due_between(NOON, NOON + 2 * HOUR, 32)
    assert (dues.count, dues.first) == (60, NOON + MINUTE)
    assert dues.newest == (NOON + 29 * MINUTE, *(NOON + n * MINUTE for n in range(90, 121)))
    assert next_fires(Often(), NOON + 29 * MINUTE, 1, limits=excluded("12:30-13:30")) == [NOON + 90 * MINUTE]
    plugin = compile_when(Often(), limits=excluded("12:30-13:30"))
    assert plugin.due_between(NOON, NOON + 2 * HOUR, 1).count == 60


def test_what_counts_from_the_end_is_due_when_the_window_ends() -> None:
    trigger = compile_when(END, limits=excluded("12:30-13:30"))
    assert after_run(trigger, NOON, NOON - DAY) == NOON + 90 * MINUTE
    assert begin(trigger, NOON + 45 * MINUTE, first=True)[1] == NOON + 90 * MINUTE
    dues = trigger.due_between(NOON, NOON + DAY, 5)
    assert dues == DueTimes(1, NOON + 90 * MINUTE, (NOON + 90 * MINUTE,))
    assert trigger.due_between(NOON, NOON + HOUR, 5) == DueTimes()
    assert begin(compile_when(END, limits=replace(excluded("sat"), ends_at=NOON)), NOON + MINUTE, first=True)[1] is None


@pytest.mark.parametrize(
    ("when", "limits", "field", "reason"),
    [
        (Cron("0 0 25 12 *"), excluded("12-25"), "schedule", "never due within"),
        (Cron("* * * * *"), excluded("mon-sun"), "schedule", "never due within"),
        (Cron("0 0 25 12 *"), Limits(ends_at=NOON + DAY), "schedule", "never due within"),
        (Cron("* * * * *"), Limits(ends_at=NOON), "ends_at", "lies in the past"),
        (GRID, Limits(ends_at=NOON - HOUR), "ends_at", "lies in the past"),
        (END, excluded("mon-sun"), "schedule", "never due within"),
        (At(NOON), Limits(), "times", "lies in the past"),
        (At(NOON + DAY), Limits(NOON + 2 * DAY), "schedule", "never due within"),
        (Cron("*/5 2 * 3 0#2", "America/New_York"), Limits(), "schedule", "is never due"),
    ],
)
def test_what_would_never_be_due_is_refused(when: When, limits: Limits, field: str, reason: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        refuse_past(when, NOON, limits=limits)
    assert refused.value.field_name == field
    assert reason in refused.value.reason


def test_what_will_be_due_is_not_refused() -> None:
    for when in (Cron("0 0 25 12 *"), GRID, END, At(NOON + 3 * DAY), Often(), Always()):
        refuse_past(when, NOON, limits=replace(excluded("2026-12-24", "sat"), ends_at=NOON + 400 * DAY))
    with pytest.raises(ScheduleRefused, match="before starts_at"):
        Limits(NOON, NOON - HOUR)


def test_a_range_is_shown_from_its_first_to_its_last_moment() -> None:
    trigger = compile_when(Cron("0 * * * *"))
    assert due_in_range(trigger, NOON, NOON + 2 * HOUR, 9) == ([NOON, NOON + HOUR, NOON + 2 * HOUR], False)
    assert due_in_range(trigger, NOON, NOON + 2 * HOUR, 3) == ([NOON, NOON + HOUR, NOON + 2 * HOUR], False)
    assert due_in_range(trigger, NOON, NOON + 2 * HOUR, 2) == ([NOON, NOON + HOUR], True)
    assert due_in_range(compile_when(GRID), NOON, NOON + HOUR, 9, anchor=NOON - MINUTE) == ([NOON + 59 * MINUTE], False)
    assert due_in_range(compile_when(Always()), NOON, NOON + DAY, 9) == ([], False)


# ----- blackouts ---------------------------------------------------------------------------------------------------

MINUTES = compile_when(Cron("* * * * *"))


def rows(fires: tuple[Fire, ...]) -> list[str]:
    return [f"{fire.outcome} {fire.first:%H:%M}..{fire.due:%H:%M} x{fire.count}" for fire in fires]


@pytest.mark.parametrize(
    ("window", "minutes", "policy", "expected"),
    [  # every minute; the cursor is so many minutes before noon, and it is noon
        ("11:58-12:01", 1, Policy(), ["blocked 12:00..12:00 x1"]),
        ("11:58-12:00", 5, Policy(), ["merged 11:56..11:57 x2", "blocked 11:58..11:59 x2", "fired 12:00..12:00 x1"]),
        ("11:57-11:59", 4, Policy(), ["blocked 11:57..11:58 x2", "merged 11:59..11:59 x1", "fired 12:00..12:00 x1"]),
        (
            "11:00-11:59",
            3,
            Policy(catch_up=CatchUp.ALL),
            ["blocked 11:58..11:58 x1", "fired 11:59..11:59 x1", "fired 12:00..12:00 x1"],
        ),
        (
            "11:50-11:55",
            15,
            Policy(catch_up=CatchUp.ALL, most=1),
            ["missed 11:46..11:59 x9", "blocked 11:50..11:54 x5", "fired 12:00..12:00 x1"],
        ),
        (
            "11:50-11:55",
            15,
            Policy(catch_up=CatchUp.SKIP),
            ["missed 11:46..11:58 x8", "blocked 11:50..11:54 x5", "merged 11:59..11:59 x1", "fired 12:00..12:00 x1"],
        ),
        ("13:00-14:00", 2, Policy(), ["merged 11:59..11:59 x1", "fired 12:00..12:00 x1"]),
    ],
)
def test_due_times_in_a_blackout_are_blocked(window: str, minutes: int, policy: Policy, expected: list[str]) -> None:
    situation = Situation(NOON - minutes * MINUTE, None, blackouts=parse_windows([window]))
    planned = plan(MINUTES, situation, policy, NOON)
    assert rows(planned.fires) == expected
    assert sum(fire.count for fire in planned.fires) == minutes
    assert all(window in fire.reason for fire in planned.fires if fire.outcome is FireOutcome.BLOCKED)
    assert (planned.cursor, planned.next_due) == (NOON, NOON + MINUTE)


def test_nothing_late_starts_in_a_blackout() -> None:
    hourly = compile_when(Cron("0 * * * *"))
    situation = Situation(NOON - 3 * HOUR, None, blackouts=parse_windows(["12:10-13:00"]))
    late = plan(hourly, situation, Policy(), NOON + 20 * MINUTE)
    assert rows(late.fires) == ["blocked 10:00..12:00 x3"]
    on_time = plan(hourly, situation, Policy(misfire_grace_seconds=1800), NOON + 20 * MINUTE)
    assert rows(on_time.fires) == ["merged 10:00..11:00 x2", "fired 12:00..12:00 x1"]


def test_a_blackout_comes_after_hold_and_before_overlap() -> None:
    situation = Situation(NOON - 2 * MINUTE, None, running=True, blackouts=parse_windows(["11:59-12:00"]))
    assert rows(plan(MINUTES, situation, Policy(), NOON).fires) == [
        "blocked 11:59..11:59 x1",
        "skipped 12:00..12:00 x1",
    ]
    held = plan(MINUTES, replace(situation, held="all schedules are paused"), Policy(), NOON)
    assert rows(held.fires) == ["held 11:59..12:00 x2"]


def test_a_blackout_of_what_counts_from_the_end() -> None:
    situation = Situation(NOON - HOUR, NOON, blackouts=parse_windows(["11:30-12:30"]))
    blocked = plan(compile_when(END), situation, Policy(), NOON)
    assert rows(blocked.fires) == ["blocked 12:00..12:00 x1"]
    assert blocked.next_due == NOON + HOUR
    fired = plan(compile_when(END), replace(situation, blackouts=parse_windows(["sat"])), Policy(), NOON)
    assert rows(fired.fires) == ["fired 12:00..12:00 x1"]


def test_a_plugin_in_a_blackout() -> None:
    situation = Situation(NOON - 5 * MINUTE, None, blackouts=parse_windows(["11:57-11:59"]))
    fired = plan(compile_when(Often()), situation, Policy(), NOON)
    assert rows(fired.fires) == ["merged 11:56..11:59 x2", "blocked 11:57..11:58 x2", "fired 12:00..12:00 x1"]


def test_every_due_time_is_told_once_whatever_is_excluded_and_blacked_out() -> None:
    """Against a list of all due times: which are excluded, which blocked, and that the rest follows the policy."""
    chance = random.Random(11)
    forms = ["sat", "22:00-06:00", "fri 11:00-13:00", "11-21/11-22", "2026-11-20T10:00/2026-11-21T03:30", "12:15-12:45"]
    for _ in range(150):
        limits = Limits(
            NOON - chance.randrange(48) * HOUR if chance.random() < 0.3 else None,
            NOON + chance.randrange(48) * HOUR if chance.random() < 0.3 else None,
            parse_windows(chance.sample(forms, chance.randrange(3)), "Europe/Berlin"),
        )
        blackouts = parse_windows(chance.sample(forms, chance.randrange(3)), "America/New_York")
        text = chance.choice(("*/7 * * * *", "13 */2 * * *", "*/20 8-20 * * *"))
        every, trigger = compile_when(Cron(text)), compile_when(Cron(text), limits=limits)
        cursor = NOON - chance.randrange(3000) * MINUTE
        now = NOON + chance.randrange(3000) * MINUTE
        dues = [
            due
            for due in every.due_between(cursor, now, 10_000).newest
            if limits.excluded.at(due) is None
            and (limits.starts_at is None or due >= limits.starts_at)
            and (limits.ends_at is None or due <= limits.ends_at)
        ]
        assert list(trigger.due_between(cursor, now, 10_000).newest) == dues
        assert trigger.due_between(cursor, now, 3) == DueTimes(len(dues), dues[0] if dues else None, tuple(dues[-3:]))
        policy = Policy(chance.choice(list(Overlap)), chance.choice(list(CatchUp)), chance.randrange(7200), most=4)
        planned = plan(trigger, Situation(cursor, None, blackouts=blackouts), policy, now)
        assert sum(fire.count for fire in planned.fires) == len(dues)
        assert planned.cursor == (dues[-1] if dues else cursor)
        blocked = [due for due in dues if blackouts.at(due)]
        told = [fire for fire in planned.fires if fire.outcome is FireOutcome.BLOCKED]
        free = [due for due in dues if due not in blocked]
        if free and blackouts.at(now) and free[-1] < now - timedelta(seconds=policy.misfire_grace_seconds or 0):
            blocked = dues
        assert [(fire.first, fire.due, fire.count) for fire in told] == (
            [(blocked[0], blocked[-1], len(blocked))] if blocked else []
        )
        assert not any(blackouts.at(fire.due) for fire in planned.fires if fire.outcome.starts_run)
        assert [fire.first for fire in planned.fires] == sorted({fire.first for fire in planned.fires})


def test_jitter_is_the_same_for_all_and_spreads_evenly() -> None:
    spread = [jitter("019a", NOON + n * MINUTE, 60).total_seconds() for n in range(2000)]
    assert spread == [jitter("019a", NOON + n * MINUTE, 60).total_seconds() for n in range(2000)]
    assert all(0 <= seconds < 60 for seconds in spread)
    assert 29 < sum(spread) / len(spread) < 31
    assert all(150 < sum(part <= seconds < part + 6 for seconds in spread) < 250 for part in range(0, 60, 6))
    assert jitter("019b", NOON, 60) != jitter("019a", NOON, 60)
    assert jitter("019a", NOON, 0) == timedelta(0)
    assert jitter("019a", NOON.astimezone(), 60) == jitter("019a", NOON, 60)
