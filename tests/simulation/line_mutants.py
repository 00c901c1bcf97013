"""Planted bugs of overlap: what lets runs of one schedule run beside each other, or cancels one for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

from runwright.lifecycle import RunEvent
from runwright.model import FirePlan, NewFire, RunStatus
from runwright.store.base import RunQuery
from runwright.store.sqlite_transaction import SQL
from tests.simulation.cluster import World
from tests.simulation.mix_mutants import spoiled
from tests.simulation.mutants import QUIET, Mutant, Spoil


def out_of_line(where: Callable[[NewFire], bool]) -> Spoil:
    """Some runs are let in beside those before them."""

    def without(new: NewFire) -> NewFire:
        return replace(new, run=replace(new.run, in_line=False)) if new.run is not None and where(new) else new

    def spoil(world: World, verb: Any) -> Any:
        return lambda plans, **how: verb(
            [replace(plan, fires=tuple(map(without, plan.fires))) for plan in plans], **how
        )

    return spoil


def cancelled_before_the_version_is_tested(world: World, verb: Any) -> Any:
    """Who comes second cancels what the first has just fired."""

    async def fire(plans: Sequence[FirePlan], **how: bool) -> Any:
        for plan in plans:
            if plan.cancels:
                live = [status for status in RunStatus if not status.terminal]
                page = await world.store.runs(RunQuery(schedule=plan.schedule, statuses=live, limit=100))
                ids = [run.id for run in page.items]
                await world.store.move(ids, RunEvent.CANCEL, "system", world.clock.now())
        return await verb(plans, **how)

    return fire


def nothing_is_ever_busy(world: World, verb: Any) -> Any:
    async def busy(schedules: Sequence[str]) -> set[str]:
        return set()

    return busy


def stopping_counts_as_ended() -> Any:
    """A run whose code was told to stop, and still works, holds up nobody."""
    text = SQL["line_release"].replace("e.completed_at IS NULL", "e.completed_at IS NULL AND e.cancel_requested = 0")
    return mock.patch.dict(SQL, {"line_release": text})


LINE_MUTANTS = [
    Mutant("a queue starts beside what runs", QUIET, {"fire": out_of_line(lambda new: new.outcome == "fired")}),
    Mutant("what is late starts all at once", QUIET, {"fire": out_of_line(lambda new: new.outcome == "late")}),
    Mutant("cancelled before the version is tested", QUIET, {"fire": cancelled_before_the_version_is_tested}),
    Mutant("what skips does not look", QUIET, {"busy_schedules": nothing_is_ever_busy}),
    Mutant("a run that is stopping counts as ended", QUIET, patch=stopping_counts_as_ended),
    Mutant(
        "nobody lets the line go on", QUIET,
        patch=lambda: spoiled(line_release="UPDATE run SET ready = 1 WHERE 0 AND ?1"),
    ),
]  # fmt: skip
