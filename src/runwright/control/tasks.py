"""Control, tasks: what can be run here or elsewhere, what is known of its latest runs, and what could not be loaded."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runwright.auth.policy import require
from runwright.control.elsewhere import Elsewhere
from runwright.errors import NotFound
from runwright.model import Actor, JSONObject, Role, TaskHistory, TaskVersion
from runwright.store.base import Store
from runwright.tasks.definition import Task
from runwright.tasks.describe import describe
from runwright.tasks.registry import Problem, Registry


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as it may be shown.

    Attributes:
        attributes: its description, as ``tasks.describe`` makes it.
        source_hash: changes with its code, parameters and options.
        here: whether this process has its code; otherwise the newest live session that knows it describes it.
        versions: the live sessions that know it; those with another hash have another version of it.
    """

    name: str
    attributes: JSONObject
    source_hash: str
    here: bool
    versions: Sequence[TaskVersion]


class Tasks:
    """Questions about tasks; they are defined in code, so there are no commands."""

    def __init__(self, store: Store, registry: Registry, elsewhere: Elsewhere) -> None:
        self._store = store
        self._registry = registry
        self._elsewhere = elsewhere

    async def get(self, actor: Actor, name: str) -> Task[..., Any]:
        """The task itself. Raises NotFound, with near names, or NotHere if only other processes have its code."""
        require(actor, Role.VIEWER)
        async with self._elsewhere.explained():
            return self._registry.get(name)

    async def show(self, actor: Actor, name: str) -> TaskView:
        """What is known of a task, here or elsewhere. Raises NotFound, with near names."""
        require(actor, Role.VIEWER)
        for view in await self._views([name]):
            return view
        raise NotFound("task", name, self._registry.near(name))

    async def list(self, actor: Actor) -> Sequence[TaskView]:
        """All tasks that this process or a live session of another one knows, by name."""
        require(actor, Role.VIEWER)
        return await self._views(None)

    def problems(self, actor: Actor) -> Sequence[Problem]:
        """What discovery could not load: file, line, error."""
        require(actor, Role.VIEWER)
        return self._registry.problems

    async def history(self, actor: Actor, names: Sequence[str]) -> Mapping[str, TaskHistory]:
        """What is known of the latest runs of these tasks."""
        require(actor, Role.VIEWER)
        return await self._store.history(names)

    async def _views(self, wanted: Sequence[str] | None) -> builtins.list[TaskView]:
        versions: dict[str, list[TaskVersion]] = {}
        for each in await self._store.versions():
            versions.setdefault(each.task, []).append(each)
        names = {*self._registry.names(), *versions} if wanted is None else {*wanted}
        here = {name: task for name in names if (task := self._registry.find(name)) is not None}
        absent = sorted(name for name in names - here.keys() if name in versions)
        told = await self._store.definitions(absent) if absent else {}
        views = [self._view(task, versions.get(name, ())) for name, task in here.items()]
        views += [
            TaskView(name, json.loads(each.body), each.source_hash, here=False, versions=versions[name])
            for name, each in told.items()
        ]
        return sorted(views, key=lambda view: view.name)

    @staticmethod
    def _view(task: Task[..., Any], versions: Sequence[TaskVersion]) -> TaskView:
        described = describe(task)
        return TaskView(task.name, described.attributes, described.source_hash, here=True, versions=versions)
