"""Bench: the verbs of `bench.hot_table` on SQLite (apsw, WAL, synchronous FULL, one connection, BEGIN IMMEDIATE).

One verb is one transaction. It measures nothing itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from bench.hot_layouts import INPUT, LISTING_DONE, LIVE_ONLY, RUN, Layout, claim_pick, live_values, schema

Row = tuple[str, str, str, int, int, int, str]
Claimed = tuple[int, str, str, str]
SESSION, TOKEN = "0f8c6a52-session", "b3d1c0ffee-token"
HISTORY_BLOCK = 10_000


class SqliteTable:
    """A private SQLite file with one layout."""

    name = "sqlite"

    def __init__(self, layout: Layout, path: Path) -> None:
        self.layout = layout
        self.path = path
        fresh = not path.exists()
        self.db = apsw.Connection(str(path), statementcachesize=200)
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=full")
        if fresh:
            # A deleted row's key must not come back, so `move` cannot do without autoincrement.
            key = "integer primary key" + (" autoincrement" if layout.name == "move" else "")
            for statement in schema(layout, key, "integer primary key"):
                self.db.execute(statement)
        self._prepare()

    def _prepare(self) -> None:
        table = "queue" if self.layout.name == "move" else "run"
        extra = [c for c in RUN if c not in INPUT and c != "seq"]
        if self.layout.name == "split":
            constants = ["null" if c in LIVE_ONLY else live_values(c) for c in extra]
        else:
            constants = [live_values(c) for c in extra]
        columns, values = (*INPUT, *extra), [*"?" * len(INPUT), *constants]
        self.insert = f"insert into {table} ({', '.join(columns)}) values ({', '.join(values)}) returning seq"
        self.insert_queue = (
            f"insert into queue (seq, {', '.join(LIVE_ONLY)}) values (?, ?, ?, 1, ?, 'pending', 0, null, null, null)"
        )
        self.claim_sql = (
            f"update {self.layout.queue} set status = 'running', ready = 0, session = ?, token = ?,"
            f" attempt = attempt + 1, started_at = ? where seq in ({claim_pick(self.layout, '?')}) returning "
            + ("seq, attempt" if self.layout.name == "split" else "seq, id, task, arguments")
        )
        self.event = "insert into event (time, type, run, task) values (?, ?, ?, ?)"
        self.attempt = "insert into attempt values (?, 1, 'completed', ?, ?, ?, null)"

    def close(self) -> None:
        self.db.close()

    def enqueue(self, rows: list[Row]) -> None:
        """Store runs and their `created` events."""
        db = self.db
        db.execute("begin immediate")
        seqs = [seq for (seq,) in db.executemany(self.insert, rows)]
        if self.layout.name == "split":
            db.executemany(self.insert_queue, [(s, r[3], r[4], r[6]) for s, r in zip(seqs, rows, strict=True)])
        db.executemany(self.event, [(r[5], "created", s, r[1]) for s, r in zip(seqs, rows, strict=True)])
        db.execute("commit")

    def turn(self, finished: list[Claimed], wanted: int, now: int) -> list[Claimed]:
        """Finish the last batch and claim the next, with attempts and events, in one transaction."""
        db = self.db
        db.execute("begin immediate")
        if finished:
            self._finish(finished, now)
            db.executemany(self.attempt, [(run[0], SESSION, now, now) for run in finished])
            db.executemany(self.event, [(now, "completed", run[0], run[2]) for run in finished])
        claimed: list[Any] = db.execute(self.claim_sql, (SESSION, TOKEN, now, wanted)).fetchall()
        if self.layout.name == "split":
            keys = [row[0] for row in claimed]
            claimed = []
            for key in keys:
                claimed += db.execute("select seq, id, task, arguments from run where seq = ?", (key,))
        db.executemany(self.event, [(now, "started", run[0], run[2]) for run in claimed])
        db.execute("commit")
        return claimed

    def _finish(self, finished: list[Claimed], now: int) -> None:
        db, key = self.db, [(run[0], TOKEN) for run in finished]
        if self.layout.name == "one":
            db.executemany(
                "update run set status = 'completed', result = ?3, completed_at = ?4, token = null"
                " where seq = ?1 and token = ?2",
                [(*pair, "null", now) for pair in key],
            )
        elif self.layout.name == "split":
            db.executemany("delete from queue where seq = ? and token = ?", key)
            db.executemany(
                "update run set status = 'completed', attempt = 1, session = ?2, started_at = ?3, result = ?4,"
                " completed_at = ?3 where seq = ?1",
                [(run[0], SESSION, now, "null") for run in finished],
            )
        else:
            changed = {"status": "'completed'", "result": "?3", "completed_at": "?4", "token": "null"}
            picked = ", ".join(changed.get(c, c) for c in RUN)
            db.executemany(
                f"insert into run ({', '.join(RUN)}) select {picked} from queue where seq = ?1 and token = ?2",
                [(*pair, "null", now) for pair in key],
            )
            db.executemany("delete from queue where seq = ? and token = ?", key)

    def history(self, rows: list[Row]) -> None:
        """Store finished runs, with attempts and events, in large transactions."""
        for start in range(0, len(rows), HISTORY_BLOCK):
            self.enqueue(rows[start : start + HISTORY_BLOCK])
            self.turn(self.turn([], HISTORY_BLOCK, rows[0][5]), 0, rows[0][5])

    def listing(self, kind: str, value: str) -> int:
        """Read one page of fifty; `kind` is task, live or done."""
        text = {"task": self.layout.listing_task, "live": self.layout.listing_live, "done": LISTING_DONE}[kind]
        return len(self.db.execute(text.format(p="?1"), (value,)).fetchall())

    def checkpoint(self) -> None:
        """Bring the WAL into the file, so that the next figure does not pay for the last one."""
        self.db.execute("pragma wal_checkpoint(truncate)")
        self.db.execute("pragma optimize=0x10002")

    def size(self) -> int:
        """Bytes of the file."""
        self.checkpoint()
        return self.path.stat().st_size
