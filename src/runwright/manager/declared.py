"""Schedules that tasks declare in code: made with their tasks, following the code until people edit or delete them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from runwright.control import ScheduleEdit, Schedules
from runwright.errors import RunwrightError, StoreUnavailable
from runwright.model import SYSTEM, Schedule
from runwright.store.base import Store
from runwright.tasks.definition import Task
from runwright.tasks.registry import Registry

logger = logging.getLogger("runwright")


class DeclaredSchedules:
    """Keeps the store in step with what the registered tasks declare."""

    def __init__(self, store: Store, registry: Registry, door: Schedules) -> None:
        self._store = store
        self._registry = registry
        self._door = door
        self._declaring: asyncio.Task[None] | None = None
        self._unsubscribe = registry.subscribe(self._changed)

    async def declare(self) -> None:
        """Create what is missing, and follow the code where nobody has edited; people's edits and deletions win."""
        known = {schedule.name: schedule for schedule in await self._store.schedules(deleted=True)}
        for task in self._registry.tasks():
            if task.schedule is None:
                continue
            try:
                existing = known.get(task.name)
                if existing is None:
                    await self._door.add(SYSTEM, _edit(task), confirmed=True, origin=task.source)
                elif existing.origin and not (existing.edited or existing.deleted):
                    await self._follow_code(existing, task)
            except StoreUnavailable:
                raise
            except RunwrightError as error:  # a task with a bad schedule must not keep the others from theirs
                logger.warning("the schedule that task %r declares was refused: %s", task.name, error)

    async def close(self) -> None:
        """Follow no longer; a declaration that is under way is finished."""
        self._unsubscribe()
        if self._declaring is not None:
            await self._declaring

    def _changed(self) -> None:
        if self._declaring is None:
            self._declaring = asyncio.create_task(self._declare_soon(), name="runwright-declare")

    async def _declare_soon(self) -> None:
        """Declare once for all changes that come together; a change in the middle leads to another round."""
        try:
            version = -1
            while version != self._registry.version:
                version = self._registry.version
                await self.declare()
        except StoreUnavailable as unavailable:
            logger.warning("the schedules that tasks declare must wait: %s", unavailable)
        finally:
            self._declaring = None

    async def _follow_code(self, existing: Schedule, task: Task[..., Any]) -> None:
        if self._door.canonical(task.schedule) != existing.when:
            await self._door.redeclare(existing, task.schedule, task.source)


def _edit(task: Task[..., Any]) -> ScheduleEdit:
    return ScheduleEdit(
        name=task.name, task=task.name, when=task.schedule, label=task.title, depends_on=task.depends_on
    )
