"""The store on SQLite: log, progress and saved state of runs that are running. Each write shows its token."""

from __future__ import annotations

from collections.abc import Sequence

from runwright.model import LogChunk, ProgressUpdate
from runwright.store import sql
from runwright.store.rows import clean
from runwright.store.sqlite_turn import session_key
from runwright.store.sqlite_writer import Work

SQL = sql.load("sqlite")


def append_logs(work: Work, session: str, chunks: Sequence[LogChunk]) -> frozenset[int]:
    """See ``Store.append_logs``."""
    worker = session_key(work, session)
    lost: set[int] = set()
    for chunk in chunks:
        run = _valid(work, worker, chunk.key, chunk.token)
        if run is None:
            lost.add(chunk.key)
            continue
        work.connection.execute(SQL["log_insert"], (chunk.key, chunk.first_seq, chunk.last_seq, clean(chunk.lines)))
        work.topics.add("run:" + run)
    return frozenset(lost)


def save_progress(work: Work, session: str, updates: Sequence[ProgressUpdate]) -> frozenset[int]:
    """See ``Store.save_progress``."""
    worker = session_key(work, session)
    lost: set[int] = set()
    for update in updates:
        progress = update.progress
        values = (update.key, update.token, worker, progress.current, progress.total, clean(progress.message))
        row = work.connection.execute(SQL["progress_save"], values).fetchone()
        if row is None:
            lost.add(update.key)
        else:
            work.topics.add(f"run:{row[0]}")
    return frozenset(lost)


def save_state(work: Work, session: str, key: int, token: int, state: str) -> bool:
    """See ``Store.save_state``."""
    if _valid(work, session_key(work, session), key, token) is None:
        return False
    work.connection.execute(SQL["state_save"], (key, clean(state)))
    return True


def _valid(work: Work, worker: int | None, key: int, token: int) -> str | None:
    """The id of a run that this session holds with this token; a fenced session (None) holds nothing."""
    row = work.connection.execute(SQL["claim_valid"], (key, token, worker)).fetchone()
    return None if row is None else str(row[0])
