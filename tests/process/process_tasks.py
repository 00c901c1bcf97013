"""Tasks for the process lane: good ones, odd ones and hopeless ones. Other processes import this module by its name."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from runwright import (
    BaseTask,
    Discard,
    InvalidInput,
    Retry,
    RunContext,
    RunFailed,
    RunwrightError,
    Snooze,
    TaskProgress,
    UploadedFile,
    current_run,
    task,
)
from runwright.tasks.context import STATE_BYTES

logger = logging.getLogger("elsewhere")


class Address(BaseModel):
    street: str
    since: date


@task(mode="process")
def add(a: int, b: int = 2) -> int:
    return a + b


@task(mode="process")
async def add_slowly(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@task(mode="process")
def saves_much(run: RunContext) -> str:
    run.save_sync("small")
    try:
        run.save_sync("a" * STATE_BYTES)
    except InvalidInput:
        return f"{run.state} was kept"
    return "was saved"


@task(mode="process")
def typed(address: Address, secret: SecretStr, *, run: RunContext) -> dict[str, Any]:
    return {
        "types": [type(address).__name__, type(address.since).__name__, type(secret).__name__],
        "secret": secret.get_secret_value(),
        "arguments": run.arguments,
        "context": [run.task_name, run.attempt, run.user, run.entity, run.id == current_run().id],
    }


@task(mode="process")
def steps(count: int) -> Iterator[TaskProgress]:
    for number in range(1, count + 1):
        yield TaskProgress(number, count, f"step {number}")


@task(mode="process")
async def steps_async(count: int) -> AsyncIterator[TaskProgress]:
    for number in range(1, count + 1):
        yield TaskProgress(number, count, f"step {number}")


class SumTask(BaseTask):
    task_name = "sum_task"
    task_mode = "process"
    is_blocking = True

    def run(self, numbers: list[int]) -> int:
        self._update_progress(1, 2, "adding")
        return sum(numbers)


class SumAsyncTask(BaseTask):
    task_name = "sum_async_task"
    task_mode = "process"

    async def run(self, numbers: list[int]) -> int:
        await self.wait_for_pause()
        return sum(numbers)


@task(mode="process")
def talk(*, run: RunContext) -> None:
    print("printed")
    logger.warning("logged %d", 1)
    os.write(1, b"raw\n")
    run.log.info("through the context")
    print("to stderr", file=sys.stderr)
    subprocess.run([sys.executable, "-c", "print('from a program')"], check=True)
    print("no end of line", end="")
    run.warn("careful")


@task(mode="process")
def flood(lines: int, width: int) -> str:
    line = b"x" * width + b"\n"
    block = line * max(1, 65536 // len(line))
    for _ in range(lines * len(line) // len(block)):
        os.write(1, block)
    print("the last line")
    return "flooded"


@task(mode="process")
def one_line(megabytes: int) -> None:
    print("y" * 10)
    for _ in range(megabytes):
        os.write(1, b"z" * 1_000_000)
    print()
    print("after it")


@task(mode="process")
def fast_progress(count: int, *, run: RunContext) -> None:
    for number in range(count):
        run.progress(number + 1, count, "quick")


@task(mode="process")
def returns(what: str) -> Any:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    return {"large": "z" * 2_000_000, "object": object(), "cyclic": cyclic}[what]


@task(mode="process", retry=Retry(max_retries=2, delay=0.01, not_on=(KeyError,)))
def raises(what: str, *, run: RunContext) -> str:
    if what == "once" and run.attempt > 1:
        return "again"
    if what == "later":
        raise Retry.later(0.01)
    errors = {"key": KeyError("k"), "discard": Discard("no"), "snooze": Snooze(0.01), "exit": SystemExit(3)}
    if what == "snooze" and run.attempt > 1:
        return "woken"
    raise errors.get(what, ValueError("bad value"))


@task(mode="process")
def dies(how: str) -> None:
    print("before")
    if how == "segfault":
        ctypes.string_at(0)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "guard":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    os._exit(7)


@task(mode="process", retry=1)
async def remembers(*, run: RunContext) -> Any:
    before = run.state
    await run.save({"times": 1 if before is None else before["times"] + 1})  # type: ignore[index,call-overload,operator]  # what it saved
    if before is None:
        raise Retry.later(0.01)
    return run.state


@task(mode="process")
def pausable(rounds: int, marks: str, *, run: RunContext) -> int:
    for number in range(rounds):
        run.checkpoint_sync()
        Path(marks).write_text(str(number))
        time.sleep(0.01)
    return rounds


@task(mode="process")
async def pausable_async(rounds: int, marks: str, *, run: RunContext) -> int:
    for number in range(rounds):
        await run.checkpoint()
        Path(marks).write_text(str(number))
        await asyncio.sleep(0.01)
    return rounds


@task(mode="process")
def cleans_up(marks: str) -> None:
    try:
        Path(marks).write_text("begun")
        while True:
            pass
    finally:
        Path(marks).write_text("cleaned up")


@task(mode="process")
async def cleans_up_async(marks: str) -> None:
    try:
        Path(marks).write_text("begun")
        await asyncio.sleep(60)
    finally:
        Path(marks).write_text("cleaned up")


@task(mode="process")
def cleans_up_long(marks: str, seconds: float, *, run: RunContext) -> None:
    try:
        Path(marks).write_text("begun")
        while True:
            run.checkpoint_sync()
            time.sleep(0.005)
    finally:
        time.sleep(seconds)
        Path(marks).write_text("cleaned up")


@task(mode="process")
async def cleans_up_long_async(marks: str, seconds: float) -> None:
    try:
        Path(marks).write_text("begun")
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(seconds)
        Path(marks).write_text("cleaned up")


@task(mode="process")
def looks_and_ends(marks: str, seconds: float, *, run: RunContext) -> None:
    Path(marks).write_text("begun")
    while not run.cancelled:
        time.sleep(0.005)
    time.sleep(seconds)
    Path(marks).write_text("cleaned up")


@task(mode="process")
def terminates_itself() -> str:
    os.kill(os.getpid(), signal.SIGTERM)
    return "went on"


@task(mode="process")
def forks_and_returns() -> str:
    child = os.fork()
    if child == 0:
        return "the copy"
    os.waitpid(child, 0)
    return "went on"


@task(mode="process")
def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("TASK_") or name == "PATH"}


def before_it(run: RunContext) -> None:
    run.log.info("before, in process %d", os.getpid())


def after_it(run: RunContext, error: BaseException | None) -> None:
    run.log.info("after %r, in process %d", error, os.getpid())


@task(mode="process", before=before_it, after=after_it)
def reads_file(table: UploadedFile) -> list[object]:
    return [table.read_text(), table.name, os.getpid()]


@task(mode="process")
def memory_score() -> int:
    return int(Path("/proc/self/oom_score_adj").read_text())


@task(mode="process")
def chance() -> float:
    return random.random()


@task(mode="process")
def burns(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@task(mode="process")
async def starts_child(*, run: RunContext) -> str:
    return await run.start("add", {"a": 1})


@task(mode="process")
async def waits_for_child(number: int, *, run: RunContext) -> Any:
    return await run.wait(await run.start("add", {"a": number}))


@task(mode="process", exclusive=True)
def waits_for_child_sync(number: int, *, run: RunContext) -> Any:
    run.save_sync({"seen": number})
    return run.wait_sync(run.start_sync("add", {"a": number}))


@task(mode="process")
def waits_for_failure(*, run: RunContext) -> str:
    try:
        run.wait_sync(run.start_sync("dies", {"how": "exit"}))
    except RunFailed as error:
        return f"{error} / {error.run.error and error.run.error.kind}"
    return "nothing was wrong"


@task(mode="process")
def waits_for_ever(marks: str, *, run: RunContext) -> Any:
    identifier = run.start_sync("cleans_up", {"marks": marks})
    return run.wait_sync(identifier)


@task(mode="process")
async def waits_a_while(what: str, seconds: float, marks: str, *, run: RunContext) -> str:
    """Note when the wait is over, whatever ends it."""
    try:
        await asyncio.wait_for(run.wait(what), seconds)
    except TimeoutError:
        return "impatient"
    finally:
        Path(marks).touch()
    return "patient"


@task(mode="process")
async def starts_badly(what: str, *, run: RunContext) -> str:
    try:
        await run.start("add", {"a": "no number"}) if what == "arguments" else await run.start("nothing")
    except RunwrightError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was wrong"


def _hold(marks: str, name: str) -> None:
    """Note who lives, and never end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Path(marks).open("a") as file:
        file.write(f"{os.getpid()} {name}\n")
    while True:
        time.sleep(60)


