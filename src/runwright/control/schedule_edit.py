"""Control: what somebody wants a schedule to be, and the schedule that comes of it. Checks, and changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, TypedDict

from runwright.admission import PRIORITY_LIMIT, Admission
from runwright.clock import MOMENT, Micros, is_moment, to_datetime, to_micros
from runwright.errors import ConfirmRequired, FieldError, InvalidInput, ScheduleRefused, SealError
from runwright.model import Lane, Schedule, read_json
from runwright.retry import Retry
from runwright.schedule import begin, compile_when, opening, parse_windows, refuse_past, when_of, zone_of
from runwright.tasks.registry import AnyTask, Registry
from runwright.tasks.values import faults, text_fault
from runwright.when import Always, CatchUp, Overlap, When
from runwright.worker.triggers import Triggers, code_class, form_of, is_service, limits_of, lives_in_code

SLUG = re.compile(r"(?![0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z)[a-z0-9][a-z0-9_.-]{0,119}")
MOST_DEPENDENCIES = 100
_Check: TypeAlias = Callable[[Any], bool]


class ScheduleEdit(TypedDict, total=False):
    """What a caller wants a schedule to be; fields left out keep their value, or their default when adding.

    ``when`` is text, a JSON form, or a value such as ``Cron``. Durations are in seconds, moments are aware.
    """

    name: str
    task: str
    when: Any
    timezone: str
    arguments: Mapping[str, Any]
    label: str
    description: str
    entity: str | None
    as_user: str | None
    enabled: bool
    priority: int | None
    overlap: str
    catch_up: str
    misfire_grace_seconds: float | None
    jitter_seconds: float
    retry: Retry | None
    depends_on: Sequence[str]
    starts_at: datetime | None
    ends_at: datetime | None
    excluded: Sequence[str]
    blackouts: Sequence[str]


_CODE_HAS = frozenset({"when", "arguments", "depends_on", "starts_at", "ends_at", "excluded", "blackouts"})
"""Fields of an edit that a schedule keeps in another form."""


class Editor:
    """Makes the schedule that an edit asks for."""

    def __init__(self, registry: Registry, admission: Admission, triggers: Triggers) -> None:
        self._registry = registry
        self._admission = admission
        self._triggers = triggers

    def apply(self, old: Schedule, edit: ScheduleEdit, now: Micros, *, confirmed: bool) -> Schedule:
        """``old`` as the edit wants it; raises as ``changes``."""
        return replace(old, **self.changes(old, edit, now, confirmed=confirmed))

    def changes(self, old: Schedule, edit: ScheduleEdit, now: Micros, *, confirmed: bool) -> dict[str, Any]:
        """What becomes another in ``old``; a schedule of version 0 is one that is being made, and gets version 1.

        Raises:
            InvalidInput: one FieldError for each faulty field.
            ScheduleRefused: ``when`` is malformed or can never be due.
            ConfirmRequired: its task is dangerous, and this makes it run otherwise than before.
        """
        given: Mapping[str, Any] = edit
        _refuse_faults(given)
        changes = {field: value for field, value in given.items() if field not in _CODE_HAS}
        for field in ("depends_on", "excluded", "blackouts"):
            if field in given:
                changes[field] = tuple(dict.fromkeys(given[field]))
        for field in ("starts_at", "ends_at"):
            if field in given:
                changes[field] = None if given[field] is None else to_micros(given[field])
        when = self._when(old, given)
        if when is not None and "when" in given:
            changes["when"] = form_of(when, given.get("name", old.name))
            if not old.version and not old.origin and lives_in_code(when):
                changes["origin"] = str(code_class(json.loads(changes["when"])))
        if isinstance(when, Always):
            _refuse_for_service(old, changes)
            changes["overlap"] = Overlap.QUEUE.value  # one that is started while it stops waits for that
        task = self._registry.find(given.get("task", old.task))
        timed = when is not None and not isinstance(when, Always)
        if timed and task is not None and task.lane is Lane.SERVICE and ("when" in given or "task" in given):
            raise InvalidInput.field("/when", f"task {task.name!r} is a service: it goes with '@always' only")
        entity = given.get("entity", old.entity)
        if task is not None and task.entity and entity and entity != task.entity:
            raise InvalidInput.field("/entity", f"task {task.name!r} works on {task.entity!r} only")
        enabling = given.get("enabled", not old.version) and not (old.enabled and old.version)
        if task is not None and task.danger and not confirmed and (enabling or "when" in given or "task" in given):
            raise ConfirmRequired(task.name, task.danger)
        if "arguments" in given or "task" in given:
            asked = given.get("arguments") if "arguments" in given else self._kept(old)
            changes["arguments"] = self._arguments(task, asked or {})
        changes["version"] = max(old.version, 1)
        changes["updated_at"] = now
        times_before = _times_of(old)
        times = _Times._make(map(changes.get, _TIMES, times_before))
        if not old.version or times != times_before:
            changes |= self._place(old, times, when, now)
        return changes

    def opened(self, task: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments of a file in clear, if the task that takes them is known; else as they are, sealed."""
        if self._registry.find(task) is None:
            return arguments
        try:
            return self._admission.open_arguments(json.dumps(dict(arguments)))
        except SealError as error:
            raise InvalidInput.field("/arguments", error.message) from None

    def _when(self, old: Schedule, given: Mapping[str, Any]) -> When | None:
        """What says when; None if it lives in code that is not here, and stays as it is."""
        if "when" not in given:
            return self._triggers.when_of(old)
        return when_of(given["when"])

    def _kept(self, old: Schedule) -> Mapping[str, Any]:
        return self._admission.open_arguments(old.arguments)

    def _arguments(self, task: AnyTask | None, arguments: Mapping[str, Any]) -> str:
        if task is not None:
            return self._admission.sealed_arguments(task, arguments)
        if wrong := list(faults(arguments, "/arguments")):
            raise InvalidInput.fields(wrong)
        try:  # unbound: kept as they are, and validated when the task is there
            return json.dumps(dict(arguments), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidInput.field("/arguments", f"cannot be kept as JSON: {error}") from None

    def displaced(self, schedule: Schedule, now: Micros) -> bool:
        """Whether a trigger in code, which may have changed unseen, is due at another time than the row says.

        A due time that has passed is left to the scheduler.
        """
        if not schedule.enabled or not code_class(read_json(schedule.when, None)):
            return False
        trigger, stored = self._triggers.of(schedule), schedule.next_due_at
        if trigger is None or (stored is not None and stored <= now):
            return False
        due = trigger.next_after(to_datetime(now))
        return stored != (None if due is None else to_micros(due))

    def placed(self, schedule: Schedule, now: Micros) -> Schedule:
        """The schedule at its place in time from now on, as after an edit of its times."""
        times = _Times(*_times_of(schedule))
        return replace(schedule, **self._place(schedule, times, self._triggers.when_of(schedule), now))

    def _place(self, old: Schedule, new: _Times, when: When | None, now: Micros) -> dict[str, Any]:
        """A schedule's new place in time, whenever its times or its switch change: from now on only."""
        switched_off = not new.enabled and new == _Times(*_times_of(old))._replace(enabled=False)
        if when is None or switched_off:  # off it goes, also if its times cannot be read here
            return {"cursor_at": max(old.cursor_at, now - 1), "next_due_at": None}
        if new.blackouts:
            parse_windows(new.blackouts, new.timezone, "blackouts")
        limits, present = limits_of(new), to_datetime(now)
        trigger = compile_when(when, new.timezone, limits)
        if trigger.kind == "service" and old.version and old.enabled and new.enabled and is_service(old.when):
            return {}  # another policy of restarts: what runs goes on
        kept = new.when == old.when and old.anchor_at and new.starts_at == old.starts_at
        anchor = to_datetime(old.anchor_at) if kept else opening(trigger, present)
        cursor, due = begin(trigger, present, anchor=anchor, first=not old.first_done)
        if due is None and new.enabled:
            refuse_past(when, present, new.timezone, limits)
        return {
            "anchor_at": to_micros(anchor),
            "cursor_at": max(old.cursor_at, to_micros(cursor)),
            "next_due_at": to_micros(due) if due is not None and new.enabled else None,
        }


class _Times(NamedTuple):
    """All that says when a schedule is due, and whether it is."""

    when: str
    timezone: str
    enabled: bool
    starts_at: Micros | None
    ends_at: Micros | None
    excluded: tuple[str, ...]
    blackouts: tuple[str, ...]


_TIMES = _Times._fields
_times_of = attrgetter(*_TIMES)


def refuse_missing(edit: ScheduleEdit, place: str = "") -> None:
    """Refuse an edit that is to make a schedule and does not say which; ``place`` goes before the field's name."""
    for name in ("name", "task", "when"):
        if name not in edit:
            raise InvalidInput.field(f"{place}/{name}", "is missing")


def _refuse_faults(given: Mapping[str, Any]) -> None:
    wrong = []
    for field, value in given.items():
        check, said = CHECKS[field]
        if not check(value):
            wrong.append(FieldError(f"/{field}", said))
        elif type(value) is str and (fault := text_fault(value)) is not None:
            wrong.append(FieldError(f"/{field}", fault))
    if wrong:
        raise InvalidInput.fields(wrong)


_NO_FIELD_OF_A_SERVICE: Mapping[str, tuple[Any, ...]] = {
    "overlap": (Overlap.SKIP, Overlap.QUEUE),
    "catch_up": (CatchUp.LATEST,),
    "misfire_grace_seconds": (None,),
    "jitter_seconds": (0,),
    "depends_on": ((),),
    "starts_at": (None,),
    "ends_at": (None,),
    "excluded": ((),),
    "blackouts": ((),),
}
"""What has no meaning for what has no due times, and the values that it may have all the same."""


def _refuse_for_service(old: Schedule, changes: Mapping[str, Any]) -> None:
    wrong = [
        FieldError(f"/{field}", "does not go with '@always': a service has no due times")
        for field, allowed in _NO_FIELD_OF_A_SERVICE.items()
        if changes.get(field, getattr(old, field)) not in allowed
    ]
    if wrong:
        raise InvalidInput.fields(wrong)


def _is_slug(value: Any) -> bool:
    return isinstance(value, str) and SLUG.fullmatch(value) is not None


def _text(most: int) -> _Check:
    return lambda value: isinstance(value, str) and len(value) <= most


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _is_zone(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(zone_of(value))
    except ScheduleRefused:
        return False


def _one_of(choices: type[StrEnum]) -> tuple[_Check, str]:
    return lambda value: isinstance(value, str) and value in set(choices), f"must be one of {', '.join(choices)}"


def _seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 3_155_760_000


def _is_priority(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -PRIORITY_LIMIT < value < PRIORITY_LIMIT


def _is_list(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def _names(value: Any) -> bool:
    return _is_list(value) and len(value) <= MOST_DEPENDENCIES and all(map(_is_slug, value))


def _texts(value: Any) -> bool:
    return _is_list(value) and all(isinstance(each, str) for each in value)


CHECKS: Mapping[str, tuple[_Check, str]] = {
    "name": (_is_slug, "must be small letters, digits, '_', '-' or '.', at most 120, no UUID"),
    "task": (_is_slug, "must be the name of a task"),
    "when": (lambda value: value is not None, "must say when: a cron text, a time, an interval or a trigger"),
    "timezone": (_is_zone, "must be the name of a time zone, such as Europe/Berlin"),
    "arguments": (_or_none(lambda value: isinstance(value, Mapping)), "must be arguments by name"),
    "label": (_text(10_000), "must be text of at most 10,000 characters"),
    "description": (_text(10_000), "must be text of at most 10,000 characters"),
    "entity": (_or_none(_text(500)), "must be text of at most 500 characters"),
    "as_user": (_or_none(_text(500)), "must be the name of a user, at most 500 characters"),
    "enabled": (lambda value: isinstance(value, bool), "must be True or False"),
    "priority": (_or_none(_is_priority), f"must be a whole number below {PRIORITY_LIMIT}"),
    "overlap": _one_of(Overlap),
    "catch_up": _one_of(CatchUp),
    "misfire_grace_seconds": (_or_none(_seconds), "must be 0 or more seconds"),
    "jitter_seconds": (_seconds, "must be 0 or more seconds"),
    "retry": (_or_none(lambda value: isinstance(value, Retry)), "must be a Retry"),
    "depends_on": (_names, f"must be a list of the names of at most {MOST_DEPENDENCIES} schedules"),
    "starts_at": (_or_none(is_moment), f"must be a time {MOMENT}"),
    "ends_at": (_or_none(is_moment), f"must be a time {MOMENT}"),
    "excluded": (_texts, "must be a list of windows, such as 2026-12-24 or sat,sun"),
    "blackouts": (_texts, "must be a list of windows, such as mon-fri 22:00-06:00"),
}
"""What each field of an edit must be, and how a refusal says it."""

__all__ = ["Editor", "ScheduleEdit", "refuse_missing"]
