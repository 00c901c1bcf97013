"""The document of projectforge's task module: registering, running, parameters, configuration, routes and sockets.

Its code did little of it; here every promise of the document is kept, under the names that it gives.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2
import pytest
from pydantic import Field

from runwright import (
    Choices,
    Retry,
    Run,
    RunContext,
    RunFailed,
    RunStatus,
    Settings,
    TaskManager,
    TaskProgress,
    UploadedFile,
    task,
)
from runwright.errors import DuplicateName, InvalidArguments
from runwright.model import Actor, Role
from runwright.testing import ManualClock, drain, memory_manager

OPERATOR = Actor("operator@example.com", Role.OPERATOR)


@task(title="Database Backup", description="Creates a backup of the application database", category="maintenance",
      icon="database")  # fmt: skip
async def backup(
    format: Annotated[
        Literal["sql", "tar"],
        Choices({"sql": "SQL Dump", "tar": "Compressed Archive"}),
        Field(description="backup format"),
    ],
) -> dict[str, Any]:
    return {"file": f"backup.{format}", "size": 1024000}


@task(category="data", tags=["import"], danger="Replaces what is there.", expensive=True)
def load(
    name: Annotated[str, Field(min_length=2)], kind: Literal["people", "places"], table: UploadedFile,
    dry_run: bool = False,
) -> str:  # fmt: skip
    return f"{name} {kind} {table.name} {dry_run}"


@task(category="report")
async def report(pages: int = 3, *, run: RunContext) -> int:
    for page in range(pages):
        run.log.info("page %d", page + 1)
        run.progress(page + 1, pages, f"page {page + 1}")
    return pages


@task(category="admin", retry=Retry(max_retries=1, delay=0))
async def shaky(run: RunContext) -> str:
    if run.attempt == 1:
        raise ConnectionError("away for a moment")
    return "in the end"


@task(category="admin")
async def broken() -> None:
    raise LookupError("nothing of that name")


TASKS = [backup, load, report, shaky, broken]


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[tuple[TaskManager, httpx2.AsyncClient]]:
    async with memory_manager(*TASKS, **settings) as manager:
        transport = httpx2.ASGITransport(app=manager.asgi(OPERATOR))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield manager, client


@asynccontextmanager
async def configured(
    environ: dict[str, str], *tasks: Any, clock: ManualClock | None = None
) -> AsyncIterator[TaskManager]:
    """A manager as these variables want it."""
    given = Settings.load(directory=Path("no-such-folder"), environ=environ).model_dump(exclude_unset=True)
    async with memory_manager(*tasks, clock=clock, **given) as manager:
        yield manager


async def until_all(manager: TaskManager, runs: Sequence[Run], status: RunStatus) -> None:
    async with asyncio.timeout(10):
        while {(await manager.get(run.id)).status for run in runs} != {status}:
            await asyncio.sleep(0.01)


def attributes(answer: httpx2.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["data"]["attributes"]
    return found


class TestRegistration:
    async def test_one_name_one_task(self) -> None:
        async with memory_manager(backup) as manager:

            @task(name="backup")
            async def other() -> None: ...

            with pytest.raises(DuplicateName, match="replace=True"):
                manager.register(other)
            manager.register(other, replace=True)
            assert [each.function for each in manager.tasks] == [other.function]

    async def test_removing_one_leaves_the_others(self, tmp_path: Path) -> None:
        """There, RemoveTask kept only the one that was to go."""
        for name in ("one", "two", "three"):
            (tmp_path / f"{name}.py").write_text("def run(): ...\n")
        async with memory_manager(directory=tmp_path, allowed_roots=[tmp_path]) as manager:
            await manager.discover()
            manager.registry.remove_source(str(tmp_path / "two.py"))
            assert manager.registry.names() == ("one", "three")

    def test_titles_and_icons_have_defaults(self) -> None:
        assert (shaky.title, shaky.icon, backup.icon) == ("Shaky", "star", "database")


class TestExecution:
    async def test_synchronous(self) -> None:
        async with memory_manager(*TASKS) as manager:
            assert await manager.run("backup", {"format": "sql"}) == {"file": "backup.sql", "size": 1024000}

    async def test_asynchronous_with_progress(self) -> None:
        async with memory_manager(*TASKS) as manager:
            run = await manager.start("report", {"pages": 4})
            assert run.status is RunStatus.PENDING
            ended = await manager.wait(run.id, timeout=5)
            assert (ended.status, ended.progress) == (RunStatus.COMPLETED, TaskProgress(4, 4, "page 4"))

    async def test_a_stack_trace_and_automatic_retries(self) -> None:
        async with memory_manager(*TASKS) as manager:
            assert await manager.run("shaky") == "in the end"
            with pytest.raises(RunFailed, match="nothing of that name"):
                await manager.run("broken")
            (failed,) = (await manager.runs(task="broken")).items
            (attempt,) = await manager.store.attempts(failed.id)
            assert attempt.error is not None
            assert 'raise LookupError("nothing of that name")' in str(attempt.error.traceback)

    async def test_a_failing_task_disturbs_no_other(self) -> None:
        """There, a panic ended the process."""

        @task
        def exits() -> None:
            raise SystemExit(3)

        async with memory_manager(*TASKS, exits) as manager:
            runs = [await manager.start(name) for name in ("exits", "broken", "report")]
            statuses = [(await manager.wait(run.id, timeout=5)).status for run in runs]
        assert statuses == [RunStatus.ERROR, RunStatus.ERROR, RunStatus.COMPLETED]


class TestParameters:
    def test_all_faults_at_once_each_at_its_field(self) -> None:
        """There, nothing was read, defaulted or checked."""
        with pytest.raises(InvalidArguments) as refused:
            load.signature.validate({"name": "x", "kind": "planets", "dry_run": "perhaps", "size": 1})
        assert {error.pointer for error in refused.value.errors} == {"/name", "/kind", "/table", "/dry_run", "/size"}

    def test_each_kind_has_its_field(self) -> None:
        fields = load.signature.schema()["properties"]
        assert (fields["name"]["type"], fields["name"]["minLength"]) == ("string", 2)
        assert fields["kind"]["enum"] == ["people", "places"]
        assert (fields["dry_run"]["type"], fields["dry_run"]["default"]) == ("boolean", False)
        assert fields["table"]["x-upload"] is True
        labels = {
            each["value"]: each["label"] for each in backup.signature.schema()["properties"]["format"]["x-choices"]
        }
        assert labels == {"sql": "SQL Dump", "tar": "Compressed Archive"}

    async def test_arguments_are_in_the_body_and_collide_with_nothing(self) -> None:
        """There, the document's own field ``format`` was taken for the format of the answer."""
        async with served() as (_, client):
            answer = await client.post("/admin/task/backup/run", json={"format": "tar"})
            assert attributes(answer)["result"]["file"] == "backup.tar"
            assert (await client.post("/admin/task/backup/run?format=tar", json={})).status_code == 422


