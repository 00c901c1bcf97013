"""When the rules of a time zone change, schedules are due at other times, and nothing of the past is fired."""

from __future__ import annotations

import logging
import shutil
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from runwright import Every
from runwright.bus import LocalBus
from runwright.clock import SECOND, to_datetime
from runwright.model import SYSTEM, ScheduleChange
from runwright.schedule import forget_zones
from runwright.worker.zone_rules import ZoneRules, rules_here
from tests.worker.schedules import Engine, Node, engine

ZONE = "Europe/Berlin"
HOUR = timedelta(hours=1)


@dataclass
class Machine:
    """A machine whose time zone database is a folder of the test's."""

    folder: Path

    def update(self, version: str, like: str) -> None:
        """Put another database in its place, in which Berlin has the clocks of that zone."""
        packaged = Path(str(files("tzdata"))) / "zoneinfo"
        (self.folder / "Europe").mkdir(exist_ok=True)
        shutil.copy(packaged / like, self.folder / ZONE)
        shutil.copy(packaged / "UTC", self.folder / "UTC")
        (self.folder / "tzdata.zi").write_text(f"# version {version}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    made.update("2026a", "Etc/GMT")
    zoneinfo.reset_tzpath([str(tmp_path)])
    forget_zones()
    yield made
    zoneinfo.reset_tzpath()
    forget_zones()


@pytest.fixture(params=["memory", "postgres"])
async def made(request: pytest.FixtureRequest, machine: Machine) -> AsyncIterator[Engine]:
    async with engine(request.getfixturevalue("postgres_url") if request.param == "postgres" else None) as opened:
        await ZoneRules(opened.store, LocalBus(), opened.triggers).run_once()
        yield opened


async def due(made: Engine, name: str) -> datetime:
    """When it is due next."""
    found = (await made.door.get(SYSTEM, name)).next_due_at
    assert found is not None
    return to_datetime(found)


async def restarted(made: Engine) -> Node:
    """Another process, which has read the zones as they are now."""
    forget_zones()
    node = Node(made.store, made.clock)
    await ZoneRules(made.store, LocalBus(), node.triggers).run_once()
    return node


async def test_the_version_is_that_of_the_database_in_use(machine: Machine) -> None:
    assert rules_here() == "2026a"
    (machine.folder / "tzdata.zi").unlink()
    assert rules_here() == ""
    zoneinfo.reset_tzpath([])
    packaged = (files("tzdata") / "zoneinfo" / "tzdata.zi").read_text().split("\n")[0]
    assert packaged == f"# version {rules_here()}"


async def test_after_a_restart_with_new_rules_they_are_due_by_those(
    made: Engine, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    start = to_datetime(made.clock.now())
    await made.add("later", "0 14 * * *", timezone=ZONE)
    await made.add("passed", "0 13 * * *", timezone=ZONE)
    await made.add("utc", "0 15 * * *")
    await made.add("end", Every(hours=3))
    await made.add("off", "0 14 * * *", timezone=ZONE, enabled=False)
    before = {name: (await made.door.get(SYSTEM, name)).version for name in ("utc", "end", "off")}
    assert await due(made, "later") == start + 2 * HOUR
    machine.update("2026b", "Etc/GMT-1")  # an hour ahead of UTC
    with caplog.at_level(logging.WARNING):
        node = await restarted(made)
    assert await due(made, "later") == start + HOUR
    assert await due(made, "passed") == start + 24 * HOUR  # 13:00 is now, and not fired any more
    assert {name: (await made.door.get(SYSTEM, name)).version for name in before} == before
    assert (
        "the rules of 2026b now, before it was 2026a; 2 schedules are due at another time: later, passed" in caplog.text
    )
    event = (await made.store.events([])).items[0]
    assert (event.action, event.detail) == ("schedule.updated", {"by": "the time zones of 2026b"})
    made.clock.advance(3600)
    await node.tick()
    assert await made.outcomes("later") == ["fired"]
    made.clock.advance(3 * 3600)
    await node.tick()
    assert (await made.outcomes("later"), await made.outcomes("passed")) == (["fired"], [])


async def test_a_database_that_is_brought_up_to_date_is_seen_by_a_process_that_runs(
    made: Engine, machine: Machine
) -> None:
    start = to_datetime(made.clock.now())
    running = ZoneRules(made.store, LocalBus(), made.triggers)
    await made.add("a", "0 14 * * *", timezone=ZONE)
    assert await running.run_once() > 0
    machine.update("2026b", "Etc/GMT+1")
    await running.run_once()
    assert await due(made, "a") == start + 3 * HOUR
    made.clock.advance(3 * 3600)
    await made.tick()
    (fire,) = await made.ledger("a")
    assert (fire.due_at, fire.outcome) == (start + 3 * HOUR, "fired")
    assert await due(made, "a") == start + 27 * HOUR


async def test_a_process_with_older_rules_says_so_once_and_changes_nothing(
    made: Engine, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    await made.add("a", "0 14 * * *", timezone=ZONE)
    machine.update("2026b", "Etc/GMT-1")
    node = await restarted(made)
    placed = await due(made, "a")
    machine.update("2026a", "Etc/GMT")
    forget_zones()
    older = ZoneRules(made.store, LocalBus(), node.triggers)
    for _ in range(2):
        await older.run_once()
    assert await due(made, "a") == placed
    assert caplog.text.count("this process has the time zones of 2026a") == 1


async def test_what_is_fired_or_edited_meanwhile_is_placed_too(made: Engine, machine: Machine) -> None:
    """The version that was read has passed when it is written."""
    start = to_datetime(made.clock.now())
    await made.add("a", "0 14 * * *", timezone=ZONE)
    stale = await made.store.schedule_page(100)
    await made.edit("a", label="new")
    machine.update("2026b", "Etc/GMT-1")
    forget_zones()
    zones = ZoneRules(made.store, LocalBus(), Node(made.store, made.clock).triggers)
    zones._store = Stale(made.store, stale)  # type: ignore[assignment]  # a store whose list is old
    await zones.run_once()
    found = await made.door.get(SYSTEM, "a")
    assert (found.label, to_datetime(found.next_due_at or 0)) == ("new", start + HOUR)


class Stale:
    """A store whose schedules were read a moment ago."""

    def __init__(self, store: object, page: object) -> None:
        self._store, self._page = store, page

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def schedule_page(self, limit: int, after: str | None = None) -> object:
        return self._page


async def test_without_a_change_of_rules_nothing_is_placed_anew(made: Engine) -> None:
    await made.add("a", "0 14 * * *", timezone=ZONE)
    found = await made.door.get(SYSTEM, "a")
    odd = replace(found, next_due_at=made.at(5))
    await made.store.write_schedules([ScheduleChange(odd, "schedule.updated")], "ann")
    await restarted(made)
    assert (await made.door.get(SYSTEM, "a")).next_due_at == made.clock.now() + 5 * SECOND
