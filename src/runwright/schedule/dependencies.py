"""Schedule: which schedules wait for which, the refusal of what can never be satisfied, and what a waiting run does.

Pure: names and times only, the present is in the question. The caller checks the whole graph inside the transaction
that changes it: two edits, each sound by itself, may make a cycle together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runwright.errors import ScheduleRefused
from runwright.model import RunStatus
from runwright.when import FireOutcome


def find_cycle(edges: Mapping[str, Collection[str]]) -> list[str] | None:
    """A cycle as a path that ends where it begins, ``["a", "b", "a"]``; None if there is none.

    ``edges`` gives the names that each name depends on. The answer is the same for the same graph, whatever its order.
    """
    finished: set[str] = set()
    for root in sorted(edges):
        if root in finished:
            continue
        path: dict[str, Iterator[str]] = {root: iter(sorted(edges[root]))}  # in the order of the visit
        while path:
            name = next(reversed(path))
            following = next(path[name], None)
            if following is None:
                finished.add(name)
                del path[name]
            elif following in path:
                names = list(path)
                return [*names[names.index(following) :], following]
            elif following not in finished:
                path[following] = iter(sorted(edges.get(following, ())))
    return None


def refuse_cycle(edges: Mapping[str, Collection[str]]) -> None:
    """Raise ScheduleRefused for ``depends_on``, with the path in its reason, if the graph has a cycle."""
    cycle = find_cycle(edges)
    if cycle is None:
        return
    if len(cycle) == 2:
        raise ScheduleRefused("depends_on", f"{cycle[0]} cannot wait for itself")
    raise ScheduleRefused("depends_on", f"each would wait for the other: {' → '.join(cycle)}")


def refuse_unknown(name: str, depends_on: Collection[str], known: Collection[str]) -> None:
    """Raise ScheduleRefused for ``depends_on`` if schedule ``name`` depends on schedules that are not there."""
    missing = sorted(set(depends_on) - set(known) - {name})
    if missing:
        raise ScheduleRefused("depends_on", f"there is no schedule {' or '.join(repr(one) for one in missing)}")


def dependents(name: str, edges: Mapping[str, Collection[str]]) -> list[str]:
    """The names that depend directly on ``name``, sorted: while there are any, it cannot be removed."""
    return sorted(other for other, needs in edges.items() if name in needs and other != name)


@dataclass(frozen=True, slots=True)
class Dependency:
    """What is known of a schedule that a waiting run depends on.

    Args:
        name: its name, for the reason.
        outcome: how its newest decided due time ended: the status that its run ended with, or the ledger's outcome if
            there was no run (held, missed, blocked, skipped); None if nothing was ever decided.
        ended_at: when that was decided; for a run, when it ended.
        live: whether more is to come for this cycle: a run of it that is not terminal, or an enabled schedule's due
            time that has not become one yet, in each case not due later than the run that waits.
        enabled: whether it will be due again: it is enabled and has a next due time, or will have one.
        removed: whether it is not there any more; the rest does not matter then.
    """

    name: str
    outcome: RunStatus | FireOutcome | None = None
    ended_at: datetime | None = None
    live: bool = False
    enabled: bool = True
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a waiting run is to do now. ``reason`` says why it waits or is skipped, for people."""

    verdict: Literal["go", "wait", "skip"]
    reason: str = ""


def readiness(
    dependencies: Collection[Dependency],
    *,
    due_at: datetime,
    last_start: datetime | None = None,
    last_skip: datetime | None = None,
) -> Readiness:
    """What the run of a schedule with these dependencies is to do, in its cycle.

    Each dependency must have succeeded after the schedule's own last start. The run is skipped for this cycle, at once,
    if one of them is removed, ended otherwise than well since the schedule's last start or skip, or is disabled and
    did not succeed while the run waited. Otherwise it waits: first for what is live, then for the next success.

    Args:
        dependencies: one of each, as they are now.
        due_at: the due time of the run.
        last_start: when a run of the same schedule last started; None if none ever did.
        last_skip: when a run of it was last skipped because of its dependencies; None if none ever was.
    """
    states = [(one, _state(one, due_at, last_start, last_skip)) for one in dependencies]
    if skips := [f"{one.name} {why}" for one, (verdict, why) in states if verdict == "skip"]:
        return Readiness("skip", f"{', '.join(skips)}")
    if waits := [one.name for one, (verdict, _) in states if verdict == "wait"]:
        return Readiness("wait", f"waits for {', '.join(waits)}")
    return Readiness("go")


def _state(
    one: Dependency, due_at: datetime, last_start: datetime | None, last_skip: datetime | None
) -> tuple[Literal["go", "wait", "skip"], str]:
    if one.removed:
        return "skip", "was removed"
    if one.live:
        return "wait", ""
    if one.outcome is RunStatus.COMPLETED:
        fresh = _newer(one.ended_at, last_start)
        if fresh and (one.enabled or _newer(one.ended_at, due_at)):
            return "go", ""
    elif one.outcome is not None and _newer(one.ended_at, last_start) and _newer(one.ended_at, last_skip):
        return "skip", _FAILURES.get(one.outcome, f"was {one.outcome}")
    return ("wait", "") if one.enabled else ("skip", "is disabled")


_FAILURES: dict[RunStatus | FireOutcome, str] = {RunStatus.ERROR: "failed"}


def _newer(moment: datetime | None, than: datetime | None) -> bool:
    return moment is not None and (than is None or moment > than)
