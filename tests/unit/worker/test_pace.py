"""How the work of a worker and that of its store go beside each other: when a turn begins, and how many runs do."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runwright.bus import LocalBus
from runwright.testing.clock import ManualClock
from runwright.worker.claimer import TURNS_APART, Claimer
from runwright.worker.executor import Executor
from runwright.worker.lanes import AT_ONCE, AsyncLane, Endings

TURN = 0.04


def claimer(clock: ManualClock, reserved: int) -> Claimer:
    """One whose last turn has just ended, with so many reservations in hand; a turn takes 40 ms."""
    nobody = cast("Any", None)
    made = Claimer(nobody, cast("Executor", SimpleNamespace(reserve=0, last_begun=0.0)), nobody, clock, LocalBus(), 5.0)
    made._turn_seconds, made._turned_at, made._reserved = TURN, clock.monotonic(), reserved
    return made


@pytest.mark.parametrize(
    ("begun", "seconds", "pause"),
    [
        (0, 0.0, TURNS_APART * TURN),  # nothing is known yet: endings come together first
        (100, 0.005, 0.0),  # 20,000 a second: the other 400 are gone in 20 ms, and a turn takes 40
        (100, 0.025, 0.06 - 0.005),  # 4,000 a second: they last 100 ms, so that there is time
        (1, 0.010, TURNS_APART * TURN - 0.010),  # long runs: the turns are so far apart and no further
    ],
)
def test_a_turn_is_back_before_the_reserve_is_gone(begun: int, seconds: float, pause: float) -> None:
    clock = ManualClock()
    waiting = claimer(clock, 500)
    clock.advance(seconds)
    spare = waiting._spare(500 - begun)
    assert max(spare, 0.0) == pytest.approx(min(pause, TURNS_APART * TURN - seconds), abs=1e-6)


def turned(waiting: Claimer, clock: ManualClock, seconds: float, *, left: int, last_begun: float) -> None:
    """A turn that began with a reserve of 500; a run began last so many seconds after its beginning."""
    began = clock.monotonic()
    clock.advance(seconds)
    waiting._turned_at = clock.monotonic()
    waiting._executor = cast("Any", SimpleNamespace(reserve=left, last_begun=began + last_begun))
    waiting._learn_pace(500, began)


def test_the_pace_is_not_that_of_a_store_that_lets_the_slots_run_dry() -> None:
    """They were through with the reserve long before the turn had ended."""
    clock = ManualClock()
    waiting = claimer(clock, 500)
    turned(waiting, clock, TURN, left=0, last_begun=0.01)
    assert waiting._spare(500) == pytest.approx(0.01 - TURN)
    turned(waiting, clock, TURN, left=460, last_begun=TURN)  # there was some left: so slow are they now
    assert waiting._spare(500) == pytest.approx(TURNS_APART * TURN)


def test_a_reserve_that_was_gone_before_the_turn_began_says_nothing_of_the_pace() -> None:
    clock = ManualClock()
    waiting = claimer(clock, 500)
    turned(waiting, clock, TURN, left=0, last_begun=0.01)
    turned(waiting, clock, TURN, left=0, last_begun=-0.01)
    assert waiting._spare(500) == pytest.approx(0.01 - TURN)


def test_what_a_turn_has_shown_of_the_pace_counts_until_there_is_more_to_see() -> None:
    clock = ManualClock()
    waiting = claimer(clock, 500)
    turned(waiting, clock, TURN, left=0, last_begun=TURN * 500 / 600)
    clock.advance(0.0001)
    assert waiting._spare(499) < 0  # one in 0.1 ms is no measure: the store has its next turn at once
    clock.advance(TURN)
    assert waiting._spare(499) > 0  # and this is one


def test_runs_that_none_has_begun_of_in_a_turn_have_no_pace() -> None:
    clock = ManualClock()
    waiting = claimer(clock, 500)
    turned(waiting, clock, TURN, left=0, last_begun=0.01)
    turned(waiting, clock, TURN, left=500, last_begun=-0.01)
    assert waiting._spare(500) == TURNS_APART * TURN


async def test_a_crowd_of_short_runs_lets_others_have_their_say_between() -> None:
    begun: list[object] = []
    rounds = 0

    async def run(job: Any) -> None:
        begun.append(job)

    loop = asyncio.get_running_loop()
    lane = AsyncLane(100, loop, run, Endings(loop, lambda ended: None))
    lane.submit([cast("Any", Job()) for _ in range(200)])
    while len(begun) < 200:
        await asyncio.sleep(0)
        rounds += 1
    assert rounds >= 200 / AT_ONCE


class Job:
    reported, handle = True, None

    def begun(self) -> None: ...
