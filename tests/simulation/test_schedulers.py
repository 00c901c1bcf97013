"""Many schedulers on one store, under trouble: fixed seeds here, thousands of ticks in the soak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from runwright.model import FirePlan
from tests.simulation.cluster import Faults, World
from tests.simulation.schedulers import play_schedules


@pytest.mark.parametrize("seed", range(6))
def test_schedulers_together_neither_miss_nor_double_a_due_time(seed: int) -> None:
    """Clocks up to five seconds apart, early timers, pauses, kills and lost commits between any two statements."""
    world = play_schedules(seed, nodes_wanted=4, schedules=20, seconds=60)

    assert world.fires > 200
    assert not world.violations, world.violations


@pytest.mark.parametrize("seed", range(3))
def test_steps_of_the_clock_neither_repeat_a_fire_nor_stop_a_scheduler(seed: int) -> None:
    """From a day back to a year on. Seed 3 found a scheduler that waited for an instant that had moved away."""
    world = play_schedules(seed + 1, nodes_wanted=2, schedules=6, steps=30)

    assert world.fires > 20
    assert not world.violations, world.violations


def _without_version(world: World, fire: Any) -> Any:
    """A scheduler writes its plan whatever has happened to the schedule since."""

    async def spoiled(plans: Sequence[FirePlan], **how: bool) -> Sequence[bool]:
        found = [await world.store.schedule(plan.schedule) for plan in plans]
        fresh = [replace(plan, version=now.version) for plan, now in zip(plans, found, strict=True) if now is not None]
        return [True for _ in await fire(fresh, **how)]

    return spoiled


def _without_ledger(world: World, fire: Any) -> Any:
    """A run is let in by itself, before the fire that it belongs to."""

    async def spoiled(plans: Sequence[FirePlan], **how: bool) -> Any:
        await world.store.enqueue([new.run for plan in plans for new in plan.fires if new.run is not None])
        return await fire(plans, **how)

    return spoiled


def _never_paused(world: World, paused: Any) -> Any:
    """A scheduler does not look whether all are paused."""

    async def spoiled() -> None:
        return None

    return spoiled


SCHEDULE_MUTANTS = {
    "the version is not checked": ("fire", _without_version),
    "a run without its ledger": ("fire", _without_ledger),
    "a pause is not seen": ("paused", _never_paused),
}


@pytest.mark.parametrize("name", SCHEDULE_MUTANTS)
def test_planted_bugs_of_schedulers_are_caught(name: str) -> None:
    verb, spoil = SCHEDULE_MUTANTS[name]
    assert any(
        play_schedules(seed, nodes_wanted=4, schedules=10, seconds=120, mutations={verb: spoil}).violations
        for seed in range(4)
    )


@pytest.mark.soak
def test_eight_schedulers_ten_thousand_ticks_a_hundred_schedules() -> None:
    faults = Faults(before=0.001, after=0.001, slow=0.001, drop=0.2, kills=True, freezes=True)
    world = play_schedules(1, faults=faults, nodes_wanted=8, schedules=100, seconds=10_000)

    assert not world.violations, world.violations


@pytest.mark.soak
def test_a_thousand_steps_of_the_clock() -> None:
    for seed in range(10):
        world = play_schedules(seed, nodes_wanted=3, schedules=9, steps=100)
        assert not world.violations, world.violations
