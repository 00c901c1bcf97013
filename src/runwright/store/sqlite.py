"""The store on SQLite: one file (or memory), one writer, group commits.

A verb that writes is a job for the writer; a question goes to a connection that reads. Nothing outside this room sees
a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Self, TypeVar

import apsw

from runwright.clock import Clock, Micros, Rng
from runwright.errors import StoreUnavailable
from runwright.store import sql, sqlite_file
from runwright.store.base import NewWorker
from runwright.store.sql_store import SqlStore
from runwright.store.sqlite_errors import is_taken, translated
from runwright.store.sqlite_locks import Locks
from runwright.store.sqlite_transaction import SqliteTransaction, carry_out
from runwright.store.sqlite_writer import Writer
from runwright.store.transaction import Body

T = TypeVar("T")
SQL = sql.load("sqlite")


class SqliteStore(SqlStore):
    """A Store in a SQLite file, or in memory. Made by ``open``."""

    def __init__(
        self,
        path: str,
        clock: Clock,
        rng: Rng,
        connection: apsw.Connection,
        writer: Writer,
        busy_seconds: float,
        inline: bool,
    ) -> None:
        super().__init__(clock)
        self._path = path
        self._rng = rng
        self._writer = writer
        self._connection = connection
        self._memory = path == sqlite_file.MEMORY
        self._inline = inline or self._memory
        self._busy_seconds = busy_seconds
        self._reader = (
            connection if self._memory else sqlite_file.connect(path, busy_seconds=busy_seconds, read_only=True)
        )
        self._heart = connection if self._memory else sqlite_file.connect(path, busy_seconds=busy_seconds)
        self._lister: apsw.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._locks = Locks(None if self._memory else Path(f"{path}.sessions"))
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: str,
        *,
        clock: Clock,
        rng: Rng,
        on_commit: Callable[[frozenset[str]], None] | None = None,
        inline: bool = False,
        busy_seconds: float = 5.0,
    ) -> Self:
        """Open the store in the file ``path`` (``":memory:"``: a new one without a file), made if it is not there.

        Args:
            path: the file; its folder must exist.
            clock: the store's clock, by which leases are judged.
            rng: makes the claims' tokens.
            on_commit: called on this event loop after a commit, with hints: ``runs`` (something became claimable),
                ``controls``, ``schedules``, ``events``, and ``run:<id>`` for runs that changed.
            inline: never use a thread (simulation).
            busy_seconds: how long to wait for another process that writes.

        Raises:
            StoreRefused: the file is corrupt, foreign, cut short or newer; it is left as it was.
            StoreUnavailable: the file cannot be opened or written now.
        """
        inline = inline or path == sqlite_file.MEMORY
        connection = sqlite_file.open_store(path, clock, busy_seconds=busy_seconds)
        writer = Writer(connection, path, clock, rng, on_commit, inline)
        return cls(path, clock, rng, connection, writer, busy_seconds, inline)

    # ----- life ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        if self._thread is not None:
            self._thread.shutdown()
        for connection in (self._reader, self._heart, self._lister, self._connection):
            if connection is not None:
                connection.close()
        self._locks.close()

    # ----- sessions --------------------------------------------------------------------------------------------

    async def register(self, worker: NewWorker, lease_seconds: float) -> None:
        if "worker" in worker.roles:
            self._locks.refuse_company()
            self._locks.hold(worker.id)
        await super().register(worker, lease_seconds)

    async def end_session(self, session: str) -> None:
        await super().end_session(session)
        self._locks.release(session)

    def _proven_dead(self, session: str) -> bool:
        return self._locks.proves_dead(session)

    def _forget(self, session: str) -> None:
        self._locks.forget(session)

    def _beat(self, session: str, lease: Micros, within_seconds: float) -> bool:
        with translated(self._path), self._writer.lock if self._memory else nullcontext():
            heart = self._heart
            heart.set_busy_timeout(round(min(within_seconds, self._busy_seconds) * 1000))
            heart.execute("BEGIN IMMEDIATE")
            try:
                row = heart.execute(SQL["session_beat"], (session, self._clock.now(), lease)).fetchone()
                heart.execute("COMMIT")
            finally:
                if heart.in_transaction:
                    heart.execute("ROLLBACK")
            return row is not None

    # ----- the ways in -----------------------------------------------------------------------------------------

    async def _do(self, body: Body[T], rows: int, *, patient: bool = True) -> T:
        try:
            return await self._writer.do(body, self._leases, rows)
        except apsw.ConstraintError as met:
            if not is_taken(met):
                raise
            return await self._writer.do(body, self._leases, rows, again=True)

    async def _answer(self, body: Body[T]) -> T:
        self._refuse_if_closed()
        with translated(self._path), self._writer.lock if self._memory else nullcontext():
            return carry_out(body(self._reading(self._reader)))

    async def _list(self, body: Body[T]) -> T:
        """In a thread of its own where threads are allowed."""
        if self._inline:
            return await self._ask(body)
        self._refuse_if_closed()
        return await asyncio.wrap_future(self._reading_thread().submit(self._listed, body))

    def _listed(self, body: Body[T]) -> T:
        if self._lister is None:
            self._lister = sqlite_file.connect(self._path, busy_seconds=self._busy_seconds, read_only=True)
        with translated(self._path):
            return carry_out(body(self._reading(self._lister)))

    def _reading(self, connection: apsw.Connection) -> SqliteTransaction:
        return SqliteTransaction(connection, self._clock.now(), self._rng, self._leases)

    def _reading_thread(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "runwright-store-reader")
        return self._thread

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"{self._path}: the store is closed")
