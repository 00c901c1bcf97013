"""Bench: what Runwright is expected to reach on two CPUs, every commit flushed, attempts and events stored.

SQLite has synchronous FULL, PostgreSQL fsync and synchronous_commit on.

`floor` must hold, `aim` is worked towards. It holds numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expectation:
    """One figure of one workload. Lower is better for durations and costs, higher for rates."""

    workload: str
    figure: str
    title: str
    floor: float
    aim: float | None = None
    lower: bool = False
    binding: bool = True
    peer: str = "runwright"

    def holds(self, value: float) -> bool:
        """Whether a measured value reaches the floor."""
        return value <= self.floor if self.lower else value >= self.floor


POSTGRES = "runwright, postgresql"

EXPECTATIONS = (
    Expectation("throughput", "finished_per_s", "10,000 stored runs, lane of 100: runs/s", 10_000, 20_000),
    Expectation("default-lane", "finished_per_s", "10,000 stored runs, default lane: runs/s", 4_000),
    Expectation("enqueue", "one_producer_per_s", "enqueue, one producer: runs/s", 5_000),
    Expectation("enqueue", "fifty_producers_per_s", "enqueue, 50 waiting producers: runs/s", 10_000),
    Expectation("enqueue", "bulk_per_s", "enqueue in bulk of 1,000: runs/s", 50_000),
    Expectation("latency", "p50_ms", "call to first statement, p50: ms", 1.5, lower=True),
    Expectation("latency", "p99_ms", "call to first statement, p99: ms", 4, lower=True),
    Expectation("schedules", "p50_ms", "100 schedules of 1 s, late by, p50: ms", 3, lower=True),
    Expectation("schedules", "p99_ms", "100 schedules of 1 s, late by, p99: ms", 8, lower=True),
    Expectation("schedules", "missed", "fires missed", 0, lower=True),
    Expectation("schedules", "doubled", "fires doubled", 0, lower=True),
    Expectation("logs", "seconds", "20,000 log lines to an open page: s", 1, lower=True),
    Expectation("idle", "add_s", "add 10,000 schedules: s", 0.5, lower=True, binding=False),
    Expectation("idle", "cpu_percent", "idle with them: % of a core", 0.3, lower=True),
    Expectation("idle", "memory_mb", "memory with them: MB", 80, lower=True),
    Expectation("many-schedules", "ratio", "a fire among 100,000 schedules, by one among 1,000", 1.2, lower=True),
    Expectation("throughput", "finished_per_s", "PostgreSQL, 1 worker, lane of 100: runs/s", 12_000, peer=POSTGRES),
    Expectation("throughput", "finished_per_s", "PostgreSQL, 2 workers: runs/s", 16_000, peer=f"{POSTGRES}, 2 workers"),
    Expectation("enqueue", "bulk_per_s", "PostgreSQL, enqueue in bulk of 1,000: runs/s", 50_000, peer=POSTGRES),
    Expectation("latency", "p50_ms", "PostgreSQL, call to first statement, p50: ms", 3, lower=True, peer=POSTGRES),
)