class TestConfiguration:
    def test_the_variables_of_the_document(self, tmp_path: Path) -> None:
        defaults = Settings.load(directory=tmp_path, environ={})
        assert (defaults.max_concurrent, defaults.timeout) == (os.cpu_count(), 300)
        assert (defaults.websocket_enabled, defaults.buffer_size) == (True, 1000)
        environ = {
            "TASK_MAX_CONCURRENT": "7", "TASK_TIMEOUT": "1m", "TASK_WEBSOCKET_ENABLED": "false",
            "TASK_BUFFER_SIZE": "10", "TASK_LOG_LEVEL": "debug", "TASK_RETENTION_DAYS": "3",
        }  # fmt: skip
        given = Settings.load(directory=tmp_path, environ=environ)
        assert (given.max_concurrent, given.timeout, given.websocket_enabled) == (7, 60, False)
        assert (given.buffer_size, given.log_level, given.retention_days) == (10, "DEBUG", 3)
        assert given.warnings == ()

    @pytest.mark.parametrize(("variable", "limit"), [({"TASK_TIMEOUT": "1m"}, 60), ({}, 300)])
    async def test_the_time_of_a_run_is_limited(self, variable: dict[str, str], limit: float) -> None:
        """Where its task says nothing itself; there, no code read the variable."""

        @task
        async def endless() -> None:
            await asyncio.Event().wait()

        @task(timeout="1h")
        async def patient() -> None:
            await asyncio.Event().wait()

        clock = ManualClock()
        async with configured(variable, endless, patient, clock=clock) as manager:
            runs = [await manager.start(name) for name in ("endless", "patient")]
            await until_all(manager, runs, RunStatus.RUNNING)
            clock.advance(limit - 10)
            await asyncio.sleep(0.1)
            assert (await manager.get(runs[0].id)).status is RunStatus.RUNNING
            clock.advance(11)
            manager.bus.publish(("runs", "controls"))
            ended = await manager.wait(runs[0].id, timeout=10)
            assert ended.error is not None
            assert (ended.status, ended.error.kind) == (RunStatus.ERROR, "timeout")
            assert f"longer than its {limit} s" in ended.error.message
            assert (await manager.get(runs[1].id)).status is RunStatus.RUNNING

    @pytest.mark.parametrize(
        ("days", "left"), [("3", ["pending"]), ("5", ["completed", "pending"]), ("none", ["completed", "pending"])]
    )
    async def test_ended_runs_are_kept_for_so_many_days(self, tmp_path: Path, days: str, left: list[str]) -> None:
        clock = ManualClock()
        environ = {"TASK_STORE": f"sqlite:///{tmp_path / 'kept.db'}", "TASK_RETENTION_DAYS": days}
        async with configured(environ, *TASKS, clock=clock) as manager:
            await manager.run("report")
            await manager.start("report", run_at=datetime(2030, 1, 1, tzinfo=UTC))
        clock.advance(4 * 86400)
        async with configured(environ, *TASKS, clock=clock) as manager:
            async with asyncio.timeout(10):
                while sorted(run.status.value for run in (await manager.runs()).items) != left:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # and it stays so
            assert len((await manager.runs()).items) == len(left)

    async def test_so_many_run_at_once(self) -> None:
        begun, go_on = [], asyncio.Event()

        @task
        async def held(number: int) -> None:
            begun.append(number)
            await go_on.wait()

        async with configured({"TASK_MAX_CONCURRENT": "2"}, held) as manager:
            runs = [await manager.start(held, {"number": number}) for number in range(3)]
            await until_all(manager, runs[:2], RunStatus.RUNNING)
            manager.bus.publish(("runs",))
            await asyncio.sleep(0.1)
            assert begun == [0, 1]
            go_on.set()
            await drain(manager)
        assert begun == [0, 1, 2]

    @pytest.mark.parametrize(
        ("level", "kept"),
        [("WARNING", ["printed", "careful"]), ("INFO", ["printed", "well", "elsewhere", "careful"])],
    )
    async def test_lines_below_the_level_are_not_kept(
        self, level: str, kept: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)  # it is not the application that leaves lines out

        @task
        async def talk(run: RunContext) -> None:
            print("printed")
            run.log.debug("detail")
            run.log.info("well")
            logging.getLogger("a.library").info("elsewhere")
            run.log.warning("careful")

        async with configured({"TASK_LOG_LEVEL": level}, talk) as manager:
            run = await manager.start(talk)
            await manager.wait(run.id, timeout=5)
            assert [line.text for line in await manager.store.log(run.id)] == kept


