"""Control, schedules: those that code and files declare. They follow their declaration until people edit them.

What was declared last is kept with the schedule, so that only what has changed in the declaration is changed in the
schedule: a schedule that somebody has switched off stays off. An edit or a deletion by people wins until ``reset``.

A schedule whose declaration has gone is withdrawn: hidden, with all that it has. Declared wins over not declared: each
process says once that it misses a declaration, and any that has it brings the schedule back. So versions of a program
may be alive beside each other.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from runwright.auth.policy import require
from runwright.clock import SECOND, Clock
from runwright.control.schedule_edit import Editor, ScheduleEdit, refuse_missing
from runwright.control.schedule_words import PLACE, entry_of
from runwright.control.schedules import ATTEMPTS_AGAINST_RACES, Schedules, unneeded
from runwright.errors import Conflict, DuplicateName, InvalidInput, NotFound, RunwrightError, StoreUnavailable
from runwright.model import JSON, SYSTEM, Actor, Role, Schedule, ScheduleChange, read_json
from runwright.retry import Retry
from runwright.schedule import when_of
from runwright.store.base import Store
from runwright.tasks.registry import AnyTask, Registry
from runwright.worker.triggers import code_class, form_of

logger = logging.getLogger("runwright")

AWAY_SECONDS = 60
"""A schedule that was withdrawn for no longer goes on where it was, and loses no due time; later, from now on."""

DEFAULTS: Mapping[str, Any] = {
    "arguments": {}, "label": "", "description": "", "entity": None, "as_user": None, "enabled": True, "priority": None,
    "overlap": "skip", "catch_up": "latest", "misfire_grace_seconds": None, "jitter_seconds": 0.0, "retry": None,
    "depends_on": (), "starts_at": None, "ends_at": None, "excluded": (), "blackouts": (),
}  # fmt: skip
"""What a field is when a declaration says nothing of it; its zone is the setting's."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A schedule as code or a file wants it; ``origin`` is the place, ``entry`` its number in the file's list."""

    edit: ScheduleEdit
    origin: str
    entry: int | None = None

    @property
    def name(self) -> str:
        """The name that it is declared under."""
        return self.edit["name"]

    def text(self) -> str:
        """The declaration as it is kept, to compare: JSON of what it says."""
        said = {name: _plain(value) for name, value in self.edit.items()}
        said["when"] = canonical(self.edit["when"], self.name)
        return json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)


@dataclass(frozen=True, slots=True)
class Refused:
    """A declaration that could not be carried out, and why."""

    declaration: Declaration
    reason: str


async def _nothing() -> Sequence[Declaration]:
    return ()


async def declared_by(registry: Registry, store: Store) -> list[Declaration]:
    """What the registered tasks declare; those that others depend on come first.

    ``depends_on`` of a task means the schedules of those tasks, those in the store among them.
    """
    tasks = {task.name: task for task in registry.tasks() if task.schedule is not None}
    needed = {other for task in tasks.values() for other in task.depends_on}
    known = await store.schedules_of(needed) if needed else {}
    schedules_of = {
        name: list(dict.fromkeys([*([name] if name in tasks else ()), *known.get(name, ())])) for name in needed
    }
    order = _in_order({name: task.depends_on for name, task in tasks.items()})
    return [_declaration(tasks[name], schedules_of) for name in order]


def declared_in(entries: Sequence[Mapping[str, JSON]], origin: str) -> list[Declaration]:
    """What a file's list of schedules declares. Raises InvalidInput for an entry that cannot be read."""
    found: dict[str, Declaration] = {}
    for number, entry in enumerate(entries):
        place = f"/{PLACE}/{number}"
        edit = entry_of(entry, place[1:]).edit
        refuse_missing(edit, place)
        declaration = Declaration(edit, origin, number)
        if found.setdefault(declaration.name, declaration) is not declaration:
            raise InvalidInput.field(f"{place}/name", f"{declaration.name!r} is there twice")
    order = _in_order({name: each.edit.get("depends_on", ()) for name, each in found.items()})
    return [found[name] for name in order]


def canonical(when: Any, key: str) -> str:
    """``when`` as a schedule keeps it, to compare."""
    return form_of(when_of(when), key)


