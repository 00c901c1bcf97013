"""Bench: the ceiling. What SQLite allows with no engine around it: apsw, WAL, synchronous FULL.

A job is inserted, claimed (UPDATE … RETURNING), run and marked done: no attempts, no events, one narrow table.
`OneByOne` commits each step of each job, `Batches` a hundred jobs a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import apsw

from bench.peer import Peer

TABLE = """
create table job (id integer primary key, number integer not null, state integer not null default 0,
                  payload text, started real, finished real);
create index job_ready on job (id) where state = 0;
"""
INSERT = "insert into job (number, payload) values (?, '{}')"
FINISH = "update job set state = 2, finished = unixepoch('subsec') where id = ?"


class OneByOne(Peer):
    """One commit for each insert, each claim and each end."""

    batch = 1
    bulk = 1000
    settings = "apsw, WAL, one row a commit (in bulk: 1,000)"
    durability = "flush at every commit"
    packages = ("apsw",)

    async def open(self) -> None:
        self.delete_store()
        self.db = self.connect()
        self.db.execute(TABLE)
        self.wake = asyncio.Event()
        self.worker: asyncio.Task[None] | None = None

    def connect(self) -> apsw.Connection:
        """A connection with the pragmas of the engine."""
        db = apsw.Connection(str(self.store))
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        return db

    async def start(self) -> None:
        self.worker = asyncio.create_task(self.work())

    async def close(self) -> None:
        if self.worker is not None:
            self.worker.cancel()
            await asyncio.wait([self.worker])
        self.db.close()

    async def enqueue(self, number: int) -> None:
        self.db.execute(INSERT, (number,))
        self.wake.set()

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        self.db.execute("begin immediate")
        self.db.executemany(INSERT, [(number,) for number in numbers])
        self.db.execute("commit")
        self.wake.set()

    async def work(self) -> None:
        """Claim, run, end, for ever."""
        claim = (
            "update job set state = 1, started = unixepoch('subsec') where id in"
            f" (select id from job where state = 0 order by id limit {self.batch}) returning id, number"
        )
        while True:
            rows = self.db.execute(claim).fetchall()
            if not rows:
                self.wake.clear()
                await self.wake.wait()
                continue
            for _, number in rows:
                await self.job(int(number))  # type: ignore[arg-type]  # a column of integers
            self.db.execute("begin immediate")
            self.db.executemany(FINISH, [(row[0],) for row in rows])
            self.db.execute("commit")
            await asyncio.sleep(0)

    async def job(self, number: int) -> None:
        """The work: nothing but its record."""
        self.recorder.hit(number)

    async def unfinished(self) -> int:
        return int(self.db.execute("select count(*) from job where state < 2").get)

    def versions(self) -> str:
        return f"SQLite {apsw.sqlite_lib_version()}, apsw {apsw.apsw_version()}"


class Batches(OneByOne):
    """A hundred jobs in each claim and each end."""

    batch = 100
    bulk = 100
    settings = "apsw, WAL, 100 rows a commit (enqueue one by one: 1)"
