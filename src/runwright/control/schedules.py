"""Control, schedules: add, edit, enable, disable, remove, fire and preview. An edit never fires the past."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from runwright.admission import Admission, RunRequest
from runwright.auth.policy import require
from runwright.clock import Clock, Micros, Rng, to_datetime, to_micros
from runwright.errors import (
    ConfirmRequired,
    Conflict,
    DuplicateName,
    FieldError,
    InvalidInput,
    NotFound,
    ScheduleRefused,
)
from runwright.lifecycle import RunEvent
from runwright.model import (
    JSON,
    SYSTEM,
    Actor,
    Fire,
    NewEvent,
    Page,
    Role,
    RunStatus,
    Schedule,
    Statistics,
    masked,
)
from runwright.schedule import (
    begin,
    compile_when,
    describe,
    next_fires,
    parse_when,
    refuse_past,
    when_to_json,
    when_to_text,
)
from runwright.store.base import RunQuery, Store
from runwright.tasks.registry import Registry
from runwright.when import CatchUp, Overlap, When

SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,119}")
UUID_SHAPED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ATTEMPTS_AGAINST_RACES = 10


class Unset:
    """The type of UNSET: a field that an edit leaves as it is."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
Times: TypeAlias = list[datetime]


@dataclass(frozen=True, slots=True)
class ScheduleEdit:
    """What a caller wants a schedule to be; fields left UNSET keep their value, or their default when adding.

    ``when`` is text, a JSON form, or a value such as ``Cron``. Durations are in seconds.
    """

    name: str | Unset = UNSET
    task: str | Unset = UNSET
    when: Any = UNSET
    timezone: str | Unset = UNSET
    arguments: Mapping[str, Any] | Unset = UNSET
    label: str | Unset = UNSET
    description: str | Unset = UNSET
    entity: str | None | Unset = UNSET
    as_user: str | None | Unset = UNSET
    enabled: bool | Unset = UNSET
    priority: int | None | Unset = UNSET
    overlap: str | Unset = UNSET
    catch_up: str | Unset = UNSET
    misfire_grace_seconds: float | None | Unset = UNSET
    jitter_seconds: float | Unset = UNSET
    depends_on: Sequence[str] | Unset = UNSET

    def given(self) -> dict[str, Any]:
        """The fields that are set."""
        return {f.name: v for f in fields(self) if not isinstance(v := getattr(self, f.name), Unset)}


