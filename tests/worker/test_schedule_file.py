"""The file that keeps schedules: whole or not at all, written and read, also as older schedulers wrote it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from runwright import Cron, Every, Settings, TaskManager, task
from runwright.errors import InvalidInput, RunwrightError
from runwright.manager import schedule_file
from runwright.model import MASK
from tests.story.conftest import Open, opened  # noqa: F401 - the fixture


@task
async def work(number: int = 0, password: SecretStr | None = None) -> int:
    return number


async def test_what_is_saved_is_loaded_as_it_was(opened: Open, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    file = tmp_path / "new" / "folder" / "tasks.json"
    async with opened(work) as manager:
        await manager.schedules.add("a", task=work, when=Every(minutes=5), label="A", arguments={"number": 3})
        await manager.schedules.add(
            "b", task=work, when=Cron("0 2 * * *", timezone="Europe/Berlin", dst_gap="skip"), depends_on=["a"],
            priority=7, overlap="queue", catch_up="all", misfire_grace_seconds=5, jitter_seconds=2, entity="e",
            as_user="ops@example.com", enabled=False, excluded=["12-25"], blackouts=["sat,sun"],
            starts_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        before = await manager.schedules.list()
        await manager.schedules.save(file)
    assert [path.name for path in file.parent.iterdir()] == ["tasks.json"]
    async with opened(work) as manager:
        loaded = await manager.schedules.load(file)
        again = tmp_path / "again.json"
        await manager.schedules.save(again)
    kept = ("name", "when", "timezone", "arguments", "label", "entity", "as_user", "enabled", "priority", "overlap",
            "catch_up", "misfire_grace_seconds", "jitter_seconds", "depends_on", "starts_at", "excluded",
            "blackouts")  # fmt: skip
    for old, new in zip(before, loaded, strict=True):
        assert {name: getattr(old, name) for name in kept} == {name: getattr(new, name) for name in kept}

    def without_times(path: Path) -> list[dict[str, Any]]:
        return [{**each, "next_run": None, "last_run": None, "run_count": 0} for each in json.loads(path.read_text())]

    assert without_times(file) == without_times(again)


async def test_loading_replaces_the_same_names_and_keeps_the_others(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'x.db'}")
    async with TaskManager(settings, tasks=[work]) as manager:
        await manager.schedules.add("a", task=work, when="@daily")
        await manager.schedules.save(tmp_path / "s.json")
        await manager.schedules.edit("a", when="@hourly", label="changed")
        await manager.schedules.add("b", task=work, when="@daily")
        (loaded,) = await manager.schedules.load(tmp_path / "s.json")
        assert (loaded.label, manager.control.schedules.shown(loaded)[0]) == ("", "@daily")
        assert [each.name for each in await manager.schedules.list()] == ["a", "b"]


async def test_secrets_stay_sealed_in_the_file_and_work_after(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'x.db'}")
    file = tmp_path / "s.json"
    async with TaskManager(settings, tasks=[work], roles=()) as manager:
        await manager.schedules.add("a", task=work, when="@daily", arguments={"password": "canary"})
        await manager.schedules.save(file)
        assert "canary" not in file.read_text()
        await manager.schedules.remove("a")
        await manager.schedules.load(file)
        assert manager.control.schedules.arguments(await manager.schedules.get("a")) == {
            "number": 0,
            "password": MASK,
        }
    other = Settings(store=f"sqlite:///{tmp_path / 'y.db'}")
    async with TaskManager(other, tasks=[work], roles=()) as manager:
        with pytest.raises(InvalidInput, match="sealed with another key"):
            await manager.schedules.load(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ('[{"name": "a"', "not JSON"),
        ("\x00" * 100, "not JSON"),
        ('{"a": 1}', "must hold a list"),
        ("[3]", "must be an object"),
        ('[{"name": "a", "action_name": "work"}]', "missing"),
        ('[{"name": "a", "action_name": "work", "schedule": "0 0 30 2 *"}]', "never comes"),
        ('[{"name": "a", "action_name": "work", "schedule": "@daily", "colour": 1}]', "colour"),
        ('[{"name": "a", "action_name": "work", "schedule": "@daily", "depends_on": ["x"]}]', "no schedule 'x'"),
        (
            '[{"name": "a", "action_name": "work", "schedule": "@daily", "depends_on": ["b"]},'
            ' {"name": "b", "action_name": "work", "schedule": "@daily", "depends_on": ["a"]}]',
            "a → b → a",
        ),
        ('[{"name": "a", "action_name": "work", "schedule": "@daily", "run_count": -1}]', "run_count"),
        ('[{"name": "a", "name": "b"}]', "key twice"),
    ],
)
async def test_a_damaged_file_is_refused_and_nothing_changes(
    opened: Open, tmp_path: Path, content: str, said: str  # noqa: F811 - the fixture
) -> None:  # fmt: skip
    file = tmp_path / "s.json"
    good = '{"name": "good", "action_name": "work", "schedule": "@daily"}'
    file.write_text(content if not content.startswith("[{") else f"[{good}, {content[1:]}")
    before = file.read_bytes()
    async with opened(work) as manager:
        await manager.schedules.add("good", task=work, when="@hourly", label="mine")
        with pytest.raises(RunwrightError, match=said):
            await manager.schedules.load(file)
        (kept,) = await manager.schedules.list()
        assert (kept.label, kept.version) == ("mine", 1)
    assert file.read_bytes() == before


async def test_a_file_that_is_not_there_holds_none(opened: Open, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    async with opened(work) as manager:
        assert list(await manager.schedules.load(tmp_path / "nothing.json")) == []


async def test_what_cannot_be_written_is_told_and_leaves_the_old_file(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811 - the fixture
) -> None:  # fmt: skip
    async with opened(work) as manager:
        (tmp_path / "file").write_text("x")
        with pytest.raises(InvalidInput, match="cannot be written"):
            await manager.schedules.save(tmp_path / "file" / "s.json")
        target = tmp_path / "s.json"
        target.write_text("old")

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(InvalidInput, match="No space left"):
            await manager.schedules.save(target)
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "s.json"]


async def test_times_that_have_passed_are_loaded_as_finished(opened: Open, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "s.json"
    file.write_text(json.dumps([{"name": "once", "action_name": "work", "schedule": "2001-01-01T00:00:00Z"}]))
    async with opened(work) as manager:
        (loaded,) = await manager.schedules.load(file)
        assert (loaded.enabled, loaded.next_due_at) == (False, None)


def test_yaml_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text('Tasks:\n  - Name: a\n    ActionName: work\n    Schedule: "@daily"\n')
    assert schedule_file.read(file) == [{"Name": "a", "ActionName": "work", "Schedule": "@daily"}]
