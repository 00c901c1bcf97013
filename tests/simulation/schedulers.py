"""Many schedulers on one store, without workers: clocks apart, timers that come early, pauses, kills, lost commits.

What is asked at the end: each due time is in the ledger exactly once, alone or in a span; each fire has a run of its
own; nothing was fired while all schedules were paused; and no scheduler stood still.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from runwright.auth.sealing import Sealer
from runwright.clock import SECOND, to_micros
from runwright.control import ScheduleEdit, Schedules
from runwright.control.schedule_edit import Editor
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, Fire, RunStatus
from runwright.retry import Retry
from runwright.store.base import RunQuery
from runwright.store.sqlite import SqliteStore
from runwright.worker.scheduler import Scheduler
from runwright.worker.settler import Settler
from tests.ledger import coverage
from tests.simulation.cluster import START, Faults, Node, World, WorldClock, WorldRng
from tests.simulation.loop import SimulatedLoop

LONGEST_STALL_SECONDS = 30.0


class SchedulerNode(Node):
    """A machine with a scheduler and a settler, and a clock of its own."""

    awake: Scheduler | None = None

    async def _start(self) -> None:
        self.skew_seconds = self.world.loop.rng.uniform(-5, 5)
        self.early_seconds = 0.05
        self.scheduler = Scheduler(
            store=self.store, registry=self.registry, admission=self.admission, clock=self.clock, bus=self.bus,
            retry=Retry(max_retries=0), triggers=self.triggers,
        )  # fmt: skip
        await self.scheduler.start()
        self.awake = self.scheduler
        await Settler(self.store, self.bus, self.triggers).start()


@dataclass(slots=True)
class ScheduleWorld(World):
    """Schedules that are due each second, for so many seconds."""

    schedules: int = 20
    seconds: int = 60
    steps: int = 0
    fires: int = 0
    paused: list[tuple[int, int]] = field(default_factory=list)

    async def play(self, loop: SimulatedLoop, minutes: float) -> None:
        self.loop = loop
        self.clock, self.ids, self.sealer = WorldClock(loop), WorldRng(loop.rng), Sealer(bytes(32))
        self.store = await SqliteStore.open(
            ":memory:", clock=self.clock, rng=self.ids, on_commit=self._hint, inline=True
        )
        quiet, self.faults = self.faults, Faults()
        for number in range(self.nodes_wanted):
            self._add_node(f"n{number}")
        await self._add_schedules()
        self.faults = quiet
        trouble = [asyncio.ensure_future(self._chaos()), asyncio.ensure_future(self._clear_away())]
        if self.steps:
            await self._step_the_clock()
        else:
            trouble.append(asyncio.ensure_future(self._pause_now_and_then()))
            await asyncio.sleep(self.seconds)
        for each in trouble:
            each.cancel()
        await self.store.pause_schedules(None, "operator")
        self.faults = Faults()
        for node in self.nodes:
            node.frozen_until = 0.0
        await asyncio.sleep(30)
        await self._look_at_the_ledger()

    def _add_node(self, name: str) -> None:
        node = SchedulerNode(self, name)
        self.nodes.append(node)
        node.begin()

    async def _add_schedules(self) -> None:
        node = self.nodes[0]
        editor = Editor(node.registry, node.admission, node.triggers)
        door = Schedules(self.store, node.registry, editor, node.triggers, self.clock, self.ids, "UTC")
        await door.add_many(SYSTEM, [
            ScheduleEdit(
                name=f"s{number}", task="tick", when="* * * * * *" if number % 2 else "@every 1s", overlap="allow",
                catch_up=("latest", "all", "skip")[number % 3], misfire_grace_seconds=5.0,
            )
            for number in range(self.schedules)
        ])  # fmt: skip

    async def _chaos(self) -> None:
        rng = self.loop.rng
        while True:
            await asyncio.sleep(rng.expovariate(1 / 10))
            node = rng.choice([each for each in self.nodes if not each.dead])
            if rng.random() < 0.4 and self.faults.kills:
                node.dead = True
                self.kills += 1
                self._add_node(f"n{len(self.nodes)}")
            elif self.faults.freezes:
                node.frozen_until = self.loop.seconds + rng.choice([0.1, 2.0, 20.0])

    async def _pause_now_and_then(self) -> None:
        rng = self.loop.rng
        while True:
            await asyncio.sleep(rng.expovariate(1 / 60))
            await self.store.pause_schedules("now and then", "operator")
            since = self.clock.now()
            await asyncio.sleep(rng.uniform(1, 20))
            self.paused.append((since, self.clock.now()))
            await self.store.pause_schedules(None, "operator")

    async def _clear_away(self) -> None:
        """There are no workers here: runs are counted and taken away, so that a long play fits into memory."""
        while True:
            await asyncio.sleep(60)
            await self._count_runs()

    async def _count_runs(self) -> None:
        while items := (await self.store.runs(RunQuery(statuses=[RunStatus.PENDING], limit=1000))).items:
            self.fires += len(items)
            ids = [run.id for run in items]
            await self.store.move(ids, RunEvent.CANCEL, "operator", self.clock.now())
            await self.store.delete(ids, "operator")
            await self.store.settle(await self.store.ended(2000), {})

    async def _step_the_clock(self) -> None:
        """Steps from a day back to a year on; after each the schedulers must be awake."""
        rng = self.loop.rng
        for _ in range(self.steps):
            span = rng.choice([1.0, 60.0, 3600.0, 86_400.0, 86_400.0 * 365])
            back = rng.random() < 0.5
            self.clock.step += -min(span, 86_400.0) * rng.random() if back else span * rng.random()
            await asyncio.sleep(rng.uniform(0.1, LONGEST_STALL_SECONDS))
            now = self.loop.seconds
            for node in self.nodes:
                if isinstance(node, SchedulerNode) and not node.dead and node.awake is not None:
                    stall = now - node.awake.ticked_at
                    if node.frozen_until < now - LONGEST_STALL_SECONDS:
                        self._expect(stall <= LONGEST_STALL_SECONDS, f"{node.name} stood still for {stall:.0f} s")

    async def _look_at_the_ledger(self) -> None:
        await self._count_runs()
        names = [schedule for schedule in await self.store.schedules() if schedule.name.startswith("s")]
        with_runs = 0
        for schedule in names:
            fires = await self._ledger(schedule.id)
            dues = Counter(to_micros(fire.due_at) for fire in fires)
            twice = [due for due, count in dues.items() if count > 1]
            self._expect(not twice, f"{schedule.name}: {len(twice)} due times are twice in the ledger")
            made = [fire.run for fire in fires if fire.outcome in ("fired", "late")]
            with_runs += len(made)
            self._expect(None not in made, f"{schedule.name}: a fire has no run")
            self._expect(len(set(made)) == len(made), f"{schedule.name}: two fires have the same run")
            for fire in fires:
                at = to_micros(fire.recorded_at)
                during = any(since < at < until for since, until in self.paused)
                self._expect(not (during and fire.run), f"{schedule.name}: fired while all were paused")
            if not self.steps:
                self._expect_all_covered(schedule.name, fires)
        self._expect(with_runs == self.fires, f"{self.fires} runs for {with_runs} fires")

    def _expect_all_covered(self, name: str, fires: list[Fire]) -> None:
        """Every second from the first due time on is in the ledger: alone, or within one span."""
        rows = [(to_micros(fire.due_at) // SECOND * SECOND, fire.count) for fire in fires]
        first = min(rows)[0]
        missed, doubled = coverage(rows, first, START + (self.seconds - 1) * SECOND)
        self._expect(first <= START + 2 * SECOND, f"{name}: the first due time is missing")
        self._expect(not missed, f"{name}: {len(missed)} due times were missed, such as {missed[:3]}")
        self._expect(not doubled, f"{name}: {len(doubled)} due times are covered twice, such as {doubled[:3]}")

    async def _ledger(self, schedule: str) -> list[Fire]:
        fires: list[Fire] = []
        after: str | None = None
        while True:
            page = await self.store.fires(schedule, 1000, after)
            fires.extend(page.items)
            after = page.after
            if after is None:
                return fires


def play_schedules(seed: int, *, faults: Faults | None = None, **options: Any) -> ScheduleWorld:
    """One world of schedulers with this seed, to its end; look at its ``violations``."""
    loop = SimulatedLoop(seed)
    asyncio.set_event_loop(loop)
    world = ScheduleWorld(seed, faults=faults if faults is not None else Faults.drawn(loop.rng), **options)
    world.drawn = world.faults
    try:
        loop.run_until_complete(world.play(loop, 0))
    finally:
        left = asyncio.all_tasks(loop)
        for task_left in left:
            task_left.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)
    return world