class Schedules:
    """Commands and questions about schedules; each may be named by its id or its name."""

    def __init__(
        self, store: Store, registry: Registry, admission: Admission, clock: Clock, rng: Rng, timezone: str
    ) -> None:
        self._store = store
        self._registry = registry
        self._admission = admission
        self._clock = clock
        self._rng = rng
        self._timezone = timezone

    # ----- commands ---------------------------------------------------------------------------------------------

    async def add(self, actor: Actor, edit: ScheduleEdit, *, confirmed: bool = False, origin: str = "") -> Schedule:
        """Create a schedule.

        Raises:
            InvalidInput: one FieldError for each faulty field.
            ScheduleRefused: ``when`` is malformed or can never fire.
            ConfirmRequired: its task is dangerous and this was not confirmed.
            DuplicateName: the name is taken.
        """
        return (await self.add_many(actor, [edit], confirmed=confirmed, origin=origin))[0]

    async def add_many(
        self, actor: Actor, edits: Sequence[ScheduleEdit], *, confirmed: bool = False, origin: str = ""
    ) -> list[Schedule]:
        """Create many schedules in one transaction; a taken name refuses it and keeps the others."""
        require(actor, Role.OPERATOR)
        now = self._clock.now()
        made = []
        for edit in edits:
            for name in ("name", "task", "when"):
                if isinstance(getattr(edit, name), Unset):
                    raise InvalidInput.field(f"/{name}", "is missing")
            blank = Schedule(
                id=self._rng.run_id(now), name="", task="", when="", timezone=self._timezone, origin=origin,
                created_by=actor.name, created_at=now, as_user=None if origin else actor.name,
            )  # fmt: skip
            made.append(replace(self._apply(blank, edit, now, confirmed=confirmed), version=1))
        for schedule, added in zip(made, await self._store.add_schedules(made, actor.name), strict=True):
            if not added:
                raise DuplicateName(f"a schedule named {schedule.name!r} is there already", schedule.name)
        return made

    async def update(self, actor: Actor, name: str, edit: ScheduleEdit, *, confirmed: bool = False) -> Schedule:
        """Change a schedule; the edit takes effect at once and never fires the past."""
        require(actor, Role.OPERATOR)
        given = edit.given()
        shown = {key: value for key, value in given.items() if key in ("enabled", "task", "name", "timezone", "when")}
        action = "schedule.updated"
        if set(given) == {"enabled"}:
            action = "schedule.enabled" if given["enabled"] else "schedule.disabled"
        for _ in range(ATTEMPTS_AGAINST_RACES):
            old = await self.get(actor, name)
            new = self._apply(old, edit, self._clock.now(), confirmed=confirmed)
            new = replace(new, edited=old.edited or bool(old.origin and set(given) - {"enabled"}))
            detail = {key: value if isinstance(value, bool) else str(value) for key, value in shown.items()}
            if await self._store.update_schedule(new, actor.name, action, detail):
                if old.next_due_at != new.next_due_at:
                    await self._withdraw(new.id)
                return await self.get(actor, new.id)
        raise Conflict(f"schedule {name!r} is being changed by others all the time; try again", name)

    async def enable(self, actor: Actor, name: str, *, confirmed: bool = True) -> Schedule:
        """Let it fire again, from now on."""
        return await self.update(actor, name, ScheduleEdit(enabled=True), confirmed=confirmed)

    async def disable(self, actor: Actor, name: str) -> Schedule:
        """Stop firing; a run that is on its way goes on."""
        return await self.update(actor, name, ScheduleEdit(enabled=False), confirmed=True)

    async def remove(self, actor: Actor, name: str) -> None:
        """Delete a schedule; its runs stay. Raises Conflict while another schedule depends on it."""
        require(actor, Role.OPERATOR)
        schedule = await self.get(actor, name)
        needed_by = [s.name for s in await self._store.schedules() if schedule.name in s.depends_on]
        if needed_by:
            raise Conflict(f"schedule {schedule.name!r} is needed by {', '.join(needed_by)}", needed_by[0])
        if not await self._store.delete_schedule(schedule.id, actor.name):
            raise NotFound("schedule", name)
        await self._withdraw(schedule.id)

    async def fire(self, actor: Actor, name: str, *, confirmed: bool = False) -> str:
        """Run it once now, whatever its state, policies and dependencies; the run's id."""
        require(actor, Role.OPERATOR)
        schedule = await self.get(actor, name)
        run = self._admission.admit(
            RunRequest(
                task=schedule.task,
                arguments=self._admission.open_arguments(schedule.arguments),
                actor=actor,
                confirmed=confirmed,
                priority=schedule.priority,
                user=schedule.as_user,
                entity=schedule.entity,
                schedule=schedule.id,
                retry=schedule.retry,
            ),
            self._clock.now(),
        )
        (answer,) = await self._store.enqueue([run])
        await self._store.record(
            [NewEvent("task", "schedule.fired", schedule.name, actor.name, schedule.task, answer.run_id)]
        )
        return answer.run_id

    async def redeclare(self, schedule: Schedule, when: Any, origin: str) -> None:
        """Follow a schedule's code, which says other times now; not an edit by people."""
        new = self._apply(schedule, ScheduleEdit(when=when), self._clock.now(), confirmed=True)
        await self._store.update_schedule(replace(new, origin=origin), SYSTEM.name, "schedule.updated", {"by": "code"})

    # ----- questions --------------------------------------------------------------------------------------------

    async def get(self, actor: Actor, name: str) -> Schedule:
        """The schedule with this id or name. Raises NotFound."""
        require(actor, Role.VIEWER)
        schedule = await self._store.schedule(name)
        if schedule is None or schedule.deleted:
            raise NotFound("schedule", name)
        return schedule

    async def list(self, actor: Actor) -> Sequence[Schedule]:
        """All schedules by name."""
        require(actor, Role.VIEWER)
        return await self._store.schedules()

    async def fires(self, actor: Actor, name: str, limit: int = 50, after: str | None = None) -> Page[Fire]:
        """A page of the schedule's ledger, newest first."""
        return await self._store.fires((await self.get(actor, name)).id, limit, after)

    async def next(self, actor: Actor, name: str, count: int = 10) -> Sequence[datetime]:
        """The next due times."""
        schedule = await self.get(actor, name)
        when = parse_when(json.loads(schedule.when))
        trigger = compile_when(when, schedule.timezone)
        anchor = to_datetime(schedule.anchor_at)
        found: Times = []
        moment = to_datetime(self._clock.now())
        if schedule.next_due_at is not None and not trigger.anchored_at_end:
            moment = min(moment, to_datetime(schedule.next_due_at - 1))
        while len(found) < count and (due := trigger.next_after(moment, anchor=anchor)) is not None:
            found.append(due)
            moment = due
        return found

    def preview(self, actor: Actor, when: Any, timezone: str | None, count: int = 10) -> tuple[str, Sequence[datetime]]:
        """What a schedule would do: in English, and its next due times. Raises ScheduleRefused."""
        require(actor, Role.VIEWER)
        zone = timezone or self._timezone
        parsed = parse_when(when) if isinstance(when, str | Mapping | list) else when
        return describe(parsed, zone), next_fires(parsed, to_datetime(self._clock.now()), count, zone)

    def canonical(self, when: Any) -> str:
        """``when`` as a schedule keeps it, to compare."""
        parsed = parse_when(when) if isinstance(when, str | Mapping | list) else when
        return json.dumps(when_to_json(parsed), separators=(",", ":"))

    async def statistics(self, actor: Actor) -> Statistics:
        """The totals over all schedules, and the runs by status."""
        require(actor, Role.VIEWER)
        return await self._store.statistics()

    def shown(self, schedule: Schedule) -> tuple[str, str]:
        """Its times as text, and in English."""
        when = parse_when(json.loads(schedule.when))
        return when_to_text(when), describe(when, schedule.timezone)

    def form(self, schedule: Schedule) -> JSON:
        """Its times in their JSON form."""
        form: JSON = json.loads(schedule.when)
        return form

    def arguments(self, schedule: Schedule) -> JSON:
        """Its arguments as they may be shown: secrets masked."""
        return masked(json.loads(schedule.arguments))

    def bound(self, schedule: Schedule) -> bool:
        """Whether its task is known here."""
        return self._registry.find(schedule.task) is not None

    # ----- how ----------------------------------------------------------------------------------------------------

    def _apply(self, old: Schedule, edit: ScheduleEdit, now: Micros, *, confirmed: bool) -> Schedule:
        given = edit.given()
        faults = []
        name = given.get("name", old.name)
        if not SLUG.fullmatch(str(name)) or UUID_SHAPED.fullmatch(str(name)):
            faults.append(FieldError("/name", "must be small letters, digits, '_', '-' or '.', at most 120, no UUID"))
        for field, kinds in (("overlap", Overlap), ("catch_up", CatchUp)):
            if field in given and given[field] not in set(kinds):
                faults.append(FieldError(f"/{field}", f"must be one of {', '.join(kinds)}"))
        if given.get("depends_on"):
            faults.append(
                FieldError("/depends_on", "is not available yet: run the tasks from one another, or leave it out")
            )
        for field in ("misfire_grace_seconds", "jitter_seconds"):
            if (seconds := given.get(field)) is not None and seconds < 0:
                faults.append(FieldError(f"/{field}", "must be 0 or more seconds"))
        if faults:
            raise InvalidInput("; ".join(f"{f.pointer[1:]} {f.message}" for f in faults), faults)

        asked = given.get("when", UNSET)
        if isinstance(asked, Unset):
            asked = json.loads(old.when)
        when: When = parse_when(asked) if isinstance(asked, str | Mapping | list) else asked
        changes: dict[str, Any] = {key: value for key, value in given.items() if key not in ("when", "arguments")}
        if "depends_on" in changes:
            changes["depends_on"] = tuple(changes["depends_on"])
        changes["when"] = json.dumps(when_to_json(when), separators=(",", ":"))
        task = self._registry.find(given.get("task", old.task))
        enabling = given.get("enabled", not old.version) and not (old.enabled and old.version)
        if task is not None and task.danger and not confirmed and (enabling or "when" in given):
            raise ConfirmRequired(task.name, task.danger)
        if "arguments" in given or "task" in given:
            arguments = given.get("arguments") or {}
            if task is not None:
                changes["arguments"] = self._admission.sealed_arguments(task, arguments)
            else:  # unbound: kept as it is, and validated when the task is there
                changes["arguments"] = json.dumps(dict(arguments), allow_nan=False)
        new = replace(old, **changes, updated_at=now)
        return self._placed(old, new, when, now)

    async def _withdraw(self, schedule: str) -> None:
        """Cancel runs that were written a moment ahead of their due time, which is not theirs any more."""
        now = self._clock.now()
        waiting = await self._store.runs(RunQuery(schedule=schedule, statuses=[RunStatus.PENDING], limit=100))
        early = [run.id for run in waiting.items if to_micros(run.due_at) > now and run.attempt == 0]
        if early:
            await self._store.move(early, RunEvent.CANCEL, SYSTEM.name, now)

    def _placed(self, old: Schedule, new: Schedule, when: When, now: Micros) -> Schedule:
        """The schedule at its new place in time: whenever its times or its switch change, from now on only."""
        moved = (new.when, new.timezone, new.enabled) != (old.when, old.timezone, old.enabled) or not old.version
        if not moved:
            return new
        if new.enabled:
            refuse_past(when, to_datetime(now), new.timezone)
        trigger = compile_when(when, new.timezone)
        if trigger.kind == "service":
            raise ScheduleRefused("schedule", "services (@always) are not available yet")
        anchor = now if new.when != old.when or not old.anchor_at else old.anchor_at
        cursor, due = begin(trigger, to_datetime(now), anchor=to_datetime(anchor), first=not new.first_done)
        return replace(
            new,
            anchor_at=anchor,
            cursor_at=max(old.cursor_at, to_micros(cursor)),
            next_due_at=to_micros(due) if due is not None and new.enabled else None,
        )


__all__ = ["UNSET", "ScheduleEdit", "Schedules"]
