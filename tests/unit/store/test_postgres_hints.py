"""Hints between processes on PostgreSQL: sent together, heard by others only, and back after any loss."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, cast

import asyncpg
import pytest

from runwright import Settings, TaskManager, task
from runwright.bus import EVERY_RUN, LocalBus
from runwright.clock import SystemClock, SystemRng
from runwright.errors import StoreUnavailable
from runwright.model import Lane, NewRun
from runwright.store.base import NewWorker
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_heart import Heart
from runwright.store.postgres_hints import EVERYTHING, MOST_BYTES, Sender, message
from runwright.store.postgres_pool import Connection, Taken
from tools.postgres import Postgres

_rng = SystemRng()


def run() -> NewRun:
    now = SystemClock().now()
    return NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now)


class Ears:
    """What one process was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.heard: list[frozenset[str]] = []
        self._news = asyncio.Event()

    def hear(self, topics: frozenset[str]) -> None:
        self.heard.append(topics)
        self._news.set()

    async def until(self, condition: Callable[[frozenset[str]], bool]) -> None:
        async with asyncio.timeout(10):
            while not any(condition(topics) for topics in self.heard):
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[PostgresStore, PostgresStore, Ears, Ears]]:
    """Two processes on one database, both listening."""
    ears = Ears(), Ears()
    first, second = [
        await PostgresStore.open(postgres_url, clock=SystemClock(), rng=SystemRng(), on_commit=each.hear)
        for each in ears
    ]
    for store in (first, second):
        store.listen()
        await store.listening.wait()
    for each in ears:
        each.heard.clear()
    yield first, second, *ears
    await first.close()
    await second.close()


async def test_a_commit_is_told_to_the_others_once(pair: tuple[PostgresStore, PostgresStore, Ears, Ears]) -> None:
    first, _, own, other = pair
    new = run()
    await first.enqueue([new])
    await other.until(lambda topics: "runs" in topics)
    assert other.heard == [frozenset({"runs", "events", f"run:{new.id}"})]
    assert own.heard == other.heard  # told by its commit, and not again by its own message


async def test_what_comes_together_is_sent_together() -> None:
    sent: list[str] = []
    gate = asyncio.Event()

    async def send(text: str, _: object) -> None:
        sent.append(text)
        await gate.wait()

    sender = Sender("me", send)
    first = asyncio.create_task(sender.tell({"runs"}))
    await asyncio.sleep(0)
    for number in range(1000):
        await sender.tell({"events", f"run:{number}"})
    gate.set()
    await first
    await sender.close()
    assert sent == ["me runs", message("me", {"events", EVERY_RUN})]


async def test_what_brings_work_goes_at_once_and_what_is_only_watched_a_little_later() -> None:
    sent: list[str] = []

    async def send(text: str, _: object) -> None:
        sent.append(text)

    sender = Sender("me", send)
    await sender.tell({"events", "run:a"})
    assert sent == []
    await sender.tell({"runs"})
    await sender.close()
    assert sent == ["me events run:a runs"]
    await sender.tell({"events", "run:b", "runs"})
    assert sent[1:] == ["me events run:b runs"]
    await sender.close()


