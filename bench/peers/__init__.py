"""Bench: who is measured, where its adapter is, in which environment it runs, and under which workloads.

It imports no adapter: that is for the process that measures it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One peer. `foreign` adapters run in the environment made for peers, the others in the caller's."""

    name: str
    adapter: str
    workloads: tuple[str, ...]
    foreign: bool = False


PEERS = (
    Entry(
        "runwright",
        "bench.peers.engine:Runwright",
        ("throughput", "default-lane", "enqueue", "latency", "schedules", "logs", "idle"),
    ),
    Entry("runwright's store alone", "bench.peers.store_alone:StoreAlone", ("throughput", "enqueue")),
    Entry("sqlite, one by one", "bench.peers.raw_sqlite:OneByOne", ("throughput", "enqueue", "latency")),
    Entry("sqlite, batches of 100", "bench.peers.raw_sqlite:Batches", ("throughput", "enqueue")),
    Entry("huey", "bench.peers.huey_sqlite:Huey", ("throughput", "enqueue", "latency"), foreign=True),
    Entry(
        "apscheduler 3, memory",
        "bench.peers.apscheduler3:Memory",
        ("throughput", "enqueue", "latency", "schedules", "idle"),
        foreign=True,
    ),
    Entry(
        "apscheduler 3, sqlite",
        "bench.peers.apscheduler3:Sqlite",
        ("throughput", "enqueue", "latency", "schedules", "idle"),
        foreign=True,
    ),
)
