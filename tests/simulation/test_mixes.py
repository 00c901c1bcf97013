"""Random mixes of all kinds of runs: fixed seeds here, two hundred of them in the soak."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.cluster import Faults, World
from tests.simulation.mix_mutants import KEYED, LONE, MIX_MUTANTS
from tests.simulation.mixes import WISHES, play_mix
from tests.simulation.mutants import Mutant
from tests.simulation.test_simulation import told

SEEDS = (3, 42)
"""Seed 42 found a parked child, a run behind the barrier and the barrier that waited for one another."""
SEEDS_FOR_MUTANTS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_rule_between_runs_is_broken(seed: int) -> None:
    world = play_mix(seed)

    assert {execution.task for execution in world.executions} == set(WISHES)
    assert len(world.acknowledged) > 50
    assert not world.violations, told(world)


def _small(seed: int = 0, **options: Any) -> World:
    """A minute without trouble."""
    return play_mix(seed, 1, faults=Faults(), nodes_wanted=4, quiet_seconds=600, **options)


@pytest.mark.parametrize("options", [{}, KEYED, LONE], ids=["any", "keyed", "lone"])
def test_without_a_planted_bug_their_worlds_are_in_order(options: dict[str, Any]) -> None:
    world = _small(**options)

    assert not world.violations, told(world)


@pytest.mark.parametrize("mutant", MIX_MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_bugs_between_runs_are_caught(mutant: Mutant) -> None:
    with mutant.patch():
        assert any(_small(seed, mutations=mutant.verbs, **mutant.options).violations for seed in SEEDS_FOR_MUTANTS)


@pytest.mark.soak
def test_two_hundred_mixes() -> None:
    broken = [told(world) for world in (play_mix(seed) for seed in range(2000, 2200)) if world.violations]

    assert not broken, "\n".join(broken[:5])
