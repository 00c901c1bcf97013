"""Control, tasks: what can be run here, what is known of its latest runs, and what could not be loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runwright.auth.policy import require
from runwright.model import Actor, Role, TaskHistory
from runwright.store.base import Store
from runwright.tasks.definition import Task
from runwright.tasks.registry import Problem, Registry


class Tasks:
    """Questions about tasks; they are defined in code, so there are no commands."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def get(self, actor: Actor, name: str) -> Task[..., Any]:
        """The task. Raises NotFound, with near names."""
        require(actor, Role.VIEWER)
        return self._registry.get(name)

    def list(self, actor: Actor) -> Sequence[Task[..., Any]]:
        """All tasks by name."""
        require(actor, Role.VIEWER)
        return self._registry.tasks()

    def problems(self, actor: Actor) -> Sequence[Problem]:
        """What discovery could not load: file, line, error."""
        require(actor, Role.VIEWER)
        return self._registry.problems

    async def history(self, actor: Actor, names: Sequence[str]) -> Mapping[str, TaskHistory]:
        """What is known of the latest runs of these tasks."""
        require(actor, Role.VIEWER)
        return await self._store.history(names)
