"""The store on SQLite: lock files, which tell for certain that the process of a session is gone.

The operating system's lock ends with its process, however that dies; a missing file proves nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runwright.errors import InvalidInput, StartRefused

if sys.platform != "win32":
    import fcntl


class Locks:
    """The lock files of the sessions of one store, in a folder beside its file; an in-memory store has none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if sys.platform != "win32" else None
        self._held: dict[str, int] = {}

    def hold(self, session: str) -> None:
        """Take the lock of a new session."""
        if self._folder is None:
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
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