class Declared:
    """Keeps the store in step with declarations, and takes back what people did to a declared schedule."""

    def __init__(self, store: Store, door: Schedules, editor: Editor, clock: Clock, timezone: str) -> None:
        self._store = store
        self._door = door
        self._editor = editor
        self._clock = clock
        self._timezone = timezone
        self._missed: set[str] = set()
        self.declared_now: Callable[[], Awaitable[Sequence[Declaration]]] = _nothing
        """What code and files declare at present; the manager, who knows them, puts it here."""

    async def follow(self, declarations: Sequence[Declaration], gone: Callable[[Schedule], bool]) -> Sequence[Refused]:
        """Make what is declared and is not there, change what has changed, withdraw what is ``gone`` from its place.

        One that is refused is in the answer, and keeps no other from its due. What this process has withdrawn once, and
        another has brought back, it leaves alone.
        """
        names = {each.name for each in declarations}
        known = {_declared_name(each): each for each in await self._store.declared_schedules()}
        refused = []
        for declaration in declarations:
            try:
                await self._one(self._zoned(declaration), known.get(declaration.name))
            except StoreUnavailable:
                raise
            except RunwrightError as error:
                refused.append(Refused(declaration, error.message))
        self._missed -= names
        missing = {
            name: schedule
            for name, schedule in known.items()
            if schedule.declared and not schedule.edited and name not in names | self._missed and gone(schedule)
        }
        for name in reversed(_in_order({name: schedule.depends_on for name, schedule in missing.items()})):
            await self._withdraw(name, missing[name])
        return refused

    async def check(self, declarations: Sequence[Declaration]) -> Sequence[Refused]:
        """Those that would be refused if they were made now; nothing is written."""
        known = {_declared_name(each) for each in await self._store.declared_schedules()}
        refused = []
        for declaration in declarations:
            try:
                if declaration.name not in known:
                    self._door.made(SYSTEM, declaration.edit, origin=declaration.origin)
            except RunwrightError as error:
                refused.append(Refused(declaration, error.message))
        return refused

    async def reset(self, actor: Actor, name: str) -> Schedule:
        """Let a declared schedule be again what its declaration says, also one that was deleted.

        Raises:
            Conflict: nothing declares it now; or it was made by people, so that there is nothing to go back to.
        """
        require(actor, Role.OPERATOR)
        for _ in range(ATTEMPTS_AGAINST_RACES):
            found = await self._store.schedule(name)
            if found is None:
                raise NotFound("schedule", name)
            if not found.origin:
                raise Conflict(f"schedule {name!r} was made by people: there is nothing to go back to", name)
            declared = {each.name: each for each in await self.declared_now()}
            declaration = declared.get(_declared_name(found))
            if declaration is None:
                raise Conflict(f"schedule {name!r} comes from {found.origin}, which does not declare it now", name)
            declaration = self._zoned(declaration)
            new = self._declared_anew(replace(found, deleted=False, edited=False), declaration, {})
            if await self._door.write(ScheduleChange(new, "schedule.reset"), actor):
                self._bind(new, declaration)
                await self._door.withdraw(new.id)
                await self._door.end_service(found, actor, new)
                return await self._door.get(actor, new.id)
        raise Conflict(f"schedule {name!r} is being changed by others all the time; try again", name)

    async def _one(self, declaration: Declaration, existing: Schedule | None) -> None:
        if existing is None:
            made = self._door.made(SYSTEM, declaration.edit, origin=declaration.origin)
            try:
                await self._door.write(ScheduleChange(replace(made, declared=declaration.text())), SYSTEM)
            except DuplicateName:
                found = await self._store.schedule(declaration.name)
                if found is None:
                    raise
                if not found.origin:
                    said = f"schedule {found.name!r} was made by people, so what is declared here is passed over"
                    raise Conflict(said, found.name) from None
                # another process that starts at the same time was quicker, with the same declaration
            self._bind(made, declaration)
            return
        if existing.edited:  # or deleted, by people
            return
        self._bind(existing, declaration)
        now = self._clock.now()
        same = (declaration.text(), declaration.origin) == (existing.declared, existing.origin)
        if same and not existing.deleted and not self._editor.displaced(existing, now):
            return
        before = read_json(existing.declared, {}) if existing.declared else {}
        new = self._declared_anew(replace(existing, deleted=False), declaration, before)
        if existing.deleted and (now - existing.updated_at > AWAY_SECONDS * SECOND or new.next_due_at is None):
            new = self._editor.placed(new, now)
        if not await self._door.write(ScheduleChange(new, "schedule.updated", {"by": declaration.origin}), SYSTEM):
            return
        if existing.deleted:
            logger.info("schedule %r is back: %s declares it", existing.name, declaration.origin)
        else:
            await self._door.withdraw(new.id)
            await self._door.end_service(existing, SYSTEM, new)

    async def _withdraw(self, name: str, schedule: Schedule) -> None:
        """Hide a schedule that is not declared any more; what it has put in line stays, and so does what it was."""
        for _ in range(ATTEMPTS_AGAINST_RACES):
            if schedule.deleted or schedule.edited:
                break
            hidden = replace(schedule, deleted=True, updated_at=self._clock.now())
            change = ScheduleChange(hidden, "schedule.withdrawn", {"by": schedule.origin})
            try:
                if await self._store.write_schedules([change], SYSTEM.name, unneeded(schedule.name)):
                    logger.info("schedule %r is withdrawn: %s does not declare it any more", name, schedule.origin)
                    await self._door.end_service(schedule, SYSTEM)
                    break
            except Conflict as needed:
                logger.warning("%s does not declare schedule %r any more, but it stays: %s",
                               schedule.origin, name, needed)  # fmt: skip
                return
            schedule = await self._store.schedule(schedule.id) or hidden
        self._missed.add(name)

    def _zoned(self, declaration: Declaration) -> Declaration:
        """With the zone that the settings give to a declaration that names none."""
        return replace(declaration, edit={"timezone": self._timezone, **declaration.edit})

    def _declared_anew(self, old: Schedule, declaration: Declaration, before: Mapping[str, JSON]) -> Schedule:
        """The schedule with those fields changed whose declaration has changed; all of them without a ``before``."""
        now_said = json.loads(declaration.text())
        now_wanted = {**DEFAULTS, **declaration.edit}
        changes = {
            name: value for name, value in now_wanted.items() if not before or now_said.get(name) != before.get(name)
        }
        if changes.get("when") and code_class(read_json(old.when, None)) and now_said["when"] == old.when:
            changes.pop("when")
        now = self._clock.now()
        new = self._editor.apply(old, cast("ScheduleEdit", changes), now, confirmed=True)
        if new.next_due_at == old.next_due_at and self._editor.displaced(new, now):
            new = self._editor.placed(new, now)
        return replace(new, origin=declaration.origin, declared=declaration.text())

    def _bind(self, schedule: Schedule, declaration: Declaration) -> None:
        if code_class(read_json(schedule.when, None)):
            self._door.triggers.declare(schedule.when, declaration.edit["when"])


def _declaration(task: AnyTask, schedules_of: Mapping[str, Sequence[str]]) -> Declaration:
    needs = [name for other in task.depends_on for name in schedules_of.get(other) or [other]]
    edit = ScheduleEdit(name=task.name, task=task.name, when=task.schedule, label=task.title, depends_on=needs)
    return Declaration(edit, task.source)


def _declared_name(schedule: Schedule) -> str:
    """The name in its declaration: people may have given the schedule another one since."""
    said = read_json(schedule.declared, {}) if schedule.declared else {}
    return str(said.get("name", schedule.name))


def _in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The names so that each comes after those that it needs; what is in a cycle comes somewhere."""
    ordered: dict[str, None] = {}
    entered: set[str] = set()
    for root in sorted(needs):
        stack = [root]
        while stack:
            name = stack[-1]
            fresh = [each for each in needs[name] if each in needs and each not in entered]
            entered.add(name)
            if fresh:
                stack.append(fresh[0])
            else:
                ordered.setdefault(stack.pop())
    return list(ordered)


def _plain(value: Any) -> JSON:
    if isinstance(value, Retry):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value  # what is no JSON is told apart by its text
