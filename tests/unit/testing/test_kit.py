"""The kit for users' tests, and the bridge for synchronous code."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from runwright import (
    Conflict,
    Hooks,
    NotFound,
    Retry,
    Run,
    RunFailed,
    RunStatus,
    Settings,
    StoreRefused,
    TaskManager,
    task,
)
from runwright.clock import to_datetime
from runwright.events.feed import Complete
from runwright.model import Page
from runwright.testing import ManualClock, advance, assert_not_started, assert_started, drain, kit, memory_manager


@task
async def double(number: int) -> int:
    return 2 * number


@task(retry=Retry(max_retries=1, delay=3600))
async def later() -> None:
    raise OSError("not now")


async def test_drain_waits_for_what_is_due_and_for_nothing_else() -> None:
    async with memory_manager(double, later) as manager:
        for number in range(20):
            await manager.start(double, {"number": number})
        retried = await manager.start(later)
        await drain(manager)

        assert {run.status for run in (await manager.runs(task="double")).items} == {RunStatus.COMPLETED}
        assert (await manager.get(retried.id)).status is RunStatus.RETRYING


async def test_time_passes_from_one_due_moment_to_the_next() -> None:
    """Two nights, a retry after an hour, a timeout: each at its own moment, in no time at all."""
    clock, begun = ManualClock(), []  # it is 2026-01-01, 12:00 UTC

    @task(schedule="0 2 * * *")
    async def nightly() -> None:
        begun.append(("nightly", f"{to_datetime(clock.now()):%d %H:%M}"))

    @task(retry=Retry(max_retries=3, delay=3600, backoff="constant"))
    async def flaky() -> str:
        begun.append(("flaky", f"{to_datetime(clock.now()):%d %H:%M}"))
        if len(begun) < 3:
            raise OSError("not yet")
        return "at last"

    async with memory_manager(nightly, flaky, clock=clock) as manager:
        run = await manager.start(flaky)
        await advance(manager, clock, 86400 * 2)

        assert (await manager.get(run.id)).result == "at last"
        assert begun == [
            ("flaky", "01 12:00"), ("flaky", "01 13:00"), ("flaky", "01 14:00"), ("nightly", "02 02:00"),
            ("nightly", "03 02:00"),
        ]  # fmt: skip
        assert to_datetime(clock.now()).isoformat() == "2026-01-03T12:00:00+00:00"
        ends = [each.completed_at for each in (await manager.runs(task="nightly")).items]
        assert [f"{moment:%d %H:%M}" for moment in ends if moment] == ["03 02:00", "02 02:00"]


async def test_a_fire_in_the_midst_of_a_look_is_not_overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due is a schedule before its fire, and a run after it, and drain sees the one or the other."""
    clock, looked, fired = ManualClock(), asyncio.Event(), asyncio.Event()

    @task(schedule="@hourly")
    async def hourly() -> None:
        fired.set()
        await asyncio.sleep(0.1)

    async with memory_manager(hourly, clock=clock) as manager:
        look, fire = manager.runs, manager.store.fire

        async def slow_look(**query: Any) -> Page[Run]:
            page = await look(**query)
            looked.set()
            await fired.wait()
            return page

        async def fire_after_the_look(plans: Any, **how: bool) -> Any:
            await looked.wait()
            return await fire(plans, **how)

        monkeypatch.setattr(manager, "runs", slow_look)
        monkeypatch.setattr(manager.store, "fire", fire_after_the_look)
        clock.advance(3600)
        manager.bus.publish(("schedules",))
        await drain(manager)
        assert [run.status for run in (await look(task="hourly")).items] == [RunStatus.COMPLETED]


async def test_nothing_is_overlooked_among_many_runs() -> None:
    clock = ManualClock()
    release = asyncio.Event()

    @task
    async def slow() -> None:
        await release.wait()

    async with memory_manager(double, slow, clock=clock) as manager:
        first = await manager.start(slow)
        late = to_datetime(clock.now()) + timedelta(hours=1)
        for number in range(kit.PAGE + 20):
            await manager.start(double, {"number": number}, run_at=late)
        asyncio.get_running_loop().call_later(0.3, release.set)
        await drain(manager, 60)
        assert (await manager.get(first.id)).status is RunStatus.COMPLETED

        soon = await manager.start(double, {"number": -1}, run_at=late - timedelta(minutes=30))
        for number in range(kit.PAGE):
            await manager.start(double, {"number": 10_000 + number}, run_at=late)
        await advance(manager, clock, 2000, 60)
        ended = await manager.get(soon.id)
        assert ended.completed_at == late - timedelta(minutes=30)
        assert (await assert_started(manager, double, {"number": 3})).arguments == {"number": 3}


class Order(BaseModel):
    day: date
    key: SecretStr


