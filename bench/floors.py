"""Bench: what Runwright is expected to reach on two CPUs, every commit flushed, attempts and events stored.

SQLite has synchronous FULL, PostgreSQL fsync and synchronous_commit on.

`floor` must hold, `aim` is worked towards. Beside them what others reached on the machine where the floors come from,
by which one sees how fast another machine is. It holds numbers only.
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


@dataclass(frozen=True, slots=True)
class Landmark:
    """What a peer or a bare table reached on the machine of the floors. Lower is better for durations."""

    peer: str
    workload: str
    figure: str
    title: str
    reached: float
    lower: bool = False

    def speed(self, value: float) -> float:
        """How fast a machine is on which this value is reached; that of the floors has 1."""
        return self.reached / value if self.lower else value / self.reached


LANDMARKS = (
    Landmark("postgresql, batches of 100", "throughput", "finished_per_s", "bare table, in batches: jobs/s", 56_000),
    Landmark("postgresql, one by one", "throughput", "finished_per_s", "bare table, one by one: jobs/s", 1_253),
    Landmark("graphile-worker", "throughput", "finished_per_s", "graphile-worker: jobs/s", 36_000),
    Landmark("pgqueuer", "throughput", "finished_per_s", "PgQueuer: jobs/s", 21_000),
    Landmark("procrastinate, analysed", "throughput", "finished_per_s", "Procrastinate, analysed: jobs/s", 810),
    Landmark("saq", "throughput", "finished_per_s", "SAQ: jobs/s", 754),
    Landmark("postgresql, batches of 100", "enqueue", "bulk_per_s", "bare table, in bulk: jobs/s", 156_000),
    Landmark("graphile-worker", "enqueue", "bulk_per_s", "graphile-worker, in bulk: jobs/s", 93_000),
    Landmark("pgqueuer", "enqueue", "bulk_per_s", "PgQueuer, in bulk: jobs/s", 59_000),
    Landmark("postgresql, one by one", "latency", "p50_ms", "bare table, call to start, p50: ms", 1.73, lower=True),
    Landmark("graphile-worker", "latency", "p50_ms", "graphile-worker, call to start, p50: ms", 2.29, lower=True),
    Landmark("pgqueuer", "latency", "p50_ms", "PgQueuer, call to start, p50: ms", 3.28, lower=True),
    Landmark("procrastinate", "latency", "p50_ms", "Procrastinate, call to start, p50: ms", 3.64, lower=True),
    Landmark("saq", "latency", "p50_ms", "SAQ, call to start, p50: ms", 4.33, lower=True),
)
"""On PostgreSQL 15.18 and two CPUs (AMD EPYC), three repetitions each, 2026-11-20."""