@task(mode="process")
def hopeless(kind: str, marks: str) -> None:
    """Code that no wish can stop: it must be killed, with all that it has started."""
    if kind == "spin":
        with Path(marks).open("a") as file:
            file.write(f"{os.getpid()} spin\n")
        while True:
            pass
    if kind == "sleep":
        with Path(marks).open("a") as file:
            file.write(f"{os.getpid()} sleep\n")
        time.sleep(3600)
    if kind == "ignore":
        _hold(marks, "ignores")
    if kind == "fork":
        for _ in range(3):
            if os.fork() == 0:
                _hold(marks, "child")
        _hold(marks, "parent")
    if kind == "daemon":
        daemon(marks)
        _hold(marks, "parent")


@task(mode="process")
def leaves_daemon(marks: str) -> str:
    """Ends well, and leaves something behind."""
    daemon(marks)
    return "done"


def daemon(marks: str) -> None:
    """Fork twice, in a session of its own, as daemons do."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _hold(marks, "daemon")
        os._exit(0)
    os.wait()
    while not Path(marks).exists() or "daemon" not in Path(marks).read_text():
        time.sleep(0.005)


@task(mode="process")
def keep_on(how: str, *, run: RunContext) -> None:
    """A service: one that listens, one that listens to nothing, one that dies."""
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while how == "deaf" or not run.cancelled:
        sum(range(1000))


TASKS = [
    add, add_slowly, typed, steps, steps_async, SumTask, SumAsyncTask, talk, flood, one_line, fast_progress, returns,
    raises, dies, remembers, pausable, pausable_async, cleans_up, cleans_up_async, environment, chance, burns,
    starts_child, starts_badly, waits_for_child, waits_for_child_sync, waits_for_failure, waits_for_ever, hopeless,
    memory_score, reads_file, leaves_daemon, cleans_up_long, cleans_up_long_async, looks_and_ends, terminates_itself,
    forks_and_returns, waits_a_while, saves_much, keep_on,
]  # fmt: skip
