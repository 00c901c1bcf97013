"""Many schedulers on one PostgreSQL, none of them a leader: every tick is fired once, also when some of them die."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import psycopg
import pytest

from runwright import Every, Settings, TaskManager
from runwright.errors import RunwrightError
from runwright.schedule import refuse_cycle
from tests.process.cluster import SHORT_LEASES, Cluster, until
from tools.postgres import Postgres

SECOND = 1_000_000


def fired(url: str) -> dict[str, list[int]]:
    """The due times for which schedules have started runs, by schedule; each run must stand for one of them."""
    found: dict[str, list[int]] = {}
    with psycopg.connect(url) as connection:
        rows = connection.execute("select schedule, due_at, run from runwright.fire where run is not null").fetchall()
        runs = connection.execute("select id from runwright.run").fetchall()
    assert sorted(run for _, _, run in rows) == sorted(row[0] for row in runs)
    for schedule, due, _ in rows:
        found.setdefault(schedule, []).append(due)
    return found


async def ticks(
    cluster: Cluster, url: str, schedulers: int, schedules: int, wanted: int, deaths: int, seconds: float
) -> None:
    """Let them fire; the due times of each schedule must be a second apart, without a gap and without doubles."""
    nodes = cluster.start("scheduler", schedulers)
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
        for death in range(1, deaths + 1):
            await fires(url, wanted * schedules * death // (deaths + 1), seconds)
            nodes.pop(0).kill()
            nodes += cluster.start("scheduler")
        await fires(url, wanted * schedules, seconds)
    cluster.assert_alive(nodes)
    await asyncio.gather(*(asyncio.to_thread(node.end) for node in nodes))

    found = fired(url)
    assert len(found) == schedules
    doubled = {name: len(due) - len(set(due)) for name, due in found.items() if len(due) > len(set(due))}
    assert not doubled
    missed = {name: (max(due) - min(due)) // SECOND + 1 - len(due) for name, due in found.items()}
    assert not any(missed.values()), missed
    last = [max(due) for due in found.values()]
    assert max(last) - min(last) <= 2 * SECOND, "a schedule lags behind"


async def fires(url: str, wanted: int, seconds: float) -> None:
    """Wait until there are so many runs, at most so long."""
    with psycopg.connect(url, autocommit=True) as connection:

        def enough() -> bool:
            row = connection.execute("select count(*) from runwright.run").fetchone()
            return row is not None and row[0] >= wanted

        await until(enough, seconds, f"{wanted} fires")


async def test_three_schedulers_fire_every_tick_once(postgres_url: str, tmp_path: Path) -> None:
    with Cluster(postgres_url, tmp_path, speed=4, **SHORT_LEASES) as cluster:
        await ticks(cluster, postgres_url, schedulers=3, schedules=20, wanted=20, deaths=1, seconds=30)


@pytest.mark.soak
async def test_eight_schedulers_fire_ten_thousand_ticks_once(durable_postgres: Postgres, tmp_path: Path) -> None:
    url = durable_postgres.database()
    with Cluster(url, tmp_path, speed=10, catch_up_cap=10_000) as cluster:
        await ticks(cluster, url, schedulers=8, schedules=100, wanted=10_000, deaths=20, seconds=3000)


async def test_edits_of_several_processes_at_once_never_make_a_cycle(postgres_url: str) -> None:
    """Two edits that make a cycle together, three that do, and a removal beside an edit that depends on it."""
    settings = Settings(store=postgres_url)
    rounds = 12
    async with (
        TaskManager(settings, roles=()) as one,
        TaskManager(settings, roles=()) as two,
        TaskManager(settings, roles=()) as three,
    ):
        managers = (one, two, three)

        async def refused(*edits: Awaitable[object]) -> int:
            """How many of these were refused, when all are made at once; each in the product's own words."""
            answers = await asyncio.gather(*edits, return_exceptions=True)
            faults = [answer for answer in answers if isinstance(answer, BaseException)]
            assert all(isinstance(fault, RunwrightError) for fault in faults), faults
            return len(faults)

        for number in range(rounds):
            ring = [f"{letter}{number}" for letter in "abc"]
            await one.schedules.add_many({"name": each, "task": "t", "when": "@yearly"} for each in ring)
            pair = [(ring[0], ring[1]), (ring[1], ring[0])]
            edits = [who.schedules.edit(name, depends_on=[on]) for who, (name, on) in zip(managers, pair, strict=False)]
            assert await refused(*edits) == 1
            for each in ring:
                await one.schedules.edit(each, depends_on=[])
            edits = [
                who.schedules.edit(name, depends_on=[ring[(place + 1) % 3]])
                for place, (who, name) in enumerate(zip(managers, ring, strict=True))
            ]
            assert await refused(*edits) == 1
            await one.schedules.add(f"z{number}", task="t", when="@yearly")
            added = two.schedules.add(f"w{number}", task="t", when="@yearly", depends_on=[f"z{number}"])
            assert await refused(one.schedules.remove(f"z{number}"), added) == 1
            same = [who.schedules.add(f"d{number}", task="t", when="@yearly") for who in managers]
            assert await refused(*same) == 2
        graph = {each.name: each.depends_on for each in await one.schedules.list()}
    refuse_cycle(graph)
    assert {name for needs in graph.values() for name in needs} <= graph.keys()
    assert sum(map(len, graph.values())) >= 2 * rounds
