"""Schedules whose runs overlap, under trouble: fixed seeds here, two hundred of them in the soak."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.line_mutants import LINE_MUTANTS
from tests.simulation.lines import LINES, play_lines
from tests.simulation.mutants import Mutant
from tests.simulation.test_simulation import told

SEEDS = (1, 3, 5)
SEEDS_FOR_MUTANTS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_runs_of_one_schedule_overlap_only_where_they_may(seed: int) -> None:
    world = play_lines(seed)

    assert {execution.key for execution in world.executions} == set(LINES)
    assert world.overlapping() > 5
    assert not world.violations, told(world)


def test_without_a_planted_bug_their_worlds_are_in_order() -> None:
    for seed in SEEDS_FOR_MUTANTS:
        world = play_lines(seed, faults=replace(LINE_MUTANTS[0].faults))
        assert not world.violations, told(world)


@pytest.mark.parametrize("mutant", LINE_MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_bugs_of_overlap_are_caught(mutant: Mutant) -> None:
    with mutant.patch():
        assert any(
            play_lines(seed, faults=replace(mutant.faults), mutations=mutant.verbs).violations
            for seed in SEEDS_FOR_MUTANTS
        )


@pytest.mark.soak
def test_two_hundred_worlds_of_overlapping_schedules() -> None:
    broken = [told(world) for world in (play_lines(seed) for seed in range(3000, 3200)) if world.violations]

    assert not broken, "\n".join(broken[:5])