async def test_arguments_are_compared_as_they_are_meant() -> None:
    @task
    async def place(order: Order, times: int = 1) -> None: ...

    order = Order(day=date(2026, 1, 31), key=SecretStr("canary"))
    async with memory_manager(place) as manager:
        await manager.start(place, {"order": order})
        written = {"day": "2026-01-31", "key": "canary"}
        for same in ({"order": order}, {"order": written}, {"order": written, "times": 1}, [written]):
            await assert_started(manager, place, same)
        for other in ({"order": written, "times": 2}, {"order": {**written, "day": "2026-02-01"}}):
            with pytest.raises(AssertionError, match="started were"):
                await assert_started(manager, place, other)
        with pytest.raises(AssertionError, match=r"can have been started with .*tims: .*did you mean 'times'"):
            await assert_started(manager, place, {"tims": 1})
        for ask in (assert_started, assert_not_started):
            with pytest.raises(NotFound, match="did you mean 'place'"):
                await ask(manager, "palce")


async def test_what_was_not_started() -> None:
    async with memory_manager(double) as manager:
        await assert_not_started(manager, double)
        await manager.start(double, {"number": 4})
        with pytest.raises(AssertionError, match="'number': 4"):
            await assert_not_started(manager, "double")


async def test_hooks_can_be_tested() -> None:
    told: list[str] = []

    def note(run: Run) -> None:
        told.append(run.task)

    async with memory_manager(double, hooks=Hooks(on_success=note)) as manager:
        await manager.run(double, {"number": 4})
    assert told == ["double"]


PROJECT = {
    "conftest.py": 'pytest_plugins = ["runwright.testing.fixtures"]\n',
    "test_mine.py": """
import asyncio
from runwright import task
from runwright.testing import advance, assert_started

@task(schedule="@hourly")
async def hourly() -> int:
    return 7

def test_blocking(blocking_manager):
    blocking = blocking_manager(hourly)
    assert blocking.run("hourly") == 7
    assert [each.name for each in blocking.schedules.list()] == ["hourly"]

def test_time(open_manager, manual_clock):
    async def main():
        async with open_manager(hourly, clock=manual_clock) as manager:
            await advance(manager, manual_clock, 3600)
            await assert_started(manager, hourly)
    asyncio.run(main())
""",
}


def test_the_fixtures_serve_a_project_without_any_plugin(tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr


async def test_drain_names_what_does_not_end() -> None:
    async with memory_manager(double, max_concurrent=1) as manager:
        manager.worker.claimer.claiming = False
        run = await manager.start(double, {"number": 1})
        with pytest.raises(TimeoutError, match=run.id):
            await drain(manager, timeout=0.1)


async def test_assert_started() -> None:
    async with memory_manager(double) as manager:
        run = await manager.start(double, {"number": 4})

        assert (await assert_started(manager, double)).id == run.id
        assert (await assert_started(manager, "double", {"number": 4})).id == run.id
        with pytest.raises(AssertionError, match="number': 4"):
            await assert_started(manager, double, {"number": 5})


def test_the_kit_does_not_need_pytest() -> None:
    code = "import sys, runwright.testing; sys.exit('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_synchronous_code_has_one_bridge() -> None:
    manager = TaskManager(Settings(store="sqlite:///:memory:"), tasks=[double, later.with_(retry=None)])
    with manager.in_thread() as blocking:
        run = blocking.start("double", {"number": 4})

        assert blocking.run("double", {"number": 21}) == 42
        assert blocking.wait(run.id, timeout=5).result == 8
        assert len(blocking.runs(task="double").items) == 2
        with pytest.raises(RunFailed):
            blocking.run("later")


def test_the_bridge_has_every_verb(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    manager = TaskManager(Settings(store="sqlite:///:memory:"), tasks=[double, later.with_(retry=None)])
    verbs = {name for name, value in vars(TaskManager).items() if not name.startswith("_") and callable(value)}
    not_here = {"open", "close", "hurry", "register", "discover", "in_thread", "asgi", "record"}
    blocking = manager.in_thread()
    assert {verb for verb in verbs - not_here if not hasattr(blocking, verb)} == set()
    blocking.open()
    try:
        ids = blocking.start_many([(double, {"number": n}) for n in range(3)])
        assert [blocking.wait(each, 5).result for each in ids] == [0, 2, 4]
        assert isinstance(list(blocking.follow(ids[0]))[-1], Complete)
        blocking.restart(ids[0])
        assert blocking.wait(ids[0], 5).attempt == 2
        for verb in (blocking.pause, blocking.resume, blocking.cancel):
            with pytest.raises(Conflict):
                verb(ids[0])
        blocking.delete(ids[0])
        assert blocking.upload(tmp_path / "a.txt").read_text() == "a"
        made = blocking.schedules.add("nightly", task=double, when="@daily", arguments={"number": 1})
        assert blocking.schedules.disable("nightly").enabled is False
        assert made.name == "nightly"
        with pytest.raises(Conflict, match="opened before"):
            blocking.open()
    finally:
        blocking.close()
        blocking.close()
    with pytest.raises(Conflict, match="does not run"):
        blocking.run("double", {"number": 1})


def test_a_bridge_that_was_never_opened_can_be_closed() -> None:
    TaskManager(Settings(store="sqlite:///:memory:")).in_thread().close()


def test_a_bridge_whose_manager_does_not_open_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database, and long enough to be looked at as one" * 20)
    blocking = TaskManager(Settings(store=f"sqlite:///{tmp_path / 'x.db'}")).in_thread()
    with pytest.raises(StoreRefused):
        blocking.open()
    blocking.close()
