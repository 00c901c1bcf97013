"""Tasks in processes of their own: every form, the whole context, their output, and how they end or are ended."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from runwright import Conflict, InvalidInput, Run, RunStatus, Settings, TaskManager, TaskProgress, task
from runwright.model import LogLine
from tests.process.process_tasks import TASKS, add

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRACE = 0.4
ROOT = Path(__file__).parents[2]


def settings(**given: Any) -> Settings:
    return Settings(**{"store": "sqlite:///:memory:", "max_processes": 2, "cancel_grace": GRACE, **given})


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="manager")
async def shared_manager() -> AsyncIterator[TaskManager]:
    """One manager for all: its nursery and its threads are there before the first test."""
    async with TaskManager(settings(), tasks=TASKS) as manager:
        for run_id in await manager.start_many([("add", {"a": 1})] * 2):
            await manager.wait(run_id, timeout=30)
        yield manager


async def ended(manager: TaskManager, name: str, **arguments: Any) -> Run:
    return await manager.wait((await manager.start(name, arguments)).id, timeout=30)


async def texts(manager: TaskManager, run: Run) -> list[str]:
    return [line.text for line in await manager.store.log(run.id)]


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Look until it is so: these are real processes."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if (await answer) if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.005)


def living(marks: Path) -> list[str]:
    """Those that wrote their number and still live, or are still to be reaped."""
    lines = marks.read_text().splitlines() if marks.exists() else []
    return [line for line in lines if psutil.pid_exists(int(line.split()[0]))]


# ----- what it executes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "result", "progress"),
    [
        ("add", {"a": 40}, 42, None),
        ("add_slowly", {"a": 1, "b": 2}, 3, None),
        ("steps", {"count": 3}, None, TaskProgress(3, 3, "step 3")),
        ("steps_async", {"count": 3}, None, TaskProgress(3, 3, "step 3")),
        ("sum_task", {"numbers": [1, 2]}, 3, TaskProgress(2, 2, "adding")),
        ("sum_async_task", {"numbers": [1, 2]}, 3, None),
        ("fast_progress", {"count": 20_000}, None, TaskProgress(20_000, 20_000, "quick")),
    ],
)
async def test_every_form_of_task(
    manager: TaskManager, name: str, arguments: dict[str, Any], result: Any, progress: TaskProgress | None
) -> None:
    run = await ended(manager, name, **arguments)

    assert (run.status, run.result, run.progress, run.error) == (RunStatus.COMPLETED, result, progress, None)
    assert run.cpu_seconds is not None and 0 < run.cpu_seconds < 10


async def test_arguments_have_their_types_and_secrets_stay_masked(manager: TaskManager) -> None:
    address = {"street": "High St", "since": "2026-01-01"}
    run = await ended(manager, "typed", address=address, secret="s3cret")

    assert run.result == {
        "types": ["Address", "date", "SecretStr"],
        "secret": "s3cret",
        "arguments": {"address": address, "secret": "**********"},
        "context": ["typed", 1, "system", None, True],
    }


async def test_all_that_it_says_is_in_its_log_in_its_order(manager: TaskManager) -> None:
    run = await ended(manager, "talk")
    lines = [(line.level, line.text) for line in await manager.store.log(run.id)]

    assert lines == [
        ("INFO", "printed"),
        ("WARNING", "logged 1"),
        ("INFO", "raw"),
        ("INFO", "through the context"),
        ("INFO", "to stderr"),
        ("INFO", "from a program"),
        ("WARNING", "careful"),
        ("INFO", "no end of line"),
    ]
    assert run.warnings == ("careful",)


async def test_state_survives_attempts(manager: TaskManager) -> None:
    run = await ended(manager, "remembers")

    assert (run.attempt, run.result) == (2, {"times": 2})


async def test_a_state_that_is_too_large_is_refused(manager: TaskManager) -> None:
    assert (await ended(manager, "saves_much")).result == "small was kept"


async def test_it_starts_children_and_hears_why_it_may_not(manager: TaskManager) -> None:
    parent = await ended(manager, "starts_child")
    child = await manager.wait(str(parent.result), timeout=30)

    assert (child.parent, child.result) == (parent.id, 3)
    assert "InvalidArguments: a: " in str((await ended(manager, "starts_badly", what="arguments")).result)
    assert "NotFound: no task named" in str((await ended(manager, "starts_badly", what="name")).result)


async def test_it_waits_for_children_in_a_lane_of_one(manager: TaskManager, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with TaskManager(settings(max_processes=1), tasks=TASKS) as manager:
        for name in ("waits_for_child", "waits_for_child_sync"):
            assert (await ended(manager, name, number=5)).result == 7
        failed = str((await ended(manager, "waits_for_failure")).result)
        parent = await manager.start("waits_for_ever", {"marks": str(marks)})
        await until(marks.exists)
        await manager.cancel(parent.id)
        cancelled = await manager.wait(parent.id, timeout=30)
        for child in (await manager.runs(task="cleans_up")).items:
            await manager.cancel(child.id)
        assert (await ended(manager, "add", a=1)).result == 3

    assert "of task 'dies' ended as error" in failed and failed.endswith("/ process")
    assert cancelled.status is RunStatus.CANCELLED


@pytest.mark.parametrize("ending", ["impatience", "cancel"])
async def test_what_ends_a_wait_beside_an_exclusive_run_is_heard_after_it(tmp_path: Path, ending: str) -> None:
    marks, release = tmp_path / "marks", asyncio.Event()

    @task(exclusive=True)
    async def alone() -> None:
        await release.wait()

    async with TaskManager(settings(poll_seconds=0.05), tasks=[*TASKS, alone]) as manager:
        tomorrow = await manager.start("add", {"a": 1}, run_at=datetime.now(UTC) + timedelta(days=1))
        seconds = 1.5 if ending == "impatience" else 60
        given = {"what": tomorrow.id, "seconds": seconds, "marks": str(marks)}
        waits = await manager.start("waits_a_while", given)

        async def runs(run: Run) -> bool:
            return (await manager.get(run.id)).status is RunStatus.RUNNING

        await until(lambda: runs(waits))  # else the exclusive run may come first
        exclusive = await manager.start("alone")

        async def is_kept() -> bool:
            reason = await manager.store.waiting_for(waits.id)
            return reason == f"It goes on when the exclusive run {exclusive.id} of alone has ended."

        await until(lambda: runs(exclusive))
        if ending == "cancel":
            await manager.cancel(waits.id)
        await until(is_kept)
        assert not marks.exists()
        release.set()
        run = await manager.wait(waits.id, timeout=30)

    assert marks.exists()
    assert (run.status, run.result) == {
        "impatience": (RunStatus.COMPLETED, "impatient"), "cancel": (RunStatus.CANCELLED, None),
    }[ending]  # fmt: skip


async def test_each_process_has_its_own_chance(manager: TaskManager) -> None:
    assert (await ended(manager, "chance")).result != (await ended(manager, "chance")).result


async def test_files_and_hooks_are_there_as_in_other_lanes(manager: TaskManager) -> None:
    file = await manager.upload(b"a,b", "table.csv")
    run = await manager.wait((await manager.start("reads_file", {"table": file})).id, timeout=30)
    assert isinstance(run.result, list)
    content, name, pid = run.result

    assert (content, name) == ("a,b", "table.csv")
    assert await texts(manager, run) == [f"before, in process {pid}", f"after None, in process {pid}"]
    assert pid != os.getpid()


async def test_where_memory_is_short_it_goes_before_its_worker(manager: TaskManager) -> None:
    mine = int(Path("/proc/self/oom_score_adj").read_text())

    assert (await ended(manager, "memory_score")).result == 500 > mine


async def test_cpu_time_is_that_of_the_whole_tree(manager: TaskManager) -> None:
    run = await ended(manager, "burns", seconds=0.3)

    assert run.cpu_seconds is not None and 0.3 <= run.cpu_seconds < 2


# ----- how it ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "status", "attempt", "kind"),
    [
        ("value", RunStatus.ERROR, 3, "ValueError"),
        ("once", RunStatus.COMPLETED, 2, None),
        ("later", RunStatus.ERROR, 3, "RetryLater"),
        ("key", RunStatus.ERROR, 1, "KeyError"),
        ("discard", RunStatus.ERROR, 1, "Discard"),
        ("snooze", RunStatus.COMPLETED, 2, None),
        ("exit", RunStatus.ERROR, 3, "SystemExit"),
    ],
)
async def test_what_it_raises_decides(
    manager: TaskManager, what: str, status: RunStatus, attempt: int, kind: str | None
) -> None:
    run = await ended(manager, "raises", what=what)

    assert (run.status, run.attempt, run.error and run.error.kind) == (status, attempt, kind)
    if run.error is not None:
        assert run.error.traceback is not None
        assert "process_tasks.py" in run.error.traceback and "runwright/worker" not in run.error.traceback


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("segfault", "killed by SIGSEGV"),
        ("kill", "killed by SIGKILL"),
        ("exit", "exit status 7"),
        ("guard", "somebody killed what watches over it"),
    ],
)
async def test_a_process_that_dies_is_a_recorded_error(manager: TaskManager, how: str, words: str) -> None:
    run = await ended(manager, "dies", how=how)

    assert run.error is not None
    assert (run.status, run.error.kind) == (RunStatus.ERROR, "process")
    assert words in run.error.message
    assert (await texts(manager, run))[0] == "before"


@pytest.mark.parametrize(("what", "words"), [("large", "bytes"), ("object", "JSON"), ("cyclic", "JSON")])
async def test_a_result_that_cannot_be_kept_is_a_recorded_error(manager: TaskManager, what: str, words: str) -> None:
    run = await ended(manager, "returns", what=what)

    assert run.error is not None
    assert (run.status, run.error.kind) == (RunStatus.ERROR, "result")
    assert words in run.error.message


async def test_what_it_leaves_behind_ends_with_it(manager: TaskManager, tmp_path: Path) -> None:
    run = await ended(manager, "leaves_daemon", marks=str(tmp_path / "marks"))

    assert (run.status, run.result) == (RunStatus.COMPLETED, "done")
    assert living(tmp_path / "marks") == []
    assert await texts(manager, run) == ["… 1 process that the task had started was killed with it …"]


@pytest.mark.parametrize("name", ["pausable", "pausable_async"])
async def test_pause_and_resume(manager: TaskManager, tmp_path: Path, name: str) -> None:
    marks = tmp_path / "marks"
    run = await manager.start(name, {"rounds": 30, "marks": str(marks)})
    await until(marks.exists)
    await manager.pause(run.id)

    async def paused() -> bool:
        return (await manager.get(run.id)).status is RunStatus.PAUSED

    await until(paused)
    where = marks.read_text()
    await asyncio.sleep(0.1)
    assert marks.read_text() == where
    await manager.resume(run.id)
    assert (await manager.wait(run.id, timeout=30)).result == 30


@pytest.mark.parametrize("name", ["pausable", "pausable_async"])
async def test_a_paused_run_can_be_cancelled(manager: TaskManager, tmp_path: Path, name: str) -> None:
    marks = tmp_path / "marks"
    run = await manager.start(name, {"rounds": 10_000, "marks": str(marks)})
    await until(marks.exists)
    await manager.pause(run.id)

    async def paused() -> bool:
        return (await manager.get(run.id)).status is RunStatus.PAUSED

    await until(paused)
    await manager.cancel(run.id)
    assert (await manager.wait(run.id, timeout=30)).status is RunStatus.CANCELLED


@pytest.mark.parametrize("name", ["cleans_up", "cleans_up_async"])
async def test_a_cancelled_task_may_clean_up(manager: TaskManager, tmp_path: Path, name: str) -> None:
    """Even one that never looks: after a quarter of its grace it is interrupted wherever it is."""
    marks = tmp_path / "marks"
    run = await manager.start(name, {"marks": str(marks)})
    await until(lambda: marks.exists() and marks.read_text() == "begun")
    await manager.cancel(run.id)
    ended = await manager.wait(run.id, timeout=30)

    assert ended.status is RunStatus.CANCELLED
    assert marks.read_text() == "cleaned up"


@pytest.mark.parametrize("name", ["cleans_up_long", "cleans_up_long_async", "looks_and_ends"])
async def test_who_knows_that_it_shall_stop_is_left_alone_until_its_grace_is_over(tmp_path: Path, name: str) -> None:
    marks = tmp_path / "marks"
    async with TaskManager(settings(cancel_grace=1.5), tasks=TASKS) as manager:
        run = await manager.start(name, {"marks": str(marks), "seconds": 0.7})
        await until(lambda: marks.exists() and marks.read_text() == "begun")
        await manager.cancel(run.id)
        assert (await manager.wait(run.id, timeout=30)).status is RunStatus.CANCELLED

    assert marks.read_text() == "cleaned up"


@pytest.mark.parametrize("name", ["terminates_itself", "forks_and_returns"])
async def test_what_it_does_to_itself_is_not_the_workers_wish(manager: TaskManager, name: str) -> None:
    run = await ended(manager, name)

    assert (run.status, run.result) == (RunStatus.COMPLETED, "went on")


@pytest.mark.parametrize("kind", ["spin", "sleep", "ignore", "fork", "daemon"])
async def test_whatever_it_does_it_is_gone_after_its_time_and_its_grace(
    manager: TaskManager, tmp_path: Path, kind: str
) -> None:
    marks = tmp_path / "marks"
    hopeless = next(item for item in manager.tasks if item.name == "hopeless")
    manager.register(hopeless.with_(timeout=0.5), replace=True)
    loop = asyncio.get_running_loop()
    began = loop.time()
    run = await ended(manager, "hopeless", kind=kind, marks=str(marks))
    took = loop.time() - began

    assert run.error is not None
    assert (run.status, run.error.kind) == (RunStatus.ERROR, "timeout")
    assert len(marks.read_text().splitlines()) >= {"fork": 4, "daemon": 2}.get(kind, 1)
    assert living(marks) == []
    assert took < 0.5 + GRACE + 1.0


# ----- what it cannot do ------------------------------------------------------------------------------------------


async def test_a_flood_is_capped_and_costs_the_worker_no_memory(manager: TaskManager) -> None:
    me = psutil.Process()
    before = me.memory_info().rss
    run = await ended(manager, "flood", lines=1_000_000, width=80)
    grown = me.memory_info().rss - before
    lines: list[LogLine] = []
    after = 0
    while page := await manager.store.log(run.id, after):
        lines += page
        after = page[-1].seq

    assert run.result == "flooded"
    assert lines[-1].text == "the last line"
    assert any("lines left out" in line.text for line in lines)
    assert sum(len(line.text) for line in lines) < 12 * 1024 * 1024
    assert grown < 64 * 1024 * 1024


async def test_one_line_of_100_megabytes(manager: TaskManager) -> None:
    before = psutil.Process().memory_info().rss
    run = await ended(manager, "one_line", megabytes=100)
    grown = psutil.Process().memory_info().rss - before

    first, long, last = await texts(manager, run)
    assert (first, last) == ("y" * 10, "after it")
    assert long.endswith("characters left out)") and len(long) < 20_000
    assert f"({100_000_000 - 16 * 1024} characters" in long
    assert grown < 64 * 1024 * 1024


async def test_a_task_inside_of_a_function_is_refused_with_the_reason(manager: TaskManager) -> None:
    @task(mode="process")
    def local() -> None:
        return None

    manager.register(local, replace=True)
    with pytest.raises(InvalidInput, match="inside of a function"):
        await manager.start(local)


async def test_no_secret_of_runwright_is_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("TASK_ADMIN_TOKEN", "t" * 40)
    monkeypatch.setenv("TASK_OF_MINE", "mine")
    async with TaskManager(settings(), tasks=TASKS) as manager:
        seen = (await ended(manager, "environment")).result
    async with TaskManager(settings(process_environment=("TASK_*",)), tasks=TASKS) as manager:
        listed = (await ended(manager, "environment")).result

    assert seen == {"TASK_OF_MINE": "mine", "PATH": os.environ["PATH"]}
    assert listed == {"TASK_OF_MINE": "mine"}


async def test_a_file_runs_as_it_was_when_it_was_claimed(tmp_path: Path) -> None:
    """A task file is sent as the bytes that were examined: what it became meanwhile is for the next look."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    file = folder / "report.py"
    file.write_text("mode = 'process'\n\ndef run(*, n: int = 1) -> str:\n    return f'first {n} {__file__}'\n")
    async with TaskManager(settings(directory=folder)) as manager:
        await manager.discover()
        file.write_text("this is no Python")
        assert await manager.run("report", {"n": 5}) == f"first 5 {file}"


