"""Two versions of an application's code alive on one PostgreSQL, as during any upgrade without a pause."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runwright import RunStatus, Settings, TaskManager
from runwright.model import SYSTEM
from runwright.tasks.definition import task
from tests.process.cluster import until
from tests.process.commands import Commands

V1 = """
import asyncio
from runwright import task

@task
async def work(number: int, seconds: float = 0.0) -> list[object]:
    await asyncio.sleep(seconds)
    return ["v1", number]
"""
V2 = """
import asyncio
from runwright import task

@task
async def work(number: int, seconds: float = 0.0, unit: str = "kg") -> list[object]:
    await asyncio.sleep(seconds)
    return ["v2", number, unit]

@task
async def fresh(number: int) -> list[object]:
    return ["v2", number]
"""


async def work_of_v1(number: int, seconds: float = 0.0) -> None: ...
async def work_of_v2(number: int, seconds: float = 0.0, unit: str = "kg") -> None: ...
async def fresh(number: int) -> None: ...


BEFORE = [task(name="work")(work_of_v1)]
AFTER = [task(name="work")(work_of_v2), fresh]


async def results(manager: TaskManager, ids: list[str]) -> list[list[object]]:
    """What these runs return; all must complete."""
    ended = [await manager.wait(run, timeout=60) for run in ids]
    assert {run.status for run in ended} == {RunStatus.COMPLETED}, ended
    assert all(run.attempt == 1 for run in ended), "a run was begun again"
    return [list(run.result) for run in ended if isinstance(run.result, list)]


async def test_an_upgrade_loses_nothing_and_gives_new_tasks_to_new_workers_only(
    postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(store=postgres_url)
    with Commands(postgres_url, tmp_path, max_concurrent="4") as commands:
        async with (
            TaskManager(settings, tasks=BEFORE, roles=()) as before,
            TaskManager(settings, tasks=AFTER, roles=()) as after,
        ):
            early = await after.start_many([("fresh", {"number": number}) for number in range(5)])
            (old,) = commands.begin(commands.folder("v1", V1), "worker")
            first = await before.start_many([("work", {"number": number}) for number in range(20)])
            assert [word for word, *_ in await results(before, first)] == ["v1"] * 20
            # nobody has taken what only the next version knows
            assert {(await after.get(run)).status for run in early} == {RunStatus.PENDING}
            assert await after.store.waiting_for(early[0]) == "No running worker knows the task fresh."

            (new,) = commands.begin(commands.folder("v2", V2), "worker")
            assert await results(after, early) == [["v2", number] for number in range(5)]
            (seen,) = [each for each in await after.control.tasks.list(SYSTEM) if each.name == "work"]
            assert len({version.source_hash for version in seen.versions}) == 2

            # while both live, runs that callers of the old version start go to either
            both = await before.start_many([("work", {"number": number, "seconds": 0.1}) for number in range(60)])
            done = await results(before, both)
            assert {str(word) for word, *_ in done} == {"v1", "v2"}
            assert sorted(int(str(number)) for _, number, *_ in done) == list(range(60))
            assert {str(unit) for word, _, *rest in done if word == "v2" for unit in rest} == {"kg"}

            # the old worker is told to stop with runs in its hands and more in the queue
            last = await before.start_many([("work", {"number": number, "seconds": 0.5}) for number in range(24)])

            async def in_hand() -> bool:
                return any(each.running for each in await before.store.workers() if each.pid == old.pid)

            await until(in_hand, 20, "the old worker has runs in hand")
            old.terminate()
            done = await results(before, last)
            assert sorted(int(str(number)) for _, number, *_ in done) == list(range(24))
            assert await asyncio.to_thread(old.wait, 30) == 0

            # only now callers of the new version start theirs: nobody is left that does not know the parameter
            changed = await after.start_many([("work", {"number": 1, "unit": "t"}), ("fresh", {"number": 2})])
            assert await results(after, changed) == [["v2", 1, "t"], ["v2", 2]]
            new.terminate()
            assert await asyncio.to_thread(new.wait, 30) == 0
    assert "Traceback" not in commands.said()


async def test_a_new_parameter_that_an_old_worker_does_not_know_is_an_error_and_the_run_can_be_restarted(
    postgres_url: str, tmp_path: Path
) -> None:
    with Commands(postgres_url, tmp_path) as commands:
        (old,) = commands.begin(commands.folder("v1", V1), "worker")
        async with TaskManager(Settings(store=postgres_url), tasks=AFTER, roles=()) as after:
            run = await after.wait((await after.start("work", {"number": 1, "unit": "t"})).id, timeout=60)
            assert (run.status, run.error and run.error.kind) == (RunStatus.ERROR, "Discard")
            assert run.error is not None
            assert "unit" in run.error.message
            old.terminate()
            assert await asyncio.to_thread(old.wait, 30) == 0
            commands.begin(commands.folder("v2", V2), "worker")
            await after.restart(run.id)
            assert (await after.wait(run.id, timeout=60)).result == ["v2", 1, "t"]
