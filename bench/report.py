"""Bench: from results to Markdown. Medians over repetitions, with the lowest and the highest where there are several.

It measures nothing and opens nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.floors import EXPECTATIONS, LANDMARKS, Expectation

HEADINGS = {
    "throughput": "Working off a stored backlog, jobs/s",
    "default-lane": "The same at the default lane, jobs/s",
    "enqueue": "Storing jobs, jobs/s",
    "latency": "From the call to the job's first statement, one job every 20 ms × 500",
    "schedules": "100 schedules of one second for 30 s",
    "logs": "20,000 log lines from a run to an open page",
    "idle": "10,000 schedules due in months",
    "many-schedules": "100 schedules of one second among 1,000 and among 100,000",
}


@dataclass(frozen=True, slots=True)
class Result:
    """All repetitions of one peer under one workload."""

    peer: str
    workload: str
    figures: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    """What other processes took during each repetition, in per cent of a core."""
    lost: list[float] = field(default_factory=list)
    """How much slower than at best the processor was during each repetition, in per cent."""
    settings: str = ""
    durability: str = ""
    versions: str = ""


def number(value: float) -> str:
    """Three digits are enough for anybody."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(values: Sequence[float]) -> str:
    """The median, and the range when it was measured more than once."""
    if not values:
        return "–"
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))}–{number(max(values))})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left."""
    rule = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join([f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)])


def verdict(expectation: Expectation, values: Sequence[float]) -> str:
    """In a word: whether the median reaches the floor and the aim."""
    middle = statistics.median(values)
    if not expectation.holds(middle):
        return "below" if expectation.binding else "below (not binding yet)"
    if expectation.aim is not None and middle >= expectation.aim:
        return "aim reached"
    return "holds"


def expectations(results: Sequence[Result]) -> str:
    """Runwright's figures beside what is expected of them."""
    by_name = {(result.peer, result.workload): result for result in results}
    rows = []
    for expectation in EXPECTATIONS:
        result = by_name.get((expectation.peer, expectation.workload))
        if result is None:
            continue
        values = result.figures.get(expectation.figure, [])
        word = verdict(expectation, values) if values and not result.errors else "failed"
        sign = "≤" if expectation.lower else "≥"
        aim = "" if expectation.aim is None else number(expectation.aim)
        rows.append([expectation.title, cell(values), f"{sign} {number(expectation.floor)}", aim, word])
    return table(["figure", "measured", "floor", "aim", ""], rows) if rows else ""


def landmarks(results: Sequence[Result]) -> str:
    """The others' figures beside those that they reached where the floors come from: how fast this machine is.

    It takes nothing back from the verdicts, which are those of this machine.
    """
    by_name = {(result.peer, result.workload): result for result in results}
    rows, speeds = [], []
    for mark in LANDMARKS:
        result = by_name.get((mark.peer, mark.workload))
        values = [] if result is None or result.errors else result.figures.get(mark.figure, [])
        if values:
            speeds.append(mark.speed(statistics.median(values)))
            rows.append([mark.title, cell(values), number(mark.reached), f"{speeds[-1]:.2f}"])
    if not rows:
        return ""
    rows.append(["the median of them", "", "", f"{statistics.median(speeds):.2f}"])
    return table(["", "here", "where the floors come from", "speed"], rows)


def by_workload(results: Sequence[Result]) -> list[str]:
    """One table for each workload, peers down, figures across."""
    parts = []
    for workload, heading in HEADINGS.items():
        group = [result for result in results if result.workload == workload]
        names = list(dict.fromkeys(name for result in group for name in result.figures))
        if not names:
            continue
        rows = [[result.peer, *(cell(result.figures.get(name, [])) for name in names)] for result in group]
        parts.append(f"### {heading}\n\n{table(['', *(name.replace('_', ' ') for name in names)], rows)}")
    return parts


def report(results: Sequence[Result], limits: dict[str, float], head: str) -> str:
    """The whole page."""
    parts = [f"# Measured\n\n{head}"]
    if mine := expectations(results):
        parts.append(f"## Runwright against its floors\n\n{mine}")
    if others := landmarks(results):
        parts.append(f"## How fast this machine is\n\n{others}")
    if tables := by_workload(results):
        parts += ["## Beside its peers", *tables]
    if limits:
        rows = [[name, number(value)] for name, value in limits.items()]
        parts.append(f"## What the machine allows\n\n{table(['', 'a second'], rows)}")
    described = {(r.peer, r.settings): r for r in results if r.settings}
    if described:
        rows = [[r.peer, r.versions, r.settings, r.durability] for r in described.values()]
        parts.append("## Who was measured\n\n" + table(["", "version", "setting", "durability"], rows))
    if failures := [f"- {r.peer}, {r.workload}: {error}" for r in results for error in r.errors]:
        parts.append("## What failed\n\n" + "\n".join(failures))
    return "\n\n".join(parts) + "\n"
