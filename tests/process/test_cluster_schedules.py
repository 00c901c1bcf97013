"""Many schedulers on one PostgreSQL, none of them a leader: every tick is fired once, also when some of them die."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import psycopg
import pytest

from runwright import Every
from runwright.store.postgres import PostgresStore
from tests.ledger import coverage
from tests.process import cluster_app
from tests.process.cluster import SHORT_LEASES, Cluster, Node, until
from tools.postgres import Postgres

SECOND = 1_000_000
FASTEST, MOST_BEHIND = 50.0, 30


def judge(url: str, schedules: int) -> None:
    """Each second of each schedule is in the ledger once, and each fire has a run of its own, which it alone has."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select schedule, due_at, count, outcome, run from runwright.fire order by schedule, due_at"
        ).fetchall()
        runs = {row[0] for row in connection.execute("select id from runwright.run").fetchall()}
    with_runs = [run for _, _, _, outcome, run in rows if outcome in ("fired", "late")]
    assert len(with_runs) == len(set(with_runs)) == len(runs)
    assert set(with_runs) == runs
    assert {outcome for _, _, _, outcome, _ in rows} <= {"fired", "late", "held"}
    ledger: dict[str, list[tuple[int, int]]] = {}
    for schedule, due, count, _, _ in rows:
        ledger.setdefault(schedule, []).append((due, count))
    assert len(ledger) == schedules
    for schedule, fires in ledger.items():
        missed, doubled = coverage(fires, min(fires)[0], max(fires)[0])
        assert not missed, f"{schedule}: {len(missed)} due times were missed, such as {missed[:3]}"
        assert not doubled, f"{schedule}: {len(doubled)} due times are there twice, such as {doubled[:3]}"
    held = sum(count for _, _, count, outcome, _ in rows if outcome == "held")
    print(
        f"\n{sum(row[2] for row in rows):,} due times, {len(with_runs):,} fired, {held:,} held; none twice, none missed"
    )


async def ticks(
    cluster: Cluster, url: str, schedulers: int, schedules: int, wanted: int, deaths: int, pauses: int, seconds: float
) -> None:
    """Let them fire for ``wanted`` seconds of their time, with so much trouble evenly in between."""
    nodes = cluster.start("scheduler", schedulers)
    trouble = ["death"] * deaths + ["pause"] * pauses + ["freeze"] * pauses
    random.Random(1).shuffle(trouble)
    async with cluster.manager() as manager:
        await manager.schedules.add_many(
            {
                "name": f"s{number}",
                "task": "tick",
                "when": Every(seconds=1, first="later", anchor="start"),
                "catch_up": "all",
                "overlap": "allow",
            }
            for number in range(schedules)
        )
        for number, kind in enumerate(trouble, 1):
            await fired(cluster, url, wanted * number // (len(trouble) + 1), seconds)
            if kind == "death":
                nodes.pop(0).kill()
                nodes += cluster.start("scheduler")
            elif kind == "freeze":
                await frozen(cluster, nodes[number % len(nodes)])
            else:
                await manager.schedules.pause("trouble")
                await cluster.clock.sleep(3)
                await manager.schedules.resume()
        await fired(cluster, url, wanted, seconds)
    cluster.assert_alive(nodes)
    await asyncio.gather(*(asyncio.to_thread(node.end) for node in nodes))
    judge(url, schedules)


async def frozen(cluster: Cluster, node: Node) -> None:
    """Stop a node wherever it is for some time."""
    node.freeze()
    await cluster.clock.sleep(8)
    node.thaw()


async def fired(cluster: Cluster, url: str, wanted: int, seconds: float) -> None:
    """Wait until each schedule has gone on by so many seconds, at most ``seconds`` long.

    Time passes as quickly as this machine can fire, the slower the more seconds they are behind: schedulers that cannot
    follow would catch up in transactions that grow and grow.
    """
    clock = cluster.clock
    assert isinstance(clock, cluster_app.FastClock)
    with psycopg.connect(url, autocommit=True) as connection:

        def enough() -> bool:
            row = connection.execute(
                "select min(cursor_at), min(cursor_at - anchor_at) from runwright.schedule"
            ).fetchone()
            if row is None or row[0] is None:
                return False
            behind = (clock.now() - row[0]) / SECOND
            clock.set_speed(FASTEST * min(1, max(0.001, 1 - behind / MOST_BEHIND)))
            return int(row[1]) >= wanted * SECOND

        await until(enough, seconds, f"{wanted} ticks")


async def test_three_schedulers_fire_every_tick_once(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresStore, "now", cluster_app.own_time)
    with Cluster(postgres_url, tmp_path, speed=4, skew_seconds=5, **SHORT_LEASES) as cluster:
        await ticks(cluster, postgres_url, schedulers=3, schedules=20, wanted=30, deaths=1, pauses=1, seconds=60)


@pytest.mark.soak
async def test_eight_schedulers_fire_ten_thousand_ticks_once(
    durable_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresStore, "now", cluster_app.own_time)
    url = durable_postgres.database()
    with Cluster(url, tmp_path, speed=10, skew_seconds=5, catch_up_cap=10_000) as cluster:
        await ticks(cluster, url, schedulers=8, schedules=100, wanted=10_000, deaths=40, pauses=20, seconds=3600)
