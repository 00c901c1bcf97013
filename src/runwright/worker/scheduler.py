"""Fires schedules on time: due times become ledger rows and runs, in one transaction with the schedule's new place.

Any number of schedulers may run; none leads. Each prepares what is due within a moment, waits for the instant, and
carries the plan to the store, where the schedule's version and the ledger's unique key decide who was first.
What happens at a due time is decided in ``schedule.catchup``, purely; what follows from a run's end is the settler's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from runwright.admission import Admission
from runwright.bus import Bus
from runwright.clock import SECOND, Clock, Micros, to_datetime, to_micros
from runwright.errors import RunwrightError, StoreUnavailable
from runwright.model import SYSTEM, Actor, FirePlan, NewFire, NewRun, Pause, Role, Schedule
from runwright.retry import Retry
from runwright.schedule import jitter
from runwright.schedule.catchup import Fire, Plan, Policy, Situation, plan, without_run
from runwright.store.base import Store
from runwright.tasks.registry import Registry
from runwright.when import CatchUp, FireOutcome, Overlap
from runwright.worker.service import Service
from runwright.worker.triggers import Triggers

HORIZON_SECONDS = 5.0
PREPARE_SECONDS = 0.05
AHEAD_SECONDS = 0.02
UNBOUND_SECONDS = 5.0
"""How long a scheduler that does not know a schedule's code leaves its due time to one that does."""
HELD_SECONDS = 0.25
"""How long a due time is left whose run needs a unique key that is in a transaction which has not ended."""
EARLY_SECONDS = 0.0015

logger = logging.getLogger("runwright.scheduler")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A schedule's plan, ready to be written. ``busy``: a live run stands in its way."""

    due_at: Micros
    schedule: Schedule
    plan: FirePlan
    busy: bool


