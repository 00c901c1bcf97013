"""Many schedulers on one PostgreSQL, none of them a leader: every tick is fired once, also when some of them die."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest

from runwright import Every
from runwright.clock import Clock
from runwright.store.postgres import PostgresStore
from tests.ledger import coverage
from tests.process import cluster_app
from tests.process.cluster import Cluster, Line, Node, until
from tools.postgres import Postgres

SECOND = 1_000_000
FASTEST, MOST_BEHIND, MOST_LIVE = 50.0, 30, 6
LONG_LEASES = {"lease_seconds": 3600.0, "heartbeat_seconds": 30.0}
"""Nobody here is to be taken for dead: a minute of the cluster's time is about a second."""
SECONDS = {"allow": 1.5, "skip": 3.0, "queue": 0.4, "cancel_running": 1.0}
"""The policies of overlap, in the order in which the schedules have them, and how long their runs take."""
OUTCOMES = {"allow": set(), "skip": {"skipped"}, "queue": set(), "cancel_running": {"merged"}}
"""What may become of a due time of theirs, beside being fired, late, or held while all are paused."""


def overlap_of(number: int) -> str:
    """The policy of the schedule of this number."""
    return list(SECONDS)[number % len(SECONDS)]


def judge(url: str, schedules: int) -> None:
    """Each second of each schedule is in the ledger once, and each fire has a run of its own, which it alone has."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select s.name, f.due_at, f.count, f.outcome, f.run from runwright.fire f "
            "join runwright.schedule s on s.id = f.schedule order by s.name, f.due_at"
        ).fetchall()
        runs: dict[str, str] = dict(connection.execute("select id, status from runwright.run").fetchall())
    with_runs = [run for _, _, _, outcome, run in rows if outcome in ("fired", "late")]
    assert len(with_runs) == len(set(with_runs)) == len(runs)
    assert set(with_runs) == set(runs)
    assert set(runs.values()) <= {"completed", "cancelled"}
    ledger: dict[int, list[tuple[int, int]]] = {}
    told: dict[str, Counter[str]] = {overlap: Counter() for overlap in SECONDS}
    for name, due, count, outcome, _ in rows:
        ledger.setdefault(int(name[1:]), []).append((due, count))
        told[overlap_of(int(name[1:]))][outcome] += count
    assert len(ledger) == schedules
    for number, fires in ledger.items():
        missed, doubled = coverage(fires, min(fires)[0], max(fires)[0])
        assert not missed, f"s{number}: {len(missed)} due times were missed, such as {missed[:3]}"
        assert not doubled, f"s{number}: {len(doubled)} due times are there twice, such as {doubled[:3]}"
    for overlap, outcomes in told.items():
        assert {"fired"} <= set(outcomes) <= {"fired", "late", "held"} | OUTCOMES[overlap], overlap
    assert told["skip"]["skipped"]
    print(f"\n{sum(row[2] for row in rows):,} due times in {len(rows):,} rows; none twice, none missed")
    for overlap, outcomes in told.items():
        print(f"{overlap}: {dict(outcomes)}")
    print(f"runs: {dict(Counter(runs.values()))}")


def judge_overlaps(lines: Iterable[Line]) -> None:
    """No two runs of one schedule were at work at once, unless they may be: by what their code said itself."""
    at_work: Counter[int] = Counter()
    most: Counter[int] = Counter()
    stopped: set[int] = set()
    for line in lines:
        at_work[line.number] += 1 if line.word == "began" else -1
        most[line.number] = max(most[line.number], at_work[line.number])
        if line.word == "stopped":
            stopped.add(line.number)
    assert not +at_work
    beside = {number for number, count in most.items() if count > 1}
    assert {overlap_of(number) for number in beside} == {"allow"}, f"runs beside each other: {sorted(beside)}"
    assert "cancel_running" in {overlap_of(number) for number in stopped}


class Pace:
    """Lets time pass as quickly as this machine can fire and run, and knows how far each schedule has gone.

    It passes the slower the more seconds the schedulers are behind, and the more runs are live: what cannot follow
    would catch up in transactions that grow and grow.
    """

    def __init__(self, clock: Clock, url: str) -> None:
        assert isinstance(clock, cluster_app.FastClock)
        self._clock = clock
        self._connection = psycopg.connect(url, autocommit=True)
        self.ticks = self.live = 0

    async def keep(self) -> None:
        """Go on until it is cancelled."""
        try:
            while True:
                self._look()
                await asyncio.sleep(0.02)
        finally:
            self._connection.close()

    async def reach(self, ticks: int, seconds: float) -> None:
        """Wait until each schedule has gone on by so many seconds, at most ``seconds`` long."""
        await until(lambda: self.ticks >= ticks, seconds, f"{ticks} ticks")

    def _look(self) -> None:
        row = self._connection.execute(
            "select min(cursor_at), min(cursor_at - anchor_at), count(*), max(enabled), "
            "(select count(*) from runwright.run where schedule is not null and completed_at is null) "
            "from runwright.schedule"
        ).fetchone()
        assert row is not None
        slowest, gone, schedules, enabled, self.live = row
        if not schedules:
            return
        self.ticks = int(gone) // SECOND
        behind = max((self._clock.now() - slowest) / SECOND / MOST_BEHIND, self.live / schedules / MOST_LIVE)
        self._clock.set_speed(FASTEST * max(1 / FASTEST, 1 - behind) if enabled else FASTEST)


async def ticks(
    cluster: Cluster, url: str, schedulers: int, schedules: int, wanted: int, deaths: int, pauses: int, seconds: float
) -> None:
    """Let them fire for ``wanted`` seconds of their time, with so much trouble evenly in between."""
    nodes = cluster.start("scheduler", schedulers)
    (worker,) = cluster.start("worker")
    trouble = ["death"] * deaths + ["pause"] * pauses + ["freeze"] * pauses
    random.Random(1).shuffle(trouble)
    async with cluster.manager() as manager, asyncio.TaskGroup() as group:
        await manager.schedules.add_many(
            {
                "name": f"s{number}",
                "task": "tick",
                "arguments": {"number": number, "seconds": SECONDS[overlap_of(number)]},
                "when": Every(seconds=1, first="later", anchor="start"),
                "catch_up": "all",
                "overlap": overlap_of(number),
            }
            for number in range(schedules)
        )
        pace = Pace(cluster.clock, url)
        keeping = group.create_task(pace.keep())
        for number, kind in enumerate(trouble, 1):
            part = wanted * number // (len(trouble) + 1)
            await pace.reach(part, seconds)
            if kind == "death":
                nodes.pop(0).kill()
                nodes += await asyncio.to_thread(cluster.start, "scheduler")
            elif kind == "freeze":
                await frozen(cluster, nodes[number % len(nodes)])
            else:
                await manager.schedules.pause("trouble")
                await cluster.clock.sleep(3)
                await manager.schedules.resume()
        await pace.reach(wanted, seconds)
        for number in range(schedules):
            await manager.schedules.disable(f"s{number}")
        await until(lambda: not pace.live, seconds, "all runs have ended")
        keeping.cancel()
    cluster.assert_alive([*nodes, worker])
    await asyncio.gather(*(asyncio.to_thread(node.end) for node in [*nodes, worker]))
    judge(url, schedules)
    judge_overlaps(cluster.ledger.lines())


async def frozen(cluster: Cluster, node: Node) -> None:
    """Stop a node wherever it is for some time."""
    node.freeze()
    await cluster.clock.sleep(8)
    node.thaw()


async def test_three_schedulers_fire_every_tick_once(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresStore, "now", cluster_app.own_time)
    with Cluster(postgres_url, tmp_path, speed=4, skew_seconds=5, max_concurrent=100, **LONG_LEASES) as cluster:
        await ticks(cluster, postgres_url, schedulers=3, schedules=20, wanted=20, deaths=1, pauses=1, seconds=60)


@pytest.mark.soak
async def test_eight_schedulers_fire_ten_thousand_ticks_once(
    durable_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresStore, "now", cluster_app.own_time)
    url = durable_postgres.database()
    with Cluster(
        url, tmp_path, speed=10, skew_seconds=5, max_concurrent=400, catch_up_cap=10_000, **LONG_LEASES
    ) as cluster:
        await ticks(cluster, url, schedulers=8, schedules=100, wanted=10_000, deaths=40, pauses=20, seconds=3600)