async def test_a_stop_ends_the_processes_and_leaves_their_runs_for_the_next_start(tmp_path: Path) -> None:
    marks, store = tmp_path / "marks", f"sqlite:///{tmp_path / 's.db'}"
    async with TaskManager(settings(store=store, shutdown_grace=0), tasks=TASKS) as manager:
        run = await manager.start("hopeless", {"kind": "daemon", "marks": str(marks)})
        await until(lambda: len(living(marks)) == 2)
    assert living(marks) == []
    async with TaskManager(settings(store=store), roles=()) as manager:
        now = await manager.get(run.id)

    assert (now.status, now.failures, now.crashes) == (RunStatus.PENDING, 0, 0)


async def test_a_fenced_worker_kills_its_processes_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    marks = tmp_path / "marks"
    async with TaskManager(settings(shutdown_grace=0), tasks=TASKS) as manager:
        await manager.start("hopeless", {"kind": "daemon", "marks": str(marks)})
        await until(lambda: len(living(marks)) == 2)
        manager.worker.fenced()
        await until(lambda: living(marks) == [])
        await manager.close(grace=0)

    assert "its process was killed" in caplog.text


async def test_what_a_killed_guard_had_below_it_is_killed_too(manager: TaskManager, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    run = await manager.start("hopeless", {"kind": "daemon", "marks": str(marks)})
    await until(lambda: len(living(marks)) == 2)
    parent = next(line for line in marks.read_text().splitlines() if line.endswith("parent"))
    guard = psutil.Process(int(parent.split()[0])).parent()
    assert guard is not None
    guard.kill()
    ended = await manager.wait(run.id, timeout=30)
    await until(lambda: living(marks) == [])

    assert ended.error is not None and ended.error.kind == "process"


async def test_fifty_people_at_once_are_too_many_for_nobody(manager: TaskManager, tmp_path: Path) -> None:
    """Every command is carried out or refused; the one that counts, a cancel, has its effect within the grace."""
    marks = tmp_path / "marks"
    run = await manager.start("pausable", {"rounds": 100_000, "marks": str(marks)})
    await until(marks.exists)
    commands = [manager.pause, manager.resume, manager.cancel, manager.restart, manager.resume] * 10
    answers = await asyncio.gather(*(command(run.id) for command in commands), return_exceptions=True)
    now = await manager.wait(run.id, timeout=30)

    assert now.status is RunStatus.CANCELLED and now.attempt == 1
    assert all(isinstance(answer, (Run, Conflict)) for answer in answers), answers
    assert sum(isinstance(answer, Run) for answer in answers) >= 10


async def test_a_nursery_that_was_killed_is_replaced() -> None:
    before = set(psutil.Process().children())
    async with TaskManager(settings(), tasks=[add]) as manager:
        assert await manager.run("add", {"a": 1}) == 3
        (nursery,) = set(psutil.Process().children()) - before
        nursery.kill()
        assert await manager.run("add", {"a": 2}) == 4
    assert set(psutil.Process().children()) == before


WORKER = """
import asyncio, sys
from runwright import Settings, TaskManager
from runwright.model import LogLine
from tests.process.process_tasks import TASKS

async def main():
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=TASKS) as manager:
        await manager.start("hopeless", {"kind": "daemon", "marks": sys.argv[1]})
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.mark.parametrize("with_nursery", [False, True])
async def test_a_worker_that_is_killed_takes_its_processes_with_it(tmp_path: Path, with_nursery: bool) -> None:
    marks = tmp_path / "marks"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(marks)], cwd=ROOT)
    await until(lambda: len(living(marks)) == 2, 30)
    below = psutil.Process(worker.pid).children(recursive=True)
    if with_nursery:
        below[0].kill()
    worker.kill()
    worker.wait()
    await until(lambda: living(marks) == [] and not any(process.is_running() for process in below))

    assert len(below) == 4  # the nursery, a guard, the task, its daemon


PROGRAM = """
import asyncio
from runwright import Settings, TaskManager, task

@task(mode="process")
def here() -> str:
    return __name__

async def main():
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[here]) as manager:
        print(await manager.run("here"))

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("how", [["program.py"], ["-m", "program"]])
async def test_a_program_may_have_its_tasks_in_its_main_module(tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, *how], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "__mp_main__\n", "")


