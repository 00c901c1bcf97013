"""The store's suite: short ways to bring a store into the state that a test is about."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict, Unpack

from runwright.clock import SECOND, Micros, SystemRng
from runwright.lifecycle import RunEvent
from runwright.model import (
    AttemptStatus,
    Change,
    Claim,
    Finish,
    Lane,
    NewRun,
    OnInterrupt,
    Run,
    RunError,
    RunStatus,
    Schedule,
    TaskProgress,
    Turn,
)
from runwright.retry import Retry
from runwright.store.base import EventFilter, NewWorker, Store, Wanted
from runwright.testing.clock import ManualClock

LEASE_SECONDS = 30.0
TASKS = ("backup", "report", "sync")
_rng = SystemRng()


class RunOptions(TypedDict, total=False):
    """What a test may say of a new run; see NewRun."""

    lane: Lane
    arguments: str
    priority: int
    exclusive: bool
    on_interrupt: OnInterrupt
    retry: Retry | None
    user: str | None
    created_by: str
    entity: str | None
    tags: tuple[str, ...]
    parent: str | None
    schedule: str | None
    waits: bool
    in_line: bool
    unique_key: str | None
    until_start: bool
    unique_since: int | None
    concurrency_key: str | None
    concurrency_limit: int | None
    idempotency_key: str | None
    idempotency_digest: str | None


class Setup:
    """A store, its clock, and one session ``w1`` that is registered when it is first needed."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock

    def run(self, task: str = "backup", due_in: float = 0.0, **options: Unpack[RunOptions]) -> NewRun:
        """A new run, not yet stored, due ``due_in`` seconds from now."""
        now = self.clock.now()
        plain = NewRun(_rng.run_id(now), task, Lane.ASYNC, "{}", now, now + round(due_in * SECOND))
        return replace(plain, **options)

    async def add(self, task: str = "backup", due_in: float = 0.0, **options: Unpack[RunOptions]) -> str:
        """Store a new run; its id."""
        answer = await self.store.enqueue([self.run(task, due_in, **options)])
        assert answer[0].created
        return answer[0].run_id

    async def worker(self, session: str = "w1", tasks: tuple[str, ...] = TASKS) -> str:
        """Register a session."""
        await self.store.register(NewWorker(session, "host", 1, {"async": 4}, tasks), LEASE_SECONDS)
        return session

    async def turn(self, now: int = 1, ahead: int = 0, *, session: str = "w1", lane: Lane = Lane.ASYNC) -> Turn:
        """Claim in one lane."""
        return await self.store.turn(session, [Wanted(lane, now, ahead)])

    async def claim(self, session: str = "w1", lane: Lane = Lane.ASYNC) -> Claim:
        """Claim and start exactly one run."""
        turn = await self.turn(session=session, lane=lane)
        assert len(turn.claims) == 1
        return turn.claims[0]

    async def claimed(
        self, now: int = 10, ahead: int = 0, *, session: str = "w1", lane: Lane = Lane.ASYNC
    ) -> list[str]:
        """Claim; the ids in the order given."""
        return [claim.run_id for claim in (await self.turn(now, ahead, session=session, lane=lane)).claims]

    def finish(
        self,
        claim: Claim,
        event: RunEvent = RunEvent.COMPLETE,
        *,
        error: RunError | None = None,
        result: str | None = None,
        due_in: float | None = None,
        took: float = 1.0,
        progress: TaskProgress | None = None,
        warnings: tuple[str, ...] = (),
        cpu_seconds: float | None = None,
    ) -> Finish:
        """The end of a claim's attempt, now, after ``took`` seconds."""
        now = self.clock.now()
        return Finish(
            key=claim.key,
            token=claim.token,
            event=event.value,
            attempt_status=_ATTEMPTS.get(event, AttemptStatus.COMPLETED),
            started_at=now - round(took * SECOND),
            completed_at=now,
            attempt=claim.attempt,
            result=result,
            error=error,
            due_at=None if due_in is None else now + round(due_in * SECOND),
            failed=event in _FAILED,
            warnings=warnings,
            progress=progress,
            cpu_seconds=cpu_seconds,
        )

    async def end(self, claim: Claim, event: RunEvent = RunEvent.COMPLETE, *, session: str = "w1") -> Run:
        """Finish a claim, and read the run."""
        error = RunError("ValueError", "no", "trace") if event in _FAILED else None
        going_on = event in (RunEvent.RETRY, RunEvent.EXPIRE_RETRY, RunEvent.SNOOZE, RunEvent.RELEASE)
        finish = self.finish(claim, event, error=error, due_in=0.0 if going_on else None)
        turn = await self.store.turn(session, finished=[finish])
        assert turn.lost == frozenset()
        assert not turn.fenced
        return await self.read(claim.run_id)

    def change(self, claim: Claim, event: RunEvent) -> Change:
        """A change of a claimed run, now."""
        return Change(claim.key, claim.token, event.value, self.clock.now())

    async def ended(
        self, task: str = "backup", event: RunEvent = RunEvent.COMPLETE, **options: Unpack[RunOptions]
    ) -> Run:
        """A run that was stored, claimed and has ended; nothing else may be waiting."""
        await self.add(task, **options)
        return await self.end(await self.claim(lane=options.get("lane", Lane.ASYNC)), event)

    async def read(self, run: str) -> Run:
        """A run that must be there."""
        found = await self.store.run(run)
        assert found is not None
        return found

    async def status(self, run: str) -> RunStatus:
        """The status of a run that must be there."""
        return (await self.read(run)).status

    async def actions(self, run: str) -> list[str]:
        """What the timeline tells of a run, oldest first."""
        page = await self.store.events([_run_is(run)], limit=100)
        return [event.action for event in reversed(page.items)]

    def schedule(self, name: str = "nightly", next_in: float | None = None, *, origin: str = "") -> Schedule:
        """A schedule, not yet stored, placed a second ago and next due ``next_in`` seconds from now.

        One with an ``origin`` is declared there.
        """
        now = self.clock.now()
        return Schedule(
            id=_rng.run_id(now),
            name=name,
            task="backup",
            when='{"type":"cron","cron":"0 2 * * *"}',
            origin=origin,
            declared=f'{{"name":"{name}"}}' if origin else "",
            created_at=now,
            updated_at=now,
            anchor_at=now - SECOND,
            cursor_at=now - SECOND,
            next_due_at=None if next_in is None else self.in_seconds(next_in),
        )

    def in_seconds(self, seconds: float) -> Micros:
        """A moment from now."""
        return self.clock.now() + round(seconds * SECOND)


def _run_is(run: str) -> EventFilter:
    return EventFilter("run", "is", run)


_FAILED = {RunEvent.FAIL, RunEvent.RETRY, RunEvent.EXPIRE, RunEvent.EXPIRE_RETRY}
_ATTEMPTS = {
    **dict.fromkeys(_FAILED, AttemptStatus.ERROR),
    RunEvent.SNOOZE: AttemptStatus.SNOOZED,
    RunEvent.STOPPED: AttemptStatus.CANCELLED,
    RunEvent.RELEASE: AttemptStatus.INTERRUPTED,
}
