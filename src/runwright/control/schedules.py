"""Control, schedules: add, edit, switch, remove, and look at them. An edit never fires the past.

What makes runs by hand (fire now, backfill) is in ``schedule_fires``, what code and files declare in ``declared``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from runwright.auth.policy import require
from runwright.clock import MOMENT, Clock, Rng, is_moment, to_datetime, to_micros
from runwright.control.elsewhere import Elsewhere
from runwright.control.schedule_edit import Editor, ScheduleEdit, refuse_missing
from runwright.errors import Conflict, InvalidInput, NotFound
from runwright.lifecycle import RunEvent
from runwright.model import (
    JSON,
    SYSTEM,
    Actor,
    Fire,
    JSONObject,
    Page,
    Pause,
    Role,
    Run,
    RunStatus,
    Schedule,
    ScheduleChange,
    Statistics,
    masked,
    read_json,
)
from runwright.schedule import (
    dependents,
    describe,
    due_in_range,
    next_fires,
    refuse_cycle,
    refuse_unknown,
    when_of,
    when_to_text,
)
from runwright.store.base import Guard, RunQuery, Store
from runwright.tasks.registry import Registry
from runwright.tasks.values import text_fault
from runwright.worker.triggers import Triggers, form_of, is_service, lives_in_code

ATTEMPTS_AGAINST_RACES = 10
_LIVE = tuple(status for status in RunStatus if not status.terminal)
MOST_IN_A_RANGE = 1000
MADE_AT_ONCE = 100
"""So many of a large number of schedules are made without letting others have their turn, in about 5 ms."""
_BLANK = Schedule(id="", name="", task="", when="")


class Schedules:
    """Commands and questions about schedules; each may be named by its id or its name."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        editor: Editor,
        triggers: Triggers,
        clock: Clock,
        rng: Rng,
        timezone: str,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._rng = rng
        self._timezone = timezone
        self._editor = editor
        self.triggers = triggers
        self.elsewhere = Elsewhere(store, registry)

    # ----- commands ---------------------------------------------------------------------------------------------

    async def add(self, actor: Actor, edit: ScheduleEdit, *, confirmed: bool = False) -> Schedule:
        """Create a schedule.

        Raises:
            InvalidInput: one FieldError for each faulty field.
            ScheduleRefused: ``when`` is malformed or can never fire.
            ConfirmRequired: its task is dangerous and this was not confirmed.
            DuplicateName: the name is taken.
        """
        return await self._bound_again(actor, edit) or (await self.add_many(actor, [edit], confirmed=confirmed))[0]

    async def add_many(self, actor: Actor, edits: Iterable[ScheduleEdit], *, confirmed: bool = False) -> list[Schedule]:
        """Create many schedules in one transaction, all or none."""
        require(actor, Role.OPERATOR)
        made: list[Schedule] = []
        in_code: list[tuple[Schedule, ScheduleEdit]] = []
        for number, edit in enumerate(edits, 1):
            schedule = self.made(actor, edit, confirmed=confirmed)
            made.append(schedule)
            if _in_code(edit):
                in_code.append((schedule, edit))
            if number % MADE_AT_ONCE == 0:
                await asyncio.sleep(0)
        await self._store.write_schedules([ScheduleChange(each) for each in made], actor.name, guard)
        for schedule, edit in in_code:
            self._bind(schedule, edit)
        await self.elsewhere.look(each.task for each in made)
        return made

    async def update(self, actor: Actor, name: str, edit: ScheduleEdit, *, confirmed: bool = False) -> Schedule:
        """Change a schedule; the edit takes effect at once and never fires the past."""
        require(actor, Role.OPERATOR)
        action = "schedule.updated"
        if set(edit) == {"enabled"}:
            action = "schedule.enabled" if edit["enabled"] else "schedule.disabled"
        shown = {key: value for key, value in edit.items() if key in ("enabled", "task", "name", "timezone", "when")}
        detail: JSONObject = {key: value if isinstance(value, bool) else str(value) for key, value in shown.items()}
        for _ in range(ATTEMPTS_AGAINST_RACES):
            old = await self.get(actor, name)
            new = self._editor.apply(old, edit, self._clock.now(), confirmed=confirmed)
            new = replace(new, edited=old.edited or bool(old.origin and set(edit) - {"enabled"}))
            if await self.write(ScheduleChange(new, action, detail), actor):
                self._bind(new, edit)
                if old.next_due_at != new.next_due_at:
                    await self.withdraw(new.id)
                await self.end_service(old, actor, new)
                return await self.get(actor, new.id)
        raise Conflict(f"schedule {name!r} is being changed by others all the time; try again", name)

    async def enable(self, actor: Actor, name: str, *, confirmed: bool = False) -> Schedule:
        """Let it fire again, from now on."""
        return await self.update(actor, name, ScheduleEdit(enabled=True), confirmed=confirmed)

    async def disable(self, actor: Actor, name: str) -> Schedule:
        """Stop firing; a run that is on its way goes on, save that of a service, which is told to end."""
        return await self.update(actor, name, ScheduleEdit(enabled=False), confirmed=True)

    async def remove(self, actor: Actor, name: str) -> None:
        """Delete a schedule; its runs stay, save that of a service, which is told to end.

        Raises Conflict while other schedules depend on it, naming them.
        """
        require(actor, Role.OPERATOR)
        schedule = await self.get(actor, name)
        if not await self._store.delete_schedule(schedule.id, actor.name, unneeded(schedule.name)):
            raise NotFound("schedule", name)
        await self.withdraw(schedule.id)
        await self.end_service(schedule, actor)

    async def pause(self, actor: Actor, reason: str) -> Pause:
        """Hold the fires of all schedules, until ``resume``: each due time is in the ledger as held, with the reason.

        Runs that are there go on. What was held is not made up for later.
        """
        require(actor, Role.OPERATOR)
        if not _is_reason(reason):
            raise InvalidInput.field("/reason", "must say in 1 to 500 characters why all schedules are paused")
        if (fault := text_fault(reason)) is not None:
            raise InvalidInput.field("/reason", fault)
        await self._store.pause_schedules(reason.strip(), actor.name)
        await self.withdraw(None)
        pause = await self._store.paused()
        if pause is None:
            raise Conflict("somebody else has let the schedules go on in the same moment")
        return pause

    async def resume(self, actor: Actor) -> None:
        """Let all schedules fire again, from now on. Raises Conflict if they are not paused."""
        require(actor, Role.OPERATOR)
        if not await self._store.pause_schedules(None, actor.name):
            raise Conflict("the schedules are not paused")

    async def write(self, change: ScheduleChange, actor: Actor) -> bool:
        """Write one change, dependencies checked. False if the stored version is another one by now."""
        return await self._store.write_schedules([change], actor.name, guard)

    async def withdraw(self, schedule: str | None) -> None:
        """Cancel runs that were written a moment ahead of their due time, which is not theirs any more."""
        while await self._store.withdraw(schedule, SYSTEM.name):
            pass

    async def end_service(self, old: Schedule, actor: Actor, new: Schedule | None = None) -> None:
        """Tell what runs of a service to end, unless it is to go on as ``new``; of any other schedule nothing.

        Called when the change is stored: what was fired before it is there to be seen, and nothing is fired after it.
        """
        if is_service(old.when) and not (new is not None and new.enabled and is_service(new.when)):
            live = [run.id for run in await self.live_runs(old)]
            await self._store.move(live, RunEvent.CANCEL, actor.name, self._clock.now())

    async def live_runs(self, schedule: Schedule) -> Sequence[Run]:
        """Its first live runs, oldest first: of a service the one that has begun, and one that waits for its end."""
        query = RunQuery(schedule=schedule.id, statuses=_LIVE, newest_first=False)
        return (await self._store.runs(query)).items

    # ----- questions --------------------------------------------------------------------------------------------

    async def get(self, actor: Actor, name: str) -> Schedule:
        """The schedule with this id or name. Raises NotFound."""
        require(actor, Role.VIEWER)
        schedule = await self._store.schedule(name)
        if schedule is None or schedule.deleted:
            raise NotFound("schedule", name)
        await self.elsewhere.look([schedule.task])
        return schedule

    async def list(self, actor: Actor) -> Sequence[Schedule]:
        """All schedules by name."""
        require(actor, Role.VIEWER)
        found = await self._store.schedules()
        await self.elsewhere.look(each.task for each in found)
        return found

    async def page(
        self, actor: Actor, limit: int, after: str | None = None, *, name: str | None = None, task: str | None = None
    ) -> tuple[Page[Schedule], int]:
        """A page of the schedules by name, perhaps only that of one name, or those of one task, and their number."""
        require(actor, Role.VIEWER)
        found = await self._store.schedule_page(limit, after, name=name, task=task)
        await self.elsewhere.look(each.task for each in found[0].items)
        return found

    async def paused(self, actor: Actor) -> Pause | None:
        """Why, by whom and since when all schedules are paused; None if they are not."""
        require(actor, Role.VIEWER)
        return await self._store.paused()

    async def fires(self, actor: Actor, name: str, limit: int = 50, after: str | None = None) -> Page[Fire]:
        """A page of the schedule's ledger, newest first."""
        return await self._store.fires((await self.get(actor, name)).id, limit, after)

    async def next(self, actor: Actor, name: str, count: int = 10) -> Sequence[datetime]:
        """The next due times."""
        schedule = await self.get(actor, name)
        if not _is_count(count):
            raise InvalidInput.field("/count", f"must be a whole number from 1 to {MOST_IN_A_RANGE}")
        trigger = self.triggers.of(schedule)
        if trigger is None:
            return [] if schedule.next_due_at is None else [to_datetime(schedule.next_due_at)]
        anchor = to_datetime(schedule.anchor_at)
        found: list[datetime] = []
        moment = to_datetime(self._clock.now())
        if schedule.next_due_at is not None and not trigger.anchored_at_end:
            moment = min(moment, to_datetime(schedule.next_due_at - 1))
        while len(found) < count and (due := trigger.next_after(moment, anchor=anchor)) is not None:
            found.append(due)
            moment = due
        return found

    async def between(self, actor: Actor, name: str, since: datetime, until: datetime) -> Sequence[datetime]:
        """All due times in [since, until]. Raises InvalidInput, with their number, if there are too many."""
        return self.due_in(await self.get(actor, name), since, until)

    def due_in(self, schedule: Schedule, since: datetime, until: datetime) -> Sequence[datetime]:
        """The due times of a range; none if they are not known here. Raises InvalidInput, see ``between``.

        An interval that counts from the end of its runs is shown as if they took no time.
        """
        refuse_range(since, until)
        trigger = self.triggers.of(schedule)
        if trigger is None:
            return []
        anchor = to_datetime(schedule.anchor_at)
        dues, more = due_in_range(trigger, since, until, MOST_IN_A_RANGE, anchor=anchor)
        if more:
            count = trigger.due_between(to_datetime(to_micros(since) - 1), until, 1, anchor=anchor).count
            number = f"{count}" if count > MOST_IN_A_RANGE else f"more than {MOST_IN_A_RANGE}"
            raise InvalidInput.field(
                "/until", f"the range has {number} due times; at most {MOST_IN_A_RANGE} are taken at once: narrow it"
            )
        return dues

    def preview(self, actor: Actor, when: Any, timezone: str | None, count: int = 10) -> tuple[str, Sequence[datetime]]:
        """What a schedule would do: in English, and its next due times. Raises ScheduleRefused."""
        require(actor, Role.VIEWER)
        zone = timezone or self._timezone
        parsed = when_of(when)
        return describe(parsed, zone), next_fires(parsed, to_datetime(self._clock.now()), count, zone)

    async def statistics(self, actor: Actor) -> Statistics:
        """The totals over all schedules, and the runs by status."""
        require(actor, Role.VIEWER)
        return await self._store.statistics()

    def shown(self, schedule: Schedule) -> tuple[str, str]:
        """Its times as text, and in English."""
        when = self.triggers.when_of(schedule)
        text = schedule.when if when is None else when_to_text(when)
        problem = self.triggers.problem(schedule)
        if when is None or problem is not None:
            return text, problem or ""
        return text, describe(when, schedule.timezone)

    def form(self, schedule: Schedule) -> JSON:
        """Its times in their JSON form."""
        form: JSON = read_json(schedule.when, schedule.when)
        return form

    def arguments(self, schedule: Schedule) -> JSON:
        """Its arguments as they may be shown: secrets masked."""
        return masked(read_json(schedule.arguments, {}))

    def unbound(self, schedule: Schedule) -> str | None:
        """What is not known and holds its fires: its task, which no live session has either, or its times.

        None if it is bound. Of other sessions it tells what was so when the schedule was read.
        """
        if self._registry.find(schedule.task) is None:
            if self.elsewhere.knows(schedule.task):
                return None
            return f"no task named {schedule.task!r} is known yet, here or to a live worker; it is held until then"
        return self.triggers.problem(schedule)

    def left_due(self, schedule: Schedule) -> str | None:
        """Why nobody fires it, although its task is known: no live scheduler has the code. None if that is not so."""
        return self.elsewhere.left_due(schedule)

    # ----- how ----------------------------------------------------------------------------------------------------

    def made(self, actor: Actor, edit: ScheduleEdit, *, confirmed: bool = True, origin: str = "") -> Schedule:
        """A new schedule, not yet written; ``origin`` is the place that declares it."""
        now = self._clock.now()
        refuse_missing(edit)
        whole: ScheduleEdit = {"timezone": self._timezone, "as_user": None if origin else actor.name, **edit}
        fields = self._editor.changes(_BLANK, whole, now, confirmed=confirmed)
        if origin:
            fields["origin"] = origin
        return Schedule(id=self._rng.run_id(now), created_by=actor.name, created_at=now, **fields)

    async def _bound_again(self, actor: Actor, edit: ScheduleEdit) -> Schedule | None:
        """A schedule whose trigger lives in code, and that is there already: its code is here again."""
        if not _in_code(edit):
            return None
        require(actor, Role.OPERATOR)
        name = str(edit.get("name"))
        for _ in range(ATTEMPTS_AGAINST_RACES):
            found = await self._store.schedule(name)
            if found is None or found.deleted or found.when != form_of(edit["when"], name):
                return None
            self.triggers.declare(found.when, edit["when"])
            now = self._clock.now()
            if not self._editor.displaced(found, now):
                return found
            placed = replace(self._editor.placed(found, now), updated_at=now)
            if await self.write(ScheduleChange(placed, "schedule.updated", {"by": "code"}), actor):
                return await self.get(actor, found.id)
        raise Conflict(f"schedule {name!r} is being changed by others all the time; try again", name)

    def _bind(self, schedule: Schedule, edit: ScheduleEdit) -> None:
        """A trigger that lives in code is known under the row's form from now on."""
        if _in_code(edit):
            self.triggers.declare(schedule.when, edit["when"])


