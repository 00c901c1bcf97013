"""The store on SQLite: the one connection that writes, and the commits that many callers share.

Jobs are collected during one turn of the event loop and committed together: inline while commits are quick, else in
one writer thread. A job that fails is undone alone; a COMMIT that fails fails every job of its group.
It must not know what the jobs do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import apsw

from runwright.clock import Clock, Rng
from runwright.errors import StoreUnavailable
from runwright.store.leases import Leases
from runwright.store.sqlite_errors import translate
from runwright.store.sqlite_transaction import SqliteTransaction, carry_out
from runwright.store.transaction import Body

T = TypeVar("T")

INLINE_COMMIT_SECONDS = 0.001
INLINE_ROWS = 256
GROUP_ROWS = 4096


@dataclass(slots=True)
class _Job(Generic[T]):
    body: Body[T]
    leases: Leases
    rows: int
    again: bool
    answer: asyncio.Future[T]


@dataclass(slots=True)
class _Done:
    """What became of a group: for each job its value or its error, the hints, and what the commit cost."""

    answers: list[tuple[object, BaseException | None]]
    topics: frozenset[str]
    commit_seconds: float


class Writer:
    """Runs jobs in transactions, in the order in which they were given."""

    def __init__(
        self,
        connection: apsw.Connection,
        path: str,
        clock: Clock,
        rng: Rng,
        on_commit: Callable[[frozenset[str]], None] | None,
        inline: bool,
    ) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._rng = rng
        self._on_commit = on_commit
        self._inline = inline
        self._loop = asyncio.get_running_loop()
        self._jobs: list[_Job[Any]] = []
        self._scheduled = False
        self._thread: ThreadPoolExecutor | None = None
        self._in_thread: asyncio.Future[_Done] | None = None
        self._commit_seconds = 0.0
        self._closed = False
        self.lock = threading.RLock()
        """Held while a transaction is open: an in-memory store has one connection for the heartbeat too."""

    async def do(self, body: Body[T], leases: Leases, rows: int = 1, *, again: bool = False) -> T:
        """Run ``body`` in a transaction and return its value after the commit.

        Args:
            body: the job; it may be run in another thread, and must only touch what it is given.
            leases: what the caller's process knows of leases.
            rows: about how many rows it writes, by which the group is kept small enough for the loop.
            again: it has met what is there already, and is done anew.
        """
        if self._closed:
            raise StoreUnavailable(f"{self._path}: the store is closed")
        job: _Job[T] = _Job(body, leases, rows, again, self._loop.create_future())
        self._jobs.append(job)
        if not self._scheduled and self._in_thread is None:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        answer: T = await job.answer
        return answer

    async def close(self) -> None:
        """Refuse new jobs, finish those that were accepted, and stop the thread."""
        self._closed = True
        while self._jobs or self._in_thread is not None:
            if self._in_thread is None:
                self._flush()
            else:
                await asyncio.wait([self._in_thread])
                await asyncio.sleep(0)
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _flush(self) -> None:
        self._scheduled = False
        if self._in_thread is not None or not self._jobs:
            return
        group: list[_Job[Any]] = []
        rows = 0
        for job in self._jobs:
            if group and rows + job.rows > GROUP_ROWS:
                break
            group.append(job)
            rows += job.rows
        del self._jobs[: len(group)]
        if self._inline or (self._commit_seconds < INLINE_COMMIT_SECONDS and rows <= INLINE_ROWS):
            self._settle(group, self._commit(group))
            if self._jobs:
                self._scheduled = True
                self._loop.call_soon(self._flush)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "runwright-store-writer")
        self._in_thread = self._loop.run_in_executor(self._thread, self._commit, group)
        self._in_thread.add_done_callback(lambda done: self._after_thread(group, done))

    def _after_thread(self, group: list[_Job[Any]], done: asyncio.Future[_Done]) -> None:
        self._in_thread = None
        self._settle(group, done.result())
        self._flush()

    def _settle(self, group: list[_Job[Any]], done: _Done) -> None:
        self._commit_seconds += (done.commit_seconds - self._commit_seconds) * 0.2
        for job, (value, error) in zip(group, done.answers, strict=True):
            if job.answer.done():  # its caller was cancelled; what it wrote stays written
                continue
            if error is None:
                job.answer.set_result(value)
            else:
                job.answer.set_exception(error)
        if done.topics and self._on_commit is not None:
            self._on_commit(done.topics)

    def _commit(self, group: list[_Job[Any]]) -> _Done:
        """One transaction for the group. Everything that can go wrong is in the answers; nothing is raised."""
        connection = self._connection
        answers: list[tuple[object, BaseException | None]] = []
        topics: set[str] = set()
        with self.lock:
            try:
                connection.execute("BEGIN IMMEDIATE")
                now = self._clock.now()
                for job in group:
                    tx = SqliteTransaction(connection, now, self._rng, job.leases, again=job.again)
                    try:
                        if len(group) > 1:
                            connection.execute("SAVEPOINT job")
                        answers.append((carry_out(job.body(tx)), None))
                        topics |= tx.topics
                    except Exception as error:  # it becomes the answer of the job that raised it
                        # Some errors (no room, I/O) end the whole transaction; then the group cannot be saved.
                        if len(group) == 1 or not connection.in_transaction:
                            raise
                        connection.execute("ROLLBACK TO job")
                        answers.append((None, self._known(error)))
                    if len(group) > 1:
                        connection.execute("RELEASE job")
                started = self._clock.monotonic()
                connection.execute("COMMIT")
                return _Done(answers, frozenset(topics), self._clock.monotonic() - started)
            except Exception as error:  # noqa: BLE001  # it becomes the answer of every job of the group
                self._undo()
                return _Done([(None, self._known(error)) for _ in group], frozenset(), self._commit_seconds)

    def _undo(self) -> None:
        if not self._connection.in_transaction:
            return
        try:
            self._connection.execute("ROLLBACK")
        except apsw.Error:
            if self._connection.in_transaction:  # SQLite rolls back by itself after most errors; else it is a fault
                raise

    def _known(self, error: Exception) -> BaseException:
        if isinstance(error, apsw.Error):
            known = translate(error, self._path)
            if known is not None:
                known.__cause__ = error
                return known
        return error