class TestRoutes:
    async def test_browsing_tasks(self) -> None:
        async with served() as (_, client):
            listed = (await client.get("/admin/task", headers={"accept": "application/json"})).json()["data"]
            shown = {each["id"]: each["attributes"] for each in listed}
            assert {name: each["category"] for name, each in shown.items()} == {
                "backup": "maintenance", "broken": "admin", "load": "data", "report": "report", "shaky": "admin",
            }  # fmt: skip
            assert (shown["load"]["danger"], shown["load"]["expensive"]) == ("Replaces what is there.", True)
            assert shown["load"]["tags"] == ["import"]
            one = await client.get("/admin/task/backup", headers={"accept": "application/json"})
            assert attributes(one)["title"] == "Database Backup"
            assert (await client.get("/admin/task/gone", headers={"accept": "application/json"})).status_code == 404

    async def test_looking_has_no_effect(self) -> None:
        """There, GET executed the task, and GET removed it."""
        async with served() as (manager, client):
            for way in ("run", "start"):
                assert (await client.get(f"/admin/task/backup/{way}?format=sql")).status_code == 405
            assert (await manager.runs()).items == ()

    async def test_run_waits_and_start_does_not(self) -> None:
        async with served() as (manager, client):
            waited = await client.post("/admin/task/report/run", json={"pages": 2})
            assert (waited.status_code, attributes(waited)["status"]) == (200, "completed")
            started = await client.post("/admin/task/report/start", json={"pages": 2})
            assert (started.status_code, attributes(started)["status"]) == (202, "pending")
            run = started.json()["data"]["id"]
            assert started.headers["location"] == f"/api/run/{run}"
            await manager.wait(run, timeout=5)  # there, it lived only as long as the socket that had started it
            assert attributes(await client.get(f"/api/run/{run}"))["result"] == 2

    async def test_a_failed_run_says_so_and_is_no_fault_of_the_server(self) -> None:
        async with served() as (_, client):
            answer = await client.post("/admin/task/broken/run")
            assert (answer.status_code, attributes(answer)["status"]) == (200, "error")
            assert attributes(answer)["error"]["kind"] == "LookupError"
            assert (await client.post("/admin/task/gone/run")).status_code == 404

    async def test_a_form_with_a_file_and_a_danger(self) -> None:
        async with served() as (_, client):
            form: dict[str, Any] = {
                "data": {"name": "Ada", "kind": "people", "dry_run": "on"}, "files": {"table": ("t.csv", b"x")},
            }  # fmt: skip
            refused = await client.post("/admin/task/load/run", **form)
            assert refused.status_code == 422
            assert "Replaces what is there." in refused.json()["errors"][0]["detail"]
            done = await client.post("/admin/task/load/run?confirm=true", **form)
            assert attributes(done)["result"] == "Ada people t.csv True"
