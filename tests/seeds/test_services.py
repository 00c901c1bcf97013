"""Services as xcore's manager had them: what its document and code promise, and the defects that it had."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runwright import Conflict, NotFound, Settings, TaskManager
from runwright.control import ServiceView
from runwright.store.base import EventFilter

LISTENER = """
import sys
import time

def service_main(service):
    service.log.info("listening")
    print("ready")
    while service.running:
        time.sleep(0.005)
    service.log.info("closed")
"""
FAILS = """
def service_main(service):
    raise OSError("no such port")
"""
ONCE = """
def service_main(service):
    return "done"
"""
STUCK = """
import threading
import time

lives = {"now": 0, "most": 0, "all": 0}
let_go = threading.Event()

def service_main(service):
    lives["now"] += 1
    lives["all"] += 1
    lives["most"] = max(lives["most"], lives["now"])
    let_go.wait(30)
    lives["now"] -= 1
    while service.running:
        time.sleep(0.005)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "backgroundtask").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def serving(project: Path, store: str = "sqlite:///:memory:", **tasks: Any) -> AsyncIterator[TaskManager]:
    """A manager on what the project's files say; ``tasks`` is the section of its ``config.json``."""
    (project / "config.json").write_text(json.dumps({"manager": {"tasks": tasks}}))
    flags = {"store": store, "retry_delay": 0.01, "max_threads": 1}
    manager = TaskManager(Settings.load(directory=project, environ={}, flags=flags))
    await manager.discover()
    async with manager:
        yield manager


def put(project: Path, name: str, code: str) -> None:
    (project / "backgroundtask" / f"{name}.py").write_text(dedent(code))


async def until(manager: TaskManager, name: str, holds: Callable[[ServiceView], object]) -> ServiceView:
    async with asyncio.timeout(20):
        while True:
            with suppress(NotFound):  # what code declares is there a moment after the start
                if holds(view := await manager.services.get(name)):
                    return view
            await asyncio.sleep(0.01)


async def actions(manager: TaskManager, name: str) -> list[str]:
    page = await manager.store.events([EventFilter("subject", "is", name)], 100)
    return [event.action for event in reversed(page.items) if event.action.startswith("service.")]


async def test_a_script_with_service_main_runs_from_the_start_until_the_stop(project: Path) -> None:
    put(project, "listener", LISTENER)
    async with serving(project) as manager:
        view = await until(manager, "listener", lambda view: view.state == "running")
        assert view.run is not None
        await manager.services.stop("listener")
        await until(manager, "listener", lambda view: view.state == "stopped")
        lines = [line.text for line in await manager.store.log(view.run.id)]
        assert lines == ["listening", "ready", "closed"]


async def test_a_start_of_what_runs_and_names_that_are_none_are_answered(project: Path) -> None:
    """There, both were answered with success, or with silence."""
    put(project, "listener", LISTENER)
    async with serving(project) as manager:
        await until(manager, "listener", lambda view: view.state == "running")
        with pytest.raises(Conflict, match="is to run already"):
            await manager.services.start("listener")
        for verb in (manager.services.start, manager.services.stop, manager.services.restart):
            with pytest.raises(NotFound):
                await verb("nobody")
        await manager.services.stop("listener")
        await until(manager, "listener", lambda view: view.state == "stopped")
        with pytest.raises(Conflict, match="is stopped already"):
            await manager.services.stop("listener")


