"""Room of tasks: the names under which tasks are known, and the problems of those that could not be loaded.

A registry belongs to one event loop: it is changed and its subscribers are called on that loop only; files are loaded
elsewhere and handed over when ready. Its answers are immutable. It reads no files and imports nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runwright.errors import DuplicateName, NotFound
from runwright.tasks.hooks import Hooks
from runwright.tasks.task import Task

AnyTask = Task[..., Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that discovery could not load, or did not: the file and line, what is wrong, and in which source."""

    file: str
    line: int | None
    error: str
    source: str


class Registry:
    """Tasks by name. A name may have several claimants, from different sources: the first is in effect.

    ``version`` rises with every change of what is in effect.
    """

    def __init__(self) -> None:
        self._claims: dict[str, list[tuple[str, AnyTask]]] = {}
        self._effective: dict[str, AnyTask] = {}
        self._problems: dict[str, tuple[Problem, ...]] = {}
        self._hooks: dict[str, tuple[Hooks, ...]] = {}
        self._subscribers: list[Callable[[], object]] = []
        self.version = 0

    def register(self, task: AnyTask, source: str = "explicit", replace: bool = False) -> None:
        """Put a task into effect.

        Raises:
            DuplicateName: its name is taken, and ``replace`` is False.
            DefinitionError: a parameter cannot be filled from JSON.
        """
        task.signature.check()
        claims = self._claims.get(task.name, [])
        if claims and claims[0][1] is task:
            return
        if claims and not replace:
            raise DuplicateName(
                f"a task named {task.name!r} is already registered, from {claims[0][1].source}; "
                f"pass replace=True to put the one from {task.source} in its place",
                existing=task.name,
            )
        self._claims[task.name] = [(source, task), *(claim for claim in claims if claim[0] != source)]
        self._settle()

    def replace_source(self, source: str, tasks: Iterable[AnyTask], override: bool = False) -> dict[str, AnyTask]:
        """Let the tasks of a source be exactly these, at once.

        A name that another source claimed first stays with it, unless ``override``; the later claim takes effect when
        the first one goes. A task that stays in the source keeps its rank.

        Returns:
            The tasks in effect that stand in the way of some of these, by name.
        """
        wanted = {task.name: task for task in tasks}
        for task in wanted.values():
            task.signature.check()
        for name in [*self._claims, *(name for name in wanted if name not in self._claims)]:
            claims = self._claims.get(name, [])
            mine = [index for index, claim in enumerate(claims) if claim[0] == source]
            if name not in wanted:
                claims = [claim for claim in claims if claim[0] != source]
            elif mine:
                claims[mine[0]] = (source, wanted[name])
            else:
                claims = [(source, wanted[name]), *claims] if override else [*claims, (source, wanted[name])]
            if claims:
                self._claims[name] = claims
            else:
                self._claims.pop(name, None)
        self._settle()
        return {name: self._effective[name] for name, task in wanted.items() if self._effective[name] is not task}

    def remove_source(self, source: str) -> None:
        """Take out the tasks of a source, and its problems."""
        self.set_problems(source, ())
        self.set_hooks(source, ())
        self.replace_source(source, ())

    def get(self, name: str) -> AnyTask:
        """The task of that name. Raises NotFound, which names those that were perhaps meant."""
        task = self._effective.get(name)
        if task is None:
            raise NotFound("task", name, self.near(name))
        return task

    def near(self, name: str) -> list[str]:
        """The names of tasks that are like this one."""
        return difflib.get_close_matches(name, self._effective, 3)

    def find(self, name: str) -> AnyTask | None:
        """The task of that name, or None."""
        return self._effective.get(name)

    def names(self) -> tuple[str, ...]:
        """The names of all tasks, sorted."""
        return tuple(sorted(self._effective))

    def tasks(self) -> tuple[AnyTask, ...]:
        """All tasks, sorted by name."""
        return tuple(self._effective[name] for name in self.names())

    def tasks_of(self, source: str) -> tuple[AnyTask, ...]:
        """The tasks of one source, in effect or not."""
        return tuple(task for claims in self._claims.values() for owner, task in claims if owner == source)

    @property
    def problems(self) -> Sequence[Problem]:
        """All problems, by file and line."""
        found = [problem for problems in self._problems.values() for problem in problems]
        return tuple(sorted(found, key=lambda problem: (problem.file, problem.line or 0)))

    def set_problems(self, source: str, problems: Iterable[Problem]) -> None:
        """Let the problems of a source be exactly these."""
        now = tuple(problems)
        if now == self._problems.get(source, ()):
            return
        if now:
            self._problems[source] = now
        else:
            del self._problems[source]
        self._changed()

    @property
    def hooks(self) -> Sequence[Hooks]:
        """The hooks that modules define beside their tasks, each once."""
        return tuple(dict.fromkeys(hooks for found in self._hooks.values() for hooks in found))

    def set_hooks(self, source: str, hooks: Sequence[Hooks]) -> None:
        """Let the hooks of a source be exactly these."""
        if hooks:
            self._hooks[source] = tuple(hooks)
        else:
            self._hooks.pop(source, None)

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call ``callback`` after every change; it must return quickly. Returns the function that ends it."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def _settle(self) -> None:
        effective: Mapping[str, AnyTask] = {name: claims[0][1] for name, claims in self._claims.items()}
        if effective != self._effective:
            self._effective = dict(effective)
            self._changed()

    def _changed(self) -> None:
        self.version += 1
        for callback in tuple(self._subscribers):
            callback()
