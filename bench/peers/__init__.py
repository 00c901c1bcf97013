"""Bench: who is measured, where its adapter is, in which environment it runs, and under which workloads.

It imports no adapter: that is for the process that measures it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One peer. `foreign` adapters run in the environment made for peers, the others in the caller's.

    `postgres` asks for a fresh database on the private server, whose address is in BENCH_POSTGRES.
    """

    name: str
    adapter: str
    workloads: tuple[str, ...]
    foreign: bool = False
    postgres: bool = False


PEERS = (
    Entry(
        "runwright",
        "bench.peers.engine:Runwright",
        ("throughput", "default-lane", "enqueue", "latency", "schedules", "logs", "idle", "many-schedules"),
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
    Entry(
        "runwright, postgresql",
        "bench.peers.engine_postgres:Runwright",
        ("throughput", "default-lane", "enqueue", "latency"),
        postgres=True,
    ),
    Entry("runwright, postgresql, 2 workers", "bench.peers.engine_postgres:Two", ("throughput",), postgres=True),
    Entry(
        "postgresql, one by one",
        "bench.peers.raw_postgres:OneByOne",
        ("throughput", "enqueue", "latency"),
        postgres=True,
    ),
    Entry("postgresql, batches of 100", "bench.peers.raw_postgres:Batches", ("throughput", "enqueue"), postgres=True),
    Entry("postgresql, one statement", "bench.peers.raw_postgres:OneStatement", ("throughput",), postgres=True),
    Entry(
        "procrastinate",
        "bench.peers.procrastinate_pg:Procrastinate",
        ("throughput", "enqueue", "latency"),
        foreign=True,
        postgres=True,
    ),
    Entry(
        "procrastinate, analysed",
        "bench.peers.procrastinate_pg:Analysed",
        ("throughput",),
        foreign=True,
        postgres=True,
    ),
    Entry("saq", "bench.peers.saq_pg:Saq", ("throughput", "enqueue", "latency"), foreign=True, postgres=True),
    Entry(
        "pgqueuer",
        "bench.peers.pgqueuer_pg:PgQueuer",
        ("throughput", "enqueue", "latency"),
        foreign=True,
        postgres=True,
    ),
    Entry("graphile-worker", "bench.peers.graphile:Graphile", ("throughput", "enqueue", "latency"), postgres=True),
)