async def test_one_that_fails_is_restarted_as_often_as_the_file_says_and_then_said_to_have_failed(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """There, an error was logged at each look for ever."""
    put(project, "fails", FAILS)
    async with serving(project, max_retries=2) as manager:
        view = await until(manager, "fails", lambda view: view.state == "failed")
        assert (view.schedule.run_count, view.schedule.last_error) == (3, "no such port")
        assert await actions(manager, "fails") == ["service.restarting", "service.restarting", "service.gave_up"]
        runs = (await manager.runs(task="fails")).items
        assert [run.error and run.error.kind for run in runs] == ["OSError"] * 3
        assert "no such port" in str(runs[0].error and runs[0].error.traceback)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_without_auto_restart_it_stays_as_it_is(project: Path) -> None:
    put(project, "fails", FAILS)
    async with serving(project, auto_restart=False) as manager:
        view = await until(manager, "fails", lambda view: view.state == "failed")
        assert view.schedule.run_count == 1


async def test_one_that_returns_has_not_crashed(project: Path) -> None:
    """There, a script that returned was started four times."""
    put(project, "once", ONCE)
    async with serving(project) as manager:
        view = await until(manager, "once", lambda view: view.state == "stopped")
        assert (view.schedule.run_count, view.schedule.error_count) == (1, 0)
        assert await actions(manager, "once") == ["service.stopped"]


async def test_stopped_on_purpose_it_stays_stopped_also_after_a_restart(project: Path) -> None:
    """There, the monitor started it again."""
    put(project, "listener", LISTENER)
    store = f"sqlite:///{project / 'services.db'}"
    async with serving(project, store) as manager:
        await until(manager, "listener", lambda view: view.state == "running")
        await manager.services.stop("listener")
        await until(manager, "listener", lambda view: view.state == "stopped")
    async with serving(project, store) as manager:
        await manager.store.settle([], {})
        assert (await manager.services.get("listener")).state == "stopped"
        assert (await manager.services.get("listener")).schedule.run_count == 1
        await manager.services.start("listener")
        await until(manager, "listener", lambda view: view.state == "running")
    async with serving(project, store) as manager:
        await until(manager, "listener", lambda view: view.state == "running")


async def test_a_stuck_one_never_gets_two_threads(project: Path) -> None:
    """There, a restart set the shared flag again, and the old thread and the new one both ran."""
    put(project, "stuck", STUCK)
    async with serving(project) as manager:
        view = await until(manager, "stuck", lambda view: view.state == "running")
        module = _module(manager, "stuck")
        async with asyncio.timeout(20):
            while not module["lives"]["now"]:
                await asyncio.sleep(0.01)
        for _ in range(3):
            await manager.services.restart("stuck")
        assert (await manager.services.get("stuck")).state == "restarting"
        assert view.run is not None
        assert (await manager.get(view.run.id)).status == "cancelling"
        module["let_go"].set()
        async with asyncio.timeout(20):
            while (again := await manager.services.get("stuck")).state != "running":
                await asyncio.sleep(0.01)
        assert again.run is not None
        assert again.run.id != view.run.id
        async with asyncio.timeout(20):
            while module["lives"]["all"] < 2:
                await asyncio.sleep(0.01)
        assert module["lives"]["most"] == 1


def _module(manager: TaskManager, name: str) -> dict[str, Any]:
    """What the module of a script holds."""
    function: Any = manager.registry.get(name).function
    main = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))["main"].cell_contents
    found: dict[str, Any] = main.__globals__
    return found


async def test_a_shutdown_tells_all_of_them_at_once(project: Path) -> None:
    """There, one after another, three seconds for each."""
    ending = """
        import time

        def service_main(service):
            while service.running:
                time.sleep(0.005)
            time.sleep(0.5)
    """
    for number in range(4):
        put(project, f"slow{number}", ending)
    loop = asyncio.get_running_loop()
    async with serving(project) as manager:
        for number in range(4):
            await until(manager, f"slow{number}", lambda view: view.state == "running")
        began = loop.time()
    assert loop.time() - began < 2.0


async def test_what_it_uses_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, ``/resources`` failed, and the memory was that of the whole program."""
    monkeypatch.setattr("runwright.worker.meter.MEASURE_SECONDS", 0.02)
    put(project, "busy", "def service_main(service):\n    while service.running:\n        sum(range(1000))\n")
    async with serving(project) as manager:
        view = await until(manager, "busy", lambda view: view.usage and (view.usage.cpu_seconds or 0) > 0.05)
        assert view.usage is not None
        assert (view.uptime_seconds or 0) > 0
        assert view.usage.memory_bytes is None  # a thread has none of its own


async def test_one_that_is_removed_ends(project: Path) -> None:
    put(project, "listener", LISTENER)
    async with serving(project) as manager:
        view = await until(manager, "listener", lambda view: view.state == "running")
        assert view.run is not None
        await manager.schedules.remove("listener")
        assert (await manager.wait(view.run.id, timeout=20)).status == "cancelled"
        assert await manager.services.list() == []
