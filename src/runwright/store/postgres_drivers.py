"""The store on PostgreSQL: connections of callers, in whose transactions runs are started.

asyncpg, psycopg (asynchronous) and SQLAlchemy (asynchronous, over either) are known by the module of their class, so
that none of them need be installed. Nothing here begins, commits or rolls back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg

from runwright.errors import InvalidInput
from runwright.store.postgres_transaction import Driver

KNOWN = "an asyncpg.Connection, a psycopg.AsyncConnection, or SQLAlchemy's AsyncConnection or AsyncSession"
NO_TRANSACTION = "is not in a transaction; begin one, since the run is there once it is committed"
FAILED = "is in a transaction that has failed: roll it back, and begin another"
OLDER = "is in a transaction that cannot see the run with the same key, which is newer: roll it back, and begin another"
ELSEWHERE = "leads to another store than {where}; the run would be there, and not here"
CLOSED = "is closed; give one that is open, in a transaction"
IN_USE = "does something else at the same time: it can do one thing after the other only; roll its transaction back"
UNDO_SECONDS = 5.0
UNDO_AGAIN_SECONDS = 0.005


async def driver_of(connection: Any) -> Driver:
    """The connection as the store uses it. Raises InvalidInput if it is none, or is not in a transaction."""
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(connection).__mro__}
    if kinds & {"sqlalchemy.AsyncConnection", "sqlalchemy.AsyncSession"}:
        return await _of_sqlalchemy(connection)
    if kinds & {"asyncpg.Connection", "asyncpg.PoolConnectionProxy"}:
        if connection.is_closed():
            raise InvalidInput.field("/connection", CLOSED)
        if not connection.is_in_transaction():
            raise InvalidInput.field("/connection", NO_TRANSACTION)
        return _Asyncpg(connection)
    if "psycopg.AsyncConnection" in kinds:
        if connection.closed:
            raise InvalidInput.field("/connection", CLOSED)
        if connection.autocommit and connection.info.transaction_status.name != "INTRANS":
            raise InvalidInput.field("/connection", NO_TRANSACTION)
        return _Psycopg(connection)
    raise InvalidInput.field("/connection", f"is {type(connection).__qualname__}; give {KNOWN}")


async def _of_sqlalchemy(connection: Any) -> Driver:
    from sqlalchemy import exc  # noqa: PLC0415  # the caller's own library, which is loaded by now

    try:
        if hasattr(connection, "get_bind"):  # a session; it gives the connection of its transaction
            connection = await connection.connection()
        await connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins its transaction with the first statement
        return await driver_of((await connection.get_raw_connection()).driver_connection)
    except exc.PendingRollbackError as error:
        raise InvalidInput.field("/connection", FAILED) from error
    except exc.ResourceClosedError as error:
        raise InvalidInput.field("/connection", CLOSED) from error
    except (exc.InterfaceError, exc.InvalidRequestError) as error:  # of all that it calls so, no other can be met here
        if isinstance(error, exc.InterfaceError) and error.connection_invalidated:
            raise  # it was cut off
        raise InvalidInput.field("/connection", IN_USE) from error


_CLASHES = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where a connection is used by two at once, and where it is closed."""


class _Asyncpg:
    """A connection of asyncpg, which somebody else may use at the same time, though he must not."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, statement: str, /, *values: object) -> Sequence[Sequence[Any]]:
        with self._alone():
            rows: Sequence[Sequence[Any]] = await self._connection.fetch(statement, *values)
        return rows

    async def fetchrow(self, statement: str, /, *values: object) -> Sequence[Any] | None:
        with self._alone():
            row: Sequence[Any] | None = await self._connection.fetchrow(statement, *values)
        return row

    async def execute(self, statement: str, /, *values: object) -> str:
        loop = asyncio.get_running_loop()
        until = loop.time() + UNDO_SECONDS
        while True:
            try:
                with self._alone():
                    return str(await self._connection.execute(statement, *values))
            except InvalidInput:  # what was written must be undone, whatever else is under way: wait for its end
                if not statement.startswith("ROLLBACK") or loop.time() > until:
                    raise
            await asyncio.sleep(UNDO_AGAIN_SECONDS)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            yield
        except _CLASHES as error:
            if isinstance(error, ValueError) or self._connection.is_closed():  # a value that cannot be sent; cut off
                raise
            raise InvalidInput.field("/connection", IN_USE) from error


class _Psycopg:
    """An asynchronous connection of psycopg, as a Driver: what the server says is raised as asyncpg would."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def _cursor(self, statement: str, values: Sequence[object]) -> Any:
        from psycopg import AsyncRawCursor, Error  # noqa: PLC0415  # the caller's own driver, which is loaded by now
        from psycopg.rows import tuple_row  # noqa: PLC0415  # as above

        cursor = AsyncRawCursor(self._connection, row_factory=tuple_row)  # it takes $1 as the server does
        try:
            await cursor.execute(statement, values or None)
        except Error as error:
            if error.sqlstate is None:
                raise
            known = asyncpg.PostgresError.get_message_class_for_sqlstate(error.sqlstate)  # type: ignore[attr-defined]  # its metaclass has it
            raise known(str(error)) from error
        return cursor

    async def fetch(self, statement: str, /, *values: object) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = await (await self._cursor(statement, values)).fetchall()
        return rows

    async def fetchrow(self, statement: str, /, *values: object) -> Sequence[Any] | None:
        row: Sequence[Any] | None = await (await self._cursor(statement, values)).fetchone()
        return row

    async def execute(self, statement: str, /, *values: object) -> str:
        return str((await self._cursor(statement, values)).statusmessage)
