"""What a waiting run does, cycle by cycle, and that nothing waits once everything it waits for is decided."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from runwright.model import RunStatus
from runwright.schedule import Dependency, Readiness, readiness
from runwright.when import FireOutcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OK, ERROR = RunStatus.COMPLETED, RunStatus.ERROR


def after(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def verdict(*dependencies: Dependency, last_start: float | None = -10, last_skip: float | None = None) -> Readiness:
    """Of a run that is due at noon; the last one of its schedule started ten minutes before."""
    return readiness(
        dependencies,
        due_at=NOON,
        last_start=None if last_start is None else after(last_start),
        last_skip=None if last_skip is None else after(last_skip),
    )


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        (Dependency("a", OK, after(-9)), "go"),
        (Dependency("a", OK, after(1)), "go"),
        (Dependency("a", OK, after(-10)), "wait"),  # it has had that success already
        (Dependency("a", OK, after(-11)), "wait"),
        (Dependency("a", OK, after(-9), live=True), "wait"),  # due together: never started together
        (Dependency("a"), "wait"),
        (Dependency("a", live=True), "wait"),
        (Dependency("a", live=True, enabled=False), "wait"),  # disabling stops no running run
        (Dependency("a", OK, after(1), enabled=False), "go"),  # it succeeded while the run waited
        (Dependency("a", OK, after(-1), enabled=False), "skip"),
        (Dependency("a", OK, after(-11), enabled=False), "skip"),
        (Dependency("a", enabled=False), "skip"),
        (Dependency("a", removed=True), "skip"),
        (Dependency("a", OK, after(1), live=True, removed=True), "skip"),
        (Dependency("a", ERROR, after(1)), "skip"),
        (Dependency("a", ERROR, after(-9)), "skip"),
        (Dependency("a", ERROR, after(-11)), "wait"),  # before our last start: of an older cycle
        (Dependency("a", ERROR, after(-9), live=True), "wait"),  # a new attempt of this cycle is on its way
        (Dependency("a", RunStatus.CANCELLED, after(1)), "skip"),
        (Dependency("a", RunStatus.INTERRUPTED, after(1)), "skip"),
        (Dependency("a", RunStatus.SKIPPED, after(1)), "skip"),
        (Dependency("a", FireOutcome.HELD, after(0.1)), "skip"),
        (Dependency("a", FireOutcome.BLOCKED, after(0.1)), "skip"),
        (Dependency("a", FireOutcome.MISSED, after(0.1)), "skip"),
    ],
)
def test_one_dependency(dependency: Dependency, expected: str) -> None:
    assert verdict(dependency).verdict == expected


def test_a_failure_counts_once() -> None:
    failed = Dependency("a", ERROR, after(-5))
    assert verdict(failed).verdict == "skip"
    assert verdict(failed, last_skip=-4).verdict == "wait"
    assert verdict(Dependency("a", ERROR, after(-3)), last_skip=-4).verdict == "skip"
    assert verdict(Dependency("a", OK, after(-3)), last_skip=-4).verdict == "go"
    assert verdict(Dependency("a", OK, after(-5)), last_skip=-4).verdict == "go"  # newer than our last start: it counts


def test_the_first_run_takes_any_success_and_any_failure() -> None:
    assert verdict(Dependency("a", OK, after(-9999)), last_start=None).verdict == "go"
    assert verdict(Dependency("a", ERROR, after(-9999)), last_start=None).verdict == "skip"
    assert verdict(Dependency("a"), last_start=None).verdict == "wait"


def test_the_reason_is_for_people() -> None:
    good, bad = Dependency("good", OK, after(1)), Dependency("bad", ERROR, after(1))
    busy, gone, idle = (
        Dependency("busy", live=True),
        Dependency("gone", removed=True),
        Dependency("idle", enabled=False),
    )
    assert verdict() == verdict(good) == Readiness("go")
    assert verdict(good, busy, Dependency("later")) == Readiness("wait", "waits for busy, later")
    assert verdict(good, busy, bad, gone, idle) == Readiness("skip", "bad failed, gone was removed, idle is disabled")
    assert verdict(Dependency("a", RunStatus.CANCELLED, after(1))).reason == "a was cancelled"
    assert verdict(Dependency("a", FireOutcome.BLOCKED, after(1))).reason == "a was blocked"


# ----- graphs ------------------------------------------------------------------------------------------------------


@dataclass
class Node:
    """A schedule in a model of cycles: what the store would know of it."""

    name: str
    needs: list[str]
    enabled: bool = True
    removed: bool = False
    waiting_since: datetime | None = None
    running: bool = False
    outcome: RunStatus | FireOutcome | None = None
    ended_at: datetime | None = None
    last_start: datetime | None = None
    last_skip: datetime | None = None
    told: list[str] = field(default_factory=list)

    def as_dependency(self, due_at: datetime) -> Dependency:
        since = self.waiting_since
        return Dependency(
            self.name,
            self.outcome,
            self.ended_at,
            live=self.running or (since is not None and since <= due_at),
            enabled=self.enabled,
            removed=self.removed,
        )


ENDINGS: tuple[RunStatus | FireOutcome, ...] = (
    *[OK] * 12,
    ERROR,
    RunStatus.CANCELLED,
    RunStatus.INTERRUPTED,
    FireOutcome.HELD,
    FireOutcome.BLOCKED,
)


class Cycles:
    """All schedules of a graph, due at the same moments; their runs end in any order and in any way."""

    def __init__(self, size: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = NOON
        self.nodes: dict[str, Node] = {}
        names: list[str] = []
        for index in range(size):
            most = min(len(names), self.chance.choice((0, 1, 1, 2, 3, 8)))
            recent = names[-self.chance.choice((3, 20, size)) :]
            needs = self.chance.sample(recent, min(most, len(recent)))
            name = f"n{index}"
            self.nodes[name] = Node(name, needs)
            names.append(name)

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def due(self) -> None:
        """A cycle begins: everything that is enabled is due, and some things are disabled or removed in between."""
        due_at = self.tick()
        for node in self.nodes.values():
            if not node.removed and node.enabled:
                node.waiting_since = due_at

    def sweep(self) -> int:
        """Ask for every waiting run once; those with nothing in their way run, those to be skipped end."""
        moved = 0
        for node in self.nodes.values():
            if node.waiting_since is None or node.running:
                continue
            answer = readiness(
                [self.nodes[name].as_dependency(node.waiting_since) for name in node.needs],
                due_at=node.waiting_since,
                last_start=node.last_start,
                last_skip=node.last_skip,
            )
            if answer.verdict == "wait":
                continue
            moved += 1
            node.told.append(answer.verdict)
            if answer.verdict == "go":
                node.running, node.last_start = True, self.tick()
            else:
                node.last_skip = node.ended_at = self.tick()
                node.outcome, node.waiting_since = RunStatus.SKIPPED, None
        return moved

    def end_some(self) -> int:
        running = [node for node in self.nodes.values() if node.running]
        for node in self.chance.sample(running, (len(running) + 1) // 2):
            node.running, node.waiting_since = False, None
            node.outcome, node.ended_at = self.chance.choice(ENDINGS), self.tick()
        return len(running)

    def disturb(self) -> None:
        for node in self.chance.sample(list(self.nodes.values()), max(1, len(self.nodes) // 50)):
            node.enabled = self.chance.random() < 0.5
            if self.chance.random() < 0.1:
                node.removed, node.enabled, node.waiting_since, node.running = True, False, None, False


@pytest.mark.parametrize(("size", "seed"), [(1, 0), (2, 1), (10, 2), (50, 3), (200, 4), (1000, 5), (1000, 6)])
def test_nothing_waits_once_its_inputs_are_decided(size: int, seed: int) -> None:
    """Graphs of up to a thousand schedules, several cycles, every ending, things disabled and removed in between."""
    graph = Cycles(size, seed)
    verdicts: set[str] = set()
    for _ in range(4):
        graph.due()
        asked = {name for name, node in graph.nodes.items() if node.waiting_since is not None}
        told = {name: len(graph.nodes[name].told) for name in asked}
        while True:
            graph.sweep()
            decided = [
                node.name
                for node in graph.nodes.values()
                if node.waiting_since is not None
                and not node.running
                and all(graph.nodes[one].waiting_since is None for one in node.needs)
            ]
            # in a sweep a run is asked before or after its dependencies: one more sweep, and no run may still wait
            if decided:
                graph.sweep()
                assert all(graph.nodes[name].running or graph.nodes[name].waiting_since is None for name in decided)
            if graph.chance.random() < 0.2:
                graph.disturb()
            if not graph.end_some() and not graph.sweep():
                break
        for name in asked:
            node = graph.nodes[name]
            assert node.waiting_since is None, f"{name} still waits for {node.needs}"
            assert node.removed or len(node.told) == told[name] + 1
            verdicts.update(node.told)
    if size > 2:
        assert verdicts == {"go", "skip"}


def test_undisturbed_a_run_goes_if_and_only_if_all_before_it_succeeded() -> None:
    for seed in range(20):
        graph = Cycles(60, seed)
        for _ in range(3):
            graph.due()
            while graph.sweep() or graph.end_some():
                pass
            for node in graph.nodes.values():
                succeeded = all(graph.nodes[name].outcome is OK for name in node.needs)
                assert node.told[-1] == ("go" if succeeded else "skip"), node
                if node.told[-1] == "go":
                    assert node.last_start is not None
                    assert all((graph.nodes[name].ended_at or NOON) < node.last_start for name in node.needs)
