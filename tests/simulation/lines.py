"""Schedules whose runs take longer than their intervals, under each policy of overlap, over several nodes.

What is asked of what user code did: no two runs of one schedule at once, unless it allows that. And of the ledger: a
run is cancelled only by the fire of a later due time; what skips made no run while one was live; all ends at last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast

from runwright.clock import to_datetime
from runwright.control import ScheduleEdit, ScheduleFires, Schedules
from runwright.control.schedule_edit import Editor
from runwright.errors import StoreUnavailable
from runwright.model import SYSTEM, Fire, Run
from runwright.store.base import EventFilter
from runwright.tasks.context import current_run
from runwright.tasks.definition import task
from tests.simulation.cluster import Execution, Node, World

LONGEST_SECONDS, STOP_SECONDS = 15.0, 25.0
MEAN_SECONDS = {"all": 2.0}
LINES: dict[str, dict[str, Any]] = {
    "queue": {"when": "@every 7s", "overlap": "queue"},
    "keyed": {"when": "@every 8s", "overlap": "queue", "task": "keyed"},
    "skip": {"when": "@every 5s", "overlap": "skip"},
    "cancel": {"when": "@every 10s", "overlap": "cancel_running"},
    "all": {"when": "@every 9s", "overlap": "skip", "catch_up": "all", "misfire_grace_seconds": 5.0},
    "after": {"when": "@every 20s", "overlap": "queue", "depends_on": ["skip"]},
    "allow": {"when": "@every 4s", "overlap": "allow"},
}


@dataclass(slots=True)
class LineWorld(World):
    """Trouble, and now and then a stop of everything at once, after which much is late; then all must end."""

    clients: int = 1
    trouble_seconds: float = 20.0
    quiet_seconds: float = 300.0
    backfilled: int = 0
    disabled_at: datetime | None = None

    def __post_init__(self) -> None:
        self.faults.steps = False  # set back by an hour, a schedule waits for its watermark

    # ----- what runs ----------------------------------------------------------------------------------------------

    def tasks_for(self, node: Node) -> Iterable[Any]:
        async def step(line: str) -> None:
            seconds = min(LONGEST_SECONDS, self.loop.rng.expovariate(1 / MEAN_SECONDS.get(line, 5.0)))
            await self._execute(node, seconds, exclusive=False, task=current_run().task_name, key=line)

        return [task(name="step")(step), task(name="keyed", max_concurrent=3)(step)]

    async def _work(self, node: Node, seconds: float) -> None:
        try:
            await node.clock.sleep(seconds)
        except asyncio.CancelledError:  # code that tidies up before it ends
            await asyncio.sleep(self.loop.rng.choice((0.0, 4.0)))
            raise

    async def _schedule(self) -> None:
        node = self.nodes[0]
        editor = Editor(node.registry, node.admission, node.triggers)
        self._door = Schedules(self.store, node.registry, editor, node.triggers, self.clock, self.ids, "UTC")
        for name, fields in LINES.items():
            await self._door.add(
                SYSTEM, cast("ScheduleEdit", {"name": name, "task": "step", "arguments": {"line": name}, **fields})
            )

    async def _disable_schedules(self) -> None:
        self.disabled_at = to_datetime(self.clock.now())
        for name in reversed(LINES):
            await self._door.disable(SYSTEM, name)

    async def _client(self, seconds: float) -> None:
        """Somebody who stops everything for a while, or makes up for what has had no run."""
        rng = self.loop.rng
        while self.loop.seconds < seconds and not self.violations:
            await asyncio.sleep(rng.expovariate(1 / 25))
            if rng.random() < 0.5:
                await self._backfill(rng.choice([node for node in self.nodes if not node.dead]))
                continue
            for node in self.nodes:
                node.frozen_until = max(node.frozen_until, self.loop.seconds + STOP_SECONDS)
                self.thawed[node.name] = node.frozen_until

    async def _backfill(self, node: Node) -> None:
        now = to_datetime(self.clock.now())
        fires = ScheduleFires(node.store, self._door, node.admission, self.clock)
        try:
            async with asyncio.timeout(2 * STOP_SECONDS):  # the node may die
                done = await fires.backfill(SYSTEM, "all", now - timedelta(seconds=40), now)
        except (StoreUnavailable, TimeoutError):
            return
        self.backfilled += len(done.runs)

    # ----- the questions ------------------------------------------------------------------------------------------

    def _forbidden(self, new: Execution, other: Execution) -> bool:
        return other.run == new.run or (other.key == new.key != "allow")

    async def _judge(self, minutes: float) -> None:
        self.drawn = replace(self.drawn, freezes=True)  # a stop of everything is one
        runs = await self._all_runs()
        await self._judge_runs(runs)
        for name in LINES:
            schedule = await self._id(name)
            mine = [run for run in runs if run.schedule == schedule]
            fires = await self._ledger(name)
            dues = [fire.due_at for fire in fires if fire.last_due_at is None]  # a span keeps its ends, see time.md
            self._expect(len(dues) == len(set(dues)), f"{name}: a due time is twice in the ledger")
            made = {fire.run for fire in fires if fire.run is not None}
            self._expect(made == {run.id for run in mine}, f"{name}: {len(mine)} runs for {len(made)} fires")
            open_ = [run.id for run in mine if not run.status.terminal]
            self._expect(not open_, f"{name}: {len(open_)} runs of {len(mine)} never ended, such as {open_[:2]}")
            if name == "cancel":
                await self._judge_cancelled(mine, fires)
            if name == "skip":
                self._judge_skipping(mine, fires)

    async def _judge_cancelled(self, runs: list[Run], fires: list[Fire]) -> None:
        """The moment at which a run was cancelled is that of the fire of a later due time.

        Or it was written a moment ahead of its own, and then its schedule was switched off.
        """
        assert self.disabled_at is not None
        due_of = {fire.run: fire.due_at for fire in fires}
        for run in runs:
            told = (await self.store.events([EventFilter("run", "is", run.id)], 100)).items
            first = min((event.time for event in told if event.action.startswith("run.cancel")), default=None)
            if first is None or self.disabled_at <= first < due_of[run.id]:
                continue
            later = {fire.recorded_at for fire in fires if fire.due_at > due_of[run.id] and fire.run is not None}
            self._expect(first in later, f"cancel: run {run.id} was cancelled by no fire after its own, at {first}")

    def _judge_skipping(self, runs: list[Run], fires: list[Fire]) -> None:
        """When a fire made a run, no other run of the schedule was live."""
        ended = {run.id: run.completed_at for run in runs}
        made = sorted((fire.due_at, fire.recorded_at, fire.run) for fire in fires if fire.run is not None)
        for (_, _, before), (_, at, run) in pairwise(made):
            end = ended[before]
            self._expect(end is not None and end <= at, f"skip: run {run} was made while {before} was live")

    async def _id(self, name: str) -> str:
        schedule = await self.store.schedule(name)
        assert schedule is not None
        return schedule.id

    async def _ledger(self, name: str) -> list[Fire]:
        schedule = await self._id(name)
        page = await self.store.fires(schedule, 1000)
        assert page.after is None
        return list(page.items)

    def overlapping(self) -> int:
        """How often two runs of the schedule that allows it were seen at once."""
        mine = [e for e in self.executions if e.key == "allow"]
        return sum(1 for a, b in pairwise(mine) if a.ended is not None and b.began < a.ended)
