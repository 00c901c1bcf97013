"""The store's contract, its part about schedules: their rows, the ledger of their due times, what their runs wait for.

The rules of ``store.base`` hold for these verbs, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from runwright.clock import Micros
from runwright.model import (
    EndedRun,
    Fire,
    FirePlan,
    Measured,
    Page,
    Pause,
    Schedule,
    ScheduleChange,
    ServiceEnd,
    Usage,
    Waiting,
)
from runwright.store.asked import Guard


class ScheduleVerbs(Protocol):
    """The verbs about schedules; a Store has them."""

    async def write_schedules(self, changes: Sequence[ScheduleChange], actor: str, guard: Guard | None = None) -> bool:
        """Insert the schedules whose action is ``schedule.created``, and replace the others; all of them or none.

        False if the stored version of one that is replaced is not ``schedule.version``; each version rises. Statistics
        of replaced schedules stay. A new name is followed by those that depend on the schedule.

        If dependencies or names that they use change, ``guard`` sees the whole graph as it will be, and no other change
        comes between its look and the commit.

        Raises:
            DuplicateName: a name is taken, also by a declared schedule that people deleted; withdrawn ones give it up.
            what ``guard`` raises.
        """
        ...

    async def delete_schedule(self, schedule: str, actor: str, guard: Guard | None = None) -> bool:
        """Delete by id; one that is declared leaves a tombstone, as edited. False if it is not there.

        Its ledger goes, its runs stay. ``guard`` sees the graph without it, and raises if it may not go.
        """
        ...

    async def pause_schedules(self, reason: str | None, actor: str) -> bool:
        """Pause all schedules for a reason, or let them go on with None. False if they were not paused then.

        The versions of the enabled schedules rise: what schedulers had planned before is planned again.
        """
        ...

    async def paused(self) -> Pause | None:
        """Why, by whom and since when all schedules are paused; None if they are not."""
        ...

    async def schedule(self, id_or_name: str) -> Schedule | None: ...

    async def schedules(self, *, deleted: bool = False) -> Sequence[Schedule]:
        """All schedules by name; tombstones only if asked for. There may be very many: see ``schedule_page``."""
        ...

    async def schedule_page(
        self, limit: int, after: str | None = None, *, name: str | None = None, task: str | None = None
    ) -> tuple[Page[Schedule], int]:
        """A page of the schedules by name, perhaps only the one of this name, or those of this task, and their number.

        The page's cursor is a name.
        """
        ...

    async def declared_schedules(self, *, withdrawn: bool = False) -> Sequence[Schedule]:
        """The schedules that code or files declare, tombstones too; or only those that were deleted, but not edited."""
        ...

    async def schedules_of(self, tasks: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The names of the schedules of each of these tasks."""
        ...

    async def due_schedules(self, until: Micros, limit: int = 500) -> Sequence[Schedule]:
        """Enabled schedules whose next due time is not after ``until``, the earliest first."""
        ...

    async def busy_schedules(self, schedules: Collection[str]) -> AbstractSet[str]:
        """Those of these schedules (by id) that have a live run."""
        ...

    async def fire(self, plans: Sequence[FirePlan], *, patient: bool = True) -> Sequence[bool]:
        """Carry out the plans: ledger rows, runs and the schedule's new place, all or nothing for each plan.

        A plan whose version is not the stored one, or which has a due time that is not after the schedule's watermark,
        writes nothing and is False. A due time that has a row of its own (a backfill was ahead) is passed over with its
        run. One that ``cancels`` cancels the live runs of its schedule, as ``move`` does, unless they hold the unique
        key of its own run.

        Due times without a run, one after the other, with the same outcome and reason are one row, a span, also with
        those of plans before, unless the schedule's anchor has moved since. A plan that ``fills`` gives runs to due
        times that are recorded without one, or not recorded: each gets a row of its own, and leaves its span.

        Raises:
            StoreUnavailable: nothing was written; with ``held`` because a transaction that has not ended has the unique
                key of one of their runs. If the caller is ``patient``, it was waited for.
        """
        ...

    async def fires(self, schedule: str, limit: int = 50, after: str | None = None) -> Page[Fire]:
        """A page of the schedule's ledger, the newest rows first."""
        ...

    async def ended(self, limit: int = 500) -> Sequence[EndedRun]:
        """Ended runs of schedules whose consequences are not recorded yet, oldest first."""
        ...

    async def settle(
        self,
        ended: Sequence[EndedRun],
        next_due: Mapping[str, Micros],
        services: Mapping[str, ServiceEnd] | None = None,
    ) -> None:
        """Record the consequences once: statistics of their schedules, and new next due times where given.

        ``services`` says for services whether and when they are started again.
        """
        ...

    async def services(self) -> Sequence[Schedule]:
        """The schedules of services, by name."""
        ...

    async def usage(self) -> Sequence[Usage]:
        """What the runs of services used when they were measured last; also of runs that have ended since."""
        ...

    async def keep_usage(self, measured: Sequence[Measured]) -> None:
        """Keep what claimed runs of services use now; of claims that are gone, nothing."""
        ...

    async def withdraw(self, schedule: str | None, actor: str, limit: int = 500) -> int:
        """Cancel runs that a schedule (by id), or any, made for a time still to come, at most ``limit``; how many.

        Such runs are due later than their schedule's time (jitter), or were written a moment ahead of it. What has been
        tried before is another matter: its retry has a time of its own.
        """
        ...

    async def stranded_schedules(self, limit: int = 500) -> Sequence[tuple[Schedule, Micros | None]]:
        """Enabled schedules without a next due time, of which no run is live and no ending is to be settled.

        Each with the time at which the run of its newest fire ended, None if that fire has none; while that run is
        live (another schedule's, which the fire joined) the schedule is left out.
        """
        ...

    async def rearm(self, next_due: Mapping[str, Micros]) -> None:
        """Give these schedules a next due time, if they are enabled and have none."""
        ...

    async def zone_rules(self) -> str | None:
        """The version of the time zone database by which the schedules were placed; None if that was never told."""
        ...

    async def keep_zone_rules(self, version: str) -> None:
        """Tell the version by which the schedules were placed; an older one than is there changes nothing."""
        ...

    async def waiting_runs(self, limit: int = 500, after: int = 0) -> tuple[Sequence[Waiting], int | None]:
        """Runs that wait for other schedules, with all that decides them, in one snapshot; the first of each schedule.

        Left out are those of a schedule that has a run about to start, or an ending that is not settled: its last start
        is not known yet. With them comes the key to ask for more ``after``, None if there are no more.
        """
        ...

    async def decide_waiting(self, decisions: Sequence[tuple[str, str | None]]) -> int:
        """Let waiting runs (by id) go on, or skip each that is given a reason; how many still waited.

        One that goes on waits for the live runs of its own schedule before it, unless that lets them overlap. A skip
        is written into the ledger, and leaves the run for ``ended``.
        """
        ...

    async def release_in_line(self) -> int:
        """Let each run go on that waits for the runs of its schedule before it, once none of those is live; how many.

        Live is what has not ended: also a run that was cancelled and whose code still works.
        """
        ...
