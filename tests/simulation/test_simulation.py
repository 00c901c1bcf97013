"""The real core under trouble, in every kind of world: fixed seeds here, hundreds of them in the soak."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, replace
from typing import Any

import pytest

from tests.simulation.cluster import Faults, World, play
from tests.simulation.kinds import KINDS
from tests.simulation.mutants import Mutant


def told(world: World, kind: str) -> str:
    """What to say of a world that went wrong, and how to see it again."""
    found = "\n  ".join(world.violations[:10])
    return f"seed {world.seed} with {world.drawn}:\n  {found}\nreplay: python -m tests.simulation {world.seed} {kind}"


@pytest.mark.parametrize(("kind", "seed"), [(name, seed) for name, kind in KINDS.items() for seed in kind.seeds])
def test_no_rule_is_broken(kind: str, seed: int) -> None:
    world = KINDS[kind].play(seed)

    assert KINDS[kind].enough(world)
    assert not world.violations, told(world, kind)


def test_a_seed_replays_exactly() -> None:
    """Whatever a seed finds can be seen again: the same executions, at the same times, on the same nodes."""

    def trace(seed: int) -> str:
        executions = [(e.run, e.node, e.began, e.ended, e.fate) for e in play(seed, 3).executions]
        return hashlib.sha256(repr(executions).encode()).hexdigest()

    assert trace(6) == trace(6)
    assert trace(6) != trace(7)


@pytest.mark.parametrize(
    ("kind", "mutant"),
    [
        pytest.param(name, mutant, id=f"{name}: {mutant.name}")
        for name, kind in KINDS.items()
        for mutant in kind.mutants
    ],
)
def test_planted_bugs_are_caught(kind: str, mutant: Mutant) -> None:
    """Each planted bug breaks a rule within a few seeds; without it the same world is in order."""
    for seed in range(KINDS[kind].seeds_for_mutants):
        with mutant.patch():
            try:
                caught = bool(_small(kind, seed, mutant, mutations=mutant.verbs, **mutant.bug).violations)
            except Exception:  # noqa: BLE001 - a planted bug may break the core as well as a rule
                caught = True
        if caught:
            _expect_order(kind, seed, mutant)
            return
    pytest.fail(f"the simulation did not see {mutant.name!r} in {KINDS[kind].seeds_for_mutants} seeds")


def _small(kind: str, seed: int, mutant: Mutant, **bug: Any) -> World:
    """The world in which a planted bug is looked for."""
    return KINDS[kind].play(seed, faults=replace(mutant.faults), **{**KINDS[kind].small, **mutant.options, **bug})


def _expect_order(kind: str, seed: int, mutant: Mutant) -> None:
    """The world of the mutant is in order without its bug. Many mutants have the same world: it is played once."""
    key = (kind, seed, astuple(mutant.faults), repr(mutant.options))
    if key not in _IN_ORDER:
        sound = _small(kind, seed, mutant)
        assert not sound.violations, told(sound, kind)
        _IN_ORDER.add(key)


_IN_ORDER: set[tuple[Any, ...]] = set()


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_hundreds_of_worlds(kind: str) -> None:
    worlds = (KINDS[kind].play(seed, KINDS[kind].soak_minutes) for seed in KINDS[kind].soak)
    broken = [told(world, kind) for world in worlds if world.violations]

    assert not broken, "\n".join(broken[:5])


@pytest.mark.soak
def test_without_trouble_nothing_is_done_twice() -> None:
    for seed in range(50):
        world = play(seed, 20, faults=Faults())
        tried = {(e.run, e.began) for e in world.executions}
        assert len(tried) == len(world.executions)
        assert not world.violations, told(world, "cluster")
