"""Defects that were found in the real programs behind the founding documents, and that are not here.

Each was seen in one of them. Those of the task manager of OpenScan3 (a lost slot, zombies, exclusive runs that overlap,
a barrier that stays shut or is overtaken, blocking work behind a full lane) are in ``test_openscan_manager``; a changed
setting that takes effect is in ``test_xcore``, a fault that ends the process in ``test_projectforge``, cron expressions
in ``test_cron_examples``; dependencies and files of schedules are with schedules.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, SecretStr

from runwright import At, NotFound, Retry, RunContext, RunFailed, ScheduleRefused, Settings, TaskManager, task
from runwright.model import Actor, Role
from runwright.testing import ManualClock, advance, drain, memory_manager

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JSON_API = {"content-type": "application/vnd.api+json"}


@task
async def good(number: int = 1) -> int:
    return number


async def due(manager: TaskManager, name: str) -> list[str]:
    """When the runs of a task were due, the oldest first."""
    runs = (await manager.runs(task=name, limit=100)).items
    return [f"{run.due_at:%d %H:%M}" for run in reversed(runs)]


KILLED = """
import asyncio, sys
from pathlib import Path
from runwright import Settings, TaskManager, task

@task(schedule="@every 1s", timeout=None)
async def beat() -> None:
    if not Path("first").exists():
        Path("first").touch()
        await asyncio.Event().wait()

async def main() -> None:
    settings = Settings(store="sqlite:///killed.db", lease_seconds=2, heartbeat_seconds=1)
    async with TaskManager(settings, tasks=[beat]) as m:
        if len(sys.argv) == 1:
            await asyncio.Event().wait()
        async with asyncio.timeout(30):
            while (await m.schedules.get("beat")).run_count < 3:
                await asyncio.sleep(0.05)
        runs = (await m.runs(task="beat", limit=100)).items
        print({run.status.value for run in runs[1:]}, runs[-1].attempt)

