"""Bench: APScheduler 3, whose scheduler runs jobs in the same process, in memory and on SQLite.

A job is an `add_job` without trigger (run now); nothing about it is kept when it has run.
"""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-not-found]  # the peers' environment only
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # type: ignore[import-not-found]  # likewise
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-not-found]  # likewise
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-not-found]  # likewise
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-not-found]  # likewise

from bench.peer import Peer
from bench.recorder import Recorder, attach

RECORD: list[Recorder] = []


def record() -> Recorder:
    """The recorder; jobs are stored by name, so that they cannot hold it."""
    if not RECORD:
        RECORD.append(attach())
    return RECORD[0]


async def hit(number: int) -> None:
    """The work: nothing but its record."""
    record().hit(number)


async def tick(schedule: int) -> None:
    """A fire: nothing but its record."""
    record().fire(schedule)


class Memory(Peer):
    """The default job store."""

    settings = "AsyncIOScheduler, MemoryJobStore, misfire_grace_time=None"
    durability = "none"
    takes_all_first = True
    packages: tuple[str, ...] = ("APScheduler",)

    def job_store(self) -> Any:
        """What keeps the jobs."""
        return MemoryJobStore()

    async def open(self) -> None:
        self.delete_store()
        self.scheduler = AsyncIOScheduler(
            jobstores={"default": self.job_store()}, job_defaults={"misfire_grace_time": None}, timezone=dt.UTC
        )
        self.scheduler.start(paused=True)

    async def start(self) -> None:
        self.scheduler.resume()

    async def close(self) -> None:
        self.scheduler.shutdown(wait=False)

    async def enqueue(self, number: int) -> None:
        self.scheduler.add_job(hit, args=(number,))

    async def add_every_second(self, count: int) -> None:
        begin = dt.datetime.fromtimestamp(int(time.time()) + 2, dt.UTC)
        for schedule in range(count):
            trigger = IntervalTrigger(seconds=1, start_date=begin, timezone=dt.UTC)
            self.scheduler.add_job(tick, trigger, args=(schedule,))

    async def add_far(self, count: int, first: int = 0) -> None:
        for schedule in range(first, first + count):
            self.scheduler.add_job(
                tick, CronTrigger.from_crontab(far_cron(schedule), timezone=dt.UTC), args=(schedule,)
            )


class Sqlite(Memory):
    """SQLAlchemyJobStore on a SQLite file, with the library's defaults."""

    jobs = 1_000
    settings = "AsyncIOScheduler, SQLAlchemyJobStore on SQLite, library defaults, misfire_grace_time=None"
    durability = "flush at every add, update and removal (rollback journal)"
    packages = ("APScheduler", "SQLAlchemy")

    def job_store(self) -> Any:
        return SQLAlchemyJobStore(url=f"sqlite:///{Path(self.store)}")


def far_cron(number: int) -> str:
    """A yearly date half a year away, another minute for each."""
    month = (time.gmtime().tm_mon + 5) % 12 + 1
    return f"{number % 60} {number // 60 % 24} {number // 1440 % 28 + 1} {month} *"