# ----- services -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["listens", "deaf"])
async def test_a_service_has_a_process_of_its_own_and_tells_what_it_uses(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("runwright.worker.meter.MEASURE_SECONDS", 0.02)
    async with TaskManager(settings(max_processes=1), tasks=TASKS) as manager:
        await manager.schedules.add("kept", task="keep_on", when="@always", arguments={"how": how})
        assert await asyncio.wait_for(manager.run("add", {"a": 1}), 30) == 3  # it takes no slot

        async def used() -> bool:
            usage = (await manager.services.get("kept")).usage
            return usage is not None and (usage.cpu_seconds or 0) > 0.02 and (usage.memory_bytes or 0) > 1e6

        await until(used, 30)
        first = (await manager.services.get("kept")).run
        await manager.services.restart("kept")
        assert first is not None
        assert (await manager.wait(first.id, timeout=30)).status is RunStatus.CANCELLED
        await until(used, 30)
        view = await manager.services.stop("kept")
        assert view.run is not None
        assert view.run.id != first.id
        assert (await manager.wait(view.run.id, timeout=30)).status is RunStatus.CANCELLED
        assert (await manager.services.get("kept")).state == "stopped"


async def test_a_service_whose_process_dies_is_restarted_and_given_up() -> None:
    async with TaskManager(settings(retry_delay=0.01, manager_max_retries=2), tasks=TASKS) as manager:
        await manager.schedules.add("kept", task="keep_on", when="@always", arguments={"how": "dies"})

        async def failed() -> bool:
            return (await manager.services.get("kept")).state == "failed"

        await until(failed, 30)
        view = await manager.services.get("kept")
        assert (view.schedule.run_count, view.schedule.error_count) == (3, 3)
        assert "SIGKILL" in str(view.schedule.last_error)
