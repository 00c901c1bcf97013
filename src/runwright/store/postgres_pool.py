"""The store on PostgreSQL: the connections of one process, kept for the next verb.

The driver's own pool puts a task, a timer and four turns of the event loop between an answer and whoever waits for it:
170 µs in a process that was idle, a third of the way from a worker's turn to the code that it starts, and 55 µs before
each statement. Here neither taking a connection nor giving it back waits for anything while one is free.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
UNUSED_SECONDS = 300.0
"""A connection that nothing has needed for so long is closed."""
_CUT_OFF = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Pool:
    """At most so many connections at a time, opened when they are needed. The one used last is used next."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], monotonic: Callable[[], float], most: int, patience: float
    ) -> None:
        """
        Args:
            connect: opens a connection.
            monotonic: seconds on a clock that never goes backwards.
            most: how many there may be.
            patience: seconds to wait for a free one, and for those in use when all are closed.
        """
        self._connect = connect
        self._monotonic = monotonic
        self._most = most
        self._patience = patience
        self._places = asyncio.Semaphore(most)
        self._free: deque[tuple[Connection, float]] = deque()
        self._open: set[Connection] = set()
        self._closed = False

    async def take(self) -> Connection:
        """A connection for the caller alone, until he gives it back.

        Raises:
            InterfaceError: the pool is closed.
            TimeoutError: none became free in time.
        """
        if self._closed:
            raise asyncpg.InterfaceError("the store is closed")
        if self._places.locked():  # to wait with a limit costs a timer, for nothing if there is a place
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            while self._free:
                connection, _ = self._free.pop()
                if not connection.is_closed():
                    return connection
                self._open.discard(connection)
            connection = await self._connect()
        except BaseException:
            self._places.release()
            raise
        self._open.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """It is free for the next; what has been free for too long is closed."""
        now = self._monotonic()
        self._free.append((connection, now))
        while self._free[0][1] < now - UNUSED_SECONDS:
            self._end(self._free.popleft()[0])
        self._places.release()

    def drop(self, connection: Connection) -> None:
        """It was left in the middle of something, and nobody shall find out what."""
        self._end(connection)
        self._places.release()

    def _end(self, connection: Connection) -> None:
        self._open.discard(connection)
        with suppress(asyncpg.InterfaceError):  # it is closed already
            connection.terminate()

    async def close(self) -> None:
        """Wait for the connections in use, and close all. Those that take too long are cut off."""
        self._closed = True
        try:
            async with asyncio.timeout(self._patience):
                for _ in range(self._most):
                    await self._places.acquire()
                await asyncio.gather(*(connection.close() for connection in self._open))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            for connection in [*self._open]:
                self._end(connection)


class Lender(Protocol):
    """Whoever has connections."""

    async def take(self) -> Connection:
        """One for the caller alone, until he gives it back."""
        ...

    def give_back(self, connection: Connection) -> None:
        """It is free for the next."""
        ...

    def drop(self, connection: Connection) -> None:
        """It was left in the middle of something, and nobody shall find out what."""
        ...


class Taken:
    """A connection for the length of a block. One whose work was cut off in the middle is not used again."""

    __slots__ = ("_connection", "_lender")

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    async def __aenter__(self) -> Connection:
        self._connection = await self._lender.take()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and (not isinstance(error, Exception) or isinstance(error, _CUT_OFF)):
            self._lender.drop(self._connection)
        else:
            self._lender.give_back(self._connection)
