"""The forms of tasks that the founding documents show: OpenScan3's classes, xcore's scripts, projectforge's fields."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, Literal

import pytest

from runwright import BaseTask, Choices, Cron, Every, RunCancelled, RunContext, TaskProgress, task
from runwright.errors import InvalidArguments, NotFound, StartRefused
from runwright.model import JSONObject, Lane, Run
from runwright.tasks.definition import Task, to_task
from runwright.tasks.discovery import DiscoveryOptions, Report, discover
from runwright.tasks.invoke import invocation
from runwright.tasks.registry import Registry
from runwright.when import Always

DEMO_TASKS = '''
"""Five demonstrations, safe to import."""
from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, AsyncGenerator

from runwright import BaseTask, TaskProgress

logger = logging.getLogger(__name__)


class HelloBlocking(BaseTask):
    """Blocks a thread for a while."""

    task_name = "hello_world_blocking_task"
    task_category = "example"
    is_exclusive: bool = False
    is_blocking: bool = True

    def run(self, *args: Any, **kwargs: Any) -> Any:
        pause = kwargs.get("duration", 0)
        logger.info(f"[{self.id}] blocks for {pause} s")
        time.sleep(pause)
        return "blocked for long enough"


class HelloAsync(BaseTask):
    """Counts its steps."""

    task_name = "hello_world_async_task"
    task_category = "example"
    is_exclusive: bool = False

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        steps = kwargs.get("total_steps", 3)
        self._task_model.progress = TaskProgress(current=0, total=steps, message="begins")
        for number in range(1, steps + 1):
            await self.wait_for_pause()
            if self.is_cancelled():
                self._task_model.progress.message = "cancelled"
                return "stopped"
            self._task_model.progress = TaskProgress(current=number, total=steps, message=f"step {number}")
            await asyncio.sleep(kwargs.get("delay", 0))
        self._task_model.result = f"{steps} steps"
        return f"{steps} steps"


class Exclusive(BaseTask):
    task_name = "exclusive_demo_task"
    task_category = "example"
    is_exclusive: bool = True

    async def run(self, duration: float = 0.0):
        """Be alone for a while.

        Args:
            duration: seconds to be alone
        """
        self._update_progress(0, 1, "alone")
        await asyncio.sleep(duration)
        self._update_progress(1, 1)
        return {"status": "completed", "duration": duration}


class Streaming(BaseTask):
    task_name = "generator_task"
    task_category = "example"
    is_exclusive = False
    is_blocking = False

    async def run(self, total_steps: int = 4, interval: float = 0.0) -> AsyncGenerator[TaskProgress, None]:
        begin = self._task_model.progress.current
        yield TaskProgress(current=begin, total=total_steps, message="begins")
        for number in range(int(begin), total_steps):
            await self.wait_for_pause()
            if self.is_cancelled():
                logger.info(f"{self.name} ({self.id}) stops")
                return
            await asyncio.sleep(interval)
            yield TaskProgress(current=number + 1, total=total_steps, message=f"step {number + 1}")
        self._task_model.result = f"streamed {total_steps} steps"


class Failing(BaseTask):
    task_name = "failing_task"
    task_category = "example"

    async def run(self, error_message: str = "meant to fail"):
        await asyncio.sleep(0)
        raise ValueError(error_message)
'''


class Port:
    """The worker's side of a run."""

    def __init__(self) -> None:
        self.reported: list[TaskProgress] = []
        self.cancelled = False
        self.on_checkpoint: Callable[[], object] = lambda: None

    def progress(self, progress: TaskProgress) -> None:
        self.reported.append(progress)

    def emit(self, level: int, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    async def checkpoint(self) -> None:
        self.checkpoint_sync()

    def checkpoint_sync(self) -> None:
        self.on_checkpoint()
        if self.cancelled:
            raise RunCancelled

    async def save(self, json_text: str) -> None: ...

    async def start(self, task: object, arguments: JSONObject) -> str:
        return "child"

    def save_sync(self, json_text: str) -> None: ...

    def start_sync(self, task: object, arguments: JSONObject) -> str:
        return "child"

    async def wait(self, run_id: str) -> Run:
        raise NotFound("run", run_id)

    def wait_sync(self, run_id: str) -> Run:
        raise NotFound("run", run_id)


def load(folder: Path, **options: Any) -> tuple[Registry, Report]:
    registry = Registry()
    return registry, discover(DiscoveryOptions(directory=folder, allowed_roots=(folder,), **options), registry)


async def execute(task: Task[..., Any], given: dict[str, Any] | None = None, port: Port | None = None) -> Any:
    args, kwargs = task.signature.load(task.signature.dump(task.signature.validate(given or {})))
    run = RunContext(port or Port(), id="run-1", task_name=task.name)
    how = invocation(task)
    return await how.call(run, args, kwargs) if how.call else how.call_sync(run, args, kwargs)  # type: ignore[misc]  # one of the two is there


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "demo_examples.py").write_text(DEMO_TASKS)
    registry, report = load(folder)
    assert report.problems == ()
    return registry


