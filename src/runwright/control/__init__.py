"""Every command and question that the API, the page, the CLI and the Python API may ask: the one door.

``Control`` has one part for each noun: ``runs``, ``schedules`` (with ``fires``, ``declared`` and ``file``),
``services``, ``tasks``, ``timeline`` and ``accounts``. Each method takes the Actor who asks, checks the role, and
returns after the store's commit. Nothing here knows HTTP, and nothing reaches around it.
"""

from __future__ import annotations

from runwright.admission import Admission
from runwright.clock import Clock, Rng
from runwright.control.accounts import Accounts
from runwright.control.declared import Declared
from runwright.control.elsewhere import Elsewhere
from runwright.control.runs import Runs
from runwright.control.schedule_edit import Editor, ScheduleEdit
from runwright.control.schedule_fires import Backfill, ScheduleFires
from runwright.control.schedule_load import ScheduleFile
from runwright.control.schedules import Schedules
from runwright.control.services import Services, ServiceView
from runwright.control.tasks import Tasks, TaskView
from runwright.control.timeline import Timeline
from runwright.events.feed import Feed
from runwright.store.base import Store
from runwright.tasks.registry import Registry
from runwright.worker.triggers import Triggers

__all__ = [
    "Accounts",
    "Backfill",
    "Control",
    "Declared",
    "Runs",
    "ScheduleEdit",
    "ScheduleFile",
    "ScheduleFires",
    "Schedules",
    "ServiceView",
    "Services",
    "TaskView",
    "Tasks",
    "Timeline",
]


class Control:
    """The parts of the one door, over what the manager has opened."""

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        admission: Admission,
        feed: Feed,
        triggers: Triggers,
        clock: Clock,
        rng: Rng,
        timezone: str,
    ) -> None:
        editor = Editor(registry, admission, triggers)
        elsewhere = Elsewhere(store, registry)
        self.runs = Runs(store, registry, elsewhere, admission, feed, clock)
        self.schedules = Schedules(store, registry, editor, triggers, clock, rng, timezone)
        self.fires = ScheduleFires(store, self.schedules, admission, clock)
        self.services = Services(store, self.schedules, self.fires, clock)
        self.declared = Declared(store, self.schedules, editor, clock, timezone)
        self.file = ScheduleFile(store, self.schedules, editor, clock, rng, timezone)
        self.tasks = Tasks(store, registry, elsewhere)
        self.timeline = Timeline(store)
        self.accounts = Accounts(store, clock, rng)
