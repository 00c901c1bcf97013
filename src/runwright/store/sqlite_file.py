"""The store on SQLite: opening its file, or refusing to. It looks before SQLite does, so what is refused is untouched.

It must not know the tables, save the one that lists the migrations.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import apsw

from runwright.clock import Clock, Micros, to_datetime
from runwright.errors import StoreRefused, StoreUnavailable
from runwright.store import migrate, sql
from runwright.store.sqlite_errors import translated

APPLICATION_ID = 0x52756E77
"""``Runw`` in the header of the file: whose database it is."""

MEMORY = ":memory:"
_MAGIC = b"SQLite format 3\x00"
_CREATE_MIGRATION = (
    "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
)


def look(path: str) -> bool:
    """Judge the file without touching it. Returns whether there is a store (False: it is to be made).

    Raises:
        StoreRefused: the file is not a store of this program, or not a whole one.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(100)
    except FileNotFoundError:
        if not file.resolve().parent.is_dir():
            raise StoreUnavailable(f"{path}: the folder {file.resolve().parent} does not exist; create it") from None
        return False
    except IsADirectoryError:
        raise StoreRefused(f"{path} is a folder; name a file in it") from None
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read: {error.strerror}") from error
    log = _log_size(path)
    if size == 0:
        if log:
            raise StoreRefused(f"{path} is empty, but its write-ahead log is not: restore a backup, or move both away")
        return False
    if not head.startswith(_MAGIC):
        what = "is filled with zeros" if not head.strip(b"\0") else "is not a SQLite database"
        raise StoreRefused(f"{path} {what}; restore a backup, or name another file")
    page = int.from_bytes(head[16:18], "big") if len(head) == 100 else 0
    page = 65_536 if page == 1 else page
    if page < 512 or (not log and size < page * int.from_bytes(head[28:32], "big")):
        raise StoreRefused(f"{path} is cut short ({size} bytes); restore a backup")
    application = int.from_bytes(head[68:72], "big")
    if application != APPLICATION_ID:
        raise StoreRefused(f"{path} is a database of another program; name another file")
    _refuse_newer(path, int.from_bytes(head[60:64], "big"))
    return True


def connect(path: str, *, busy_seconds: float, read_only: bool = False) -> apsw.Connection:
    """A connection with the settings that every connection to a store has."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with translated(path):
        connection = apsw.Connection(path, flags=flags, statementcachesize=200)
        connection.set_busy_timeout(round(busy_seconds * 1000))
        # A plan does not hang on the values that are bound: else SQLite prepares most of our statements again for each
        # execution, to see whether a value lets it use a partial index, and that takes longer than they do.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        return connection


def open_store(path: str, clock: Clock, *, busy_seconds: float) -> apsw.Connection:
    """Open or make the store: judge the file, bring its schema up to date, and return the connection that writes."""
    there = path != MEMORY and look(path)
    connection = connect(path, busy_seconds=busy_seconds)
    try:
        with translated(path):
            _upgrade(connection, path, clock.now(), there)
            # After the first step: application_id is then in the file itself, where `look` reads it.
            connection.execute("PRAGMA journal_mode = WAL")
            _write_lifecycle(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _upgrade(connection: apsw.Connection, path: str, now: Micros, there: bool) -> None:
    known = migrate.migrations("sqlite")
    if there:
        _refuse_newer(path, _pragma(connection, "user_version"))
    todo = migrate.pending(_applied(connection), known, path)
    if not todo:
        return
    if there:
        _back_up(connection, path, now)
    for step in todo:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not there:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(_CREATE_MIGRATION)
            # First the row: a process that was quicker has written it, and then there is nothing to do.
            connection.execute(
                "INSERT INTO migration VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (step.number, step.name, step.checksum, now),
            )
            if connection.changes():
                connection.execute(step.script)
                connection.execute(f"PRAGMA user_version = {step.number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _write_lifecycle(connection: apsw.Connection) -> None:
    """Bring the copy of the lifecycle's table up to this program's."""
    rows = sql.transition_rows()
    if set(connection.execute("SELECT event, status, next FROM transition")) != set(rows):
        with connection:
            connection.execute("DELETE FROM transition")
            connection.executemany("INSERT INTO transition VALUES (?, ?, ?)", rows)


def _applied(connection: apsw.Connection) -> Mapping[int, str]:
    if not connection.table_exists(None, "migration"):
        return {}
    return {
        int(number): str(checksum) for number, checksum in connection.execute("SELECT number, checksum FROM migration")
    }


def _back_up(connection: apsw.Connection, path: str, now: Micros) -> None:
    """A whole copy beside the file, named after the schema that it has."""
    version = _pragma(connection, "user_version")
    copy = f"{path}.schema-{version}-{to_datetime(now):%Y%m%dT%H%M%SZ}.backup"
    target = apsw.Connection(copy)
    try:
        with target.backup("main", connection, "main") as backup:
            backup.step(-1)
    finally:
        target.close()


def _refuse_newer(path: str, version: int) -> None:
    known = migrate.migrations("sqlite")
    if version > known[-1].number:
        migrate.pending({version: ""}, known, path)


def _pragma(connection: apsw.Connection, name: str) -> int:
    return int(connection.pragma(name))


def _log_size(path: str) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except OSError:
        return 0
