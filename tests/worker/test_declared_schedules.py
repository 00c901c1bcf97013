"""Schedules that code and files declare, and what people do to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runwright import Settings, TaskManager, task
from runwright.control.declared import Declaration, declared_by, declared_in
from runwright.errors import Conflict, InvalidInput
from runwright.model import SYSTEM, Schedule, ScheduleChange
from runwright.tasks.registry import Registry
from tests.worker.schedules import Engine, engine


@pytest.fixture
async def made() -> AsyncIterator[Engine]:
    async with engine() as opened:
        yield opened


async def declare(made: Engine, *entries: dict[str, Any], origin: str = "file a.yaml") -> list[str]:
    """Declare these, and nothing else, from one place; why some were refused."""

    async def now() -> list[Declaration]:
        return declared_in(entries, origin)

    made.declared.declared_now = now
    refused = await made.declared.follow(await now(), lambda schedule: schedule.origin == origin)
    return [f"{each.declaration.name}: {each.reason}" for each in refused]


def entry(**fields: Any) -> dict[str, Any]:
    return {"Name": "nightly", "ActionName": "work", "Schedule": "@daily", **fields}


async def test_what_is_declared_is_there_and_follows_its_declaration(made: Engine) -> None:
    await declare(made, entry(Label="One"))
    first = await made.door.get(SYSTEM, "nightly")
    assert (first.label, first.origin, first.as_user) == ("One", "file a.yaml", None)
    await declare(made, entry(Label="One"))
    assert (await made.door.get(SYSTEM, "nightly")).version == first.version
    await declare(made, entry(Schedule="@hourly", Attributes={"number": 2}))
    second = await made.door.get(SYSTEM, "nightly")
    assert (second.id, second.label, made.door.shown(second)[0]) == (first.id, "", "@hourly")
    assert second.arguments == '{"number":2}'
    await declare(made)
    assert await made.door.list(SYSTEM) == []


async def test_an_edit_wins_until_reset(made: Engine) -> None:
    await declare(made, entry())
    await made.edit("nightly", label="mine", name="renamed")
    await declare(made, entry(Label="theirs", Schedule="@hourly"))
    kept = await made.door.get(SYSTEM, "renamed")
    assert (kept.label, kept.edited, made.door.shown(kept)[0]) == ("mine", True, "@daily")
    assert len(await made.door.list(SYSTEM)) == 1
    back = await made.declared.reset(SYSTEM, "renamed")
    assert (back.name, back.label, back.edited, made.door.shown(back)[0]) == ("nightly", "theirs", False, "@hourly")


async def test_a_switch_is_no_edit_and_is_not_thrown_back(made: Engine) -> None:
    await declare(made, entry())
    await made.door.disable(SYSTEM, "nightly")
    await declare(made, entry(Label="new"))
    off = await made.door.get(SYSTEM, "nightly")
    assert (off.label, off.enabled) == ("new", False)
    await declare(made, entry(Label="new", IsActive=False))
    await declare(made, entry(Label="new", IsActive=True))
    assert (await made.door.get(SYSTEM, "nightly")).enabled


async def test_a_deletion_stays_until_reset(made: Engine) -> None:
    await declare(made, entry())
    await made.door.remove(SYSTEM, "nightly")
    await declare(made, entry())
    assert await made.door.list(SYSTEM) == []
    with pytest.raises(Conflict, match=r"a\.yaml still declares it"):
        await made.add("nightly")
    assert (await made.declared.reset(SYSTEM, "nightly")).next_due_at is not None
    await declare(made)
    assert await made.door.list(SYSTEM) == []


async def test_a_schedule_of_people_is_left_alone(made: Engine) -> None:
    mine = await made.add("nightly")
    (refused,) = await declare(made, entry(Label="theirs"))
    assert await made.door.get(SYSTEM, "nightly") == mine
    assert "made by people" in refused
    with pytest.raises(Conflict, match="nothing to go back to"):
        await made.declared.reset(SYSTEM, "nightly")


async def test_one_that_is_refused_keeps_no_other_back(made: Engine) -> None:
    good = entry(Name="good")
    refused = await declare(made, entry(Schedule="0 0 30 2 *"), entry(Name="lost", DependsOn=["nowhere"]), good)
    assert [schedule.name for schedule in await made.door.list(SYSTEM)] == ["good"]
    assert [each.partition(":")[0] for each in refused] == ["lost", "nightly"]
    assert "never comes" in refused[1] and "nowhere" in refused[0]


async def test_dependencies_come_in_any_order_and_keep_their_dependencies_alive(made: Engine) -> None:
    await declare(made, entry(Name="b", DependsOn=["a"]), entry(Name="a"))
    assert [schedule.name for schedule in await made.door.list(SYSTEM)] == ["a", "b"]
    await declare(made, entry(Name="b", DependsOn=["a"]))
    assert [schedule.name for schedule in await made.door.list(SYSTEM)] == ["a", "b"]


@pytest.mark.parametrize(
    ("entries", "pointer"),
    [
        ([{"Name": "a", "Schedule": "@daily"}], "/schedules/0/task"),
        ([entry(), {"Name": "a", "ActionName": "work"}], "/schedules/1/when"),
        ([entry(), entry()], "/schedules/1/name"),
        ([entry(Colour="red")], "/schedules/0/colour"),
        ([entry(IsActive="yes")], "/schedules/0/is_active"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(entries: list[dict[str, Any]], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        declared_in(entries, "file")
    assert [error.pointer for error in refused.value.errors] == [pointer]


async def test_depends_on_of_a_task_means_the_schedules_of_those_tasks(made: Engine) -> None:
    @task(schedule="@daily", depends_on=["prepare", "manual"])
    async def process() -> None: ...

    @task(schedule="@daily")
    async def prepare() -> None: ...

    @task
    async def manual() -> None: ...

    registry = Registry()
    for each in (process, prepare, manual):
        registry.register(each)
    await made.store.write_schedules([ScheduleChange(Schedule("id", "by-hand", "manual", "{}"))], "ann")
    declared = await declared_by(registry, made.store)
    assert [(each.name, list(each.edit["depends_on"])) for each in declared] == [
        ("prepare", []),
        ("process", ["prepare", "by-hand"]),
    ]


async def test_the_settings_file_declares_schedules(tmp_path: Path) -> None:
    @task
    async def generate_report(report_type: str, format: str = "pdf") -> str:
        return f"{report_type}.{format}"

    file = tmp_path / "runwright.yaml"

    def written(*tasks: dict[str, Any]) -> Settings:
        file.write_text(yaml.safe_dump({"store": f"sqlite:///{tmp_path / 'x.db'}", "Tasks": list(tasks)}))
        return Settings.load(file, environ={})

    report = {"Name": "daily_report", "Label": "Generate Daily Report", "Schedule": "@daily",
              "ActionName": "generate_report", "EntityName": "report", "AsUserEmail": "admin@example.com",
              "Attributes": {"report_type": "daily"}}  # fmt: skip
    async with TaskManager(written(report), tasks=[generate_report]) as manager:
        (found,) = await manager.schedules.list()
        assert (found.origin, found.entity, found.as_user) == (f"file {file}", "report", "admin@example.com")
        await manager.schedules.disable("daily_report")
    async with TaskManager(written({**report, "Schedule": "@weekly"}), tasks=[generate_report]) as manager:
        found = await manager.schedules.get("daily_report")
        assert (manager.control.schedules.shown(found)[0], found.enabled) == ("@weekly", False)
    async with TaskManager(written(), tasks=[generate_report]) as manager:
        assert await manager.schedules.list() == []


async def test_a_schedule_goes_with_its_declaration_in_code(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'x.db'}")

    def tick() -> None: ...

    async with TaskManager(settings, tasks=[task(name="tick", schedule="@daily")(tick)]) as manager:
        assert [each.name for each in await manager.schedules.list()] == ["tick"]
    async with TaskManager(settings, tasks=[task(name="tick")(tick)]) as manager:
        assert await manager.schedules.list() == []


async def test_a_manager_that_only_asks_resets_too(tmp_path: Path) -> None:
    """As the command line without a server does."""
    settings = Settings(store=f"sqlite:///{tmp_path / 'x.db'}")

    def tick() -> None: ...

    declared = task(name="tick", schedule="@daily")(tick)
    async with TaskManager(settings, tasks=[declared]) as manager:
        await manager.schedules.edit("tick", label="mine")
    async with TaskManager(settings, tasks=[declared], roles=()) as manager:
        assert (await manager.schedules.get("tick")).label == "mine"
        assert (await manager.schedules.reset("tick")).edited is False
