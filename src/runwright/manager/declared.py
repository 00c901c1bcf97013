"""Schedules that tasks and the settings file declare: kept in step with both while the manager is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from runwright.control.declared import Declaration, Declared, declared_by
from runwright.errors import StoreUnavailable
from runwright.model import Schedule
from runwright.store.base import Store
from runwright.tasks.registry import Registry

logger = logging.getLogger("runwright")


class DeclaredSchedules:
    """Follows the registry. ``in_file`` is what the settings file declares, which is read once, ``file`` its origin."""

    def __init__(
        self, store: Store, registry: Registry, declared: Declared, in_file: Sequence[Declaration], file: str
    ) -> None:
        self._store = store
        self._registry = registry
        self._declared = declared
        self._in_file = list(in_file)
        self._file = file
        self._declaring: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        declared.declared_now = self.declared_now

    async def begin(self) -> None:
        """Declare, and do so again whenever the registry changes."""
        self._unsubscribe = self._registry.subscribe(self._changed)
        await self.declare()

    async def declare(self) -> None:
        """Bring the store in step with what is declared now."""
        await self._declared.follow(await self.declared_now(), self._gone)

    async def declared_now(self) -> list[Declaration]:
        """What is declared now; what a file declares wins over a task of the same name."""
        by_tasks = await declared_by(self._registry, self._store)
        in_file = {each.name for each in self._in_file}
        return [each for each in by_tasks if each.name not in in_file] + self._in_file

    async def close(self) -> None:
        """Follow no longer; a declaration that is under way is finished."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._declaring is not None:
            await self._declaring

    def _gone(self, schedule: Schedule) -> bool:
        """Whether a schedule that nothing declares has lost its place: its file or task is there, without it."""
        if schedule.origin == self._file:
            return True
        task = self._registry.find(schedule.task)
        return task is not None and task.source == schedule.origin

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
