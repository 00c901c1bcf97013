"""Control, schedules: runs that people make by hand from a schedule: one now, or those of a range that has passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from runwright.admission import Admission
from runwright.auth.policy import require
from runwright.clock import Clock, Micros, to_micros
from runwright.control.schedules import Schedules, refuse_range
from runwright.errors import Conflict, InvalidInput
from runwright.model import Actor, FirePlan, NewEvent, NewFire, NewRun, Role, Schedule
from runwright.store.base import Store
from runwright.when import FireOutcome, Overlap
from runwright.worker.triggers import is_service

ATTEMPTS_AGAINST_RACES = 10


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill did: the due times in the range, and the runs that were made for those that had none."""

    due: int
    runs: Sequence[str]


class ScheduleFires:
    """Runs of schedules by hand; both ask for the confirmation of a dangerous task."""

    def __init__(self, store: Store, schedules: Schedules, admission: Admission, clock: Clock) -> None:
        self._store = store
        self._schedules = schedules
        self._admission = admission
        self._clock = clock

    async def fire(self, actor: Actor, name: str, *, confirmed: bool = False) -> str:
        """Run it once now, whatever its state, policies and dependencies, also while all are paused; the run's id."""
        require(actor, Role.OPERATOR)
        schedule = await self._schedules.get(actor, name)
        _refuse_service(schedule)
        async with self._schedules.elsewhere.explained():
            run = self.run_of(actor, schedule, confirmed=confirmed)
        (answer,) = await self._store.enqueue([run])
        await self._store.record(
            [NewEvent("task", "schedule.fired", schedule.name, actor.name, schedule.task, answer.run_id)]
        )
        return answer.run_id

    async def backfill(
        self, actor: Actor, name: str, since: datetime, until: datetime, *, confirmed: bool = False
    ) -> Backfill:
        """Run every due time in [since, until] that has no run yet, one after another unless overlap is allowed.

        Ignores dependencies and catch-up, as firing by hand does. Due times to which the schedulers have not come yet
        are theirs, while the schedule is enabled.

        Raises:
            InvalidInput: the range lies in the future, or has too many due times.
        """
        require(actor, Role.OPERATOR)
        refuse_range(since, until)
        if to_micros(until) > self._clock.now():
            raise InvalidInput.field("/until", "must not lie in the future: a backfill runs what has passed")
        for _ in range(ATTEMPTS_AGAINST_RACES):
            schedule = await self._schedules.get(actor, name)
            _refuse_service(schedule)
            if (problem := self._schedules.triggers.problem(schedule)) is not None:
                raise Conflict(f"the times of schedule {schedule.name!r} are not known here: {problem}", schedule.name)
            due = self._schedules.due_in(schedule, since, until)
            if schedule.enabled:
                due = [moment for moment in due if to_micros(moment) <= schedule.cursor_at]
            async with self._schedules.elsewhere.explained():
                fires = [self._late(actor, schedule, to_micros(moment), confirmed=confirmed) for moment in due]
            plan = FirePlan(
                schedule.id, schedule.version, tuple(fires), schedule.cursor_at, schedule.next_due_at,
                enabled=schedule.enabled, first_done=schedule.first_done, fills=True,
            )  # fmt: skip
            if (await self._store.fire([plan]))[0]:
                made = await self._store.runs_by_id([fire.run.id for fire in fires if fire.run is not None])
                detail = {"due": len(due), "runs": len(made)}
                await self._store.record(
                    [NewEvent("task", "schedule.backfilled", schedule.name, actor.name, schedule.task, detail=detail)]
                )
                return Backfill(len(due), sorted(run.id for run in made))
        raise Conflict(f"schedule {name!r} fires all the time; try again", name)

    def _late(self, actor: Actor, schedule: Schedule, due_at: Micros, *, confirmed: bool) -> NewFire:
        """The ledger's row for a due time that is made up for, with its run, in line behind the schedule's others."""
        run = self.run_of(actor, schedule, confirmed=confirmed)
        run = replace(run, due_at=due_at, in_line=schedule.overlap != Overlap.ALLOW)
        return NewFire(due_at, FireOutcome.LATE, f"backfill by {actor.name}", run)

    def run_of(self, actor: Actor, schedule: Schedule, *, confirmed: bool) -> NewRun:
        """A run of a schedule as somebody wants it now; that of a service is not retried, but started again."""
        return self._admission.admit_scheduled(
            schedule, actor, self._clock.now(), service=is_service(schedule.when), confirmed=confirmed
        )


def _refuse_service(schedule: Schedule) -> None:
    if is_service(schedule.when):
        raise Conflict(f"{schedule.name!r} is a service: start, stop or restart that instead", schedule.name)
