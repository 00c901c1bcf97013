"""What happened, as it happens: the frames that a socket, a terminal or ``manager.follow`` shows of a run.

Frames are read from the store after the commit, woken by the bus and, should a hint be lost, by a slow poll. A frame's
``seq`` is a cursor: give the last one seen as ``after`` and the log goes on without a gap and without doubles.
This room never writes, and never waits for a reader: a slow one simply asks later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

from runwright.bus import Bus
from runwright.clock import Clock
from runwright.errors import NotFound
from runwright.model import LogLine, Run, TaskProgress
from runwright.store.base import RunQuery, Store

POLL_SECONDS = 2.0
PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run as it is now; the first frame."""

    run: Run
    seq: int


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The newest runs; the first frame of all runs."""

    runs: tuple[Run, ...]
    seq: int


@dataclass(frozen=True, slots=True)
class Log:
    """Lines of the log, in order."""

    lines: tuple[LogLine, ...]
    seq: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The latest progress. ``eta`` is in seconds, None while it cannot be told."""

    progress: TaskProgress
    eta: float | None
    seq: int


@dataclass(frozen=True, slots=True)
class State:
    """A run whose status or controls have changed."""

    run: Run
    seq: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The last frame: the run has ended, and its log was told to the end."""

    run: Run
    seq: int


@dataclass(frozen=True, slots=True)
class Resync:
    """The cursor cannot be continued: forget what was shown and begin anew."""

    seq: int = 0


Frame: TypeAlias = Snapshot | Snapshots | Log | Progress | State | Complete | Resync


class Feed:
    """Follows runs in the store, woken by the bus."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    def eta(self, run: Run, progress: TaskProgress) -> float | None:
        """Seconds that the run still needs if it goes on at its present pace."""
        if run.started_at is None or progress.total <= 0 or not 0 < progress.current <= progress.total:
            return None
        elapsed = self._clock.now() / 1e6 - run.started_at.timestamp()
        left = max(0.0, elapsed * (progress.total - progress.current) / progress.current)
        return left if left < float("inf") else None

    def latest(self, run: Run) -> TaskProgress | None:
        """A live run's progress as its worker last told it, else the saved one."""
        return (None if run.status.terminal else self._bus.progress(run.id)) or run.progress

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Frame]:
        """Everything about one run until it ends, beginning with a snapshot.

        Raises:
            NotFound: there is no such run.
        """
        wakeup = self._bus.subscribe(f"run:{run_id}")  # before the first look, so that nothing falls between
        try:
            run = await self._existing(run_id)
            if after < 0:
                yield Resync()
                after = 0
            yield Snapshot(run, after)
            shown, told = run, self.latest(run)
            while True:
                while lines := await self._store.log(run_id, after):
                    after = lines[-1].seq
                    yield Log(tuple(lines), after)
                if run.status.terminal:
                    yield Complete(run, after)
                    return
                progress = self.latest(run)
                if progress is not None and progress != told:
                    told = progress
                    yield Progress(progress, self.eta(run, progress), after)
                if _face(run) != _face(shown):
                    shown = run
                    yield State(run, after)
                await wakeup.wait(POLL_SECONDS)
                run = await self._existing(run_id)  # read before the log: an ended run's log is complete
        finally:
            wakeup.close()

    async def follow_all(self) -> AsyncIterator[Frame]:
        """The newest runs, then every run that changes, coalesced: its present state, not each step."""
        wakeup = self._bus.subscribe("events")
        try:
            cursor, _ = await self._store.changed_since(None)
            page = await self._store.runs(RunQuery(limit=50))
            yield Snapshots(page.items, cursor.last)
            while True:
                cursor, changed = await self._store.changed_since(cursor)
                for run in await self._store.runs_by_id(changed) if changed else ():
                    yield State(run, cursor.last)
                await wakeup.wait(POLL_SECONDS)
                await self._clock.sleep(PROGRESS_SECONDS)  # let a burst come together
        finally:
            wakeup.close()

    async def ended(self, run_id: str) -> Run:
        """Wait until the run has ended; its last snapshot."""
        wakeup = self._bus.subscribe(f"run:{run_id}")
        try:
            while not (run := await self._existing(run_id)).status.terminal:
                await wakeup.wait(POLL_SECONDS)
            return run
        finally:
            wakeup.close()

    async def _existing(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run


def _face(run: Run) -> tuple[object, ...]:
    """What a change of is worth a frame."""
    return run.status, run.attempt, run.pause_requested, run.cancel_requested, run.worker, run.due_at
