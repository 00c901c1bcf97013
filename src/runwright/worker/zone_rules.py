"""Keeps the due times of schedules in step with the rules of the time zones, which governments change.

The store keeps the version of the time zone database by which its schedules were placed. A process that comes with a
newer one places them anew; one with an older one says so. Nothing of the past is fired, and a due time that has passed
is left to the scheduler.
"""

from __future__ import annotations

import logging
import re
import zoneinfo
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from runwright.bus import Bus
from runwright.clock import to_datetime, to_micros
from runwright.model import Schedule, ScheduleChange
from runwright.schedule import forget_zones
from runwright.store.base import Store
from runwright.worker.service import Service
from runwright.worker.triggers import Triggers

LOOK_SECONDS = 30.0
PAGE = 100
_VERSION = re.compile(r"# version (\S+)")
_BY_ZONE = frozenset({"cron", "once", "interval"})
"""Triggers whose due times follow from their row, the zone and the clock; the others give answers of their own."""

logger = logging.getLogger("runwright.scheduler")


def rules_here() -> str:
    """The version of the time zone database that this process reads, such as ``2026a``; empty if it does not say."""
    folders: list[Traversable] = [Path(folder) for folder in zoneinfo.TZPATH]
    with suppress(ModuleNotFoundError):
        folders.append(files("tzdata").joinpath("zoneinfo"))
    for folder in folders:
        if folder.joinpath("tzdata.zi").is_file():
            with folder.joinpath("tzdata.zi").open("r", encoding="utf-8") as text:
                found = _VERSION.match(text.readline())
            return found[1] if found else ""
        if folder.joinpath("UTC").is_file():
            break
    return ""


class ZoneRules(Service):
    """The loop that looks whether the rules have changed, at the start and while it runs."""

    name = "zone rules"

    def __init__(self, store: Store, bus: Bus, triggers: Triggers) -> None:
        super().__init__(bus)
        self._store = store
        self._triggers = triggers
        self._here = rules_here()
        self._warned = ""

    async def run_once(self) -> float:
        if (here := rules_here()) != self._here:  # the database was brought up to date under this process
            forget_zones()
            self._triggers.forget()
            self._here = here
        kept = await self._store.zone_rules()
        if here and kept is None:
            await self._store.keep_zone_rules(here)
        elif here and kept is not None and kept < here:
            moved = await self._place_anew(here)
            await self._store.keep_zone_rules(here)
            logger.warning(
                "the time zones have the rules of %s now, before it was %s; %d schedules are due at another time: %s",
                here, kept, len(moved), ", ".join(moved[:20]) or "none",
            )  # fmt: skip
        elif here and kept is not None and kept > here and kept != self._warned:
            self._warned = kept
            logger.warning(
                "this process has the time zones of %s, and its schedules were placed by those of %s; "
                "bring its tzdata up to date, or its due times may differ from those of the others", here, kept,
            )  # fmt: skip
        return LOOK_SECONDS

    async def _place_anew(self, rules: str) -> list[str]:
        """Work out when each schedule is due next, from now on; the names of those for which that is another time."""
        moved, after = list[str](), None
        while True:
            page, _ = await self._store.schedule_page(PAGE, after)
            for schedule in page.items:
                found: Schedule | None = schedule
                while found is not None and (placed := self._placed(found)) is not None:
                    change = ScheduleChange(placed, "schedule.updated", {"by": f"the time zones of {rules}"})
                    if await self._store.write_schedules([change], "system"):
                        moved.append(schedule.name)
                        break
                    found = await self._store.schedule(schedule.id)  # fired or edited meanwhile
            if (after := page.after) is None:
                return moved

    def _placed(self, schedule: Schedule) -> Schedule | None:
        """The schedule with the next due time that the present rules give it; None if that is the one that it has."""
        now, stored = self._store.now(), schedule.next_due_at
        if schedule.deleted or not schedule.enabled or stored is None or stored <= now:
            return None
        trigger = self._triggers.of(schedule)
        if trigger is None or trigger.kind not in _BY_ZONE or trigger.anchored_at_end:
            return None
        since = max(now, schedule.cursor_at)
        due = trigger.next_after(to_datetime(since), anchor=to_datetime(schedule.anchor_at))
        if due is None or to_micros(due) == stored:
            return None
        return replace(schedule, cursor_at=since, next_due_at=to_micros(due), updated_at=now)
