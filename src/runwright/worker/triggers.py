"""Compiled triggers of schedules, and those that live in code: objects that no store can keep.

A row of such a schedule names the class and a key; the object is found under that key in the process whose code
declares it. Elsewhere, and without that code, the schedule is unbound: it is known, and has no due times to tell. So is
one whose time zone or whose form is not known here: whatever a row says, asking for its trigger raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Protocol

from pydantic_core import to_json

from runwright.clock import Micros, to_datetime
from runwright.errors import ScheduleRefused
from runwright.model import JSON, Schedule, read_json
from runwright.schedule import (
    NEVER,
    NO_LIMITS,
    Limits,
    Trigger,
    Windows,
    compile_when,
    parse_when,
    parse_windows,
    when_to_json,
)
from runwright.when import Always, At, Cron, Every, When


def code_class(form: JSON) -> str | None:
    """The class, as ``module:name``, of a trigger that lives in code; None for one that can be read from its form."""
    return str(form["class"]) if isinstance(form, Mapping) and form.get("type") == "plugin" else None


_KEPT = (str, Cron, Every, At, Always, list, Mapping)  # the abstract one last: to ask it costs ten times as much


def is_service(form: str) -> bool:
    """Whether a schedule's row says that it is a service."""
    return form.startswith('{"type":"always"')


def lives_in_code(when: object) -> bool:
    """Whether what says when, a value or written, is an object that no store can keep."""
    return not isinstance(when, _KEPT)


_SAYS = attrgetter("when", "timezone", "starts_at", "ends_at", "excluded", "blackouts")


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What a schedule's row says, compiled."""

    says: tuple[object, ...]
    trigger: Trigger
    blackouts: Windows


class Triggers:
    """Answers for schedules; kept compiled until their times change."""

    def __init__(self) -> None:
        self._compiled: dict[str, _Compiled] = {}
        self._code: dict[str, When] = {}

    def declare(self, form: str, when: When) -> None:
        """Code has this trigger; ``form`` is what the schedule's row says of it."""
        self._code[form] = when
        self._compiled.clear()

    def when_of(self, schedule: Schedule) -> When | None:
        """The value that says when; None if it lives in code that is not here, or cannot be read here."""
        try:
            return self._when_of(schedule)
        except ScheduleRefused:
            return None

    def of(self, schedule: Schedule) -> Trigger | None:
        """The trigger of a schedule as it is now; None if there is none here, and ``problem`` says why."""
        found = self._look(schedule)
        return None if isinstance(found, str) else found.trigger

    def blackouts(self, schedule: Schedule) -> Windows:
        """The windows in which a schedule must not start a run; none if it has no trigger here."""
        found = self._look(schedule)
        return NEVER if isinstance(found, str) else found.blackouts

    def problem(self, schedule: Schedule) -> str | None:
        """Why the times of a schedule are not known here, for people; None if they are.

        Its code is not here, its time zone is not in the database of this machine, or its row cannot be read: a newer
        version has written it.
        """
        found = self._look(schedule)
        return found if isinstance(found, str) else None

    def forget(self) -> None:
        """Compile all anew when they are asked for: the rules of the time zones have changed."""
        self._compiled.clear()

    def _look(self, schedule: Schedule) -> _Compiled | str:
        says = _SAYS(schedule)
        known = self._compiled.get(schedule.id)
        if known is not None and known.says == says:
            return known
        try:
            when = self._when_of(schedule)
            if when is None:
                return (
                    f"its times come from {code_class(read_json(schedule.when, None))}, which is code that is not here"
                )
            trigger = compile_when(when, schedule.timezone, limits_of(schedule))
            compiled = _Compiled(says, trigger, _blackouts_of(schedule))
        except ScheduleRefused as refused:  # not kept: it may be read once the machine has what is missing
            return refused.message
        self._compiled[schedule.id] = compiled
        return compiled

    def _when_of(self, schedule: Schedule) -> When | None:
        form = read_json(schedule.when, schedule.when)
        return self._code.get(schedule.when) if code_class(form) is not None else parse_when(form)


def form_of(when: When, key: str) -> str:
    """``when`` as a schedule's row keeps it; what lives in code is found again under ``key``."""
    form = when_to_json(when)
    if lives_in_code(when):
        form = {**form, "key": key}
    return to_json(form).decode()


class Bounded(Protocol):
    """What limits are made from; a Schedule has it."""

    @property
    def timezone(self) -> str: ...
    @property
    def starts_at(self) -> Micros | None: ...
    @property
    def ends_at(self) -> Micros | None: ...
    @property
    def excluded(self) -> tuple[str, ...]: ...


def limits_of(schedule: Bounded) -> Limits:
    """The bounds and the excluded windows of a schedule."""
    if schedule.starts_at is None and schedule.ends_at is None and not schedule.excluded:
        return NO_LIMITS
    excluded = parse_windows(schedule.excluded, schedule.timezone) if schedule.excluded else NEVER
    return Limits(_moment(schedule.starts_at), _moment(schedule.ends_at), excluded)


def _blackouts_of(schedule: Schedule) -> Windows:
    return parse_windows(schedule.blackouts, schedule.timezone, "blackouts") if schedule.blackouts else NEVER


def _moment(micros: Micros | None) -> datetime | None:
    return None if micros is None else to_datetime(micros)
