"""The store on SQLite: the driver's errors as the engine's, told by class and extended code, never by text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from runwright.errors import RunwrightError, StoreRefused, StoreUnavailable

_BUSY = (apsw.BusyError, apsw.LockedError, apsw.ProtocolError)
_AWAY = (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.NoMemError, apsw.AuthError)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)
_TAKEN = (apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY)


def translate(error: apsw.Error, path: str) -> RunwrightError | None:
    """The engine's error for a driver's, or None if it is a fault of this program (a broken constraint, bad SQL)."""
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and _no_room(path)):
        return StoreUnavailable(f"{path}: no room left to write; free some space, and it goes on by itself", "full")
    if isinstance(error, _BUSY):
        return StoreUnavailable(f"{path}: another process holds the store; try again, or stop that process", "busy")
    if isinstance(error, apsw.ReadOnlyError):
        return StoreUnavailable(f"{path}: the store cannot be written; check the file's and the folder's permissions")
    if isinstance(error, _AWAY):
        return StoreUnavailable(f"{path}: the store cannot be reached ({error}); check the disk and the folder")
    if isinstance(error, _DAMAGED):
        return StoreRefused(f"{path}: the store is damaged ({error}); restore a backup, or move the file away")
    if isinstance(error, apsw.ConnectionClosedError):
        return StoreUnavailable(f"{path}: the store is closed")
    return None


def is_taken(error: apsw.ConstraintError) -> bool:
    """Whether a row with this key is there already, which a verb meets that writes before it looks."""
    return error.extendedresult in _TAKEN  # type: ignore[attr-defined]  # the package's stub leaves it out


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise the engine's errors in place of the driver's."""
    try:
        yield
    except apsw.Error as error:
        known = translate(error, path)
        if known is None:
            raise
        raise known from error


def _no_room(path: str) -> bool:
    """A full disk shows as an I/O error where SQLite grows its shared memory, and not as "full"."""
    try:
        room = os.statvfs(Path(path).resolve().parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < 65_536
