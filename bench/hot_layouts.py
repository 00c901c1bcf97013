"""Bench: the three ways to lay out live and finished runs that `bench.hot_table` compares, as SQL for both stores.

`one`: a single table with partial indexes. `split`: the wide row is written at enqueue and at the end, a narrow `queue`
row carries the live state between. `move`: the live run is a `queue` row, and becomes a history row when it ends.
It holds SQL only; it opens nothing and measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

RUN = (
    "seq", "id", "task", "arguments", "result", "error", "status",
    "priority", "due_at", "created_at", "started_at", "completed_at", "session", "token",
    "attempt", "max_attempts", "schedule", "parent", "user_name", "lane", "ready",
    "concurrency_key", "unique_key", "timeout", "entity",
)  # fmt: skip
INTEGERS = {
    "seq",
    "priority",
    "due_at",
    "created_at",
    "started_at",
    "completed_at",
    "attempt",
    "max_attempts",
    "ready",
    "timeout",
}
LIVE_ONLY = ("priority", "due_at", "ready", "lane", "status", "attempt", "session", "token", "started_at")
INPUT = ("id", "task", "arguments", "priority", "due_at", "created_at", "lane")
"""What a producer gives for one run, in this order; the rest is constant in the statements below."""

EVENT = "(seq {key}, time bigint not null, type text not null, run bigint not null, task text, detail text)"
ATTEMPT = (
    "(run bigint not null, number integer not null, status text not null, session text, started_at bigint,"
    " completed_at bigint, error text, primary key (run, number))"
)
READY = "(lane, priority desc, due_at, seq) where ready = 1"


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: its tables, and what differs between the layouts in each verb."""

    name: str
    queue: str
    """The table that a claim reads and changes."""
    listing_live: str
    """Newest fifty runs of one live status."""
    listing_task: str
    """Newest fifty runs of one task, live and finished."""


LAYOUTS = (
    Layout(
        "one",
        "run",
        "select * from run where status = {p} order by id desc limit 50",
        "select * from run where task = {p} order by id desc limit 50",
    ),
    Layout(
        "split",
        "queue",
        "select r.*, q.status as live"
        " from (select seq, status from queue where status = {p} order by seq desc limit 50) q"
        " join run r on r.seq = q.seq order by q.seq desc",
        "select r.*, q.status as live from run r left join queue q on q.seq = r.seq"
        " where r.task = {p} order by r.id desc limit 50",
    ),
    Layout(
        "move",
        "queue",
        "select * from queue where status = {p} order by seq desc limit 50",
        "select * from (select * from queue where task = {p} order by id desc limit 50) a union all"
        " select * from (select * from run where task = {p} order by id desc limit 50) b order by id desc limit 50",
    ),
)
LISTING_DONE = "select * from run where status = {p} order by id desc limit 50"


def _columns(names: tuple[str, ...] | list[str], key: str) -> str:
    kinds = {name: "bigint" if name in INTEGERS else "text" for name in names}
    return ", ".join(f"{name} {key if name == 'seq' else kinds[name]}" for name in names)


def schema(layout: Layout, key: str, plain_key: str) -> list[str]:
    """Statements that create the tables. `key` generates the sequence by itself, `plain_key` does not."""
    wide = f"create table run ({_columns(RUN, plain_key if layout.name == 'move' else key)})"
    statements = [
        wide,
        "create unique index run_id on run (id)",
        "create index run_task on run (task, id)",
        "create index run_status on run (status, id)",
        f"create table event {EVENT.format(key=key)}",
        f"create table attempt {ATTEMPT}",
    ]
    if layout.name == "split":
        statements.append(f"create table queue ({_columns(['seq', *LIVE_ONLY], plain_key)})")
    if layout.name == "move":
        statements += [
            f"create table queue ({_columns(RUN, key)})",
            "create unique index queue_id on queue (id)",
            "create index queue_task on queue (task, id)",
        ]
    return [*statements, f"create index ready on {layout.queue} {READY}"]


def live_values(column: str) -> str:
    """The constant that a freshly stored run has in a column no producer gives."""
    return {"status": "'pending'", "ready": "1", "attempt": "0", "max_attempts": "3", "timeout": "300"}.get(
        column, "null"
    )


def claim_pick(layout: Layout, limit: str, lock: str = "") -> str:
    """The rows that come next: one lane, by priority, due time and sequence."""
    return (
        f"select seq from {layout.queue} where ready = 1 and lane = 'async'"
        f" order by priority desc, due_at, seq limit {limit} {lock}"
    )
