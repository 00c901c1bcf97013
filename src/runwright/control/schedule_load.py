"""Control, schedules: all of them as a file keeps them, and the schedules of a file put in place, all or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from runwright.auth.policy import require
from runwright.clock import Clock, Micros, Rng
from runwright.control.schedule_edit import Editor, ScheduleEdit, refuse_missing
from runwright.control.schedule_words import PLACE, Entry, in_words, words_of
from runwright.control.schedules import ATTEMPTS_AGAINST_RACES, Schedules, guard
from runwright.errors import Conflict, FieldError, InvalidInput, ScheduleRefused
from runwright.model import Actor, JSONObject, Role, Schedule, ScheduleChange
from runwright.store.base import Store
from runwright.worker.triggers import code_class


class ScheduleFile:
    """What is saved and loaded. For administrators: a file says as whom its schedules run, and holds sealed secrets."""

    def __init__(self, store: Store, door: Schedules, editor: Editor, clock: Clock, rng: Rng, timezone: str) -> None:
        self._store = store
        self._door = door
        self._editor = editor
        self._clock = clock
        self._rng = rng
        self._timezone = timezone

    def admit(self, actor: Actor) -> None:
        """Refuse who may not load a file, before it is read. Raises Forbidden."""
        require(actor, Role.ADMIN)

    async def words(self, actor: Actor) -> Sequence[JSONObject]:
        """All schedules as a file keeps them; secrets in their arguments stay sealed."""
        require(actor, Role.ADMIN)
        return [words_of(schedule) for schedule in await self._store.schedules()]

    async def load(self, actor: Actor, entries: Sequence[Entry]) -> list[Schedule]:
        """Put the schedules of a file in the place of those of the same names, all or none; the others stay.

        Times are worked out from now on, so that nothing of the past is fired; one whose times have all passed
        becomes a disabled one. Statistics are restored with schedules that are new here.
        """
        require(actor, Role.ADMIN)
        for _ in range(ATTEMPTS_AGAINST_RACES):
            known = {schedule.name: schedule for schedule in await self._store.schedules(deleted=True)}
            now = self._clock.now()
            changes = [self._loaded(actor, entry, known, now, number) for number, entry in enumerate(entries)]
            names = [change.schedule.name for change in changes]
            if twice := {name for name in names if names.count(name) > 1}:
                raise InvalidInput(f"the file has {min(twice)!r} twice; nothing was loaded")
            if await self._store.write_schedules(changes, actor.name, guard):
                for new in (change.schedule for change in changes):
                    if (old := known.get(new.name)) is not None:
                        await self._door.withdraw(old.id)
                        await self._door.end_service(old, actor, new)
                return [await self._door.get(actor, name) for name in names]
        raise Conflict("the schedules are being changed by others all the time; try again")

    def _loaded(
        self, actor: Actor, entry: Entry, known: Mapping[str, Schedule], now: Micros, number: int
    ) -> ScheduleChange:
        edit, old = entry.edit, known.get(str(entry.edit.get("name")))
        try:
            with in_words():
                if old is None:
                    past = entry.past
                    blank = Schedule(
                        id=self._rng.run_id(now), name="", task="", when="", timezone=self._timezone, as_user=None,
                        created_by=actor.name, created_at=now, first_done=bool(past.get("run_count")), **past,
                    )  # fmt: skip
                    return ScheduleChange(self._restored(blank, edit, now))
                new = self._restored(replace(old, deleted=False), edit, now)
                return ScheduleChange(replace(new, edited=bool(old.origin)), "schedule.updated", {"by": "file"})
        except InvalidInput as error:
            place, said = f"/{PLACE}/{number}", f" (in {edit['name']!r})" if "name" in edit else ""
            raise InvalidInput.fields(
                [FieldError(place + fault.pointer, fault.message + said, fault.code) for fault in error.errors]
            ) from None

    def _restored(self, old: Schedule, edit: ScheduleEdit, now: Micros) -> Schedule:
        refuse_missing(edit)
        edit, form = edit.copy(), edit["when"]
        if "arguments" in edit:
            edit["arguments"] = self._editor.opened(edit["task"], edit["arguments"])
        if isinstance(form, Mapping) and code_class(form) is not None:  # its code, if it is here, binds it
            text = json.dumps(form, separators=(",", ":"))
            named = replace(old, when=text, origin=str(form["class"]))
            del edit["when"]
            return self._editor.apply(named, edit, now, confirmed=True)
        try:
            return self._editor.apply(old, edit, now, confirmed=True)
        except ScheduleRefused:
            if edit.get("enabled") is False:
                raise
            return self._editor.apply(old, {**edit, "enabled": False}, now, confirmed=True)  # it has had its times
