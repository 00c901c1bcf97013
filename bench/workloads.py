"""Bench: the workloads, the same for every peer. Each returns figures by name and fails when a job is lost or doubled.

Rates are a second, durations in milliseconds (`_ms`) or seconds (`_s`), memory in megabytes (`_mb`), CPU in per cent
of a core.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psutil

from bench.peer import Peer
from bench.recorder import WARM, Fire

Figures = dict[str, float]
LATENCY_RUNS, LATENCY_GAP = 500, 0.02
SCHEDULES, SCHEDULE_SECONDS = 100, 30
FAR_SCHEDULES, IDLE_SECONDS = 10_000, 10.0
CROWD_ROUNDS, CROWD_SECONDS = 3, 8
PRODUCERS = 50
STORED = 10_000
LIMIT_SECONDS = 120.0


class Failed(Exception):
    """The peer did not do what was asked; the words say what."""


async def until(done: Callable[[], bool], what: Callable[[], str], peer: Peer, limit: float = LIMIT_SECONDS) -> None:
    """Look every few milliseconds; fail when it takes too long or a worker ended."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise Failed(f"time limit: {what()}")
        if not peer.alive():
            raise Failed(f"a worker process ended: {what()}")
        await asyncio.sleep(0.005)


async def ran_once(peer: Peer, count: int) -> None:
    """Wait for all jobs, give a second execution a moment to show, then judge."""
    recorder = peer.recorder
    await until(lambda: recorder.executed(count) >= count, lambda: f"{recorder.executed(count)} of {count} ran", peer)


async def judge(peer: Peer, count: int) -> None:
    """Fail when a job of the first `count` is missing or came twice, or when the store lacks something."""
    await asyncio.sleep(0.3)
    missing, doubled = peer.recorder.faults(count)
    if missing or doubled:
        raise Failed(f"{missing} jobs missing, {doubled} doubled")
    if lacking := await peer.check(count):
        raise Failed(lacking)


async def drained(peer: Peer, limit: float = 30.0) -> float | None:
    """When the store first said that nothing is left; None if the peer cannot say."""
    end = time.monotonic() + limit
    while True:
        left = await peer.unfinished()
        now = time.monotonic()
        if left is None or left == 0:
            return None if left is None else now
        if now > end:
            raise Failed(f"the store still holds {left} unfinished jobs")
        await asyncio.sleep(0.002)


async def throughput(peer: Peer) -> Figures:
    """Work off a stored backlog: from the first start to the last, and until the store says that nothing is left."""
    count = peer.jobs
    await peer.open()
    if peer.bulk:
        for first in range(0, count, peer.bulk):
            await peer.enqueue_many(range(first, min(count, first + peer.bulk)))
    else:
        for number in range(count):
            await peer.enqueue(number)
    asked = time.monotonic()
    await peer.start()
    await ran_once(peer, count)
    end = await drained(peer)
    starts = peer.recorder.starts(count)
    begin = asked if peer.takes_all_first else min(starts)
    figures = {"started_per_s": (count - 1) / (max(starts) - begin)}
    if end is not None:
        figures["finished_per_s"] = count / (end - begin)
    await judge(peer, count)
    await peer.close()
    return figures


def keep_what_is_there() -> None:
    """Keep the collector off what the harness and the peer have imported, for every peer alike: 10 to 40 ms each time.

    A process that lives for long does so once (`runwright serve`), and here it would fall into this figure or that one.
    """
    gc.collect()
    gc.freeze()


async def enqueue(peer: Peer) -> Figures:
    """Store jobs with no worker about: one producer, fifty that wait each for its own, and in bulk."""
    count = min(peer.jobs, STORED)
    await peer.open()
    begin = time.monotonic()
    for number in range(count):
        await peer.enqueue(number)
    figures = {"one_producer_per_s": count / (time.monotonic() - begin)}
    await peer.close()
    if peer.producers:
        await peer.open()

        async def producer(first: int) -> None:
            for number in range(first, count, PRODUCERS):
                await peer.enqueue(number)

        begin = time.monotonic()
        await asyncio.gather(*(producer(first) for first in range(PRODUCERS)))
        figures["fifty_producers_per_s"] = count / (time.monotonic() - begin)
        await peer.close()
    if peer.bulk:
        await peer.open()
        keep_what_is_there()
        begin = time.monotonic()
        for batch in range(0, count, peer.bulk):
            await peer.enqueue_many(range(batch, min(count, batch + peer.bulk)))
        figures["bulk_per_s"] = count / (time.monotonic() - begin)
        left = await peer.unfinished()
        if left is not None and left != count:
            raise Failed(f"{count} jobs stored, the store holds {left}")
        await peer.close()
    return figures


async def warm(peer: Peer) -> None:
    """See one job run, then let the peer come to rest."""
    await peer.enqueue(WARM)
    await until(lambda: peer.recorder.has_run(WARM), lambda: "the first job did not run", peer, 30)
    await asyncio.sleep(1)


