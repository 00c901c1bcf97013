"""The connections of one process: how many there are, who gets them, and which are not used again."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import asyncpg
import pytest

from runwright.store.postgres_pool import UNUSED_SECONDS, Pool, Taken
from runwright.store.postgres_pool import Connection as Opened


class Connection:
    """What a pool sees of a connection."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.end = ""

    def is_closed(self) -> bool:
        return self.end != ""

    def terminate(self) -> None:
        self.end = self.end or "terminated"

    async def close(self) -> None:
        self.end = self.end or "closed"


class Server:
    """Opens connections, unless it is away; time is what the test says."""

    def __init__(self) -> None:
        self.made: list[Connection] = []
        self.away = False
        self.seconds = 0.0

    async def connect(self) -> Any:
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionRefusedError
        self.made.append(Connection(len(self.made)))
        return self.made[-1]

    def pool(self, most: int = 2, patience: float = 0.0) -> Pool:
        return Pool(self.connect, lambda: self.seconds, most, patience)


async def test_the_one_used_last_is_used_next_and_no_more_are_opened_than_are_needed() -> None:
    server = Server()
    pool = server.pool()
    for _ in range(3):
        async with Taken(pool):
            pass
    assert len(server.made) == 1
    async with Taken(pool) as first, Taken(pool) as second:
        assert [connection.number for connection in cast("Any", (first, second))] == [0, 1]
    async with Taken(pool) as again:
        assert again is first


async def one_taken_and_one_who_waits(pool: Pool) -> tuple[Opened, asyncio.Task[Opened]]:
    taken = await pool.take()
    waits = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    assert not waits.done()
    return taken, waits


async def test_who_finds_none_free_waits_for_one_and_not_for_ever() -> None:
    pool = Server().pool(most=1, patience=5.0)
    taken, waits = await one_taken_and_one_who_waits(pool)
    pool.give_back(taken)
    assert await waits is taken
    impatient = Server().pool(most=1)
    await impatient.take()
    with pytest.raises(TimeoutError):
        await impatient.take()


async def test_whoever_gives_up_waiting_keeps_nobody_out() -> None:
    pool = Server().pool(most=1, patience=5.0)
    taken, waits = await one_taken_and_one_who_waits(pool)
    pool.give_back(taken)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert await pool.take() is taken


async def test_a_server_that_is_away_takes_no_place() -> None:
    server = Server()
    server.away = True
    pool = server.pool(most=1)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await pool.take()
    server.away = False
    await pool.take()


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (asyncpg.UniqueViolationError("the server has answered"), True),
        (KeyError("nothing of the connection's"), True),
        (asyncio.CancelledError(), False),
        (TimeoutError(), False),
        (asyncpg.InterfaceError("in the middle"), False),
    ],
)
async def test_one_whose_work_was_cut_off_is_not_used_again(error: BaseException, kept: bool) -> None:
    server = Server()
    pool = server.pool(most=1)
    with pytest.raises(type(error)):
        async with Taken(pool):
            raise error
    assert server.made[0].is_closed() is not kept
    async with Taken(pool) as after:
        assert (after is cast("Any", server.made[0])) is kept


async def test_one_that_was_lost_is_replaced() -> None:
    server = Server()
    pool = server.pool()
    async with Taken(pool):
        pass
    server.made[0].terminate()
    async with Taken(pool) as after:
        assert after is cast("Any", server.made[1])


async def test_what_nothing_has_needed_for_long_is_closed_and_the_one_in_use_is_not() -> None:
    server = Server()
    pool = server.pool()
    async with Taken(pool), Taken(pool):
        pass
    for _ in range(3):
        server.seconds += UNUSED_SECONDS / 2 + 1
        async with Taken(pool):
            pass
    assert [connection.end for connection in server.made] == ["", "terminated"]


async def test_it_closes_when_all_are_back_and_gives_none_after_that() -> None:
    server = Server()
    pool = server.pool(patience=5.0)
    taken = await pool.take()
    async with Taken(pool):
        pass
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    assert not closing.done()
    pool.give_back(taken)
    await closing
    assert [connection.end for connection in server.made] == ["closed", "closed"]
    with pytest.raises(asyncpg.InterfaceError):
        await pool.take()


async def test_one_that_never_comes_back_is_cut_off() -> None:
    server = Server()
    pool = server.pool()
    await pool.take()
    async with Taken(pool):
        pass
    await pool.close()
    assert [connection.end for connection in server.made] == ["terminated", "terminated"]
