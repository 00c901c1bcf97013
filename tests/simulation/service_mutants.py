"""Planted bugs of services. Their worlds must see every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from runwright.model import FirePlan
from runwright.worker.settler import Settler
from tests.simulation.cluster import World
from tests.simulation.mutants import QUIET, Mutant


def in_no_line(_: World, verb: Any) -> Any:
    """A new run does not wait for the end of the one before it."""

    def fire(plans: Sequence[FirePlan], **how: bool) -> Any:
        return verb([
            replace(plan, fires=tuple(
                replace(fire, run=None if fire.run is None else replace(fire.run, in_line=False)) for fire in plan.fires
            )) for plan in plans
        ], **how)  # fmt: skip

    return fire


async def nothing(_: Any) -> None:
    """Nobody looks for what is to run and does not."""


@contextmanager
def never_again() -> Iterator[None]:
    """What has come to an end is never started again."""
    gone = mock.Mock(wait_seconds=None, restarts=0, reason="", gave_up=False)
    with (
        mock.patch.object(Settler, "_rearm", nothing),
        mock.patch("runwright.worker.settler.after_end", return_value=gone),
    ):
        yield


SERVICE_MUTANTS = [
    Mutant("a new run does not wait for the one before it", QUIET, {"fire": in_no_line}),
    Mutant("no service is started again", QUIET, patch=never_again),
]
