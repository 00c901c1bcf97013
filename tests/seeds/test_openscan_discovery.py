"""OpenScan3's document on discovery: its settings, its directories, its core set, its minimal class word for word."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from runwright import Settings, StartRefused, TaskManager
from runwright.errors import NotFound

MINIMAL = """
from runwright import BaseTask
from runwright import TaskProgress

class MyCustomTask(BaseTask):
    task_name = "my_custom_task"       # must be snake_case and end with _task
    task_category = "example"          # optional but recommended: core | example | community | test
    is_exclusive = False                # exclusive tasks block all others
    is_blocking = False                 # blocking tasks run in thread pool

    async def run(self, *args, **kwargs):
        # report progress (optional but encouraged)
        self._task_model.progress = TaskProgress(current=0, total=10, message="Starting...")
        # do work...
        return "Done!"
"""
CORE = ("scan_task", "focus_stacking_task", "cloud_upload_task", "cloud_download_task")


def task_of(name: str, category: str = "core") -> str:
    return dedent(f"""
        from runwright import BaseTask

        class {name.title().replace("_", "")}(BaseTask):
            task_name = "{name}"
            task_category = "{category}"

            async def run(self) -> str:
                return __name__
        """)


@pytest.fixture
def firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The packages of the document, importable, and a settings file with its keys."""
    tasks = tmp_path / "openscan_firmware" / "controllers" / "services" / "tasks"
    community = tmp_path / "openscan_firmware" / "tasks" / "community"
    for folder in (tasks / "core", tasks / "examples", community):
        folder.mkdir(parents=True)
        for package in [folder, *folder.parents]:
            if package == tmp_path:
                break
            (package / "__init__.py").touch()
    for name in CORE:
        (tasks / "core" / f"{name}.py").write_text(task_of(name))
    (tasks / "examples" / "demo_examples.py").write_text(task_of("failing_task", "example"))
    (tasks / "base_task.py").write_text("raise RuntimeError('is on the ignore list')\n")
    (tasks / "task_manager.py").write_text("raise RuntimeError('is on the ignore list')\n")
    (community / "timelapse.py").write_text(MINIMAL)
    (community / "legacy.py").write_text("__openscan_autodiscover__ = False\n" + task_of("legacy_task"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "openscan_firmware"]:
        del sys.modules[name]


def settings(firmware: Path, **changed: object) -> Settings:
    keys = {
        "task_autodiscovery_enabled": True,
        "task_autodiscovery_namespaces": [
            "openscan_firmware.controllers.services.tasks", "openscan_firmware.tasks.community",
        ],
        "task_autodiscovery_include_subpackages": True,
        "task_autodiscovery_ignore_modules": ["base_task", "task_manager"],
        "task_autodiscovery_override_on_conflict": False,
        "required_tasks": CORE,
        "store": "sqlite:///:memory:",
        **changed,
    }  # fmt: skip
    (firmware / "openscan_firmware.json").write_text(json.dumps(keys))
    return Settings.load(firmware / "openscan_firmware.json", environ={})


async def test_the_namespaces_of_the_document(firmware: Path) -> None:
    manager = TaskManager(settings(firmware))
    report = await manager.discover()
    assert report.problems == ()
    assert set(report.registered) == {*CORE, "failing_task", "my_custom_task"}
    assert {task.name for task in manager.tasks if task.category == "core"} == set(CORE)


async def test_the_minimal_class_of_the_document(firmware: Path) -> None:
    manager = TaskManager(settings(firmware))
    await manager.discover()
    async with manager:
        assert await manager.run("my_custom_task", {"args": [1], "anything": True}) == "Done!"
        (run,) = (await manager.runs()).items
    assert run.progress is not None
    assert (run.progress.current, run.progress.total, run.progress.message) == (10, 10, "Starting...")
    assert run.arguments == {"args": [1], "anything": True}


async def test_without_subpackages_and_with_more_to_ignore(firmware: Path) -> None:
    manager = TaskManager(settings(firmware, task_autodiscovery_include_subpackages=False, required_tasks=[]))
    assert set((await manager.discover()).registered) == {"my_custom_task"}
    ignoring = settings(
        firmware, task_autodiscovery_ignore_modules=["base_task", "task_manager", "examples", "community"]
    )
    assert set((await TaskManager(ignoring).discover()).registered) == set(CORE)


async def test_a_missing_core_task_stops_the_start_and_is_named(firmware: Path) -> None:
    (firmware / "openscan_firmware/controllers/services/tasks/core/scan_task.py").unlink()
    with pytest.raises(StartRefused, match="scan_task"):
        await TaskManager(settings(firmware)).discover()


async def test_an_import_error_hides_nobody(firmware: Path) -> None:
    community = firmware / "openscan_firmware" / "tasks" / "community"
    (community / "needs_hardware.py").write_text("import gpiozero_that_is_not_here\n" + task_of("led_task"))
    (community / "quits.py").write_text("import sys\nsys.exit('no camera')\n")
    manager = TaskManager(settings(firmware))
    report = await manager.discover()
    assert {*CORE, "my_custom_task"} <= set(report.registered)
    assert [(Path(problem.file).name, problem.line) for problem in report.problems] == [
        ("needs_hardware.py", 1), ("quits.py", 2),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        manager.registry.get("led_task")


@pytest.mark.parametrize("override", [False, True])
async def test_of_two_the_first_stays_unless_it_shall_be_overridden(
    firmware: Path, override: bool, caplog: pytest.LogCaptureFixture
) -> None:
    (firmware / "openscan_firmware" / "tasks" / "community" / "my_scan.py").write_text(task_of("scan_task", "mine"))
    manager = TaskManager(settings(firmware, task_autodiscovery_override_on_conflict=override))
    report = await manager.discover()
    assert manager.registry.get("scan_task").category == ("mine" if override else "core")
    if override:
        assert report.problems == ()
        assert "takes the place of the one at" in caplog.text
    else:
        assert len(report.problems) == 1
        assert "'scan_task' is taken by the task at" in report.problems[0].error


async def test_a_folder_for_the_community_outside_of_the_repository(firmware: Path) -> None:
    outside = firmware / "var" / "community-tasks"
    outside.mkdir(parents=True)
    (outside / "timelapse_more.py").write_text(task_of("timelapse_task", "community"))
    (outside / "legacy.py").write_text("__openscan_autodiscover__ = False\n" + task_of("legacy_task"))
    (outside / "__ignored.py").write_text("raise RuntimeError\n")
    base = settings(firmware)
    with_folder = Settings.load(
        firmware / "openscan_firmware.json", environ={"TASK_COMMUNITY_DIR": str(outside), "TASK_DIRECTORY": "none-here"}
    )
    assert base.community_dir is None
    manager = TaskManager(with_folder)
    report = await manager.discover()
    assert report.problems == ()
    assert "timelapse_task" in report.registered
    assert "legacy_task" not in report.registered


async def test_switched_off_only_what_is_registered_is_there(firmware: Path) -> None:
    manager = TaskManager(settings(firmware, task_autodiscovery_enabled=False, required_tasks=[]))
    assert (await manager.discover()).registered == ()
