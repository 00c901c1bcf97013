"""The document of xcore's ``backgroundtask/``: linking, ``config.json``, discovery, scheduling and logs, as it says.

Where its engine did otherwise (a section that was never read, a new file never scheduled), the document counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from runwright import RunFailed, Settings, TaskManager
from runwright.testing import ManualClock, advance, drain
from runwright.testing.clock import PacedClock
from tests.program import Program

ROOT = Path(__file__).parents[2]
LINK = "make link FROM=./plugins/your_plugin/tasks/my_task.py TO=./backgroundtask NAME=my_task.py"
CONFIG = """{
"manager": {
    "tasks": {
        "directory": "./backgroundtask", // Specifies where the task manager looks for tasks
        "default": "./manager/plTask.py", // Default task module (if any)
        "auto_restart": true,             // Whether to auto-restart failed tasks
        "interval": 2,                    // Interval for scanning/managing tasks
        "max_retries": 3                  // Maximum retries for a failed task
    }
}
}"""
MY_TASK = '''
"""What a plugin does in the background."""
import logging

logger = logging.getLogger("your_plugin")


def run(days: int = 7):
    logger.info("clearing what is older than %d days", days)
    return days
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as the document has it, and the working directory."""
    plugin = tmp_path / "plugins" / "your_plugin" / "tasks"
    plugin.mkdir(parents=True)
    (plugin / "my_task.py").write_text(MY_TASK)
    (tmp_path / "config.json").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(program: Program, project: Path, line: str) -> subprocess.CompletedProcess[str]:
    """What a line of make does, in the project: the Makefile's own recipe, with this environment's program."""
    shown = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", "-n", *shlex.split(line)[1:]],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    recipe = shown[shown.rindex(".venv/bin/runwright") :].strip()
    words = shlex.split(recipe)[1:]
    return program(*words, cwd=project, env=os.environ)


@asynccontextmanager
async def serving(project: Path, clock: ManualClock | None = None) -> AsyncIterator[TaskManager]:
    """A manager on what the project's files say."""
    flags = {"store": "sqlite:///:memory:", "shutdown_grace": 0, "lease_seconds": 1e9}
    settings = Settings.load(directory=project, environ={}, flags=flags)
    manager = TaskManager(settings, clock=None if clock is None else PacedClock(clock))
    await manager.discover(watch=True)
    async with manager:
        yield manager


async def until(manager: TaskManager, name: str, there: bool) -> None:
    changed = asyncio.Event()
    end = manager.registry.subscribe(changed.set)
    async with asyncio.timeout(20):
        while (manager.registry.find(name) is not None) is not there:
            await changed.wait()
            changed.clear()
    end()


def test_the_link_of_the_document(program: Program, project: Path) -> None:
    done = make(program, project, LINK)
    assert done.returncode == 0, done.stderr
    link = project / "backgroundtask" / "my_task.py"
    assert link.is_symlink()
    assert link.read_text() == MY_TASK
    again = make(program, project, LINK)
    assert again.returncode == 4  # it is there: without FORCE=1 it stays as it is
    absolute = LINK.replace("./plugins", str(project / "plugins")).replace("NAME=my_task.py", "NAME=other.py")
    assert make(program, project, absolute).returncode == 0  # there, an absolute FROM gave a broken link
    assert (project / "backgroundtask" / "other.py").read_text() == MY_TASK
    missing = make(program, project, LINK.replace("my_task.py TO", "gone.py TO"))
    assert (missing.returncode, "gone.py" in missing.stderr) == (3, True)
    assert make(program, project, "make unlink TO=./backgroundtask NAME=my_task.py").returncode == 0
    assert not link.is_symlink()


def test_the_configuration_of_the_document(project: Path) -> None:
    settings = Settings.load(directory=project, environ={})
    assert settings.directory == Path("./backgroundtask")
    assert settings.default == Path("./manager/plTask.py")
    assert (settings.auto_restart, settings.interval, settings.manager_max_retries) == (True, 2.0, 3)
    assert settings.origin("interval") == f"file {(project / 'config.json').name}, key manager.tasks.interval"


async def test_a_linked_task_is_found_run_and_its_log_kept(
    program: Program, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert make(program, project, LINK).returncode == 0
    async with serving(project) as manager:
        assert [each.name for each in manager.tasks] == ["my_task"]
        assert [problem.error for problem in manager.registry.problems] == ["is gone"]  # plTask.py: no reason to stop
        assert await manager.run("my_task", {"days": 30}) == 30
        (run,) = (await manager.runs()).items
        assert "clearing what is older than 30 days" in [line.text for line in await manager.store.log(run.id)]


async def test_a_changed_value_takes_effect(project: Path) -> None:
    """There, the section was never read: the same values stood in the code."""
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "moved.py").write_text("def run(): return 'moved'\n")
    (project / "manager").mkdir()
    (project / "manager" / "plTask.py").write_text("def run(): return 'default'\n")
    changed = json.loads("\n".join(line.partition("//")[0] for line in CONFIG.splitlines()))
    changed["manager"]["tasks"].update(directory="./elsewhere", max_retries=1)
    (project / "config.json").write_text(json.dumps(changed))
    async with serving(project) as manager:
        assert [each.name for each in manager.tasks] == ["moved", "pltask"]
        assert [manager.registry.get(name).retry.max_retries for name in ("moved", "pltask")] == [1, 1]  # type: ignore[union-attr]  # it is set


