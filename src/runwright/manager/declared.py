"""Schedules that tasks and the settings file declare: kept in step with both while the manager is open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from runwright.bus import Bus
from runwright.config.files import line_of_entry
from runwright.control.declared import Declaration, Declared, Refused, declared_by
from runwright.model import Schedule
from runwright.store.base import Store
from runwright.tasks.registry import Problem, Registry
from runwright.worker.service import Service

LOOK_SECONDS = 10.0
SOURCE = "declared schedules"
"""Under which the registry keeps the problems of declarations."""
_FILE = "file "

logger = logging.getLogger("runwright")


class DeclaredSchedules(Service):
    """Follows the registry, and brings back what another process has withdrawn although it is declared here.

    ``in_file`` is what the settings file declares, which is read once; ``file`` is its path.
    """

    name = "declared schedules"
    topics = ("schedules",)

    def __init__(
        self,
        store: Store,
        registry: Registry,
        declared: Declared,
        bus: Bus,
        in_file: Sequence[Declaration],
        file: Path | None,
    ) -> None:
        super().__init__(bus)
        self._store = store
        self._registry = registry
        self._declared = declared
        self._in_file = list(in_file)
        self._origin = origin_of(file)
        self._followed = -1
        self._unsubscribe: Callable[[], None] | None = None
        declared.declared_now = self.declared_now

    async def start(self) -> None:
        """Declare, and do so again whenever the registry changes."""
        await self._follow(self._gone)
        self._unsubscribe = self._registry.subscribe(self.wake)
        await super().start()

    async def stop(self) -> None:
        """Follow no longer; a declaration that is under way is finished."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        await super().stop()

    async def run_once(self) -> float:
        if self._followed != self._registry.version:
            await self._follow(self._gone)
        elif withdrawn := {each.name for each in await self._store.declared_schedules(withdrawn=True)}:
            if any(each.name in withdrawn for each in await self.declared_now()):
                await self._follow(lambda schedule: False)
        return LOOK_SECONDS if self._followed == self._registry.version else 0

    async def check(self) -> None:
        """List what would be refused of the file, in a process that declares nothing itself."""
        self._tell(await self._declared.check(self._in_file))

    async def declared_now(self) -> list[Declaration]:
        """What is declared now; what a file declares wins over a task of the same name."""
        by_tasks = await declared_by(self._registry, self._store)
        in_file = {each.name for each in self._in_file}
        return [each for each in by_tasks if each.name not in in_file] + self._in_file

    async def _follow(self, gone: Callable[[Schedule], bool]) -> None:
        version = self._registry.version
        self._tell(await self._declared.follow(await self.declared_now(), gone))
        self._followed = version

    def _gone(self, schedule: Schedule) -> bool:
        """Whether a schedule that nothing declares here has lost its declaration: its file or its task is here."""
        if schedule.origin.startswith(_FILE):
            return schedule.origin == self._origin
        return self._registry.find(schedule.task) is not None

    def _tell(self, refused: Sequence[Refused]) -> None:
        """List what was refused among the problems, and log what is new."""
        found = [_problem(each) for each in refused]
        for problem in found:
            if problem not in self._registry.problems:
                logger.warning("%s%s: %s", problem.file, f":{problem.line}" if problem.line else "", problem.error)
        self._registry.set_problems(SOURCE, found)


def origin_of(file: Path | None) -> str:
    """How schedules name the settings file that declares them."""
    return f"{_FILE}{file or 'settings'}"


def _problem(refused: Refused) -> Problem:
    declaration = refused.declaration
    error = f"schedule {declaration.name!r}: {refused.reason}"
    if declaration.origin.startswith(_FILE):
        file = declaration.origin.removeprefix(_FILE)
        return Problem(file, line_of_entry(Path(file), declaration.entry or 0), error, SOURCE)
    place, _, line = declaration.origin.rpartition(":")
    return Problem(place or declaration.origin, int(line) if line.isdigit() else None, error, SOURCE)