class TestOpenScan:
    """Tasks as classes."""

    def test_the_five_demonstrations_are_found(self, demos: Registry) -> None:
        assert demos.names() == (
            "exclusive_demo_task",
            "failing_task",
            "generator_task",
            "hello_world_async_task",
            "hello_world_blocking_task",
        )
        assert {task.category for task in demos.tasks()} == {"example"}
        assert [task.name for task in demos.tasks() if task.exclusive] == ["exclusive_demo_task"]
        assert {task.name: (task.lane, task.pausable) for task in demos.tasks()} == {
            "exclusive_demo_task": (Lane.ASYNC, True),
            "failing_task": (Lane.ASYNC, True),
            "generator_task": (Lane.ASYNC, True),
            "hello_world_async_task": (Lane.ASYNC, True),
            "hello_world_blocking_task": (Lane.THREAD, False),
        }

    async def test_async(self, demos: Registry) -> None:
        port = Port()
        assert await execute(demos.get("hello_world_async_task"), {"total_steps": 2}, port) == "2 steps"
        assert [(p.current, p.message) for p in port.reported] == [(0, "begins"), (1, "step 1"), (2, "step 2")]

    async def test_blocking(self, demos: Registry) -> None:
        assert await execute(demos.get("hello_world_blocking_task"), {"duration": 0}) == "blocked for long enough"

    async def test_exclusive(self, demos: Registry) -> None:
        task = demos.get("exclusive_demo_task")
        port = Port()
        assert await execute(task, {"duration": 0}, port) == {"status": "completed", "duration": 0.0}
        assert port.reported[-1] == TaskProgress(1, 1)
        assert task.signature.schema()["properties"]["duration"]["description"] == "seconds to be alone"

    async def test_generator(self, demos: Registry) -> None:
        port = Port()
        assert await execute(demos.get("generator_task"), {"total_steps": 2}, port) == "streamed 2 steps"
        assert [p.current for p in port.reported] == [0, 1, 2]

    async def test_generator_stops_where_it_yields(self, demos: Registry) -> None:
        port = Port()
        port.on_checkpoint = lambda: setattr(port, "cancelled", len(port.reported) == 2)
        with pytest.raises(RunCancelled):
            await execute(demos.get("generator_task"), {"total_steps": 9}, port)
        assert len(port.reported) == 2

    async def test_failing(self, demos: Registry) -> None:
        with pytest.raises(ValueError, match="on purpose"):
            await execute(demos.get("failing_task"), {"error_message": "on purpose"})

    def test_arguments_are_checked_before_a_run_exists(self, demos: Registry) -> None:
        with pytest.raises(InvalidArguments, match="total_steps"):
            demos.get("generator_task").signature.validate({"total_steps": "many"})

    async def test_each_run_has_an_instance_of_its_own(self) -> None:
        class Counting(BaseTask):
            task_name = "counting_task"
            seen = 0

            async def run(self) -> int:
                self.seen += 1
                return self.seen

        task = to_task(Counting)
        assert [await execute(task), await execute(task)] == [1, 1]

    async def test_what_the_model_offers(self) -> None:
        class Curious(BaseTask):
            task_name = "curious_task"

            async def run(self) -> list[Any]:
                model = self._task_model
                model.progress.current = 2
                model.progress.total = 4
                model.progress.message = "half"
                before = (model.progress.current, model.progress.total, model.progress.message)
                return [self.id, self.name, model.id, model.name, model.task_type, model.status, before]

        port = Port()
        expected = ["run-1", "curious_task", "run-1", "curious_task", "curious_task", "running", (2, 4, "half")]
        assert await execute(to_task(Curious), port=port) == expected
        assert port.reported[-1] == TaskProgress(4, 4, "half")  # a completed run is complete

    def test_other_options_are_class_attributes_too(self) -> None:
        class Backup(BaseTask):
            task_name = "backup_task"
            task_title = "Backup"
            task_timeout = "10m"
            task_tags = ("db",)
            task_schedule = "@daily"

            async def run(self) -> None: ...

        task = to_task(Backup)
        assert (task.title, task.timeout, task.tags, task.schedule) == ("Backup", 600, ("db",), "@daily")

    def test_a_missing_core_task_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "demo_examples.py").write_text(DEMO_TASKS)
        core = ("scan_task", "focus_stacking_task", "failing_task")
        with pytest.raises(StartRefused, match="focus_stacking_task, scan_task"):
            load(tmp_path, required_tasks=core)

    def test_a_module_opts_out(self, tmp_path: Path) -> None:
        (tmp_path / "demo_examples.py").write_text(DEMO_TASKS + "\n__openscan_autodiscover__ = False\n")
        registry, report = load(tmp_path)
        assert not registry.names()
        assert not report.problems

    def test_the_community_directory_comes_after_the_first(self, tmp_path: Path) -> None:
        core, community = tmp_path / "core", tmp_path / "community"
        for folder in (core, community):
            folder.mkdir()
            (folder / "demo.py").write_text(DEMO_TASKS)
        registry, report = load(core, community_dir=community)
        assert {Path(task.source.rpartition(":")[0]).parent for task in registry.tasks()} == {core}
        assert len(report.problems) == 5
        assert "is taken by the task at" in report.problems[0].error
        registry, _ = load(core, community_dir=community, override_on_conflict=True)
        assert {Path(task.source.rpartition(":")[0]).parent for task in registry.tasks()} == {community}