class Scheduler(Service):
    """The loop that fires schedules."""

    name = "scheduler"
    topics = ("schedules",)

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        admission: Admission,
        clock: Clock,
        bus: Bus,
        retry: Retry,
        triggers: Triggers,
        cap: int = 100,
        rate: int = 50,
    ) -> None:
        super().__init__(bus)
        self._store = store
        self._registry = registry
        self._admission = admission
        self._clock = clock
        self._retry = retry
        self._cap = cap
        self._late_every = 1 / rate
        self._late_at = clock.monotonic() - self._late_every
        self._triggers = triggers
        self._pause: Pause | None = None
        self._known: dict[str, Schedule] = {}
        self._known_until: Micros = 0
        self._left: dict[str, Micros] = {}
        self._stale = True
        self.ticked_at = clock.monotonic()

    async def run_once(self) -> float:
        pause = await self._look()
        self.ticked_at = self._clock.monotonic()  # only now: one that fails at each look is not alive
        return pause

    async def _look(self) -> float:
        """Fire what is due within a moment; the seconds until the next look."""
        now = self._store.now()
        if self.hinted or self._stale or now >= self._known_until:
            await self._read(now)
        attention = {schedule.id: self._attention(schedule) for schedule in self._known.values()}
        first = min(attention.values(), default=None)
        if first is None or first > now + PREPARE_SECONDS * SECOND:
            wake_at = self._known_until if first is None else min(first - PREPARE_SECONDS * SECOND, self._known_until)
            return max(0.0, (wake_at - now) / SECOND)

        near = now + round(PREPARE_SECONDS * SECOND)
        prepared = await self._prepare([s for s in self._known.values() if attention[s.id] <= near], now)
        # Written a moment ahead, as runs that are due then, so that the instant itself has no write to wait for.
        if not await self._wait_until(first - round(AHEAD_SECONDS * SECOND)):
            return 0
        await self._carry_out([ready for ready in prepared if not ready.busy])
        busy = [ready for ready in prepared if ready.busy]
        while busy:  # the run in the way may end until then: look again when the time has come
            if not await self._wait_until(busy[0].due_at):
                return 0
            now = max(self._store.now(), busy[0].due_at)
            due = [ready.schedule for ready in busy if ready.due_at <= now]
            await self._carry_out(await self._prepare(due, now))
            busy = busy[len(due) :]
        return 0

    def _attention(self, schedule: Schedule) -> Micros:
        """When this scheduler looks at a schedule: at its due time, or later if it is left to others or held."""
        due_at = schedule.next_due_at or 0
        if self._unbound(schedule) is not None:
            due_at += round(UNBOUND_SECONDS * SECOND)
        return max(due_at, self._left.get(schedule.id, 0))

    def _unbound(self, schedule: Schedule) -> str | None:
        """Why its due times are held here; None if its task and its times are known."""
        if self._registry.find(schedule.task) is None:
            return f"task {schedule.task!r} is not known here"
        return self._triggers.problem(schedule)

    async def _read(self, now: Micros) -> None:
        """Take the enabled schedules that are due soon into memory; the others are read when their time comes near."""
        self._stale = False
        self._known_until = now + round(HORIZON_SECONDS * SECOND)
        self._pause = await self._store.paused()  # before the schedules: a pause that comes now raises their versions
        limit = 500
        while True:
            due = await self._store.due_schedules(self._known_until, limit)
            if len(due) < limit:
                break
            limit *= 4
        self._known = {schedule.id: schedule for schedule in due}
        self._left = {key: until for key, until in self._left.items() if key in self._known}

    async def _wait_until(self, due_at: Micros) -> bool:
        """Wait for the instant: a timer that is armed early, then a short spin, since timers come up to 1 ms late.

        False if the clock was set back meanwhile, and the instant is far away again: it is time to look anew.
        """
        while (left := (due_at - self._store.now()) / SECOND) > 0:
            if left > 2 * PREPARE_SECONDS:
                self._stale = True
                return False
            await self._clock.sleep(left - EARLY_SECONDS if left > EARLY_SECONDS else 0)
        return True

    # ----- what is to be written -----------------------------------------------------------------------------------

    async def _prepare(self, schedules: Sequence[Schedule], now: Micros) -> list[Prepared]:
        schedules = await self._without_left(schedules, now)
        busy = await self._store.busy_schedules([s.id for s in schedules])
        prepared = []
        for schedule in schedules:
            try:
                prepared.append(self._prepared(schedule, busy, max(now, schedule.next_due_at or now)))
            except Exception as error:  # one schedule that cannot be planned must not hold up the others
                logger.exception("schedule %r could not be planned: %s", schedule.name, error)
                self._known.pop(schedule.id)
        prepared.sort(key=lambda p: p.due_at)
        return prepared

    async def _without_left(self, schedules: Sequence[Schedule], now: Micros) -> Sequence[Schedule]:
        """Those that this scheduler decides on: due times whose task only others know are left to them for a while."""
        absent = {schedule.id: schedule for schedule in schedules if self._registry.find(schedule.task) is None}
        if not absent or self._pause is not None:
            return schedules
        roles: dict[str, set[str]] = {}
        for version in await self._store.versions():
            roles.setdefault(version.task, set()).update(version.roles)
        left = {key: schedule for key, schedule in absent.items() if schedule.task in roles}
        for key, schedule in left.items():
            if key not in self._left and "scheduler" not in roles[schedule.task]:
                logger.warning(
                    "schedule %r is due, and only workers have the code of its task %r: it waits for a scheduler that "
                    "has it, too; give the scheduler the same task folder", schedule.name, schedule.task,
                )  # fmt: skip
            self._left[key] = now + round(UNBOUND_SECONDS * SECOND)
        return [schedule for schedule in schedules if schedule.id not in left]

    def _prepared(self, schedule: Schedule, busy: AbstractSet[str], at: Micros) -> Prepared:
        running, held = schedule.id in busy, self._held(schedule)
        trigger = self._triggers.of(schedule)
        if trigger is None:
            return Prepared(at, schedule, _unknown(schedule, held or ""), busy=False)
        situation = Situation(
            cursor=to_datetime(schedule.cursor_at),
            next_due=None if schedule.next_due_at is None else to_datetime(schedule.next_due_at),
            anchor=to_datetime(schedule.anchor_at),
            running=running,
            held=held,
            blackouts=self._triggers.blackouts(schedule),
        )
        policy = Policy(
            Overlap(schedule.overlap), CatchUp(schedule.catch_up), schedule.misfire_grace_seconds, self._cap
        )
        decided = plan(trigger, situation, policy, to_datetime(at))
        fires = tuple(self._new_fire(schedule, fire) for fire in decided.fires)
        if decided.awaits_end and not running and all(fire.run is None for fire in fires):
            decided = without_run(trigger, decided, to_datetime(at))
        return Prepared(
            schedule.next_due_at or at,
            schedule,
            self._fire_plan(schedule, decided, fires),
            running and policy.overlap in (Overlap.SKIP, Overlap.CANCEL_RUNNING),
        )

    def _held(self, schedule: Schedule) -> str | None:
        if self._pause is not None:
            return f"all schedules are paused by {self._pause.by}: {self._pause.reason}"[:500]
        return self._unbound(schedule)

    @staticmethod
    def _fire_plan(schedule: Schedule, decided: Plan, fires: tuple[NewFire, ...]) -> FirePlan:
        return FirePlan(
            schedule=schedule.id,
            version=schedule.version,
            fires=fires,
            cursor_at=to_micros(decided.cursor),
            next_due_at=None if decided.next_due is None else to_micros(decided.next_due),
            enabled=not decided.finished,
            first_done=True,
            cancels=decided.cancel_running,
        )

    def _new_fire(self, schedule: Schedule, fire: Fire) -> NewFire:
        due_at = to_micros(fire.due)
        first = to_micros(fire.first)
        row = NewFire(first, fire.outcome.value, fire.reason, None, fire.count, due_at if fire.count > 1 else None)
        if not fire.outcome.starts_run:
            return row
        trigger = self._triggers.of(schedule)
        service = trigger is not None and trigger.kind == "service"
        try:
            run = self._admission.admit_scheduled(
                schedule, Actor(f"schedule {schedule.name}", Role.OPERATOR), self._store.now(),
                service=service, confirmed=True, user=SYSTEM.name, retry=self._retry_for(schedule.task),
            )  # fmt: skip
        except RunwrightError as refused:
            return replace(row, outcome="blocked", reason=refused.message[:500])
        return replace(row, run=self._in_order(run, schedule, fire))

    def _in_order(self, run: NewRun, schedule: Schedule, fire: Fire) -> NewRun:
        """The run at its place: when it may start, after which others of its schedule, whether it waits for more."""
        due_at = to_micros(fire.due + jitter(schedule.id, fire.due, schedule.jitter_seconds))
        if fire.outcome is FireOutcome.LATE:  # what comes back after a downtime does not come all at once
            present = self._clock.monotonic()
            self._late_at = max(present, self._late_at + self._late_every)
            if self._late_at > present:
                due_at = max(due_at, self._store.now() + round((self._late_at - present) * SECOND))
        in_line = schedule.overlap != Overlap.ALLOW
        return replace(run, due_at=due_at, waits=bool(schedule.depends_on), in_line=in_line)

    def _retry_for(self, task: str) -> Retry | None:
        """Scheduled runs are retried by default; a task's own policy wins."""
        found = self._registry.find(task)
        return None if found is None or found.retry is not None else self._retry

    # ----- writing it ----------------------------------------------------------------------------------------------

    async def _carry_out(self, tick: Sequence[Prepared]) -> None:
        try:
            written = await self._store.fire([ready.plan for ready in tick], patient=False)
        except StoreUnavailable as unavailable:
            if unavailable.reason != "held":
                raise
            if len(tick) > 1:
                await self._one_by_one(tick)
            else:
                self._leave(tick[0].schedule, unavailable)
            return
        for ready, won in zip(tick, written, strict=True):
            self._left.pop(ready.schedule.id, None)
            if not won:  # edited, or fired by another scheduler: look again
                self._known.pop(ready.schedule.id, None)
                self._stale = True
            elif ready.plan.next_due_at is None or not ready.plan.enabled or (
                ready.plan.next_due_at > self._known_until
            ):  # fmt: skip
                self._known.pop(ready.schedule.id, None)
            else:
                self._known[ready.schedule.id] = replace(
                    ready.schedule,
                    version=ready.schedule.version + 1,
                    cursor_at=ready.plan.cursor_at,
                    next_due_at=ready.plan.next_due_at,
                    first_done=True,
                )

    async def _one_by_one(self, tick: Sequence[Prepared]) -> None:
        """One of them is held, and the others are on time."""
        for failed in await asyncio.gather(*(self._carry_out([one]) for one in tick), return_exceptions=True):
            if failed is not None:
                raise failed

    def _leave(self, schedule: Schedule, why: StoreUnavailable) -> None:
        """Come back to its due time in a moment: nobody knows yet whether it makes a run."""
        if schedule.id not in self._left:
            logger.warning("schedule %r waits: %s", schedule.name, why)
        self._left[schedule.id] = self._store.now() + round(HELD_SECONDS * SECOND)


def _unknown(schedule: Schedule, reason: str) -> FirePlan:
    """A due time whose trigger is not here is held; which one comes next, only that code can tell."""
    due_at = schedule.next_due_at or 0
    fires = (NewFire(due_at, FireOutcome.HELD, reason),) if due_at > schedule.cursor_at else ()
    return FirePlan(schedule.id, schedule.version, fires, due_at, None, first_done=schedule.first_done)
