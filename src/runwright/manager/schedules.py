"""The verbs of ``manager.schedules``: control's, as code holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from runwright.control import ScheduleEdit, Schedules
from runwright.errors import InvalidInput
from runwright.model import SYSTEM, Schedule, Statistics
from runwright.tasks.definition import to_task


class ManagerSchedules:
    """The verbs of ``manager.schedules``; names are names or ids."""

    def __init__(self, door: Schedules) -> None:
        self._door = door

    async def add(self, name: str, *, task: Any, when: Any, **fields: Any) -> Schedule:
        """Create a schedule; fields as in ``ScheduleEdit``. Raises ScheduleRefused, InvalidInput, DuplicateName."""
        return await self._door.add(SYSTEM, schedule_edit(name=name, task=task, when=when, **fields), confirmed=True)

    async def add_many(self, schedules: Iterable[Mapping[str, Any]]) -> list[Schedule]:
        """Create many schedules in one transaction, each given by its fields."""
        return await self._door.add_many(SYSTEM, [schedule_edit(**fields) for fields in schedules], confirmed=True)

    async def edit(self, name: str, **fields: Any) -> Schedule:
        """Change fields of a schedule."""
        return await self._door.update(SYSTEM, name, schedule_edit(**fields), confirmed=True)

    async def enable(self, name: str) -> Schedule:
        """Let it fire again, from now on."""
        return await self._door.enable(SYSTEM, name)

    async def disable(self, name: str) -> Schedule:
        """Stop firing; a running run goes on."""
        return await self._door.disable(SYSTEM, name)

    async def remove(self, name: str) -> None:
        """Delete it; its runs stay."""
        await self._door.remove(SYSTEM, name)

    async def get(self, name: str) -> Schedule:
        """The schedule. Raises NotFound."""
        return await self._door.get(SYSTEM, name)

    async def list(self) -> Sequence[Schedule]:
        """All schedules by name."""
        return await self._door.list(SYSTEM)

    async def fire(self, name: str) -> str:
        """Run it once now; the run's id."""
        return await self._door.fire(SYSTEM, name, confirmed=True)

    async def next(self, name: str, count: int = 10) -> Sequence[datetime]:
        """Its next due times."""
        return await self._door.next(SYSTEM, name, count)

    async def stats(self) -> Statistics:
        """The totals over all schedules."""
        return await self._door.statistics(SYSTEM)


def schedule_edit(**fields: Any) -> ScheduleEdit:
    """A ScheduleEdit from keywords; ``task`` may be a task, and unknown fields are named."""
    known = ScheduleEdit.__dataclass_fields__
    if unknown := set(fields) - set(known):
        raise InvalidInput.field(f"/{min(unknown)}", f"is no field of a schedule; there are {', '.join(known)}")
    if "task" in fields and not isinstance(fields["task"], str):
        fields["task"] = to_task(fields["task"]).name
    return ScheduleEdit(**fields)