asyncio.run(main())
"""


def test_a_schedule_fires_at_its_time_after_a_kill(tmp_path: Path) -> None:
    """There, a run that was under way left the schedule a year ahead."""
    (tmp_path / "killed.py").write_text(KILLED)
    process = subprocess.Popen([sys.executable, "killed.py"], cwd=tmp_path)
    try:
        for _ in range(600):
            if (tmp_path / "first").exists():
                break
            assert process.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(
        [sys.executable, "killed.py", "again"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "{'completed'} 2\n", done.stderr


async def test_an_unbound_schedule_is_kept(tmp_path: Path) -> None:
    """There, a schedule whose handler was unknown was dropped when the file was written again."""
    settings = Settings(store=f"sqlite:///{tmp_path / 'kept.db'}")
    async with TaskManager(settings, tasks=[good]) as manager:
        await manager.schedules.add("nightly", task=good, when="0 2 * * *", arguments={"number": 5})
    async with TaskManager(settings) as manager:
        kept = await manager.schedules.get("nightly")
        assert manager.control.schedules.unbound(kept) is not None
        await manager.schedules.disable("nightly")
        await manager.schedules.enable("nightly")
    async with TaskManager(settings, tasks=[good]) as manager:
        again = await manager.schedules.get("nightly")
        assert manager.control.schedules.unbound(again) is None
        assert (again.when, again.task) == (kept.when, "good")


async def test_three_times_are_three_runs_then_it_is_over() -> None:
    """There, only the first time counted; a finished one that was enabled again ran a year later."""
    clock = ManualClock()
    async with memory_manager(good, clock=clock) as manager:
        times = At(*(NOON + timedelta(hours=hours) for hours in (3, 1, 2)))
        await manager.schedules.add("thrice", task=good, when=times)
        await advance(manager, clock, 86400)
        assert await due(manager, "good") == ["01 13:00", "01 14:00", "01 15:00"]
        assert not (await manager.schedules.get("thrice")).enabled
        with pytest.raises(ScheduleRefused, match="all lie in the past"):
            await manager.schedules.enable("thrice")


async def test_a_one_shot_script_runs_once(tmp_path: Path) -> None:
    """There, a script that returned was taken for a crash, and ran four times."""
    (tmp_path / "once.py").write_text("def run(): return 'done'\n")
    clock = ManualClock()
    async with memory_manager(clock=clock, directory=tmp_path, allowed_roots=[tmp_path]) as manager:
        await manager.discover()
        assert await manager.run("once") == "done"
        await advance(manager, clock, 3600)
        (run,) = (await manager.runs()).items
        assert len(await manager.store.attempts(run.id)) == 1


async def test_an_inactive_schedule_does_not_fire_after_a_restart(tmp_path: Path) -> None:
    """There, the column was written and never read."""
    settings: dict[str, Any] = {"store": f"sqlite:///{tmp_path / 'quiet.db'}"}
    async with memory_manager(good, clock=ManualClock(), **settings) as manager:
        await manager.schedules.add("quiet", task=good, when="@hourly", enabled=False)
        await manager.schedules.add("loud", task=good, when="30 * * * *", arguments={"number": 2})
    clock = ManualClock()
    async with memory_manager(good, clock=clock, **settings) as manager:
        await advance(manager, clock, 2 * 3600)
        assert await due(manager, "good") == ["01 12:30", "01 13:30"]
        await manager.schedules.enable("quiet")
        await drain(manager)
        assert len(await due(manager, "good")) == 2  # enabling fires nothing of the past
        await advance(manager, clock, 1800)
        assert (await due(manager, "good"))[2:] == ["01 14:30"]


async def test_an_edit_takes_effect_without_a_restart() -> None:
    """There, PATCH changed a row, and the trigger in memory went on."""
    clock = ManualClock()
    async with memory_manager(good, clock=clock) as manager:
        await manager.schedules.add("report", task=good, when="0 18 * * *")
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=manager.asgi(Actor("admin", Role.ADMIN))), base_url="http://localhost"
        )
        async with client:
            body: dict[str, Any] = {"data": {"type": "task", "attributes": {"schedule": "0 13 * * *"}}}
            assert (await client.patch("/api/task/report", json=body, headers=JSON_API)).status_code == 200
            await advance(manager, clock, 86400)
            assert await due(manager, "good") == ["01 13:00"]
            body["data"]["attributes"] = {"is_active": False}
            assert (await client.patch("/api/task/report", json=body, headers=JSON_API)).status_code == 200
            await advance(manager, clock, 86400)
            assert len(await due(manager, "good")) == 1


async def test_removing_deletes_exactly_one() -> None:
    """There, an inverted filter kept only the one that was to go."""
    async with memory_manager(good) as manager:
        for name in ("one", "two", "three"):
            await manager.schedules.add(name, task=good, when="@daily")
        await manager.schedules.remove("two")
        assert {each.name for each in await manager.schedules.list()} == {"one", "three"}
        with pytest.raises(NotFound):
            await manager.schedules.remove("two")


async def test_arguments_of_one_run_do_not_leak_into_the_next() -> None:
    """There, one map was shared by all fires, and what a run filled in was found by the next."""
    seen: list[dict[str, Any]] = []

    @task
    async def collect(items: list[int], options: dict[str, Any], more: list[int] = []) -> None:  # noqa: B006 - the trap
        seen.append({"items": list(items), "options": dict(options), "more": list(more)})
        items.append(99)
        options["added"] = True
        more.append(99)

    clock = ManualClock()
    given = {"items": [1], "options": {"a": 1}}
    async with memory_manager(collect, clock=clock) as manager:
        await manager.schedules.add("often", task=collect, when="@hourly", arguments=given)
        await advance(manager, clock, 3 * 3600)
        assert (await manager.runs(task="collect")).items[0].arguments == {"more": [], **given}
    assert seen == [{"items": [1], "options": {"a": 1}, "more": []}] * 3
    assert given == {"items": [1], "options": {"a": 1}}


async def test_the_timeline_has_one_entry_for_each_change_of_a_scheduled_failing_run() -> None:
    """There, the table existed and nothing was ever written to it."""

    @task(retry=Retry(max_retries=1, delay=60))
    async def failing() -> None:
        raise ConnectionError("away")

    clock = ManualClock()
    async with memory_manager(failing, clock=clock) as manager:
        await manager.schedules.add("sync", task=failing, when="0 13 * * *")
        await advance(manager, clock, 2 * 3600)
        (run,) = (await manager.runs()).items
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=manager.asgi(Actor("viewer", Role.VIEWER))), base_url="http://localhost"
        )
        async with client:
            query = '[{"column":"event_type","operator":"is","value":"task"}]'
            document = (await client.get("/api/timeline", params={"query": query, "page[size]": 100})).json()
    entries = [each["attributes"] for each in document["data"]]
    of_run = [each["action"] for each in reversed(entries) if each["run"] == run.id]
    assert len(of_run) == len([each for each in of_run if each])
    assert of_run[0] == "run.created"
    assert of_run.count("run.started") == 2
    assert of_run.count("run.retrying") == 1
    assert of_run[-1] == "run.failed"
    assert len(of_run) == 5
    assert any(each["action"] == "schedule.created" for each in entries)


class Access(BaseModel):
    user: str
    password: SecretStr


async def test_secrets_in_arguments_are_in_no_answer_event_or_log(tmp_path: Path) -> None:
    """There, a token for the cloud stood in every list of tasks."""
    canary = "correct-horse-battery"
    used: list[str] = []

    @task
    async def upload(token: SecretStr, access: Access, run: RunContext) -> None:
        used.append(token.get_secret_value() + access.password.get_secret_value())
        run.log.info("arguments: %s, %r, %s", token, access, run.arguments)
        print(token, access)
        raise ValueError(f"cannot upload with {token} as {access}")

    settings = Settings(store=f"sqlite:///{tmp_path / 'secret.db'}", shutdown_grace=0)
    arguments = {"token": canary, "access": {"user": "ada", "password": canary}}
    async with TaskManager(settings, tasks=[upload]) as manager:
        with pytest.raises(RunFailed) as failed:
            await manager.run("upload", arguments)
        assert canary not in str(failed.value)
        await manager.schedules.add("nightly", task=upload, when="@daily", arguments=arguments)
        transport = httpx2.ASGITransport(app=manager.asgi(Actor("admin", Role.ADMIN)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            run = (await manager.runs()).items[0].id
            said = ""
            for path in (
                "/api/run", f"/api/run/{run}", f"/api/run/{run}/log", f"/api/run/{run}/attempts", "/api/timeline",
                "/api/task", "/api/task/nightly", "/api/definition/upload", "/api/worker", "/api/stats",
            ):  # fmt: skip
                answer = await client.get(path)
                assert answer.status_code == 200, path
                said += answer.text
            bad = {"token": canary, "access": {"user": 7, "password": canary}, canary: 1}
            refused = await client.post("/admin/task/upload/start", json={k: v for k, v in bad.items() if k != canary})
            assert refused.status_code == 422
            said += refused.text
        frames = [str(frame) async for frame in manager.follow(run)]
        await asyncio.sleep(0)
    assert used == [canary * 2]
    assert "ada" in said
    assert canary not in said + "".join(frames)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert canary.encode() not in stored
