"""The store's verbs: questions about runs and workers. Reads only; each function is one verb's body."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runwright.clock import SECOND, to_datetime
from runwright.model import Attempt, LogLine, Page, Run, RunStatus, Statistics, TaskHistory, Worker
from runwright.store.base import RunQuery
from runwright.store.rows import attempt_of, log_lines, run_of, worker_of
from runwright.store.transaction import Transaction, first_value
from runwright.store.verbs.cursors import cursor_of

# The only places where SQL is composed: one fixed fragment for each condition of a RunQuery.
_CONDITIONS = {
    "task": "r.task = ${n}",
    "status": "r.status = ${n} AND r.completed_at {null}",
    "schedule": "r.schedule = coalesce((SELECT id FROM schedule WHERE name = ${n}), ${n}) AND r.schedule IS NOT NULL",
    "parent": "r.parent = ${n} AND r.parent IS NOT NULL",
}


async def run(tx: Transaction, run_id: str) -> Run | None:
    """See ``Store.run``."""
    row = await tx.one("run_read", run_id)
    return None if row is None else run_of(row)


async def runs_by_id(tx: Transaction, ids: Sequence[str]) -> list[Run]:
    """See ``Store.runs_by_id``."""
    return [run_of(row) for row in await tx.all("run_read_many", list(ids))]


async def runs(tx: Transaction, query: RunQuery) -> Page[Run]:
    """See ``Store.runs``: first the keys, from one index for each status asked for, then the rows."""
    values: list[object] = []
    fixed = []
    for name, value in (("task", query.task), ("schedule", query.schedule), ("parent", query.parent)):
        if value is not None:
            values.append(value)
            fixed.append(_CONDITIONS[name].format(n=len(values)))
    if query.after is not None:
        values.append(cursor_of(query.after))
        fixed.append(f"r.key {'<' if query.newest_first else '>'} ${len(values)}")
    values.append(query.limit + 1)
    order = f"ORDER BY r.key {'DESC' if query.newest_first else 'ASC'} LIMIT ${len(values)}"
    branches = []
    for status in dict.fromkeys(query.statuses):
        values.append(status.value)
        branches.append(
            [*fixed, _CONDITIONS["status"].format(n=len(values), null="IS NOT NULL" if status.terminal else "IS NULL")]
        )
    selects = [
        f"SELECT r.key FROM run r WHERE {' AND '.join(conditions) or 'true'} {order}"  # noqa: S608  # fixed fragments
        for conditions in branches or [fixed]
    ]
    keys = sorted(
        [int(row[0]) for select in selects for row in await tx.composed(*_used(select, values))],
        reverse=query.newest_first,
    )
    more, keys = len(keys) > query.limit, keys[: query.limit]
    found = {row[0]: run_of(row) for row in await tx.all("run_read_keys", keys)}
    return Page(tuple(found[key] for key in keys if key in found), str(keys[-1]) if more and keys else None)


def _used(select: str, values: Sequence[object]) -> tuple[str, list[object]]:
    """A statement and the values that it uses, counted anew: a database takes neither more nor fewer."""
    used: list[object] = []

    def place(found: re.Match[str]) -> str:
        used.append(values[int(found[1]) - 1])
        return f"${len(used)}"

    return re.sub(r"\$(\d+)", place, select), used


async def attempts(tx: Transaction, run_id: str) -> list[Attempt]:
    """See ``Store.attempts``."""
    return [attempt_of(run_id, row) for row in await tx.all("attempt_list", run_id)]


async def log(tx: Transaction, run_id: str, after: int, limit: int) -> list[LogLine]:
    """See ``Store.log``."""
    lines: list[LogLine] = []
    for (text,) in await tx.all("log_read", run_id, after):
        lines += log_lines(text, after)
        if len(lines) >= limit:
            break
    return lines


async def history(tx: Transaction, tasks: Sequence[str]) -> dict[str, TaskHistory]:
    """See ``Store.history``."""
    found = {}
    for task in tasks:
        rows = await tx.all("history", task)
        if not rows:
            continue
        last_status, last_start, last_end = rows[0]
        seconds = [
            (end - start) / SECOND for status, start, end in rows if status == RunStatus.COMPLETED and start is not None
        ]
        found[task] = TaskHistory(
            runs=len(rows),
            errors=sum(1 for status, _, _ in rows if status == RunStatus.ERROR),
            last_status=RunStatus(last_status),
            last_run_at=to_datetime(last_end if last_start is None else last_start),
            mean_seconds=sum(seconds) / len(seconds) if seconds else None,
        )
    return found


async def statistics(tx: Transaction) -> Statistics:
    """See ``Store.statistics``."""
    counts = dict.fromkeys((status.value for status in RunStatus), 0)
    for status, count in await tx.all("count_by_status"):
        counts[status] += count
    total, enabled, runs_total, errors, running = await tx.one("statistics") or (0, 0, 0, 0, 0)
    return Statistics(total, enabled, running, runs_total, errors, counts)


async def arguments(tx: Transaction, run_id: str) -> str | None:
    """See ``Store.arguments``."""
    stored = await first_value(tx, "run_arguments", run_id)
    return None if stored is None else str(stored)


async def workers(tx: Transaction) -> list[Worker]:
    """See ``Store.workers``."""
    return [worker_of(row) for row in await tx.all("session_list", tx.now - 3600 * SECOND)]