def _in_code(edit: ScheduleEdit) -> bool:
    """Whether the edit's times come from an object that lives in code."""
    return "when" in edit and lives_in_code(edit["when"])


def guard(edges: Mapping[str, Sequence[str]], names: frozenset[str]) -> None:
    """Refuse dependencies that can never be satisfied; the store asks within the transaction that changes them.

    ``edges`` gives what each schedule depends on, ``names`` those of the schedules named in them that exist.
    """
    for name, needs in edges.items():
        refuse_unknown(name, needs, names)
    refuse_cycle(edges)


def _is_reason(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value.strip()) <= 500


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_IN_A_RANGE


def refuse_range(since: datetime, until: datetime) -> None:
    """Refuse a range that is none, or whose ends are no moments."""
    for field, moment in (("from", since), ("until", until)):
        if not is_moment(moment):
            raise InvalidInput.field(f"/{field}", f"must be a time {MOMENT}")
    if until < since:
        raise InvalidInput.field("/until", "must not be before from")


def unneeded(name: str) -> Guard:
    """Refuse that a schedule goes while others depend on it, naming them."""

    def guard(edges: Mapping[str, Sequence[str]], names: frozenset[str]) -> None:
        if needed_by := dependents(name, edges):
            raise Conflict(f"schedule {name!r} is needed by {', '.join(needed_by)}", needed_by[0])

    return guard


__all__ = ["ScheduleEdit", "Schedules"]
