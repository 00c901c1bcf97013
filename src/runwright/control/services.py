"""Control, services: what is kept running, and to start, stop and restart it.

A service is a schedule that says ``@always``: whether it is to run is the schedule's switch, each time that it runs is
a run. What follows the end of a run is the settler's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from runwright.auth.policy import require
from runwright.clock import SECOND, Clock, to_micros
from runwright.control.schedule_fires import ScheduleFires
from runwright.control.schedules import Schedules
from runwright.errors import Conflict, NotFound
from runwright.model import Actor, FirePlan, NewEvent, NewFire, Role, Run, RunStatus, Schedule, Usage
from runwright.store.base import Store
from runwright.when import FireOutcome
from runwright.worker.triggers import is_service

ATTEMPTS_AGAINST_RACES = 10
ServiceState: TypeAlias = Literal["starting", "running", "restarting", "stopping", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service as it is now.

    Attributes:
        schedule: its schedule; ``enabled`` says whether it is to run, ``restarts`` how often it has failed in a row.
        state: ``starting``, ``running``, ``restarting`` (it has failed, and is started again when its wait is over),
            ``stopping`` (told to end, and has not yet), ``stopped``, or ``failed`` (stopped, because it failed).
        run: the run that is live, else None.
        uptime_seconds: since when that run has been running; None if it is not.
        usage: what that run used when it was measured last; None if it was not yet.
    """

    schedule: Schedule
    state: ServiceState
    run: Run | None
    uptime_seconds: float | None
    usage: Usage | None


class Services:
    """Commands and questions about services, by the name or id of their schedule."""

    def __init__(self, store: Store, schedules: Schedules, fires: ScheduleFires, clock: Clock) -> None:
        self._store = store
        self._schedules = schedules
        self._fires = fires
        self._clock = clock

    async def list(self, actor: Actor) -> Sequence[ServiceView]:
        """All services by name."""
        require(actor, Role.VIEWER)
        found = await self._store.services()
        await self._schedules.elsewhere.look(each.task for each in found)
        usage = {each.run: each for each in await self._store.usage()} if found else {}
        return [await self._view(schedule, usage) for schedule in found]

    async def get(self, actor: Actor, name: str) -> ServiceView:
        """The service of this name. Raises NotFound, also for a schedule that is no service."""
        schedule = await self._service(actor, name)
        return await self._view(schedule, {each.run: each for each in await self._store.usage()})

    async def start(self, actor: Actor, name: str, *, confirmed: bool = False) -> ServiceView:
        """Let it run from now on. Raises Conflict if it is to run already."""
        require(actor, Role.OPERATOR)
        schedule = await self._service(actor, name)
        if schedule.enabled:
            raise Conflict(f"service {schedule.name!r} is to run already", schedule.name)
        await self._schedules.enable(actor, schedule.id, confirmed=confirmed)
        return await self.get(actor, schedule.id)

    async def stop(self, actor: Actor, name: str) -> ServiceView:
        """Tell it to end, and leave it stopped until it is started. Raises Conflict if it is stopped already."""
        require(actor, Role.OPERATOR)
        schedule = await self._service(actor, name)
        live = await self._schedules.live_runs(schedule)
        if not schedule.enabled and all(run.status is RunStatus.CANCELLING for run in live):
            raise Conflict(f"service {schedule.name!r} is stopped already", schedule.name)
        if schedule.enabled:
            await self._schedules.disable(actor, schedule.id)
        else:  # it was switched off by somebody who then could not tell it to end
            await self._schedules.end_service(schedule, actor)
        return await self.get(actor, schedule.id)

    async def restart(self, actor: Actor, name: str, *, confirmed: bool = False) -> ServiceView:
        """End what runs, and start it anew when that has ended; one that is stopped is started."""
        require(actor, Role.OPERATOR)
        for _ in range(ATTEMPTS_AGAINST_RACES):
            schedule = await self._service(actor, name)
            if not schedule.enabled:
                return await self.start(actor, schedule.id, confirmed=confirmed)
            async with self._schedules.elsewhere.explained():
                run = self._fires.run_of(actor, schedule, confirmed=confirmed)
            due_at = max(self._clock.now(), schedule.cursor_at + 1)
            fire = NewFire(due_at, FireOutcome.FIRED, f"restarted by {actor.name}", replace(run, in_line=True))
            plan = FirePlan(schedule.id, schedule.version, (fire,), due_at, None, cancels=True)
            if (await self._store.fire([plan]))[0]:
                await self._store.record(
                    [NewEvent("task", "service.restarted", schedule.name, actor.name, schedule.task, run.id)]
                )
                return await self.get(actor, schedule.id)
        raise Conflict(f"service {name!r} is being changed by others all the time; try again", name)

    async def _service(self, actor: Actor, name: str) -> Schedule:
        with suppress(NotFound):
            schedule = await self._schedules.get(actor, name)
            if is_service(schedule.when):
                return schedule
        raise NotFound("service", name)

    async def _view(self, schedule: Schedule, usage: dict[str, Usage]) -> ServiceView:
        live = await self._schedules.live_runs(schedule)
        run = live[0] if live else None
        uptime = None
        if run is not None and run.started_at is not None:
            uptime = max(0.0, (self._clock.now() - to_micros(run.started_at)) / SECOND)
        return ServiceView(schedule, _state(schedule, live), run, uptime, None if run is None else usage.get(run.id))


def _state(schedule: Schedule, live: Sequence[Run]) -> ServiceState:
    if live:
        if live[0].status is RunStatus.CANCELLING:
            return "restarting" if len(live) > 1 else "stopping"
        return "running" if live[0].status in (RunStatus.RUNNING, RunStatus.PAUSED) else "starting"
    if schedule.enabled:
        return "restarting" if schedule.restarts else "starting"
    return "failed" if schedule.last_status in (RunStatus.ERROR, RunStatus.INTERRUPTED) else "stopped"
