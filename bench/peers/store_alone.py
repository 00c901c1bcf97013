"""Bench: Runwright's store with no engine above it: the verbs `enqueue` and `turn`, called one after the other.

What lies between this and `runwright` is admission, claiming, execution and the loop; what lies between the bare SQLite
ceiling and this is the schema, attempts, events, and the checks of tokens and statuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import apsw

from bench.peer import Peer
from runwright.clock import SystemClock, SystemRng
from runwright.lifecycle import RunEvent
from runwright.model import AttemptStatus, Finish, Lane, NewRun
from runwright.store.base import NewWorker, Wanted
from runwright.store.sqlite import SqliteStore

SESSION = "bench"


class StoreAlone(Peer):
    """A hundred runs claimed in each turn."""

    bulk = 1000
    producers = True
    batch = 100
    settings = "verbs of the store called directly, turns of 100"
    durability = "flush at every commit; run, attempt and events kept"

    async def open(self) -> None:
        self.delete_store()
        self.clock, self.rng = SystemClock(), SystemRng()
        self.alone = await SqliteStore.open(str(self.store), clock=self.clock, rng=self.rng)
        self.work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.alone.register(NewWorker(SESSION, "bench", 0, {"async": self.batch}, ["noop"]), 600)
        await self.alone.publish(SESSION, ["noop"])
        self.work = asyncio.create_task(self.turn())

    async def close(self) -> None:
        if self.work is not None:
            self.work.cancel()
            await asyncio.wait([self.work])
        await self.alone.close()

    def new_run(self, number: int) -> NewRun:
        """A pending run as admission makes it."""
        now = self.clock.now()
        return NewRun(
            id=self.rng.run_id(now), task="noop", lane=Lane.ASYNC, arguments=f'{{"number":{number}}}',
            created_at=now, due_at=now,
        )  # fmt: skip

    async def enqueue(self, number: int) -> None:
        await self.alone.enqueue([self.new_run(number)])

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.alone.enqueue([self.new_run(number) for number in numbers])

    async def turn(self) -> None:
        """Claim, run, finish with the next claim, until it is over."""
        finished: list[Finish] = []
        while True:
            got = await self.alone.turn(SESSION, [Wanted(Lane.ASYNC, self.batch)], (), finished)
            if not got.claims and not finished:
                return
            finished = []
            for claim in got.claims:
                begun = self.clock.now()
                self.recorder.hit(int(claim.arguments[10:-1]))
                finished.append(
                    Finish(
                        claim.key,
                        claim.token,
                        RunEvent.COMPLETE,
                        AttemptStatus.COMPLETED,
                        begun,
                        self.clock.now(),
                        claim.attempt,
                        result="null",
                    )
                )

    async def unfinished(self) -> int:
        db = apsw.Connection(str(self.store), flags=apsw.SQLITE_OPEN_READONLY)
        left = int(db.execute("select count(*) from run where status in ('pending', 'running')").get)
        db.close()
        return left

    def versions(self) -> str:
        return f"SQLite {apsw.sqlite_lib_version()}"