async def test_hints_go_apart_while_commits_are_dense_and_come_back_when_they_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fifty commits a second that come after a burst are each told at once again."""
    apart: list[int] = []
    ends: list[Callable[[], None]] = []
    loop = asyncio.get_running_loop()

    def later(seconds: float, end: Callable[[float], None], length: float) -> asyncio.Handle:
        apart.append(round(1000 * seconds))
        ends.append(partial(end, length))
        return loop.call_soon(lambda: None)

    async def send(_: str, __: object) -> None:
        pass

    monkeypatch.setattr(loop, "call_later", later)
    sender = Sender("me", send)
    await sender.tell({"runs"})
    dense = [2, 4, 8, 16, 32]
    for commits in [*dense, 10, 1, 0]:
        for _ in range(commits):
            await sender.tell({"runs"})
        ends.pop()()
        await asyncio.sleep(0)  # it is sent
        await asyncio.sleep(0)  # and the next window begins
    assert apart == [*dense, 32, 32, 2]
    assert not ends


async def test_a_hint_that_is_not_sent_fails_nothing() -> None:
    async def send(text: str, _: object) -> None:
        raise OSError(text)

    sender = Sender("me", send)
    await sender.tell({"runs"})
    await sender.close()


def test_a_message_fits_whatever_it_says() -> None:
    topics = {"runs", *(f"run:{run().id}" for _ in range(500))}
    text = message("me", topics)
    assert text.split(" ") == ["me", EVERY_RUN, "runs"]
    assert len(message("me", EVERYTHING)) < MOST_BYTES
    assert message("me", {"run:a", "runs"}) == "me run:a runs"


async def test_a_hint_for_every_run_reaches_those_who_follow_one() -> None:
    bus = LocalBus()
    one, other = bus.subscribe("run:a"), bus.subscribe("runs")
    bus.publish({EVERY_RUN})
    assert await one.wait(5)
    assert not await other.wait(0)


async def test_listening_comes_back_and_then_everybody_looks(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears], postgres_server: Postgres, postgres_url: str
) -> None:
    first, second, _, other = pair
    for _ in range(3):
        other.heard.clear()
        postgres_server.disconnect(postgres_url)
        await other.until(lambda topics: topics >= EVERYTHING)
        await second.listening.wait()
    other.heard.clear()
    new = run()
    async with asyncio.timeout(10):
        while True:
            try:
                await first.enqueue([new])
                break
            except StoreUnavailable:  # a connection of the pool that did not know yet
                await asyncio.sleep(0)
    await other.until(lambda topics: f"run:{new.id}" in topics)


async def test_a_process_listens_once_it_waits_for_something(postgres_url: str) -> None:
    """One that only starts runs is not woken by each hint, and has a connection less."""

    @task
    def report() -> str:
        return "done"

    settings = Settings(store=postgres_url, poll_seconds=30)
    ours, others = (TaskManager(settings, [report], roles=roles) for roles in ((), ("worker",)))
    async with others as worker, ours as starter:
        hears, starts = worker.store, starter.store
        assert isinstance(hears, PostgresStore)
        assert isinstance(starts, PostgresStore)
        async with asyncio.timeout(10):
            await hears.listening.wait()
            begun = await starter.start(report)
            assert starts._listener._task is None
            assert (await starter.wait(begun.id)).result == "done"
            await starts.listening.wait()


async def test_the_connection_that_listens_is_lent_to_one_at_a_time_and_replaced_if_it_is_dropped(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears],
) -> None:
    """What is told while it is lent is heard: it is the same connection."""
    first, second, _, other = pair
    lender = second._listener
    async with Taken(lender) as connection:
        with pytest.raises(asyncpg.InterfaceError):
            await lender.take()
        assert await connection.fetchval("SELECT count(*) FROM pg_listening_channels()") == 1
        await first.enqueue([run()])
        await other.until(lambda topics: "runs" in topics)
    assert lender.free
    with pytest.raises(TimeoutError):
        async with Taken(lender):
            raise TimeoutError
    await other.until(lambda topics: topics == EVERYTHING)
    async with asyncio.timeout(10):
        await second.listening.wait()
    async with Taken(lender) as another:
        assert another is not connection


async def test_a_connection_that_comes_back_after_its_loss_is_not_lent_again(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears], postgres_server: Postgres, postgres_url: str
) -> None:
    _, second, _, other = pair
    lender = second._listener
    lost = await lender.take()
    postgres_server.disconnect(postgres_url)
    await other.until(lambda topics: topics == EVERYTHING)
    await second.listening.wait()
    lender.give_back(lost)
    async with Taken(lender) as another:
        assert another is not lost
    assert lender.free


async def test_the_cursor_does_not_step_over_what_is_in_flight(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears], postgres_url: str
) -> None:
    first, second, _, _ = pair
    slow, dropped, *quick = [run() for _ in range(5)]
    cursor, _ = await second.changed_since(None)
    connection, other = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    begun, lost = connection.transaction(), other.transaction()
    await begun.start()
    await lost.start()
    await first.enqueue([slow], connection)
    await first.enqueue([dropped], other)
    await first.enqueue(quick)
    cursor, runs = await second.changed_since(cursor)
    assert list(runs) == [one.id for one in quick]
    assert len(cursor.gaps) == 2
    subscribed, _ = await second.changed_since(None)  # somebody who begins to follow meanwhile
    await begun.commit()
    await lost.rollback()
    cursor, runs = await second.changed_since(cursor)
    assert list(runs) == [slow.id]
    assert list((await second.changed_since(subscribed))[1]) == [slow.id]
    assert (await second.changed_since(cursor))[1] == ()
    await connection.close()
    await other.close()


async def test_a_beat_has_its_own_connection_and_survives_its_loss(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears], postgres_server: Postgres, postgres_url: str
) -> None:
    first, _, _, _ = pair
    await first.register(NewWorker("w1", "host", 1, {}, ["backup"]), 30)
    assert await asyncio.to_thread(first.beat, "w1", 30)
    postgres_server.disconnect(postgres_url)
    with suppress(StoreUnavailable):  # unless the loss was seen before
        await asyncio.to_thread(first.beat, "w1", 30)
    assert await asyncio.to_thread(first.beat, "w1", 30)
    assert not await asyncio.to_thread(first.beat, "nobody", 30)


async def test_a_beat_takes_no_longer_than_it_may(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears], postgres_url: str
) -> None:
    first, _, _, _ = pair
    await first.register(NewWorker("w1", "host", 1, {}, ["backup"]), 30)
    connection = await asyncpg.connect(postgres_url)
    loop = asyncio.get_running_loop()
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM runwright.worker FOR UPDATE")
        began = loop.time()
        with pytest.raises(StoreUnavailable):
            await asyncio.to_thread(first.beat, "w1", 30, within_seconds=0.2)
        assert loop.time() - began < 4
    assert await asyncio.to_thread(first.beat, "w1", 30)
    await connection.close()


class Silent:
    """The heartbeat's connection, whose server goes silent in the middle of a beat."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.pid = connection.get_server_pid()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetchrow(self, *asked: Any) -> object:
        os.kill(self.pid, signal.SIGSTOP)
        return await self._connection.fetchrow(*asked)


