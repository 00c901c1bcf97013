"""The store on SQLite: worker sessions, their leases, and the file locks that prove a death at once.

A session of a file store holds an operating system's lock on a file of its own, which ends with its process, however it
dies. A lock file that can be locked by somebody else is a dead session; one that is missing proves nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import apsw

from runwright.clock import SECOND, Micros
from runwright.errors import InvalidInput, StartRefused
from runwright.model import Claim, Control
from runwright.store import sql
from runwright.store.base import NewWorker
from runwright.store.rows import Row, claimed_of, dump
from runwright.store.sqlite_claim import unpark
from runwright.store.sqlite_turn import session_key
from runwright.store.sqlite_writer import Work

if sys.platform != "win32":
    import fcntl

SQL = sql.load("sqlite")


class Locks:
    """The lock files of the sessions of one store, in a folder beside its file; an in-memory store has none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if sys.platform != "win32" else None
        self._held: dict[str, int] = {}

    def hold(self, session: str) -> None:
        """Take the lock of a new session."""
        if self._folder is None:
            return
        self._folder.mkdir(exist_ok=True)
        descriptor = os.open(self._path(session), os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(descriptor):
            os.close(descriptor)
            raise InvalidInput.field("/id", f"the session {session} is held by another process")
        self._held[session] = descriptor

    def refuse_company(self) -> None:
        """One process works on a file: raise StartRefused if another one has a session on it."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.glob("*.lock"):
            session = path.stem
            if session not in self._held and path.exists() and not self.proves_dead(session):
                raise StartRefused(
                    f"another worker process works on {str(self._folder).removesuffix('.sessions')}: SQLite takes "
                    "one; stop it first, or use a store of its own"
                )

    def release(self, session: str) -> None:
        """Give up the lock of a session of this store, and its file."""
        descriptor = self._held.pop(session, None)
        if descriptor is not None:
            self._path(session).unlink(missing_ok=True)
            os.close(descriptor)

    def proves_dead(self, session: str) -> bool:
        """Whether the process of a session is gone for certain."""
        if self._folder is None or session in self._held:
            return False
        try:
            descriptor = os.open(self._path(session), os.O_RDWR)
        except OSError:
            return False
        try:
            return _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def forget(self, session: str) -> None:
        """Remove the lock file of a session that is over."""
        if self._folder is not None and session not in self._held:
            self._path(session).unlink(missing_ok=True)

    def close(self) -> None:
        """Give up all locks. The files of sessions that did not end stay: they are how their death is seen."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def _path(self, session: str) -> Path:
        assert self._folder is not None
        if not session or "/" in session or session.startswith("."):
            raise InvalidInput.field("/id", f"{session!r} cannot name a session")
        return self._folder / f"{session}.lock"


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def register(work: Work, worker: NewWorker, lease_seconds: float) -> None:
    """See ``Store.register``."""
    lease = round(lease_seconds * SECOND)
    lanes = dump(dict(worker.lanes))
    values = (worker.id, worker.host, worker.pid, lanes, work.now, lease, work.steady + lease)
    _know(work, int(work.connection.execute(SQL["session_insert"], values).get), worker.tasks)


def publish(work: Work, session: str, tasks: Sequence[str]) -> None:
    """See ``Store.publish``."""
    key = session_key(work, session)
    if key is not None:
        work.connection.execute(SQL["catalogue_clear"], (key,))
        _know(work, key, tasks)


def _know(work: Work, key: int, tasks: Sequence[str]) -> None:
    work.connection.executemany(SQL["catalogue_insert"], [(key, task) for task in tasks])
    work.topics.add("runs")


def hand_back(work: Work, session: str, tokens: Sequence[tuple[int, int]]) -> None:
    """See ``Store.hand_back``."""
    row = work.connection.execute(SQL["session_find"], (session,)).fetchone()
    if row is None:
        return
    freed = [work.connection.execute(SQL["hand_back"], (key, token, row[0])).fetchone() for key, token in tokens]
    unpark(work, [_name(back) for back in freed])
    work.topics.add("runs")


def end(work: Work, session: str) -> None:
    """See ``Store.end_session``."""
    row = work.connection.execute(SQL["session_find"], (session,)).fetchone()
    if row is not None:
        work.connection.execute(SQL["session_end"], (row[0], work.now))
        give_up_reservations(work, row[0])


def give_up_reservations(work: Work, key: int) -> None:
    """A session is over: its reservations wait again, and what it knows is forgotten."""
    rows = work.connection.execute(SQL["session_hand_back"], (key,)).fetchall()
    unpark(work, [_name(row) for row in rows])
    work.connection.execute(SQL["catalogue_clear"], (key,))
    work.topics.add("runs")


def live(connection: apsw.Connection, steady: Micros) -> list[tuple[int, str, bool]]:
    """The sessions that are not over: key, id, and whether the lease has run out."""
    rows = connection.execute(SQL["session_live"], (steady,))
    return [(int(key), str(session), expired == 1) for key, session, expired in rows]


def controls(connection: apsw.Connection, session: str) -> list[Control]:
    """See ``Store.controls``."""
    row = connection.execute(SQL["session_find"], (session,)).fetchone()
    if row is None:
        return []
    return [
        Control(key, run, token, cancel == 1, pause == 1)
        for key, run, token, cancel, pause in connection.execute(SQL["controls"], (row[0],))
    ]


def _name(row: Row | None) -> str | None:
    """The concurrency key that a returned reservation had, None if it had none or was not there."""
    return None if row is None or row[0] is None else str(row[0])


def claims(connection: apsw.Connection, session: str) -> list[Claim]:
    """See ``Store.claims``."""
    return [claimed_of(row) for row in connection.execute(SQL["claims"], (session,))]
