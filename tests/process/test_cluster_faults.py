"""PostgreSQL with real processes and real faults: kills, frozen workers, restarts of the server, races for exclusivity.

The ledger that the tasks write is the truth. Each trial has a short version here, and one with full counts in
`make soak`.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import count
from pathlib import Path

import psycopg
import pytest

from runwright import RunStatus, StoreUnavailable, TaskManager
from tests.process.cluster import SHORT_LEASES, Cluster, Ledger, Node, until
from tools.postgres import Postgres

CRASH_LOOP = 3
"""Deaths of a worker under one run that condemn it; the trials see to it that no run suffers so many."""
AT_RISK = 50
LANE = 60
DEFAULT_ORPHAN_SECONDS = 45.0
RECOVERY_SECONDS = 10.0


async def completed(manager: TaskManager, ids: list[str], seconds: float = 60) -> dict[int, list[int]]:
    """Wait for all of them; who returned the result of each number, and in which attempt. All must have completed."""
    results = {}
    for run_id in ids:
        run = await manager.wait(run_id, timeout=seconds)
        assert run.status is RunStatus.COMPLETED, run
        assert run.crashes < CRASH_LOOP
        assert isinstance(run.result, list)
        assert run.result[1] == run.attempt, "another attempt than the last one wrote the result"
        results[int(str(run.arguments["number"]))] = [int(str(value)) for value in run.result]
    return results


# ----- kill -9 --------------------------------------------------------------------------------------------------------


async def kills(cluster: Cluster, rounds: int, orphan_seconds: float) -> None:
    """Kill a worker so many times with at least AT_RISK runs in flight; nothing may be lost, nothing condemned."""
    ledger = cluster.ledger
    numbers = count()
    ids: list[str] = []
    orphans: list[tuple[float, dict[int, int]]] = []
    workers = cluster.start("worker", 3)
    # Who judges a lease must have watched it for its whole length: one process lives longer than the workers do here.
    (scheduler,) = cluster.start("scheduler")
    async with cluster.manager() as manager:
        for _ in range(rounds):
            victim = workers.pop(0)

            async def ripe(victim: Node = victim) -> bool:
                if len(ids) - len(ledger.numbers("ended")) < 5 * LANE:
                    calls = [("work", {"number": next(numbers), "seconds": 1.0}) for _ in range(LANE)]
                    ids.extend(await manager.start_many(calls))
                if not at_risk(ledger, victim):
                    return False
                victim.freeze()  # so that what is in flight now is what dies
                if at_risk(ledger, victim):
                    return True
                victim.thaw()
                return False

            await until(ripe, 60, f"{AT_RISK} runs in flight on one worker")
            died, flying = victim.kill(), ledger.in_flight(victim.pid)
            orphans.append((died, {number: line.attempt for number, line in flying.items()}))
            workers += cluster.start("worker")
        results = await completed(manager, ids, orphan_seconds + 60)
    cluster.assert_alive([*workers, scheduler])

    assert set(results) == set(range(len(ids))) == ledger.numbers("ended"), "an acknowledged run was lost"
    ended = {(line.number, line.pid, line.attempt) for line in ledger.of("ended")}
    assert {(number, pid, attempt) for number, (pid, attempt) in results.items()} <= ended
    claimable = interruptions(cluster)
    deaths = {orphan: died for died, lost in orphans for orphan in lost.items()}
    waits = [claimable[orphan] - died for orphan, died in deaths.items() if orphan in claimable]
    # The few whose code began before their start was stored were reservations to the store, and begin a first time.
    begun = Counter((line.number, line.attempt) for line in ledger.of("began"))
    assert all(begun[orphan] > 1 for orphan in deaths if orphan not in claimable)
    assert len(deaths) >= rounds * AT_RISK
    assert len(waits) >= len(deaths) / 2
    assert max(waits) <= orphan_seconds, "an orphan was not to be claimed again in time"


def at_risk(ledger: Ledger, victim: Node) -> bool:
    """Whether enough runs are in flight there, none of which another death would condemn."""
    flying = ledger.in_flight(victim.pid).values()
    return len(flying) >= AT_RISK and all(line.attempt < CRASH_LOOP for line in flying)


def interruptions(cluster: Cluster) -> dict[tuple[int, int], float]:
    """When each run whose worker died was to be claimed again, by number and attempt, in seconds since 1970."""
    with psycopg.connect(cluster.settings.store) as connection:
        rows = connection.execute(
            "select (run.arguments::json ->> 'number')::int, attempt.number, attempt.completed_at / 1e6"
            " from runwright.attempt join runwright.run on run.key = attempt.run where attempt.status = 'interrupted'"
        )
        return {(number, attempt): float(moment) for number, attempt, moment in rows}


async def test_two_kills_lose_nothing_and_condemn_nobody(postgres_url: str, tmp_path: Path) -> None:
    with Cluster(postgres_url, tmp_path, max_concurrent=LANE, **SHORT_LEASES) as cluster:
        await kills(cluster, rounds=2, orphan_seconds=10)


@pytest.mark.soak
async def test_fifty_kills_lose_nothing_and_condemn_nobody(durable_postgres: Postgres, tmp_path: Path) -> None:
    """At the default leases."""
    with Cluster(durable_postgres.database(), tmp_path, max_concurrent=LANE) as cluster:
        await kills(cluster, rounds=50, orphan_seconds=DEFAULT_ORPHAN_SECONDS)


# ----- SIGSTOP --------------------------------------------------------------------------------------------------------


async def freezes(cluster: Cluster, rounds: int, runs: int, seconds: float, lease_seconds: float) -> None:
    """Freeze a worker past its lease, thaw it when others have its runs: it may write nothing and stops its runs."""
    ledger = cluster.ledger
    numbers = count()
    (frozen,) = cluster.start("worker")
    async with cluster.manager() as manager:
        for _ in range(rounds):
            mine = [next(numbers) for _ in range(runs)]
            ids = await manager.start_many([("work", {"number": number, "seconds": seconds}) for number in mine])
            await ledger.says("began", mine, 30, frozen.pid)
            (other,) = cluster.start("worker")
            frozen.freeze()
            await ledger.says("began", mine, lease_seconds + 15, other.pid)
            frozen.thaw()
            await ledger.idle(frozen.pid, 10)
            results = await completed(manager, ids, seconds + 30)

            assert {pid for pid, _ in results.values()} == {other.pid}
            assert ledger.numbers("stopped", frozen.pid) >= set(mine)
            assert not ledger.numbers("ended", frozen.pid) & set(mine)
            cluster.assert_alive([frozen, other])
            other.end()
            probe = next(numbers)
            ids = await manager.start_many([("work", {"number": probe, "seconds": 0})])
            assert (await completed(manager, ids))[probe][0] == frozen.pid, "it works again, in a session of its own"


async def test_a_thawed_worker_writes_nothing_and_stops_its_runs(postgres_url: str, tmp_path: Path) -> None:
    with Cluster(postgres_url, tmp_path, max_concurrent=LANE, **SHORT_LEASES) as cluster:
        await freezes(cluster, rounds=1, runs=20, seconds=8, lease_seconds=SHORT_LEASES["lease_seconds"])


@pytest.mark.soak
async def test_a_worker_thaws_three_times_at_the_default_lease(durable_postgres: Postgres, tmp_path: Path) -> None:
    with Cluster(durable_postgres.database(), tmp_path, max_concurrent=LANE) as cluster:
        await freezes(cluster, rounds=3, runs=AT_RISK, seconds=60, lease_seconds=30)


# ----- the server restarts, connections are cut -----------------------------------------------------------------------


async def restarts(server: Postgres, url: str, cluster: Cluster, rounds: int) -> None:
    """Crash the server, or cut all its connections, under load: all processes stay, and all of it goes on in 10 s."""
    ledger = cluster.ledger
    numbers = count()
    ids: list[str] = []
    cluster.start("worker", 2)
    cluster.start("scheduler")
    async with cluster.manager() as manager:
        for turn in range(2 * rounds):
            load = [next(numbers) for _ in range(LANE)]
            ids += await manager.start_many([("work", {"number": number, "seconds": 0.5}) for number in load])
            await ledger.says("began", load[:1], 30)
            if turn % 2:
                assert server.disconnect(url) > 0
            else:
                server.restart("immediate")
            end = time.monotonic() + RECOVERY_SECONDS
            while True:  # a run that begins long before the next poll was announced: the workers listen again
                assert time.monotonic() < end, "not recovered: nothing begins at once"
                probe = next(numbers)
                try:
                    ids += await manager.start_many([("work", {"number": probe, "seconds": 0})])
                except StoreUnavailable:
                    numbers = count(probe)
                    continue
                if await ledger.says("began", [probe], end - time.monotonic()) < 1:
                    break
            cluster.assert_alive()
        await completed(manager, ids)
    cluster.assert_alive()
    assert ledger.numbers("ended") == set(range(len(ids)))
    assert [node.end() for node in cluster.nodes] == [0] * len(cluster.nodes)


async def test_two_restarts_and_two_cuts_stop_nobody(durable_postgres: Postgres, tmp_path: Path) -> None:
    """Also where a restart takes longer than the lease."""
    url = durable_postgres.database()
    with Cluster(url, tmp_path, max_concurrent=LANE, **{**SHORT_LEASES, "poll_seconds": 60}) as cluster:
        await restarts(durable_postgres, url, cluster, rounds=2)


@pytest.mark.soak
async def test_twenty_restarts_and_twenty_cuts_stop_nobody(durable_postgres: Postgres, tmp_path: Path) -> None:
    url = durable_postgres.database()
    with Cluster(url, tmp_path, max_concurrent=LANE, poll_seconds=60) as cluster:
        await restarts(durable_postgres, url, cluster, rounds=20)


# ----- nothing is announced -------------------------------------------------------------------------------------------


@pytest.fixture
def mute_url(postgres_url: str) -> str:
    """A database in which every NOTIFY by `pg_notify` goes nowhere."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create schema mute")
        connection.execute("create function mute.pg_notify(text, text) returns void language sql as 'select'")
        name = postgres_url.rpartition("/")[2]
        connection.execute(f'alter database "{name}" set search_path = mute, pg_catalog, public'.encode())
    return postgres_url


