"""The store's verbs: log, progress and saved state of runs that are running. Each write shows its token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runwright.model import LogChunk, ProgressUpdate
from runwright.store.rows import clean
from runwright.store.transaction import Transaction
from runwright.store.verbs.sessions import session_row


async def append_logs(tx: Transaction, session: str, chunks: Sequence[LogChunk]) -> frozenset[int]:
    """See ``Store.append_logs``."""
    valid = await _valid(tx, session, ((chunk.key, chunk.token) for chunk in chunks))
    kept = [chunk for chunk in chunks if (chunk.key, chunk.token) in valid]
    if kept:
        rows = [(chunk.key, chunk.first_seq, chunk.last_seq, clean(chunk.lines)) for chunk in kept]
        await tx.many("log_insert", rows)
    return _lost(tx, chunks, valid)


async def save_progress(tx: Transaction, session: str, updates: Sequence[ProgressUpdate]) -> frozenset[int]:
    """See ``Store.save_progress``."""
    valid = await _valid(tx, session, ((update.key, update.token) for update in updates))
    latest = {update.key: update for update in updates if (update.key, update.token) in valid}
    if latest:
        rows = [
            (key, update.token, update.progress.current, update.progress.total, clean(update.progress.message))
            for key, update in sorted(latest.items())
        ]
        await tx.many("progress_save", rows)
    return _lost(tx, updates, valid)


async def save_state(tx: Transaction, session: str, key: int, token: int, state: str) -> bool:
    """See ``Store.save_state``."""
    if (key, token) not in await _valid(tx, session, [(key, token)]):
        return False
    await tx.do("state_save", key, clean(state))
    return True


async def _valid(tx: Transaction, session: str, claims: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Which of these (key, token) the session holds, with the runs' ids; a fenced session holds nothing."""
    row = await session_row(tx, session)
    if row is None:
        return {}
    keys = sorted({key for key, _ in claims})
    return {(key, token): run for key, token, run in await tx.all("claims_valid", keys, row[0])}


def _lost(
    tx: Transaction, items: Sequence[LogChunk] | Sequence[ProgressUpdate], valid: dict[tuple[int, int], str]
) -> frozenset[int]:
    """The keys of those that came too late; a hint for the others."""
    tx.topics.update(f"run:{valid[item.key, item.token]}" for item in items if (item.key, item.token) in valid)
    return frozenset(item.key for item in items if (item.key, item.token) not in valid)
