"""Settles what follows from the ends of scheduled runs: statistics, the next due time of what counts from the end, and
what becomes of the runs that wait for other schedules, or for those of their own before them.

The turn only leaves each ending in an outbox; this step takes it out together with its consequences, so that it may be
repeated, and run in any process, without counting twice. What a waiting run does is worked out anew from what is stored
at each step: a hint that was lost costs one sweep.
"""

from __future__ import annotations

import zlib
from datetime import datetime

from runwright.bus import Bus
from runwright.clock import SECOND, Micros, to_datetime, to_micros
from runwright.model import EndedRun, Needed, RunStatus, Schedule, ServiceEnd, Waiting
from runwright.retry import Discard, Retry
from runwright.schedule import Dependency, readiness
from runwright.schedule.catchup import after_run
from runwright.schedule.services import after_end
from runwright.store.base import Store
from runwright.tasks.registry import Registry
from runwright.when import Always, FireOutcome
from runwright.worker.service import Service
from runwright.worker.triggers import Triggers

POLL_SECONDS = 5.0
PAGE = 500
DEFAULT_RETRY = Retry()


class Settler(Service):
    """The loop that takes endings out of the outbox."""

    name = "settler"
    topics = ("ended", "schedules", "waiting")

    def __init__(
        self, store: Store, bus: Bus, triggers: Triggers, registry: Registry | None = None,
        retry: Retry = DEFAULT_RETRY, *, auto_restart: bool = True,
    ) -> None:  # fmt: skip
        """``retry`` and ``auto_restart`` are for services that say nothing of restarts themselves."""
        super().__init__(bus)
        self._store = store
        self._triggers = triggers
        self._registry = registry
        self._retry = retry
        self._restart = "on_failure" if auto_restart else "never"

    async def run_once(self) -> float:
        ended = await self._store.ended(PAGE)
        if ended:
            next_due: dict[str, Micros] = {}
            services: dict[str, ServiceEnd] = {}
            for run in ended:
                schedule = await self._awaiting(run)
                trigger = None if schedule is None else self._triggers.of(schedule)
                if schedule is None or trigger is None or not trigger.anchored_at_end:
                    continue
                if trigger.kind == "service":
                    services[run.schedule] = await self._service_end(schedule, run)
                    continue
                due = after_run(trigger, to_datetime(run.completed_at), to_datetime(schedule.cursor_at))
                if due is not None:
                    next_due[run.schedule] = to_micros(due)
            busy = await self._store.busy_schedules(list(services)) if services else ()
            await self._store.settle(ended, next_due, {key: end for key, end in services.items() if key not in busy})
        decided = await self._decide()
        await self._store.release_in_line()
        if decided or len(ended) == PAGE:
            return 0
        await self._rearm()
        return POLL_SECONDS

    async def _decide(self) -> bool:
        """Let the waiting runs go on or skip them, as far as their dependencies are decided."""
        decisions: list[tuple[str, str | None]] = []
        after: int | None = 0
        while after is not None:
            waiting, after = await self._store.waiting_runs(PAGE, after)
            for run in waiting:
                verdict, reason = verdict_on(run)
                if verdict != "wait":
                    decisions.append((run.run, reason if verdict == "skip" else None))
        return bool(decisions) and await self._store.decide_waiting(decisions) > 0

    async def _awaiting(self, run: EndedRun) -> Schedule | None:
        """The schedule of a run that has ended, if it waits for that end to be due again."""
        schedule = await self._store.schedule(run.schedule)
        if schedule is None or schedule.deleted or not schedule.enabled or schedule.next_due_at is not None:
            return None
        return schedule

    async def _service_end(self, schedule: Schedule, ended: EndedRun) -> ServiceEnd:
        """Whether a service is started again after this end, and when."""
        when = self._triggers.when_of(schedule)
        policy = (when.restart if isinstance(when, Always) else None) or self._restart
        task = None if self._registry is None else self._registry.find(schedule.task)
        retry = schedule.retry or (None if task is None else task.retry) or self._retry
        run = await self._store.run(ended.run)
        what = after_end(
            ended.status, (ended.completed_at - (ended.started_at or ended.completed_at)) / SECOND, policy, retry,
            schedule.restarts,
            final=run is not None and run.error is not None and run.error.kind == Discard.__name__,
            chance=zlib.crc32(ended.run.encode()) / 2**32,
        )  # fmt: skip
        due = None if what.wait_seconds is None else ended.completed_at + round(what.wait_seconds * SECOND)
        reason = what.reason if ended.error is None else f"{what.reason}: {ended.error}"
        return ServiceEnd(schedule.version, due, what.restarts, reason[:500], what.gave_up)

    async def _rearm(self) -> None:
        """Give a due time to the schedules that have none, although no end of a run is to come that would set it.

        What counts from the end and whose fire joined another run counts from the end of that; if there is none, from
        now on. One whose times could not be read goes on from now, where they can be read again.
        """
        now, next_due = self._store.now(), dict[str, Micros]()
        for schedule, joined_ended_at in await self._store.stranded_schedules():
            trigger = self._triggers.of(schedule)
            if trigger is None:
                continue
            if trigger.kind == "service":  # its worker was lost with all that it knew, or its times could not be read
                next_due[schedule.id] = now
                continue
            since = joined_ended_at if trigger.anchored_at_end and joined_ended_at is not None else now
            moment = to_datetime(max(since, schedule.cursor_at))
            due = trigger.next_after(moment, anchor=to_datetime(schedule.anchor_at))
            if due is not None:
                next_due[schedule.id] = to_micros(due)
        if next_due:
            await self._store.rearm(next_due)


def verdict_on(run: Waiting) -> tuple[str, str]:
    """What a waiting run is to do, ``go``, ``wait`` or ``skip``, and why."""
    if not run.there:
        return "skip", "its schedule was removed"
    found = readiness(
        [_dependency(each, run) for each in run.needs],
        due_at=to_datetime(run.due_at),
        last_start=_moment(run.last_start_at),
        last_skip=_moment(run.skipped_at),
    )
    return found.verdict, found.reason


def _dependency(needed: Needed, run: Waiting) -> Dependency:
    outcome = None
    if needed.outcome is not None:
        outcome = RunStatus(needed.outcome) if needed.outcome in set(RunStatus) else FireOutcome(needed.outcome)
    # one that is always busy holds nobody up: a success since the run became due is enough, whatever runs now
    since = max(run.due_at, run.last_start_at or 0)
    enough = outcome is RunStatus.COMPLETED and (needed.outcome_at or 0) > since
    return Dependency(
        needed.name,
        outcome,
        _moment(needed.outcome_at),
        live=needed.coming or (needed.running and not enough),
        enabled=needed.again,
        removed=not needed.there,
    )


def _moment(micros: Micros | None) -> datetime | None:
    return None if micros is None else to_datetime(micros)
