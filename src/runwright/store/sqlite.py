"""The store on SQLite: one file (or memory), one writer, group commits. The composition of the ``sqlite_*`` modules.

Each verb is a job for the writer or a question to a read connection. It may be called from any event loop; the work is
done on the loop that opened the store. Nothing outside this room sees a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Self, TypeVar

import apsw

from runwright.clock import SECOND, Clock, Micros, Rng
from runwright.errors import StoreUnavailable
from runwright.lifecycle import RunEvent
from runwright.model import (
    Attempt,
    Change,
    Claim,
    Control,
    Credential,
    EndedRun,
    Enqueued,
    Event,
    Finish,
    Fire,
    FirePlan,
    JSONObject,
    LogChunk,
    LogLine,
    NewEvent,
    NewRun,
    Page,
    ProgressUpdate,
    Rescue,
    Run,
    RunStatus,
    Schedule,
    Statistics,
    TaskHistory,
    Turn,
    Worker,
)
from runwright.store import (
    sqlite_accounts,
    sqlite_file,
    sqlite_janitor,
    sqlite_lists,
    sqlite_notes,
    sqlite_runs,
    sqlite_schedules,
    sqlite_sessions,
    sqlite_timeline,
    sqlite_turn,
    sqlite_waiting,
)
from runwright.store.base import EventFilter, NewWorker, RunQuery, Wanted
from runwright.store.sql import load
from runwright.store.sqlite_claim import unpark
from runwright.store.sqlite_errors import translated
from runwright.store.sqlite_writer import Work, Writer, steady_now

T = TypeVar("T")
SQL = load("sqlite")


def _probe(work: Work) -> None:
    work.connection.execute(SQL["probe_insert"], (work.now,))
    work.connection.execute(SQL["probe_delete"])


class SqliteStore:
    """A Store in a SQLite file, or in memory. Made by ``open``."""

    def __init__(
        self, path: str, clock: Clock, connection: apsw.Connection, writer: Writer, busy_seconds: float, inline: bool
    ) -> None:
        self._path = path
        self._clock = clock
        self._writer = writer
        self._connection = connection
        self._memory = path == sqlite_file.MEMORY
        self._inline = inline or self._memory
        self._loop = asyncio.get_running_loop()
        self._busy_seconds = busy_seconds
        self._reader = (
            connection if self._memory else sqlite_file.connect(path, busy_seconds=busy_seconds, read_only=True)
        )
        self._heart = connection if self._memory else sqlite_file.connect(path, busy_seconds=busy_seconds)
        self._lister: apsw.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._locks = sqlite_sessions.Locks(None if self._memory else Path(f"{path}.sessions"))
        self._version = self._data_version()
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
        return cls(path, clock, connection, writer, busy_seconds, inline)

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

    def now(self) -> Micros:
        return self._clock.now()

    async def check(self) -> None:
        await self._write(_probe)

    def changed_elsewhere(self) -> bool:
        """Whether another connection than this store's has written to the file since the last question."""
        version = self._data_version()
        changed, self._version = version != self._version, version
        return changed

    # ----- runs ------------------------------------------------------------------------------------------------

    async def enqueue(self, runs: Sequence[NewRun]) -> Sequence[Enqueued]:
        return await self._write(lambda work: sqlite_runs.enqueue(work, runs), len(runs))

    async def register(self, worker: NewWorker, lease_seconds: float) -> None:
        self._locks.refuse_company()
        self._locks.hold(worker.id)
        await self._write(lambda work: sqlite_sessions.register(work, worker, lease_seconds))

    async def publish(self, session: str, tasks: Sequence[str]) -> None:
        await self._write(lambda work: sqlite_sessions.publish(work, session, tasks))

    def beat(self, session: str, lease_seconds: float) -> bool:
        with translated(self._path), self._writer.lock if self._memory else nullcontext():
            heart, lease = self._heart, round(lease_seconds * SECOND)
            heart.execute("BEGIN IMMEDIATE")
            try:
                times = (self._clock.now(), steady_now(self._clock), lease)
                row = heart.execute(SQL["session_beat"], (session, *times)).fetchone()
                heart.execute("COMMIT")
            finally:
                if heart.in_transaction:
                    heart.execute("ROLLBACK")
            return row is not None

    async def turn(
        self,
        session: str,
        wanted: Sequence[Wanted] = (),
        changes: Sequence[Change] = (),
        finished: Sequence[Finish] = (),
    ) -> Turn:
        return await self._write(
            lambda work: sqlite_turn.turn(work, session, wanted, changes, finished),
            len(changes) + len(finished) + sum(lane.now + lane.ahead for lane in wanted),
        )

    async def claims(self, session: str) -> Sequence[Claim]:
        return await self._ask(lambda connection: sqlite_sessions.claims(connection, session))

    async def hand_back(self, session: str, tokens: Sequence[tuple[int, int]]) -> None:
        await self._write(lambda work: sqlite_sessions.hand_back(work, session, tokens), len(tokens))

    async def controls(self, session: str) -> Sequence[Control]:
        return await self._ask(lambda connection: sqlite_sessions.controls(connection, session))

    async def end_session(self, session: str) -> None:
        await self._write(lambda work: sqlite_sessions.end(work, session))
        self._locks.release(session)

    # ----- what a run leaves while it runs ---------------------------------------------------------------------

    async def append_logs(self, session: str, chunks: Sequence[LogChunk]) -> frozenset[int]:
        return await self._write(lambda work: sqlite_notes.append_logs(work, session, chunks), len(chunks))

    async def save_progress(self, session: str, updates: Sequence[ProgressUpdate]) -> frozenset[int]:
        return await self._write(lambda work: sqlite_notes.save_progress(work, session, updates), len(updates))

    async def save_state(self, session: str, key: int, token: int, state: str) -> bool:
        return await self._write(lambda work: sqlite_notes.save_state(work, session, key, token, state))

    # ----- the janitor -----------------------------------------------------------------------------------------

    async def orphans(self, limit: int = 500) -> Sequence[Rescue]:
        steady = steady_now(self._clock)
        sessions = await self._ask(lambda connection: sqlite_sessions.live(connection, steady))
        proven = {key: self._locks.proves_dead(session) for key, session, _ in sessions}
        dead = [(key, proven[key]) for key, _, expired in sessions if expired or proven[key]]
        if dead:
            for session in await self._write(lambda work: sqlite_janitor.lose(work, dead)):
                self._locks.forget(session)
        forgotten = await self._ask(sqlite_janitor.forgotten_keys)
        if forgotten:
            await self._write(lambda work: unpark(work, forgotten))
        return await self._ask(lambda connection: sqlite_janitor.orphans(connection, limit))

    async def rescue(self, decisions: Sequence[tuple[Rescue, RunEvent]]) -> int:
        return await self._write(lambda work: sqlite_janitor.rescue(work, decisions), len(decisions))

    async def prune(self, before: Micros, limit: int = 1000) -> int:
        return await self._write(lambda work: sqlite_janitor.prune(work, before, limit), limit)

    # ----- people's verbs and questions ------------------------------------------------------------------------

    async def move(
        self, runs: Sequence[str], event: RunEvent, actor: str, at: Micros
    ) -> Sequence[tuple[RunStatus, RunStatus] | None]:
        return await self._write(lambda work: sqlite_runs.move(work, runs, event, actor, at), len(runs))

    async def request_pause(self, run: str, actor: str) -> RunStatus | None:
        return await self._write(lambda work: sqlite_runs.request_pause(work, run, actor))

    async def delete(self, runs: Sequence[str], actor: str) -> Sequence[RunStatus | None]:
        return await self._write(lambda work: sqlite_runs.delete(work, runs, actor), len(runs))

    async def run(self, run: str) -> Run | None:
        return await self._ask(lambda connection: sqlite_lists.run(connection, run))

    async def runs(self, query: RunQuery) -> Page[Run]:
        return await self._list(lambda connection: sqlite_lists.runs(connection, query))

    async def runs_by_id(self, runs: Sequence[str]) -> Sequence[Run]:
        return await self._list(lambda connection: sqlite_lists.runs_by_id(connection, runs))

    async def attempts(self, run: str) -> Sequence[Attempt]:
        return await self._ask(lambda connection: sqlite_lists.attempts(connection, run))

    async def log(self, run: str, after: int = 0, limit: int = 5000) -> Sequence[LogLine]:
        return await self._list(lambda connection: sqlite_lists.log(connection, run, after, limit))

    async def waiting_for(self, run: str) -> str | None:
        now = self._clock.now()
        return await self._ask(lambda connection: sqlite_waiting.waiting_for(connection, run, now))

    async def history(self, tasks: Sequence[str]) -> Mapping[str, TaskHistory]:
        return await self._list(lambda connection: sqlite_lists.history(connection, tasks))

    async def statistics(self) -> Statistics:
        return await self._list(sqlite_lists.statistics)

    async def changed_since(self, cursor: int, limit: int = 200) -> tuple[int, Sequence[str]]:
        return await self._ask(lambda connection: sqlite_timeline.changed_since(connection, cursor, limit))

    async def arguments(self, run: str) -> str | None:
        return await self._ask(lambda connection: sqlite_lists.arguments(connection, run))

    # ----- timeline, workers -----------------------------------------------------------------------------------

    async def record(self, events: Sequence[NewEvent]) -> None:
        await self._write(lambda work: sqlite_timeline.record(work, events), len(events))

    async def events(self, filters: Sequence[EventFilter], limit: int = 50, after: str | None = None) -> Page[Event]:
        return await self._list(lambda connection: sqlite_timeline.events(connection, filters, limit, after))

    async def workers(self) -> Sequence[Worker]:
        now = self._clock.now()
        return await self._ask(lambda connection: sqlite_lists.workers(connection, now))

    # ----- schedules -------------------------------------------------------------------------------------------

    async def add_schedules(self, schedules: Sequence[Schedule], actor: str) -> Sequence[bool]:
        return await self._write(lambda work: sqlite_schedules.add(work, schedules, actor), len(schedules))

    async def update_schedule(self, schedule: Schedule, actor: str, action: str, detail: JSONObject) -> bool:
        return await self._write(lambda work: sqlite_schedules.update(work, schedule, actor, action, detail))

    async def delete_schedule(self, schedule: str, actor: str) -> bool:
        return await self._write(lambda work: sqlite_schedules.delete(work, schedule, actor))

    async def schedule(self, id_or_name: str) -> Schedule | None:
        return await self._ask(lambda connection: sqlite_schedules.find(connection, id_or_name))

    async def schedules(self, *, deleted: bool = False) -> Sequence[Schedule]:
        return await self._list(lambda connection: sqlite_schedules.every(connection, deleted))

    async def due_schedules(self, until: Micros, limit: int = 500) -> Sequence[Schedule]:
        return await self._ask(lambda connection: sqlite_schedules.due(connection, until, limit))

    async def next_due(self) -> Micros | None:
        return await self._ask(lambda connection: connection.execute(SQL["schedule_next_due"]).get)

    async def busy_schedules(self, schedules: Collection[str]) -> Mapping[str, int]:
        return await self._ask(lambda connection: sqlite_schedules.busy(connection, schedules))

    async def fire(self, plans: Sequence[FirePlan]) -> Sequence[bool]:
        return await self._write(
            lambda work: sqlite_schedules.fire(work, plans), sum(2 * len(plan.fires) + 1 for plan in plans)
        )

    async def fires(self, schedule: str, limit: int = 50, after: str | None = None) -> Page[Fire]:
        return await self._list(lambda connection: sqlite_schedules.fires(connection, schedule, limit, after))

    async def ended(self, limit: int = 500) -> Sequence[EndedRun]:
        return await self._ask(lambda connection: sqlite_schedules.ended(connection, limit))

    async def settle(self, ended: Sequence[EndedRun], next_due: Mapping[str, Micros]) -> None:
        await self._write(lambda work: sqlite_schedules.settle(work, ended, next_due), 2 * len(ended))

    # ----- accounts --------------------------------------------------------------------------------------------

    async def add_credential(self, credential: Credential, actor: str) -> None:
        await self._write(lambda work: sqlite_accounts.add(work, credential, actor))

    async def credential(self, digest: str) -> Credential | None:
        now = self._clock.now()
        return await self._ask(lambda connection: sqlite_accounts.find(connection, digest, now))

    async def take_credential(self, digest: str) -> Credential | None:
        return await self._write(lambda work: sqlite_accounts.take(work, digest))

    async def revoke_credential(self, digest: str, actor: str) -> bool:
        return await self._write(lambda work: sqlite_accounts.revoke(work, digest, actor))

    # ----- the ways in -----------------------------------------------------------------------------------------

    async def _write(self, body: Callable[[Work], T], rows: int = 1) -> T:
        """Run a job in the writer, on the home loop whatever loop asks."""
        if asyncio.get_running_loop() is self._loop:
            return await self._writer.do(body, rows)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._writer.do(body, rows), self._loop))

    async def _ask(self, body: Callable[[apsw.Connection], T]) -> T:
        """Answer a question about a few rows at once, on the home loop."""
        if asyncio.get_running_loop() is self._loop:
            return self._answer(body)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._asked(body), self._loop))

    async def _asked(self, body: Callable[[apsw.Connection], T]) -> T:
        return self._answer(body)

    def _answer(self, body: Callable[[apsw.Connection], T]) -> T:
        self._refuse_if_closed()
        with translated(self._path), self._writer.lock if self._memory else nullcontext():
            return body(self._reader)

    async def _list(self, body: Callable[[apsw.Connection], T]) -> T:
        """Answer a question about many rows, in a thread of its own where threads are allowed."""
        if self._inline:
            return await self._ask(body)
        self._refuse_if_closed()
        return await asyncio.wrap_future(self._reading_thread().submit(self._listed, body))

    def _listed(self, body: Callable[[apsw.Connection], T]) -> T:
        if self._lister is None:
            self._lister = sqlite_file.connect(self._path, busy_seconds=self._busy_seconds, read_only=True)
        with translated(self._path):
            return body(self._lister)

    def _reading_thread(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "runwright-store-reader")
        return self._thread

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"{self._path}: the store is closed")

    def _data_version(self) -> int:
        return int(self._reader.pragma("data_version"))
