"""Whatever a task raises, returns, reports or saves: its run ends, others do not notice, and everybody can read it."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from runwright import Discard, Retry, RunContext, RunStatus, Settings, Snooze, TaskManager, TaskProgress, task
from runwright.control.strict_json import parse
from runwright.model import SYSTEM, Run


class Textless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Bent(Snooze):
    def __init__(self) -> None:
        """Leaves out what a Snooze needs."""


def _raise(error: BaseException) -> Any:
    raise error


def _deep() -> object:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    return value


def _loop() -> object:
    value: list[object] = []
    value.append(value)
    return value


KINDS: dict[str, tuple[Callable[[RunContext], object], str | None]] = {
    "exits": (lambda run: sys.exit(3), "SystemExit"),
    "interrupts": (lambda run: _raise(KeyboardInterrupt()), "KeyboardInterrupt"),
    "cancels itself": (lambda run: _raise(asyncio.CancelledError()), "CancelledError"),
    "leaves its generator": (lambda run: _raise(GeneratorExit()), "GeneratorExit"),
    "base": (lambda run: _raise(type("Base", (BaseException,), {})("b")), "Base"),
    "group": (lambda run: _raise(ExceptionGroup("g", [ValueError("a"), KeyError("b")])), "ExceptionGroup"),
    "has no text": (lambda run: _raise(Textless()), "Textless"),
    "has a long name": (lambda run: _raise(type("A" * 100_000, (Exception,), {})("x")), "A" * 200),
    "has an odd text": (lambda run: _raise(ValueError("\ud800 \0")), "ValueError"),
    "has odd notes": (lambda run: _raise(_noted(ValueError("x"))), "ValueError"),
    "causes itself": (lambda run: _raise(_own_cause(ValueError("x"))), "ValueError"),
    "recurses": (lambda run: KINDS["recurses"][0](run), "RecursionError"),
    "is discarded": (lambda run: _raise(Discard("\ud800")), "Discard"),
    "snoozes for no time": (lambda run: _raise(Snooze(math.nan)), "InvalidInput"),
    "snoozes for ever": (lambda run: _raise(Snooze(1e300)), "InvalidInput"),
    "snoozes backwards": (lambda run: _raise(Snooze(-5)), "InvalidInput"),
    "snoozes somehow": (lambda run: _raise(Bent()), "Bent"),
    "retries never": (lambda run: _raise(Retry.later(1e12)), "InvalidInput"),
    "reports less than nothing": (lambda run: run.progress(-1, -2), "InvalidInput"),
    "reports no number": (lambda run: run.progress("5", 10), "InvalidInput"),  # type: ignore[arg-type]  # the point of the test
    "reports infinity": (lambda run: run.progress(1, math.inf), "InvalidInput"),
    "reports too much": (lambda run: run.progress(10**400, 10**400), "InvalidInput"),
    "reports something else": (lambda run: run.report(5), "InvalidInput"),  # type: ignore[arg-type]  # the point of the test
    "reports no total": (lambda run: run.progress(5, None), None),
    "reports an object": (lambda run: run.progress(1, 2, Path("x")), None),  # type: ignore[arg-type]  # the point of the test
    "reports decimals": (lambda run: run.progress(Decimal(1), Decimal(2)), None),  # type: ignore[arg-type]  # the point of the test
    "reports a dict": (lambda run: run.report({"current": 1, "total": 2}), None),
    "reports an odd text": (lambda run: run.progress(1, 2, "\ud800\0"), None),
    "reports a large text": (lambda run: run.progress(1, 2, "x" * 5_000_000), None),
    "warns of nothing": (lambda run: run.warn(None), None),  # type: ignore[arg-type]  # the point of the test
    "warns oddly": (lambda run: run.warn("\ud800\0"), None),
    "logs oddly": (lambda run: run.log.info("\ud800\0"), None),
    "logs wrongly": (lambda run: run.log.info("%d", "x"), None),
    "logs an object": (lambda run: run.log.info(Textless()), None),
    "logs on no level": (lambda run: run.log.log(10**30, "x"), None),
    "saves oddly": (lambda run: run.save_sync("\ud800"), "InvalidInput"),
    "saves without end": (lambda run: run.save_sync(_loop()), "InvalidInput"),  # type: ignore[arg-type]  # the point of the test
    "saves a set": (lambda run: run.save_sync({1}), "InvalidInput"),  # type: ignore[arg-type]  # the point of the test
    "returns a large number": (lambda run: 10**5000, "result"),
    "returns no number": (lambda run: math.nan, "result"),
    "returns a NUL": (lambda run: "\0", "result"),
    "returns half a letter": (lambda run: "\ud800", "result"),
    "returns depths": (lambda run: _deep(), "result"),
    "returns itself": (lambda run: _loop(), "result"),
    "returns an object": (lambda run: object(), "result"),
    "returns bytes": (lambda run: b"\xff", "result"),
    "returns too much": (lambda run: "x" * 2_000_000, "result"),
}

THROUGH_THE_PIPE = (
    "exits", "interrupts", "cancels itself", "base", "has no text", "snoozes somehow", "snoozes for ever",
    "reports no number", "reports too much", "reports no total", "reports an object", "reports a large text",
    "warns oddly", "logs oddly", "logs wrongly", "logs on no level", "saves oddly", "returns a large number",
    "returns no number", "returns too much",
)  # fmt: skip
"""What takes another way in a process; there each costs a process, and the rest is decided by the same code."""


def _noted(error: Exception) -> Exception:
    error.__notes__ = 5  # type: ignore[assignment]  # the point of the test
    return error


def _own_cause(error: Exception) -> Exception:
    error.__cause__ = error
    return error


@task(mode="thread", timeout=60)
def in_thread(what: str, run: RunContext) -> object:
    return KINDS[what][0](run)


@task(mode="process", timeout=60)
def in_process(what: str, run: RunContext) -> object:
    return KINDS[what][0](run)


@task(timeout=60)
async def in_async(what: str, run: RunContext) -> object:
    if what.startswith("saves"):  # the same, as a coroutine does it
        values: dict[str, Any] = {"oddly": "\ud800", "without end": _loop(), "a set": {1}}
        await run.save(values[what.removeprefix("saves ")])
    return KINDS[what][0](run)


@task
async def fine(n: int) -> int:
    return n


@pytest.mark.parametrize("name", ["in_async", "in_thread", "in_process"])
async def test_whatever_a_task_does_the_worker_lives(name: str) -> None:
    settings = Settings(store="sqlite:///:memory:", max_concurrent=8, max_threads=8, max_processes=4, shutdown_grace=1)
    async with TaskManager(settings, tasks=[in_async, in_thread, in_process, fine]) as manager:
        kinds = THROUGH_THE_PIPE if name == "in_process" else tuple(KINDS)
        async with asyncio.timeout(100):
            started = {what: await manager.start(name, {"what": what}) for what in kinds}
            others = await manager.start_many([(fine, {"n": n}) for n in range(20)])
            ended = {what: await manager.wait(run.id) for what, run in started.items()}
            assert [(await manager.wait(run)).result for run in others] == list(range(20))

        assert _kinds(ended) == {what: KINDS[what][1] for what in kinds}
        for run in ended.values():
            assert run.status is (RunStatus.COMPLETED if run.error is None else RunStatus.ERROR)
            await _readable(manager, run)
        assert len((await manager.runs(limit=200)).items) == len(kinds) + 20
        assert ended["reports no total"].progress == TaskProgress(5, 0)
        assert ended["warns oddly"].warnings == ("?\ufffd",)
        assert await manager.run(fine, {"n": 1}) == 1
        assert manager.worker.executor.busy == 0


def _kinds(ended: dict[str, Run]) -> dict[str, str | None]:
    return {what: None if run.error is None else run.error.kind for what, run in ended.items()}


async def _readable(manager: TaskManager, run: Run) -> None:
    """Everything that is stored of a run is text and JSON as the strictest reader wants it."""
    for seen in (run, await manager.control.runs.attempts(SYSTEM, run.id), await manager.store.log(run.id)):
        parse(to_json(seen, inf_nan_mode="constants"))
