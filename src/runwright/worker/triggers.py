"""Compiled triggers of schedules, and those that live in code: objects that no store can keep.

A row of such a schedule names the class and a key; the object is found under that key in the process whose code
declares it. Elsewhere, and without that code, the schedule is unbound: it is known, and has no due times to tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from runwright.clock import Micros, to_datetime
from runwright.model import JSON, Schedule
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

_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps with options makes one for each call


def code_class(form: Mapping[str, JSON]) -> str | None:
    """The class, as ``module:name``, of a trigger that lives in code; None for one that can be read from its form."""
    return str(form["class"]) if form.get("type") == "plugin" else None


_KEPT = (str, Mapping, list, Cron, Every, At, Always)


def lives_in_code(when: object) -> bool:
    """Whether what says when, a value or written, is an object that no store can keep."""
    return not isinstance(when, _KEPT)


class Triggers:
    """Answers for schedules; kept compiled until their times change."""

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[tuple[object, ...], Trigger]] = {}
        self._code: dict[str, When] = {}

    def declare(self, form: str, when: When) -> None:
        """Code has this trigger; ``form`` is what the schedule's row says of it."""
        self._code[form] = when
        self._compiled.clear()

    def when_of(self, schedule: Schedule) -> When | None:
        """The value that says when; None if it lives in code that is not here."""
        form = json.loads(schedule.when)
        return self._code.get(schedule.when) if code_class(form) is not None else parse_when(form)

    def of(self, schedule: Schedule) -> Trigger | None:
        """The trigger of a schedule as it is now; None if it lives in code that is not here."""
        says = (schedule.when, schedule.timezone, schedule.starts_at, schedule.ends_at, schedule.excluded)
        known = self._compiled.get(schedule.id)
        if known is not None and known[0] == says:
            return known[1]
        when = self.when_of(schedule)
        if when is None:
            return None
        trigger = compile_when(when, schedule.timezone, limits_of(schedule))
        self._compiled[schedule.id] = (says, trigger)
        return trigger


def form_of(when: When, key: str) -> str:
    """``when`` as a schedule's row keeps it; what lives in code is found again under ``key``."""
    form = when_to_json(when)
    if lives_in_code(when):
        form = {**form, "key": key}
    return _encode(form)


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


def blackouts_of(schedule: Schedule) -> Windows:
    """The windows in which a schedule must not start a run."""
    return parse_windows(schedule.blackouts, schedule.timezone, "blackouts") if schedule.blackouts else NEVER


def _moment(micros: Micros | None) -> datetime | None:
    return None if micros is None else to_datetime(micros)
