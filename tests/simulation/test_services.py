"""Services under trouble: fixed seeds here, two hundred in the soak."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from runwright.model import FirePlan
from runwright.worker.settler import Settler
from tests.simulation.cluster import World
from tests.simulation.services import play_services
from tests.simulation.test_simulation import told


@pytest.mark.parametrize("seed", range(4))
def test_each_lives_once_and_as_it_was_told(seed: int) -> None:
    world = play_services(seed)

    assert len(world.executions) > 10
    assert not world.violations, told(world)


def _in_no_line(_: World, verb: Any) -> Any:
    """A new run does not wait for the end of the one before it."""

    def fire(plans: Sequence[FirePlan]) -> Any:
        return verb([
            replace(plan, fires=tuple(
                replace(fire, run=None if fire.run is None else replace(fire.run, in_line=False)) for fire in plan.fires
            )) for plan in plans
        ])  # fmt: skip

    return fire


async def _nothing(_: Any) -> None:
    """What has come to an end is never started again."""


def _never_again() -> AbstractContextManager[Any]:
    stack = ExitStack()
    stack.enter_context(mock.patch.object(Settler, "_rearm", _nothing))
    stack.enter_context(mock.patch("runwright.worker.settler.after_end", return_value=_GONE))
    return stack


_GONE = mock.Mock(wait_seconds=None, restarts=0, reason="", gave_up=False)


def test_planted_bugs_are_caught() -> None:
    assert any(play_services(seed, mutations={"fire": _in_no_line}).violations for seed in range(4))
    with _never_again():
        assert any(play_services(seed).violations for seed in range(2))


@pytest.mark.soak
def test_two_hundred_worlds_of_services() -> None:
    broken = [told(world) for world in (play_services(seed) for seed in range(3000, 3200)) if world.violations]

    assert not broken, "\n".join(broken[:5])