async def test_a_failed_task_is_tried_again_as_often_as_the_file_says(project: Path) -> None:
    folder = project / "backgroundtask"
    folder.mkdir()
    (folder / "flaky.py").write_text("tried = []\ndef run():\n    tried.append(1)\n    raise OSError(len(tried))\n")
    (folder / "once.py").write_text("retry = 0\ndef run():\n    raise OSError('once')\n")
    clock = ManualClock()
    async with serving(project, clock) as manager:
        run = await manager.start("flaky")
        await advance(manager, clock, 3600)
        assert (await manager.get(run.id)).attempt == 4
        with pytest.raises(RunFailed):
            await manager.run("once")
        assert (await manager.runs(task="once")).items[0].attempt == 1


def test_without_that_key_a_run_by_hand_is_tried_once(tmp_path: Path) -> None:
    from runwright.tasks.discovery import DiscoveryOptions

    assert DiscoveryOptions.of(Settings.load(directory=tmp_path, environ={})).script_retries is None
    environ = {"TASK_MANAGER_MAX_RETRIES": "2"}
    assert DiscoveryOptions.of(Settings.load(directory=tmp_path, environ=environ)).script_retries == 2


async def test_jobs_in_the_script_are_scheduled_and_fire(project: Path) -> None:
    """Interval jobs after one interval, cron jobs at their time with Sunday and Monday in their places."""
    folder = project / "backgroundtask"
    folder.mkdir()
    (folder / "plugin.py").write_text(
        dedent("""
        def sync(): return "synced"
        def report(): return "reported"
        def asleep(): return "never"

        metadata = {
            "title": "Plugin", "type": "module", "moduleDir": "mqtt", "description": "d", "version": "1.0.0",
            "author": "a",
            "con": [
                {"func": sync, "name": "sync", "interval": "interval", "minutes": 15, "misfire_grace_time": 30},
                {"func": sync, "name": "two-hourly", "interval": "interval", "hours": 2},
                {"func": report, "name": "report", "interval": "cron",
                 "cron_params": {"day_of_week": "fri", "hour": 14}},
                {"func": asleep, "name": "asleep", "activate": False},
            ],
        }
        """)
    )
    clock = ManualClock()  # Thursday 2026-01-01, noon
    async with serving(project, clock) as manager:
        names = {each.name for each in await manager.schedules.list()}
        assert names == {"sync", "two-hourly", "report"}
        await drain(manager)
        assert (await manager.runs()).items == ()  # nothing at once
        await advance(manager, clock, 3600)
        assert len((await manager.runs(task="sync")).items) == 4
        assert len((await manager.runs(task="two-hourly")).items) == 0
        assert await manager.run("asleep") == "never"
        await manager.schedules.disable("sync")
        await advance(manager, clock, 2 * 86400)
        assert len((await manager.runs(task="two-hourly", limit=100)).items) == 24
        (reported,) = (await manager.runs(task="report")).items
        assert reported.due_at.isoformat() == "2026-01-02T14:00:00+00:00"


async def test_a_new_file_is_usable_at_once_with_its_jobs_and_goes_with_the_file(project: Path) -> None:
    """There, a file that came later was registered and never scheduled, and nothing was ever removed."""
    folder = project / "backgroundtask"
    folder.mkdir()
    async with serving(project) as manager:
        (folder / "late.py").write_text(
            "def job(): return 'fired'\nmetadata = {'con': [{'func': job, 'name': 'late-job', 'minutes': 1}]}\n"
        )
        await until(manager, "late-job", True)
        assert await manager.run("late-job") == "fired"
        async with asyncio.timeout(5):
            while not (schedules := await manager.schedules.list()):
                await asyncio.sleep(0.01)
        assert [each.name for each in schedules] == ["late-job"]
        (folder / "late.py").write_text(
            "def job(): return 'changed'\nmetadata = {'con': [{'func': job, 'name': 'late-job', 'minutes': 2}]}\n"
        )
        async with asyncio.timeout(20):
            while await manager.run("late-job") != "changed":
                await asyncio.sleep(0.05)
        (folder / "late.py").unlink()
        await until(manager, "late-job", False)
        async with asyncio.timeout(5):  # until the worker's session says so, too
            while manager.control.schedules.unbound((await manager.schedules.list())[0]) is None:
                await asyncio.sleep(0.01)
        assert [each.name for each in await manager.schedules.list()] == ["late-job"]


def test_one_bad_job_hides_no_other(project: Path) -> None:
    from runwright.tasks.registry import Registry
    from runwright.tasks.sources import DiscoveryOptions

    folder = project / "backgroundtask"
    folder.mkdir()
    (folder / "jobs.py").write_text(
        dedent("""
        from runwright import task

        @task(title="Good")
        def good(): return 1

        metadata = {"con": [
            {"func": good, "name": "good-job", "minutes": 5, "colour": "red"},
            {"func": good, "name": "good-job", "minutes": 6},
            {"func": print, "name": "0 bad", "minutes": -1},
            {"func": "good", "name": "text"},
            {"func": good, "name": "hourly", "interval": "cron", "cron_params": {"minute": "61"}},
        ]}
        """)
    )
    from runwright.tasks.discovery import discover

    registry = Registry()
    report = discover(DiscoveryOptions(directory=folder, allowed_roots=(project,)), registry)
    assert registry.names() == ("good", "good-job")
    errors = [problem.error for problem in report.problems]
    assert len(errors) == 5
    for said in (
        *("'colour' is not known", "longer than nothing", "'func' is a function", "61 is out of range"),
        "'good-job' is used before",
    ):
        assert any(said in error for error in errors), said


def test_a_broken_config_json_of_another_program_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{ this is for somebody else")
    settings = Settings.load(directory=tmp_path, environ={})
    assert "was not read" in settings.warnings[0]


def test_logs_tasks_follows_the_logs(project: Path) -> None:
    shown = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", "-n", "logs-tasks"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.strip().endswith("runwright logs -f")
    assert logging.getLogger("your_plugin").handlers == []
