"""Control: what other processes know of tasks whose code is not here, as their live sessions publish it.

A task is unknown only if no live session has it either. What needs its code (its arguments must be validated, its keys
made) is refused here all the same, with the reason; a process that shall do it needs the same task folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType

from runwright.errors import NotFound, NotHere
from runwright.model import Schedule, TaskVersion
from runwright.store.base import Store
from runwright.tasks.registry import Registry


class Elsewhere:
    """Answers by the last look; looking costs nothing while all tasks that are asked for are here."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._versions: Sequence[TaskVersion] = ()

    async def look(self, tasks: Iterable[str]) -> None:
        """See which of these tasks others know, if they are not here."""
        if any(self._registry.find(task) is None for task in tasks):
            self._versions = await self._store.versions()

    def knows(self, task: str) -> bool:
        """Whether a live session of another process knew the task at the last look."""
        return any(each.task == task for each in self._versions)

    def left_due(self, schedule: Schedule) -> str | None:
        """Why nobody fires a schedule although its task is known; None if a live scheduler has the code, or nobody."""
        roles = {role for each in self._versions if each.task == schedule.task for role in each.roles}
        if not roles or "scheduler" in roles or self._registry.find(schedule.task) is not None:
            return None
        return (
            f"only workers have the code of {schedule.task!r}: its due times wait for a scheduler that has it, too; "
            "give the scheduler the same task folder"
        )

    def explained(self) -> Explained:
        """Within it an unknown task is refused as NotHere instead, if a live session knows it."""
        return Explained(self)


class Explained:
    """See ``Elsewhere.explained``. A class, because each start goes through it, and a generator has its price."""

    __slots__ = ("_elsewhere",)

    def __init__(self, elsewhere: Elsewhere) -> None:
        self._elsewhere = elsewhere

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, NotFound) and error.kind == "task":
            await self._elsewhere.look([error.name])
            if self._elsewhere.knows(error.name):
                raise NotHere(error.name) from None
