"""Every command and question that the API, the page, the CLI and the Python API may ask: the one door.

``Control`` has one part for each noun: ``runs``, ``schedules`` (with ``fires``, ``declared`` and ``file``), ``tasks``,
``timeline`` and ``accounts``. Each method takes the Actor who asks, checks the role, and returns after the store's
commit. Nothing here knows HTTP, and nothing reaches around it.
"""

from __future__ import annotations

from runwright.control.accounts import Accounts
from runwright.control.declared import Declared
from runwright.control.runs import Runs
from runwright.control.schedule_edit import ScheduleEdit
from runwright.control.schedule_fires import Backfill, ScheduleFires
from runwright.control.schedule_load import ScheduleFile
from runwright.control.schedules import Schedules
from runwright.control.tasks import Tasks
from runwright.control.timeline import Timeline

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
    "Tasks",
    "Timeline",
]


class Control:
    """The parts of the one door, made by the manager."""

    def __init__(
        self,
        *,
        runs: Runs,
        schedules: Schedules,
        fires: ScheduleFires,
        declared: Declared,
        file: ScheduleFile,
        tasks: Tasks,
        timeline: Timeline,
        accounts: Accounts,
    ) -> None:
        self.runs = runs
        self.schedules = schedules
        self.fires = fires
        self.declared = declared
        self.file = file
        self.tasks = tasks
        self.timeline = timeline
        self.accounts = accounts
