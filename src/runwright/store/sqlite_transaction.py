"""The store on SQLite: the verbs' port over an apsw connection. Nothing here ever waits.

It must not begin or end a transaction: the writer does, for a whole group of jobs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import lru_cache
from typing import Any, TypeVar

import apsw

from runwright.clock import Micros, Rng
from runwright.store import sql
from runwright.store.leases import Leases
from runwright.store.rows import clean, dump
from runwright.store.transaction import Batch, Row

T = TypeVar("T")
SQL = sql.load("sqlite")


def carry_out(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits to its end; its value."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a verb waited for something inside its transaction")


@lru_cache(256)
def _numbered(statement: str) -> str:
    return sql.for_sqlite(statement)


def _bound(values: Sequence[object]) -> Sequence[object]:
    """Lists become JSON, which the statements take apart."""
    return [dump(value) if type(value) is list else value for value in values]


class SqliteTransaction:
    """The present transaction of a connection. See ``Transaction``."""

    def __init__(
        self, connection: apsw.Connection, now: Micros, rng: Rng, leases: Leases, *, again: bool = False
    ) -> None:
        self.connection = connection
        self.now = now
        self.again = again
        self.rng = rng
        self.leases = leases
        self.topics: set[str] = set()

    async def one(self, name: str, *values: object) -> Row | None:
        row: Row | None = self._execute(SQL[name], values).fetchone()
        return row

    async def all(self, name: str, *values: object) -> list[Row]:
        rows: list[Row] = list(self._execute(SQL[name], values))
        return rows

    async def do(self, name: str, *values: object) -> int:
        self._execute(SQL[name], values).fetchall()
        return self.connection.changes()

    async def many(self, name: str, rows: Sequence[Sequence[object]]) -> int:
        before = self.connection.total_changes()
        self.connection.executemany(SQL[name], rows)
        return self.connection.total_changes() - before

    async def together(self, *batches: Batch) -> None:
        for name, rows in batches:
            self.connection.executemany(SQL[name], rows)

    async def each(self, name: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        returned: list[Row] = list(self.connection.executemany(SQL[name], rows))
        return returned

    async def composed(self, statement: str, values: Sequence[object]) -> list[Row]:
        rows: list[Row] = list(self._execute(_numbered(statement), values))
        return rows

    def _execute(self, statement: str, values: Sequence[object]) -> apsw.Cursor:
        given = _bound(values)
        try:
            return self.connection.execute(statement, given)
        except UnicodeEncodeError:  # no row has such a text, and to ask for one is no fault
            return self.connection.execute(statement, [clean(v) if isinstance(v, str) else v for v in given])

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        self.connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:  # some errors (no room, I/O) have ended the whole of it
                self.connection.execute("ROLLBACK TO step")
                self.connection.execute("RELEASE step")
            raise
        self.connection.execute("RELEASE step")

    def brief(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def lock_claims(self, *, alone: bool) -> None:
        """Nothing to do: this is the only writer."""

    async def lock_keys(self, names: Sequence[str]) -> None:
        """Nothing to do: this is the only writer."""

    async def try_keys(self, names: Sequence[str]) -> Sequence[str]:
        return names