async def test_without_notify_polling_finds_all(mute_url: str, tmp_path: Path) -> None:
    poll = 1.5
    with Cluster(mute_url, tmp_path, max_concurrent=LANE, **{**SHORT_LEASES, "poll_seconds": poll}) as cluster:
        cluster.start("worker", 2)
        delays = []
        async with cluster.manager() as manager:
            ids = []
            for number in range(6):
                ids += await manager.start_many([("work", {"number": number, "seconds": 0})])
                delays.append(await cluster.ledger.says("began", [number], poll + 5))
            await completed(manager, ids)

    assert max(delays) <= poll + 1
    assert sum(delays) > 0.3, "something announced them all the same: this did not test polling"
    assert Counter(line.number for line in cluster.ledger.of("began")) == Counter(range(6))


# ----- exclusive and shared runs --------------------------------------------------------------------------------------


async def race(cluster: Cluster, runs: int) -> None:
    """Exclusive and shared runs on four workers: an exclusive one is never in the company of another."""
    workers = cluster.start("worker", 4)
    async with cluster.manager() as manager:
        ids = []
        for first in range(0, runs, 500):
            ids += await manager.start_many(
                [
                    ("alone", {"number": number})
                    if number % 10 == 7
                    else ("work", {"number": number, "seconds": 0.02 * (number % 4)})
                    for number in range(first, min(first + 500, runs))
                ]
            )
        await completed(manager, ids, 600)
    cluster.assert_alive(workers)

    running: set[int] = set()
    together = []
    for line in cluster.ledger.lines():
        if line.word == "began":
            if running and (line.number % 10 == 7 or any(number % 10 == 7 for number in running)):
                together.append((line.number, sorted(running)))
            running.add(line.number)
        else:
            running.discard(line.number)
    assert not together
    assert not running
    assert Counter(line.number for line in cluster.ledger.of("ended")) == Counter(range(runs))
    assert len({line.pid for line in cluster.ledger.of("began")}) == len(workers), "not all workers took part"


async def test_exclusive_runs_are_alone_on_four_workers(postgres_url: str, tmp_path: Path) -> None:
    with Cluster(postgres_url, tmp_path, max_concurrent=2, **SHORT_LEASES) as cluster:
        await race(cluster, 300)


@pytest.mark.soak
async def test_ten_thousand_exclusive_and_shared_runs_on_four_workers(
    durable_postgres: Postgres, tmp_path: Path
) -> None:
    with Cluster(durable_postgres.database(), tmp_path, max_concurrent=2) as cluster:
        await race(cluster, 10_000)
