"""The kit for users' tests, and the bridge for synchronous code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runwright import Retry, RunFailed, RunStatus, Settings, TaskManager, task
from runwright.testing import assert_started, drain, memory_manager


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
