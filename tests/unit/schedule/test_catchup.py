"""The decision between due times and runs, as a table: what was missed, what still runs, what is only recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwright.schedule import Fire, Plan, Policy, Situation, Trigger, after_run, begin, compile_when, plan
from runwright.schedule.catchup import without_run
from runwright.schedule.triggers import LONGEST_WALK
from runwright.when import Always, At, CatchUp, Cron, Every, Overlap

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTES = compile_when(Cron("* * * * *"))
SIX_HOURLY = compile_when(Every(hours=6, first="later", anchor="start"))
FROM_END = compile_when(Every(minutes=10))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def shown(planned: Plan) -> list[str]:
    """Each row as ``outcome first..due xcount``."""
    return [show(fire) for fire in planned.fires]


def show(fire: Fire) -> str:
    when = f"{fire.due:%H:%M}" if fire.count == 1 else f"{fire.first:%H:%M}..{fire.due:%H:%M} x{fire.count}"
    assert (fire.count == 1) == (fire.first == fire.due)
    return f"{fire.outcome} {when}"


def planned(*, seconds_late: float = 0, missed: int = 1, running: bool = False, policy: Policy | None = None) -> Plan:
    """The plan of a schedule that is due every minute, the last time at noon, ``missed`` due times after its cursor."""
    situation = Situation(cursor=NOON - missed * MINUTE, next_due=NOON - (missed - 1) * MINUTE, running=running)
    return plan(MINUTES, situation, policy or Policy(), NOON + timedelta(seconds=seconds_late))


@pytest.mark.parametrize(
    ("catch_up", "missed", "grace", "rows"),
    [  # twelve seconds after noon
        ("latest", 0, None, []),
        ("latest", 1, None, ["fired 12:00"]),
        ("latest", 1, 5, ["late 12:00"]),
        ("latest", 2, None, ["merged 11:59", "fired 12:00"]),
        ("latest", 5, None, ["merged 11:56..11:59 x4", "fired 12:00"]),
        ("latest", 500, 5, ["merged 03:41..11:59 x499", "late 12:00"]),
        ("skip", 1, None, ["fired 12:00"]),
        ("skip", 1, 5, ["missed 12:00"]),
        ("skip", 5, None, ["missed 11:56..11:59 x4", "fired 12:00"]),
        ("skip", 5, 5, ["missed 11:56..12:00 x5"]),
        ("skip", 500, 200, ["missed 03:41..11:56 x496", "merged 11:57..11:59 x3", "fired 12:00"]),
        ("skip", 3, 3600, ["merged 11:58..11:59 x2", "fired 12:00"]),
        ("all", 1, None, ["fired 12:00"]),
        ("all", 3, None, ["late 11:58", "late 11:59", "fired 12:00"]),
        ("all", 3, 3600, ["fired 11:58", "fired 11:59", "fired 12:00"]),
    ],
)
def test_catching_up(catch_up: str, missed: int, grace: float | None, rows: list[str]) -> None:
    policy = Policy(catch_up=CatchUp(catch_up), misfire_grace_seconds=grace)
    result = planned(seconds_late=12, missed=missed, policy=policy)
    assert shown(result) == rows
    assert result.cursor == NOON
    assert result.next_due == NOON + MINUTE
    assert not result.finished


def test_all_has_a_cap_and_says_what_is_beyond_it() -> None:
    result = planned(missed=250, policy=Policy(catch_up=CatchUp.ALL))
    assert show(result.fires[0]) == "missed 07:51..10:20 x150"
    assert "more than 100" in result.fires[0].reason
    assert len(result.fires) == 101
    assert result.fires[1].due == NOON - 99 * MINUTE
    few = planned(missed=250, policy=Policy(catch_up=CatchUp.ALL, most=2))
    assert shown(few) == ["missed 07:51..11:58 x248", "fired 11:59", "fired 12:00"]
    exact = planned(missed=100, policy=Policy(catch_up=CatchUp.ALL))
    assert {fire.outcome for fire in exact.fires} == {"late", "fired"}
    assert len(exact.fires) == 100


@pytest.mark.parametrize(
    ("overlap", "catch_up", "missed", "rows", "cancels"),
    [  # while a run of the schedule is live
        ("skip", "latest", 1, ["skipped 12:00"], False),
        ("skip", "latest", 3, ["skipped 11:58..12:00 x3"], False),
        ("skip", "all", 3, ["skipped 11:58..12:00 x3"], False),
        ("queue", "latest", 1, ["fired 12:00"], False),
        ("queue", "latest", 3, ["merged 11:58..11:59 x2", "fired 12:00"], False),
        ("queue", "all", 2, ["fired 11:59", "fired 12:00"], False),
        ("allow", "latest", 1, ["fired 12:00"], False),
        ("allow", "all", 2, ["fired 11:59", "fired 12:00"], False),
        ("cancel_running", "latest", 1, ["fired 12:00"], True),
        ("cancel_running", "all", 3, ["merged 11:58..11:59 x2", "fired 12:00"], True),
    ],
)
def test_overlapping(overlap: str, catch_up: str, missed: int, rows: list[str], cancels: bool) -> None:
    policy = Policy(overlap=Overlap(overlap), catch_up=CatchUp(catch_up))
    result = planned(missed=missed, running=True, policy=policy)
    assert shown(result) == rows
    assert result.cancel_running is cancels
    assert result.next_due == NOON + MINUTE


def test_nothing_is_cancelled_where_nothing_starts() -> None:
    policy = Policy(overlap=Overlap.CANCEL_RUNNING, catch_up=CatchUp.SKIP, misfire_grace_seconds=5)
    result = planned(seconds_late=12, running=True, policy=policy)
    assert shown(result) == ["missed 12:00"]
    assert not result.cancel_running


def test_held_due_times_are_recorded_and_passed() -> None:
    situation = Situation(cursor=NOON - 3 * MINUTE, next_due=None, running=True, held="no such task")
    held = plan(MINUTES, situation, Policy(), NOON)
    assert shown(held) == ["held 11:58..12:00 x3"]
    assert held.fires[0].reason == "no such task"
    assert held.cursor == NOON


def test_a_clock_that_is_set_back_fires_nothing_twice() -> None:
    first = planned()
    assert shown(first) == ["fired 12:00"]
    for back in (MINUTE, HOUR, timedelta(days=400)):
        again = plan(MINUTES, Situation(first.cursor, first.next_due), Policy(), NOON - back)
        assert again.fires == ()
        assert (again.cursor, again.next_due) == (NOON, NOON + MINUTE)


def test_edited_or_enabled_a_schedule_never_fires_the_past() -> None:
    cursor, due = begin(MINUTES, NOON + timedelta(seconds=30))
    assert due == NOON + MINUTE
    assert plan(MINUTES, Situation(cursor, due), Policy(catch_up=CatchUp.ALL), NOON + timedelta(seconds=59)).fires == ()
    cursor, due = begin(SIX_HOURLY, NOON, anchor=NOON - 7 * HOUR)
    assert due == NOON + 5 * HOUR  # on the grid that it had


def test_a_grid_stays_a_grid_whatever_was_missed() -> None:
    situation = Situation(NOON, NOON + 6 * HOUR, anchor=NOON)
    result = plan(SIX_HOURLY, situation, Policy(), NOON + 20 * HOUR)
    assert shown(result) == ["merged 18:00..00:00 x2", "late 06:00"]
    assert result.next_due == NOON + 24 * HOUR


def test_a_first_run_that_is_to_be_now_is_made_once() -> None:
    for when in (Every(minutes=10), Every(minutes=10, anchor="start")):
        trigger = compile_when(when)
        cursor, due = begin(trigger, NOON, anchor=NOON, first=True)
        assert due == NOON
        result = plan(trigger, Situation(cursor, due, anchor=NOON), Policy(), NOON)
        assert shown(result) == ["fired 12:00"]
        again = plan(
            trigger, Situation(result.cursor, result.next_due, anchor=NOON), Policy(), NOON + timedelta(seconds=1)
        )
        assert again.fires == ()


def test_a_first_run_without_a_stored_grid_begins_one() -> None:
    assert begin(compile_when(Every(minutes=10, anchor="start")), NOON, first=True)[1] == NOON
    assert begin(compile_when(Every(minutes=10, anchor="start")), NOON, anchor=NOON - MINUTE, first=True)[1] == (
        NOON + 9 * MINUTE
    )


def test_counted_from_the_end_the_next_due_time_waits_for_the_end() -> None:
    fired = plan(FROM_END, Situation(NOON - MINUTE, NOON), Policy(), NOON)
    assert shown(fired) == ["fired 12:00"]
    assert (fired.next_due, fired.awaits_end, fired.finished) == (None, True, False)
    waiting = plan(FROM_END, Situation(fired.cursor, None, running=True), Policy(), NOON + HOUR)
    assert (waiting.fires, waiting.next_due, waiting.awaits_end) == ((), None, True)
    assert after_run(FROM_END, NOON + HOUR, fired.cursor) == NOON + HOUR + 10 * MINUTE
    assert after_run(FROM_END, NOON - HOUR, fired.cursor) == NOON + 10 * MINUTE  # a clock that was set back


def test_counted_from_the_end_without_a_run_it_goes_on_from_now() -> None:
    situation = Situation(NOON - HOUR, NOON - 50 * MINUTE, held="unbound")
    held = plan(FROM_END, situation, Policy(), NOON)
    assert shown(held) == ["held 11:10"]
    assert held.next_due == NOON + 10 * MINUTE
    missed = plan(FROM_END, replace(situation, held=None), Policy(catch_up=CatchUp.SKIP), NOON)
    assert shown(missed) == ["missed 11:10"]
    late = plan(FROM_END, replace(situation, held=None), Policy(), NOON)
    assert shown(late) == ["late 11:10"]
    skipped = plan(FROM_END, replace(situation, held=None, running=True), Policy(), NOON)
    assert shown(skipped) == ["skipped 11:10"]
    assert skipped.awaits_end


def test_after_its_last_time_a_schedule_is_finished() -> None:
    trigger = compile_when(At(NOON, NOON + HOUR))
    first = plan(trigger, Situation(NOON - HOUR, NOON), Policy(), NOON)
    assert (shown(first), first.next_due, first.finished) == (["fired 12:00"], NOON + HOUR, False)
    last = plan(trigger, Situation(first.cursor, first.next_due), Policy(), NOON + HOUR)
    assert (shown(last), last.next_due, last.finished) == (["fired 13:00"], None, True)


def test_a_cap_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Policy(most=0)


SERVICE = compile_when(Always())


def test_a_service_is_due_when_it_is_made_and_when_it_is_enabled() -> None:
    for first in (True, False):
        assert begin(SERVICE, NOON, first=first)[1] == NOON


def test_a_service_that_runs_has_no_plan() -> None:
    result = plan(SERVICE, Situation(NOON, None), Policy(), NOON + HOUR)
    assert (result.fires, result.next_due, result.awaits_end, result.finished) == ((), None, True, False)


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("late", [timedelta(), timedelta(days=3)])
def test_a_service_is_started_however_late(catch_up: CatchUp, late: timedelta) -> None:
    cursor, due = begin(SERVICE, NOON, first=True)
    result = plan(SERVICE, Situation(cursor, due, running=True), Policy(catch_up=catch_up), NOON + late)
    assert shown(result) == ["late 12:00" if late else "fired 12:00"]
    assert (result.next_due, result.awaits_end, result.finished) == (None, True, False)


def test_a_service_that_may_not_start_is_looked_at_again() -> None:
    cursor, due = begin(SERVICE, NOON, first=True)
    held = plan(SERVICE, Situation(cursor, due, held="a pause"), Policy(), NOON)
    assert (shown(held), held.next_due, held.finished) == (["held 12:00"], NOON + timedelta(seconds=10), False)
    started = plan(SERVICE, Situation(cursor, due), Policy(), NOON)
    refused = without_run(SERVICE, started, NOON)
    assert (refused.next_due, refused.awaits_end, refused.finished) == (NOON + timedelta(seconds=10), False, False)
    set_back = plan(SERVICE, Situation(NOON, NOON - HOUR), Policy(), NOON - HOUR)
    assert (set_back.fires, set_back.next_due) == ((), NOON + timedelta(seconds=10))


class EverySecond:
    def next_after(self, moment: datetime) -> datetime:
        return moment + timedelta(seconds=1)


def test_a_plugin_is_caught_up_in_pieces() -> None:
    trigger = compile_when(EverySecond())
    result = plan(trigger, Situation(NOON, None), Policy(catch_up=CatchUp.SKIP), NOON + timedelta(days=1))
    piece = NOON + timedelta(seconds=LONGEST_WALK)
    assert [(fire.outcome, fire.count) for fire in result.fires] == [("missed", LONGEST_WALK)]
    assert (result.cursor, result.next_due) == (piece, piece + timedelta(seconds=1))


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(
    st.sampled_from((MINUTES, SIX_HOURLY, compile_when(Cron("*/7 * * * *", "America/New_York")), FROM_END)),
    st.lists(st.integers(-90, 300), min_size=1, max_size=12),
    st.sampled_from(list(Overlap)),
    st.sampled_from(list(CatchUp)),
    st.integers(0, 600),
    st.randoms(use_true_random=False),
)
def test_whatever_the_clock_does_no_due_time_is_told_twice_or_left_out(
    trigger: Trigger, steps: list[int], overlap: Overlap, catch_up: CatchUp, grace: int, chance: Random
) -> None:
    """Random steps of the clock, forwards and back: the rows of the ledger never overlap, and leave nothing out."""
    policy = Policy(overlap, catch_up, grace, most=5)
    cursor, due = begin(trigger, NOON, anchor=NOON)
    start, now, high, told = cursor, NOON, NOON, 0
    for step in steps:
        now += step * MINUTE
        running = chance.random() < 0.3
        result = plan(trigger, Situation(cursor, due, NOON, running), policy, now)
        before = cursor
        for fire in result.fires:
            assert before < fire.first <= fire.due <= now
            before = fire.due
            told += fire.count
        assert result.cursor >= cursor
        cursor, due = result.cursor, result.next_due
        high = max(high, now)
        if result.awaits_end:
            due = after_run(trigger, now, cursor)
        assert due is not None
        assert due > cursor
    if not trigger.anchored_at_end:
        assert told == trigger.due_between(start, high, 0, anchor=NOON).count
