"""The kinds of simulated worlds, and what is asked of each: the seeds of every day, its planted bugs, its soak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.cluster import World, play
from tests.simulation.line_mutants import LINE_MUTANTS
from tests.simulation.lines import LINES, LineWorld
from tests.simulation.mix_mutants import MIX_MUTANTS
from tests.simulation.mixes import WISHES, MixWorld
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.service_mutants import SERVICE_MUTANTS
from tests.simulation.services import KEPT, STOPPED, ServiceWorld


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: ``enough`` says whether a world has seen what it is about; ``small`` are the worlds of its mutants."""

    world: type[World]
    minutes: float
    seeds: Sequence[int]
    enough: Callable[[Any], bool]
    mutants: Sequence[Mutant]
    seeds_for_mutants: int
    soak: range
    small: dict[str, Any] = field(default_factory=dict)
    soak_minutes: float | None = None

    def play(self, seed: int, minutes: float | None = None, **options: Any) -> World:
        """One world with this seed, to its end; look at its ``violations``."""
        return play(seed, self.minutes if minutes is None else minutes, kind=self.world, **options)


def _many(world: World) -> bool:
    return len(world.acknowledged) > 50


def _each_wish(world: MixWorld) -> bool:
    return _many(world) and {execution.task for execution in world.executions} == set(WISHES)


def _each_line(world: LineWorld) -> bool:
    return world.overlapping() > 5 and {execution.key for execution in world.executions} == set(LINES)


def _each_service(world: ServiceWorld) -> bool:
    return len(world.executions) > 10 and {execution.key for execution in world.executions} == {*KEPT, *STOPPED}


KINDS = {
    # 6, 10, 16, 22, 78, 96, 103, 139 and 2137 have found something once: reservations lost when a hand-back failed, or
    # adopted again while it was on its way; runs that waited for a wall clock set back; a newer claim killed for an
    # older one's lost token
    "cluster": Kind(
        World, 6, (0, 1, 2, 3, 6, 10, 16, 22, 78, 96, 103, 139, 2137), _many, MUTANTS, 12, range(1000, 1400),
        soak_minutes=20,
    ),
    # 42 has found a parked child, a run behind the barrier and the barrier that waited for one another
    "mix": Kind(
        MixWorld, 2, (1, 42), _each_wish, MIX_MUTANTS, 4, range(2000, 2200),
        small={"minutes": 1, "nodes_wanted": 4, "quiet_seconds": 600},
    ),
    # in 3091 a schedule is switched off in the moment between a fire and its time
    "lines": Kind(LineWorld, 2, (1, 3, 5, 3091), _each_line, LINE_MUTANTS, 10, range(3000, 3200)),
    "services": Kind(ServiceWorld, 2, (0, 1, 4), _each_service, SERVICE_MUTANTS, 4, range(4000, 4200)),
}  # fmt: skip