async def latency(peer: Peer) -> Figures:
    """One job every 20 ms for an idle worker: from the call to the job's first statement."""
    await peer.open()
    await peer.start()
    await warm(peer)
    begin = time.monotonic() + LATENCY_GAP
    for number in range(LATENCY_RUNS):
        if (wait := begin + number * LATENCY_GAP - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        peer.recorder.called(number)
        await peer.enqueue(number)
    await ran_once(peer, LATENCY_RUNS)
    await judge(peer, LATENCY_RUNS)
    figures = spread(peer.recorder.latencies(LATENCY_RUNS))
    await peer.close()
    return figures


async def schedules(peer: Peer) -> Figures:
    """A hundred schedules of one second for half a minute: how late each fire is; none missed, none twice."""
    await peer.open()
    await peer.start()
    await peer.add_every_second(SCHEDULES)
    keep_what_is_there()
    await until(lambda: bool(peer.recorder.fires()), lambda: "no schedule fired", peer, 20)
    before, begin = cpu_seconds(peer), time.monotonic()
    await asyncio.sleep(SCHEDULE_SECONDS + 4)
    cpu = (cpu_seconds(peer) - before) / (time.monotonic() - begin) * 100
    figures = judge_fires(peer.fires(), peer.due_known)
    await peer.close()
    return {**figures, "cpu_percent": cpu}


def judge_fires(fires: list[Fire], due_known: bool) -> Figures:
    """Lateness, missed and doubled fires in a window of whole seconds that begins two seconds after the first fire."""
    low = int(min(fire.ran for fire in fires)) + 2
    high = low + SCHEDULE_SECONDS
    seen: set[tuple[int, float]] = set()
    late: list[float] = []
    doubled = 0
    for fire in sorted(fires, key=lambda each: each.ran):
        # Without a due time: whole seconds, and a timer may be a little early.
        due = fire.due if due_known else float(int(fire.ran + 0.05))
        if not low <= due < high:
            continue
        key = (fire.schedule, round(due, 3))
        if key in seen:
            doubled += 1
            continue
        seen.add(key)
        late.append(fire.ran - due)
    missed = SCHEDULES * SCHEDULE_SECONDS - len(seen)
    return {**spread(late), "missed": float(missed), "doubled": float(doubled)}


async def idle(peer: Peer) -> Figures:
    """Ten thousand schedules that are due in months: what adding them costs, then what waiting costs."""
    await peer.open()
    await peer.start()
    await asyncio.sleep(1)
    begin = time.monotonic()
    await peer.add_far(FAR_SCHEDULES)
    adding = time.monotonic() - begin
    await settle(peer)
    figures = await waiting(peer)
    if wrong := len(peer.recorder.fires()):
        raise Failed(f"{wrong} schedules fired that are not due for months")
    await peer.close()
    return {"add_s": adding, **figures}


async def many_schedules(peer: Peer) -> Figures:
    """A hundred schedules of one second among a thousand, and among a hundred thousand: what a fire costs, in turns.

    Turns, because a machine's speed drifts by more than what is looked for. The cost is all CPU of the process by the
    fires of the time, each with the run that it makes. Also what it takes to add so many, and to wait with them.
    """
    crowds = {1_000: peer, 100_000: type(peer)(peer.recorder, peer.store.parent / "crowd" / peer.store.name)}
    figures: Figures = {}
    for size, each in crowds.items():
        await each.open()
        await each.start()
        far, begin = size - SCHEDULES, time.monotonic()
        for first in range(0, far, FAR_SCHEDULES):
            await each.add_far(min(FAR_SCHEDULES, far - first), first)
        figures["add_s"] = time.monotonic() - begin
        await settle(each)
        figures |= await waiting(each)
        await each.add_every_second(SCHEDULES)
        await each.close()
    costs: dict[int, list[float]] = {size: [] for size in crowds}
    for _ in range(CROWD_ROUNDS):
        for size, each in crowds.items():
            await each.start()
            await asyncio.sleep(3)
            fires, before = len(peer.recorder.fires()), cpu_seconds(each)
            await asyncio.sleep(CROWD_SECONDS)
            cost, fires = cpu_seconds(each) - before, len(peer.recorder.fires()) - fires
            if abs(fires - SCHEDULES * CROWD_SECONDS) > SCHEDULES:
                raise Failed(f"{fires} fires in {CROWD_SECONDS} s among {size}")
            costs[size].append(cost / fires)
            await each.close()
    few, many = (sorted(found)[CROWD_ROUNDS // 2] for found in costs.values())
    return {**figures, "fire_us_among_1000": few * 1e6, "fire_us_among_100000": many * 1e6, "ratio": many / few}


async def waiting(peer: Peer) -> Figures:
    """What it costs to have schedules that are not due."""
    before, begin = cpu_seconds(peer), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    cpu = (cpu_seconds(peer) - before) / (time.monotonic() - begin) * 100
    memory = sum(process.memory_info().rss for process in peer.processes()) / 2**20
    return {"cpu_percent": cpu, "memory_mb": memory}


async def settle(peer: Peer, limit: float = 30.0) -> None:
    """Wait until half a second cost less than a twentieth of a core."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = cpu_seconds(peer)
        await asyncio.sleep(0.5)
        if cpu_seconds(peer) - before < 0.025:
            return


def cpu_seconds(peer: Peer) -> float:
    """User and system time of the peer's processes so far."""
    total = 0.0
    for process in peer.processes():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def spread(seconds: list[float]) -> Figures:
    """Median, 99th percentile and maximum in milliseconds."""
    if not seconds:
        raise Failed("nothing was timed")
    ordered = sorted(seconds)
    return {
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] * 1000,
        "max_ms": ordered[-1] * 1000,
    }


WORKLOADS: dict[str, Callable[[Peer], Coroutine[Any, Any, Figures]]] = {
    "throughput": throughput,
    "default-lane": throughput,
    "enqueue": enqueue,
    "latency": latency,
    "schedules": schedules,
    "idle": idle,
    "many-schedules": many_schedules,
}