class TestXcore:
    """Tasks as plain files in a directory."""

    async def test_a_plain_script(self, tmp_path: Path) -> None:
        (tmp_path / "clean_up.py").write_text(
            dedent('''
            """Removes what is old."""
            title = "Clean-up"
            category = "maintenance"
            tags = ["disk"]
            schedule = "0 3 * * *"
            timeout = 60

            def run(days: int = 30):
                return f"older than {days} days"
            ''')
        )
        registry, report = load(tmp_path)
        assert report.problems == ()
        task = registry.get("clean_up")
        assert (task.form, task.title, task.category, task.tags) == ("script", "Clean-up", "maintenance", ("disk",))
        assert (task.schedule, task.timeout, task.lane) == ("0 3 * * *", 60, Lane.THREAD)
        assert task.description == "Removes what is old."
        assert await execute(task, {"days": 7}) == "older than 7 days"

    def test_metadata_wins_over_constants_and_may_have_keys_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "job.py").write_text(
            "title = 'constant'\n"
            "metadata = {'title': 'metadata', 'name': 'ignored', 'type': 'module', 'version': '1', 'icon': 'broom'}\n"
            "def main(): ...\n"
        )
        registry, _ = load(tmp_path)
        assert (registry.get("job").title, registry.get("job").icon) == ("metadata", "broom")

    async def test_a_service_loops_while_it_is_running(self, tmp_path: Path) -> None:
        (tmp_path / "listener.py").write_text(
            dedent("""
            metadata = {"title": "Listener", "type": "module"}

            def service_main(service):
                rounds = 0
                while service.running:
                    rounds += 1
                    service.context.progress(rounds)
                return f"{service.name}: {rounds} rounds"
            """)
        )
        registry, report = load(tmp_path)
        assert report.problems == ()
        service = registry.get("listener")
        assert (service.lane, service.schedule, service.timeout_unset) == (Lane.SERVICE, Always(), False)

        class Stopping(Port):
            def progress(self, progress: TaskProgress) -> None:
                self.cancelled = progress.current >= 3

        assert await execute(service, port=Stopping()) == "listener: 3 rounds"

    async def test_jobs_in_metadata_are_scheduled_tasks(self, tmp_path: Path) -> None:
        (tmp_path / "jobs.py").write_text(
            dedent("""
            def sync(): return "synced"
            def report(): ...
            async def tidy(): ...

            metadata = {
                "category": "plugins",
                "con": [
                    {"func": sync, "name": "Sync files", "interval": "interval", "minutes": 5},
                    {"func": sync, "name": "sync10", "interval": "interval"},
                    {"func": report, "name": "report", "interval": "cron",
                     "cron_params": {"day_of_week": "0-4", "hour": 9}},
                    {"func": tidy, "name": "tidy", "interval": "cron", "cron_params": {"minute": "*/15"}},
                    {"func": tidy, "name": "sleeping", "activate": False},
                    {"func": report, "name": "both", "interval": "cron", "cron_params": {"day": 1, "day_of_week": 0}},
                    {"func": report, "name": "odd", "interval": "cron", "cron_params": {"week": 1}},
                    {"func": report, "name": "date", "interval": "date"},
                    {"name": "nothing"},
                ],
            }
            """)
        )
        registry, report = load(tmp_path)
        schedules = {task.name: task.schedule for task in registry.tasks()}
        assert schedules == {
            "sync_files": Every(minutes=5, first="later", anchor="start"),
            "sync10": Every(minutes=10, first="later", anchor="start"),
            "report": Cron("0 0 9 * * mon-fri"),
            "tidy": Cron("0 */15 * * * *"),
            "sleeping": None,
        }
        assert registry.get("sync_files").title == "Sync files"
        assert registry.get("sync_files").category == "plugins"
        assert await execute(registry.get("sync_files")) == "synced"
        assert [problem.error.partition(": ")[0] for problem in report.problems] == [
            "metadata['con'][5]",
            "metadata['con'][6]",
            "metadata['con'][7]",
            "metadata['con'][8] must be a dict whose 'func' is a function",
        ]

    def test_a_linked_file_is_a_task(self, tmp_path: Path) -> None:
        plugin = tmp_path / "plugins" / "your_plugin" / "tasks"
        folder = tmp_path / "backgroundtask"
        plugin.mkdir(parents=True)
        folder.mkdir()
        (plugin / "my_task.py").write_text("def run(): return 1\n")
        (folder / "my_task.py").symlink_to(plugin / "my_task.py")
        registry = Registry()
        report = discover(DiscoveryOptions(directory=folder, allowed_roots=(tmp_path,)), registry)
        assert (registry.names(), report.problems) == (("my_task",), ())

    def test_the_default_module_is_always_loaded_as_well(self, tmp_path: Path) -> None:
        (tmp_path / "plTask.py").write_text("def run(): ...\n")
        registry = Registry()
        discover(DiscoveryOptions(enabled=False, directory=tmp_path, default=tmp_path / "plTask.py"), registry)
        assert registry.names() == ("pltask",)
        report = discover(DiscoveryOptions(default=tmp_path / "gone.py"), Registry())
        assert [problem.error for problem in report.problems] == ["is gone"]


class TestProjectforge:
    """Tasks with fields."""

    async def test_the_backup_of_the_document(self) -> None:
        @task(title="Database Backup", category="maintenance", icon="database")
        async def backup(
            format: Annotated[Literal["sql", "tar"], Choices({"sql": "SQL Dump", "tar": "Compressed Archive"})],
        ) -> dict[str, Any]:
            """Creates a backup of the application database."""
            return {"file": f"backup.{format}", "size": 1024000}

        assert backup.description == "Creates a backup of the application database."
        assert backup.signature.schema()["properties"]["format"] == {
            "type": "string",
            "title": "Format",
            "enum": ["sql", "tar"],
            "x-choices": [{"value": "sql", "label": "SQL Dump"}, {"value": "tar", "label": "Compressed Archive"}],
        }
        assert await execute(backup, {"format": "sql"}) == {"file": "backup.sql", "size": 1024000}
        with pytest.raises(InvalidArguments, match="format: is required"):
            backup.signature.validate({})

    def test_titles_and_icons_have_defaults(self) -> None:
        @task
        def send_report() -> None: ...

        assert (send_report.title, send_report.icon) == ("Send report", "star")
