"""The verbs of ``manager.schedules``: control's, as code holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from runwright.control import Backfill, Control, ScheduleEdit
from runwright.control.schedule_edit import CHECKS
from runwright.control.schedule_words import entries_of
from runwright.errors import InvalidInput, in_file
from runwright.manager import schedule_file
from runwright.model import SYSTEM, Pause, Schedule, Statistics
from runwright.tasks.definition import to_task


class ManagerSchedules:
    """The verbs of ``manager.schedules``; names are names or ids."""

    def __init__(self, control: Control) -> None:
        self._door = control.schedules
        self._fires = control.fires
        self._declared = control.declared
        self._file = control.file

    async def add(self, name: str, *, task: Any, when: Any, **fields: Any) -> Schedule:
        """Create a schedule; fields as in ``ScheduleEdit``. Raises ScheduleRefused, InvalidInput, DuplicateName.

        A trigger object (``when`` with ``next_after``, or APScheduler's) lives in code: processes without that code
        hold the schedule. To add it again, as a program does at each start, binds the one that is there.
        """
        return await self._door.add(SYSTEM, schedule_edit(name=name, task=task, when=when, **fields), confirmed=True)

    async def add_many(self, schedules: Iterable[Mapping[str, Any]]) -> Sequence[Schedule]:
        """Create many schedules in one transaction, each given by its fields."""
        return await self._door.add_many(SYSTEM, (schedule_edit(**fields) for fields in schedules), confirmed=True)

    async def edit(self, schedule: str, /, **fields: Any) -> Schedule:
        """Change fields of a schedule; ``name`` gives it another name, which those that depend on it follow."""
        return await self._door.update(SYSTEM, schedule, schedule_edit(**fields), confirmed=True)

    async def enable(self, name: str) -> Schedule:
        """Let it fire again, from now on."""
        return await self._door.enable(SYSTEM, name, confirmed=True)

    async def disable(self, name: str) -> Schedule:
        """Stop firing; a running run goes on."""
        return await self._door.disable(SYSTEM, name)

    async def remove(self, name: str) -> None:
        """Delete it; its runs stay. Raises Conflict, naming them, while other schedules depend on it."""
        await self._door.remove(SYSTEM, name)

    async def get(self, name: str) -> Schedule:
        """The schedule. Raises NotFound."""
        return await self._door.get(SYSTEM, name)

    async def list(self) -> Sequence[Schedule]:
        """All schedules by name."""
        return await self._door.list(SYSTEM)

    async def fire(self, name: str) -> str:
        """Run it once now, whatever its state, policies and dependencies; the run's id."""
        return await self._fires.fire(SYSTEM, name, confirmed=True)

    async def backfill(self, name: str, since: datetime, until: datetime) -> Backfill:
        """Run each due time in [since, until] that has no run yet. Raises InvalidInput if there are too many."""
        return await self._fires.backfill(SYSTEM, name, since, until, confirmed=True)

    async def next(self, name: str, count: int = 10) -> Sequence[datetime]:
        """Its next due times."""
        return await self._door.next(SYSTEM, name, count)

    async def between(self, name: str, since: datetime, until: datetime) -> Sequence[datetime]:
        """Its due times in [since, until], past or to come."""
        return await self._door.between(SYSTEM, name, since, until)

    async def stats(self) -> Statistics:
        """The totals over all schedules."""
        return await self._door.statistics(SYSTEM)

    async def pause(self, reason: str) -> Pause:
        """Hold the fires of all schedules until ``resume``; the reason is shown everywhere."""
        return await self._door.pause(SYSTEM, reason)

    async def resume(self) -> None:
        """Let all schedules fire again, from now on. Raises Conflict if they are not paused."""
        await self._door.resume(SYSTEM)

    async def paused(self) -> Pause | None:
        """Why, by whom and since when all schedules are paused; None if they are not."""
        return await self._door.paused(SYSTEM)

    async def reset(self, name: str) -> Schedule:
        """Let a schedule from code or a file be again what that says; also one that was deleted."""
        return await self._declared.reset(SYSTEM, name)

    async def save(self, path: str | Path) -> None:
        """Write all schedules to a JSON file, in one step: a crash leaves the old file or the new one.

        Secrets in arguments stay sealed in it. Raises InvalidInput if it cannot be written.
        """
        text = schedule_file.text_of(await self._file.words(SYSTEM))
        await asyncio.to_thread(schedule_file.write, Path(path), text)

    async def load(self, path: str | Path) -> Sequence[Schedule]:
        """Put the schedules of a file in the place of those of the same names, all or none; the others stay.

        A file that is not there holds none. Files of older schedulers are read too. Nothing of the past is fired:
        times are worked out from now on. Raises InvalidInput if anything in it is wrong; then nothing has changed.
        """
        found = await asyncio.to_thread(schedule_file.read, Path(path))
        with in_file(path):
            return await self._file.load(SYSTEM, entries_of(found or ()))


def schedule_edit(**fields: Any) -> ScheduleEdit:
    """A ScheduleEdit from keywords; ``task`` may be a task, and unknown fields are named."""
    if unknown := fields.keys() - CHECKS.keys():
        raise InvalidInput.field(f"/{min(unknown)}", f"is no field of a schedule; there are {', '.join(CHECKS)}")
    if "task" in fields and not isinstance(fields["task"], str):
        fields["task"] = to_task(fields["task"]).name
    return cast("ScheduleEdit", fields)