async def test_a_beat_asks_nothing_more_of_a_server_that_is_silent(
    pair: tuple[PostgresStore, PostgresStore, Ears, Ears], postgres_url: str
) -> None:
    first, _, _, _ = pair
    await first.register(NewWorker("w1", "host", 1, {}, ["backup"]), 30)
    silent, sound = Silent(await asyncpg.connect(postgres_url)), await asyncpg.connect(postgres_url)
    connections = [sound, cast(Connection, silent)]

    async def connect() -> Connection:
        return connections.pop()

    heart = Heart(connect, "here")
    beat = asyncio.create_task(heart._beat("w1", first.now(), 30_000_000, 0.2))
    try:
        await asyncio.wait({beat}, timeout=5)
        assert beat.done()
        assert isinstance(beat.exception(), TimeoutError)
        assert await heart._beat("w1", first.now(), 30_000_000, 5)
    finally:
        beat.cancel()
        os.kill(silent.pid, signal.SIGCONT)
        await sound.close()


async def test_the_wall_clock_is_the_servers(postgres_url: str) -> None:
    class Ahead(SystemClock):
        def now(self) -> int:
            return super().now() + 3_600_000_000

    store = await PostgresStore.open(postgres_url, clock=Ahead(), rng=SystemRng())
    assert abs(store.now() - SystemClock().now()) < 1_000_000
    ready = replace(run(), due_at=SystemClock().now())
    await store.enqueue([ready])
    await store.close()
