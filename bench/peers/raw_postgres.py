"""Bench: the ceiling. What PostgreSQL allows with no engine around it: asyncpg, one connection, a worker in the loop.

A job is inserted, claimed (UPDATE … RETURNING, SKIP LOCKED), run and marked done: no attempts, no events, one narrow
table. `OneByOne` commits each step of each job, `Batches` a hundred jobs a step, `OneStatement` ends a hundred and
claims the next hundred in one statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from bench.peers.on_postgres import OnPostgres

TABLE = """
create table job (id bigint generated always as identity primary key, number integer not null,
                  state smallint not null default 0, payload text, started timestamptz, finished timestamptz)
  with (fillfactor = 80);
create index job_ready on job (id) where state = 0;
"""
INSERT = "insert into job (number, payload) select number, '{}' from unnest($1::int[]) as given (number)"
CLAIM = (
    "update job set state = 1, started = now() where id = any(array("
    "select id from job where state = 0 order by id limit $1 for update skip locked)) returning id, number"
)
FINISH = "update job set state = 2, finished = now() where id = any($1::bigint[]) and state = 1"
TURN = f"with done as ({FINISH}) {CLAIM.replace('$1', '$2')}"


class OneByOne(OnPostgres):
    """One commit for each insert, each claim and each end."""

    batch = 1
    settings = "asyncpg, one row a commit (in bulk: 1,000)"
    packages = ("asyncpg",)
    question = "select count(*) from job where state < 2"

    async def open(self) -> None:
        await self.empty()
        self.db = await asyncpg.connect(self.url)
        await self.db.execute(TABLE)
        self.wake = asyncio.Event()
        self.worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.listener = await asyncpg.connect(self.url)
        await self.listener.add_listener("job", lambda *_: self.wake.set())
        self.hands = await asyncpg.connect(self.url)
        self.worker = asyncio.create_task(self.work())

    async def close(self) -> None:
        if self.worker is not None:
            self.worker.cancel()
            await asyncio.wait([self.worker])
            await self.listener.close()
            await self.hands.close()
        await self.db.close()
        await super().close()

    async def enqueue(self, number: int) -> None:
        await self.db.execute(f"with added as ({INSERT} returning id) select pg_notify('job', '') from added", [number])

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.db.execute(INSERT, list(numbers))

    async def work(self) -> None:
        """Claim, run, end, for ever."""
        while True:
            self.wake.clear()
            rows = await self.hands.fetch(CLAIM, self.batch)
            if not rows:
                await self.wake.wait()
                continue
            for _, number in rows:
                await self.job(number)
            await self.hands.execute(FINISH, [row[0] for row in rows])

    async def job(self, number: int) -> None:
        """The work: nothing but its record."""
        self.recorder.hit(number)


class Batches(OneByOne):
    """A hundred jobs in each claim and each end."""

    batch = 100
    jobs = 50_000
    bulk = 100
    settings = "asyncpg, 100 rows a commit (enqueue one by one: 1)"


class OneStatement(Batches):
    """The end of a hundred jobs and the claim of the next hundred are one statement and one commit."""

    settings = "asyncpg, 100 rows ended and claimed a statement"

    async def work(self) -> None:
        ended: list[int] = []
        while True:
            self.wake.clear()
            rows = await self.hands.fetch(TURN, ended, self.batch)
            if not rows and not ended:
                await self.wake.wait()
            for _, number in rows:
                await self.job(number)
            ended = [row[0] for row in rows]
