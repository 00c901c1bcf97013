"""Services over several nodes that die, freeze and lose their words, started, stopped and restarted all the time.

What is asked of what user code did: no two lives of one service at once, whatever became of its worker. And at the end,
without trouble: what was started last runs, once, and what was stopped last does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runwright.control import ScheduleEdit, ScheduleFires, Schedules
from runwright.control.schedule_edit import Editor
from runwright.control.services import Services
from runwright.errors import Conflict, StoreUnavailable
from runwright.model import SYSTEM
from runwright.retry import Retry
from runwright.tasks.context import current_run
from runwright.tasks.definition import task
from runwright.when import Always
from tests.simulation.cluster import Execution, Node, World

KEPT = ("pulse", "again")
"""Those that are to run at the end: one fails all the time, one returns."""
STOPPED = ("other",)
LIFE_SECONDS, LINGERS = 30.0, (0.0, 0.0, 2.0, 20.0)


@dataclass(slots=True)
class ServiceWorld(World):
    """Two minutes of trouble and of hands on the switches, then five to be as it should be."""

    clients: int = 2
    trouble_seconds: float = 20.0
    quiet_seconds: float = 300.0

    def __post_init__(self) -> None:
        self.faults.steps = False  # set back by an hour, a service waits for its watermark

    # ----- what runs ----------------------------------------------------------------------------------------------

    def tasks_for(self, node: Node) -> Iterable[Any]:
        async def serve() -> None:
            async def fail(_: Execution) -> None:
                raise ValueError("simulated end of a service")

            name = current_run().task_name
            seconds = self.loop.rng.expovariate(1 / LIFE_SECONDS)
            await self._execute(node, seconds, exclusive=False, key=name, then=None if name == "again" else fail)

        return [task(name=name, retry=Retry(10**6, 1, "constant"))(serve) for name in (*KEPT, *STOPPED)]

    async def _work(self, node: Node, seconds: float) -> None:
        try:
            await node.clock.sleep(seconds)
        except asyncio.CancelledError:  # code that does not hear of its stop at once
            if node.name not in self.thawed:  # what a worker that was frozen has lost runs on until it hears
                await asyncio.sleep(self.loop.rng.choice(LINGERS))
            raise

    def _services(self, node: Node) -> Services:
        editor = Editor(node.registry, node.admission, node.triggers)
        door = Schedules(node.store, node.registry, editor, node.triggers, self.clock, self.ids, "UTC")
        return Services(node.store, door, ScheduleFires(node.store, door, node.admission, self.clock), self.clock)

    async def _schedule(self) -> None:
        node = self.nodes[0]
        door = self._services(node)._schedules
        for name in (*KEPT, *STOPPED):
            when = Always("always" if name == "again" else None)
            await door.add(SYSTEM, ScheduleEdit(name=name, task=name, when=when))

    async def _client(self, seconds: float) -> None:
        """Somebody at the switches."""
        rng = self.loop.rng
        while self.loop.seconds < seconds and not self.violations:
            await asyncio.sleep(rng.expovariate(1 / 5))
            services = self._services(rng.choice([node for node in self.nodes if not node.dead]))
            verb = rng.choice((services.start, services.stop, services.restart))
            try:
                async with asyncio.timeout(10):  # the node may die
                    await verb(SYSTEM, rng.choice((*KEPT, *STOPPED)))
            except (Conflict, StoreUnavailable, TimeoutError):
                pass

    async def _disable_schedules(self) -> None:
        services = self._services(next(node for node in self.nodes if not node.dead))
        for name in (*KEPT, *STOPPED):
            schedule = (await services.get(SYSTEM, name)).schedule
            if schedule.enabled and name in STOPPED:
                await services.stop(SYSTEM, name)
            elif not schedule.enabled and name in KEPT:
                await services.start(SYSTEM, name)

    # ----- the questions ------------------------------------------------------------------------------------------

    def _forbidden(self, new: Execution, other: Execution) -> bool:
        return other.key == new.key

    async def _judge(self, minutes: float) -> None:
        await self._judge_runs([run for run in await self._all_runs() if run.status.terminal])
        services = self._services(next(node for node in self.nodes if not node.dead))
        alive = self._alive()
        for name in (*KEPT, *STOPPED):
            live = [e for e in self.executions if e.key == name and e.ended is None and e.node in alive]
            view = await services.get(SYSTEM, name)
            if name in KEPT:  # between two of its lives it waits for a second
                last = max((e.ended or 0.0 for e in self.executions if e.key == name), default=0.0)
                well = len(live) == 1 if view.state == "running" else self.loop.seconds - last < 5
                self._expect(view.schedule.enabled and well, f"{name} is {view.state}, with {len(live)} lives")
            else:
                self._expect(not live and view.state in ("stopped", "failed"), f"{name} is {view.state}")
        lives = {e.key for e in self.executions}
        self._expect(lives == {*KEPT, *STOPPED}, f"only {lives} ever ran")
