"""Intervals, one-off times, services and plug-ins; and how all triggers count what has passed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import DueTimes, compile_when, next_fires
from runwright.schedule.triggers import LONGEST_WALK
from runwright.when import Always, At, Cron, Every, When

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_grid_is_computed_from_its_epoch() -> None:
    trigger = compile_when(Every(seconds=7, first="later", anchor="start"))
    assert trigger.next_after(EPOCH, anchor=EPOCH) == EPOCH + 7 * SECOND
    assert trigger.next_after(EPOCH + 7 * SECOND, anchor=EPOCH) == EPOCH + 14 * SECOND
    assert trigger.next_after(EPOCH + 13.5 * SECOND, anchor=EPOCH) == EPOCH + 14 * SECOND
    far = EPOCH + timedelta(days=36_500)
    found = trigger.next_after(far, anchor=EPOCH)
    assert found is not None
    assert found > far
    assert (found - EPOCH) % (7 * SECOND) == timedelta(0)
    assert trigger.next_after(EPOCH - timedelta(days=1), anchor=EPOCH) == EPOCH + 7 * SECOND


def test_the_epoch_is_due_if_the_first_fire_is_now() -> None:
    trigger = compile_when(Every(seconds=7, first="now", anchor="start"))
    assert trigger.first_now
    assert trigger.next_after(EPOCH - SECOND, anchor=EPOCH) == EPOCH
    assert trigger.next_after(EPOCH, anchor=EPOCH) == EPOCH + 7 * SECOND


def test_counted_from_the_end_there_is_one_due_time() -> None:
    trigger = compile_when(Every(seconds=7))
    assert trigger.anchored_at_end
    assert trigger.next_after(EPOCH + SECOND, anchor=EPOCH) == EPOCH + 8 * SECOND
    assert trigger.due_between(EPOCH, EPOCH + timedelta(days=9), 5) == DueTimes(
        1, EPOCH + 7 * SECOND, (EPOCH + 7 * SECOND,)
    )


def test_a_long_absence_is_counted_and_not_walked() -> None:
    """A year of a due time per second: right to the last one, in milliseconds, for the grid and for cron."""
    year = timedelta(days=365)
    for when in (Every(seconds=1, anchor="start"), Cron("* * * * * *", "Europe/Berlin")):
        began = time.process_time()
        dues = compile_when(when).due_between(EPOCH, EPOCH + year, 100, anchor=EPOCH)
        assert time.process_time() - began < 0.5
        assert dues.count == year // SECOND
        assert dues.first == EPOCH + SECOND
        assert dues.newest == tuple(EPOCH + year - n * SECOND for n in range(99, -1, -1))


def test_a_broken_clock_does_not_count_for_ever() -> None:
    began = time.process_time()
    dues = compile_when(Cron("0 0 1 1 *", "Europe/Berlin")).due_between(EPOCH, EPOCH.replace(year=4000), 3)
    assert time.process_time() - began < 2
    assert dues.count == 41  # forty years back and some days, and no further
    assert [f"{due:%Y-%m-%d}" for due in dues.newest] == ["3997-12-31", "3998-12-31", "3999-12-31"]


def test_times_are_due_once_each_in_order() -> None:
    times = [EPOCH + n * SECOND for n in (3, 1, 2, 1)]
    trigger = compile_when(At(*times))
    assert next_fires(At(*times), EPOCH, 10) == [EPOCH + n * SECOND for n in (1, 2, 3)]
    assert trigger.due_between(EPOCH, EPOCH + 9 * SECOND, 2) == DueTimes(
        3, EPOCH + SECOND, (EPOCH + 2 * SECOND, EPOCH + 3 * SECOND)
    )
    assert trigger.next_after(EPOCH + 3 * SECOND) is None


def test_a_service_has_no_due_times() -> None:
    trigger = compile_when(Always())
    assert (trigger.kind, trigger.first_now) == ("service", True)
    assert trigger.next_after(EPOCH) is None
    assert trigger.due_between(EPOCH, EPOCH + timedelta(days=1), 5) == DueTimes()


class Squares:
    """Due at the squares of seconds after the epoch."""

    def next_after(self, moment: datetime) -> datetime | None:
        second = 0
        while second * second <= (moment - EPOCH) / SECOND:
            second += 1
        return EPOCH + second * second * SECOND if second <= 10 else None


class Stuck:
    def next_after(self, moment: datetime) -> datetime | None:
        return moment


class Naive:
    def next_after(self, moment: datetime) -> datetime | None:
        return moment.replace(tzinfo=None) + SECOND


class EverySecond:
    def next_after(self, moment: datetime) -> datetime | None:
        return moment + SECOND


class Foreign:
    """A trigger as APScheduler 3 has them."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return EPOCH + SECOND if now <= EPOCH + SECOND else None


def test_a_plugin_says_its_own_times() -> None:
    assert next_fires(Squares(), EPOCH, 3) == [EPOCH + n * SECOND for n in (1, 4, 9)]
    dues = compile_when(Squares()).due_between(EPOCH, EPOCH + timedelta(days=1), 2)
    assert dues == DueTimes(10, EPOCH + SECOND, (EPOCH + 81 * SECOND, EPOCH + 100 * SECOND))
    assert next_fires(Foreign(), EPOCH, 3) == [EPOCH + SECOND]


def test_a_plugin_that_breaks_its_promise_is_refused() -> None:
    for plugin in (Stuck(), Naive()):
        with pytest.raises(ScheduleRefused, match=type(plugin).__name__):
            compile_when(plugin).next_after(EPOCH)


def test_a_plugin_is_walked_in_pieces() -> None:
    dues = compile_when(EverySecond()).due_between(EPOCH, EPOCH + timedelta(days=30), 3)
    assert (dues.count, dues.complete) == (LONGEST_WALK, False)
    assert dues.newest[-1] == EPOCH + LONGEST_WALK * SECOND


@pytest.mark.parametrize("thing", [5, "0 0 * * *", None, Squares, object()])
def test_what_is_no_schedule_is_refused(thing: When) -> None:
    with pytest.raises(ScheduleRefused, match="next_after"):
        compile_when(thing)


def test_a_naive_moment_is_a_mistake_of_the_caller() -> None:
    for when in (Cron("@daily"), Every(seconds=5), At(EPOCH), Squares()):
        with pytest.raises(ValueError, match="aware"):
            compile_when(when).next_after(datetime(2026, 1, 1))  # noqa: DTZ001 the mistake itself
