"""For tests of schedules: scheduler, settler and doors on a store in memory and a manual clock, and a worker's hand.

Nothing here runs by itself: time moves by ``pass_time``, each service takes its steps, and runs end as the test says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from runwright.admission import Admission
from runwright.auth.sealing import Sealer
from runwright.bus import LocalBus
from runwright.clock import SECOND, SystemRng
from runwright.control import Declared, ScheduleEdit, ScheduleFile, ScheduleFires, Schedules
from runwright.control.schedule_edit import Editor
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, Fire, Lane, Run, RunStatus, Schedule
from runwright.retry import Retry
from runwright.store.base import NewWorker, RunQuery, Store, Wanted
from runwright.store.postgres import PostgresStore
from runwright.store.sqlite import SqliteStore
from runwright.tasks.definition import task
from runwright.tasks.registry import Registry
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup
from runwright.uploads import Spool
from runwright.worker.scheduler import Scheduler
from runwright.worker.settler import Settler
from runwright.worker.triggers import Triggers

TASKS = ("work", "other")


class Node:
    """One process's scheduler and settler, with the code that it knows."""

    def __init__(
        self, store: Store, clock: ManualClock, tasks: tuple[str, ...] = TASKS, rate: int = 50, cap: int = 100
    ) -> None:
        self.registry, self.triggers, bus = Registry(), Triggers(), LocalBus()
        for name in tasks:
            self.registry.register(task(name=name)(_nothing))
        rng = SystemRng()
        admission = Admission(self.registry, Sealer(bytes(32)), rng, Spool(None, 0))
        self.editor = Editor(self.registry, admission, self.triggers)
        self.door = Schedules(store, self.registry, self.editor, self.triggers, clock, rng, "UTC")
        self.fires = ScheduleFires(store, self.door, admission, clock)
        self.declared = Declared(store, self.door, self.editor, clock, "UTC")
        self.file = ScheduleFile(store, self.door, self.editor, clock, rng, "UTC")
        self.scheduler = Scheduler(
            store=store, registry=self.registry, admission=admission, clock=clock, bus=bus, retry=Retry(0),
            triggers=self.triggers, rate=rate, cap=cap,
        )  # fmt: skip
        self.settler = Settler(store, bus, self.triggers)

    async def tick(self) -> None:
        """Let the scheduler do all that is to be done now."""
        for _ in range(100):
            self.scheduler.hinted = True
            if await self.scheduler.run_once() > 0:
                return
        raise AssertionError("the scheduler finds no end")


class Engine(Node):
    """A node, and what a test does to the world around it."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        super().__init__(store, clock)
        self.store, self.clock, self.given = store, clock, Setup(store, clock)

    async def add(self, name: str, when: Any = "@every 1m", **fields: Any) -> Schedule:
        """Make a schedule of the task ``work``."""
        return await self.door.add(SYSTEM, self.wish(name, when, **fields))

    @staticmethod
    def wish(name: str, when: Any = "@every 1m", **fields: Any) -> ScheduleEdit:
        """A schedule of the task ``work``, to be made."""
        return cast("ScheduleEdit", {"name": name, "task": "work", "when": when, **fields})

    async def edit(self, schedule: str, **fields: Any) -> Schedule:
        """Change a schedule."""
        return await self.door.update(SYSTEM, schedule, cast("ScheduleEdit", fields))

    async def pass_time(self, seconds: float) -> None:
        """Move the clock on; then the services take their steps."""
        self.clock.advance(seconds)
        await self.tick()
        await self.settle()

    async def settle(self) -> None:
        """Let the settler do all that is to be done now."""
        while await self.settler.run_once() == 0:
            pass

    async def run(self, event: RunEvent = RunEvent.COMPLETE, only: str | None = None) -> list[str]:
        """Claim what may start and end it so; the names of its schedules. ``only`` leaves the others running."""
        turn = await self.store.turn("w1", [self.wanted(100)])
        self.clock.advance(1)  # as long as a run takes, says the suite's ``finish``
        names = {schedule.id: schedule.name for schedule in await self.store.schedules()}
        started = []
        for claim in turn.claims:
            name = names.get((await self.given.read(claim.run_id)).schedule or "", "?")
            started.append(name)
            if only is None or name == only:
                await self.given.end(claim, event)
        return sorted(started)

    @staticmethod
    def wanted(number: int) -> Wanted:
        """What a worker with so many free slots asks for."""
        return Wanted(Lane.ASYNC, number)

    async def end_all(self, event: RunEvent = RunEvent.COMPLETE) -> None:
        """End what runs."""
        for claim in await self.store.claims("w1"):
            await self.given.end(claim, event)

    async def statuses(self, name: str) -> list[RunStatus]:
        """The statuses of a schedule's runs, oldest first."""
        return [run.status for run in await self.runs(name)]

    async def runs(self, name: str) -> list[Run]:
        """A schedule's runs, oldest first."""
        schedule = await self.door.get(SYSTEM, name)
        return list(reversed((await self.store.runs(RunQuery(schedule=schedule.id, limit=1000))).items))

    async def ledger(self, name: str) -> list[Fire]:
        """A schedule's ledger, oldest first."""
        return list(reversed((await self.door.fires(SYSTEM, name, 1000)).items))

    async def outcomes(self, name: str) -> list[str]:
        """The outcomes of a schedule's ledger, oldest first."""
        return [fire.outcome for fire in await self.ledger(name)]

    async def spans(self, name: str) -> list[tuple[str, int]]:
        """The rows of a schedule's ledger, oldest first: the outcome, and of how many due times."""
        return [(fire.outcome, fire.count) for fire in await self.ledger(name)]

    def at(self, seconds: float) -> int:
        """A moment from now."""
        return self.clock.now() + round(seconds * SECOND)


async def _nothing(number: int = 0) -> int:
    return number


@asynccontextmanager
async def engine(postgres: str | None = None) -> AsyncIterator[Engine]:
    """An engine with one worker session, on a store in memory or on this address of PostgreSQL."""
    clock = ManualClock()
    store: Store
    if postgres is None:
        store = await SqliteStore.open(":memory:", clock=clock, rng=SystemRng(), inline=True)
    else:
        store = await PostgresStore.open(postgres, clock=clock, rng=SystemRng(), server_time=False)
    made = Engine(store, clock)
    await store.register(NewWorker("w1", "host", 1, {"async": 100}, TASKS), 1e9)
    try:
        yield made
    finally:
        await store.close()
