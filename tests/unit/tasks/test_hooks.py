"""Hooks: what they are called with, and that nothing they do matters to the run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from runwright import Hooks, RunCancelled, RunContext, current_run, task
from runwright.errors import DefinitionError
from runwright.tasks.definition import Task
from runwright.tasks.invoke import invocation
from runwright.tasks.text import text_of

Made = Callable[..., tuple[RunContext, Any]]
Calls = list[tuple[Any, ...]]


def hooks(calls: Calls) -> dict[str, Any]:
    async def first(run: RunContext) -> None:
        await asyncio.sleep(0)
        calls.append(("before", run.id, current_run().id if asyncio.current_task() else ""))

    def second(run: RunContext) -> None:
        calls.append(("before, too", run.id))

    def last(run: RunContext, error: BaseException | None) -> None:
        calls.append(("after", run.id, type(error).__name__))

    return {"before": [first, second], "after": last}


async def call(task: Task[..., Any], run: RunContext) -> Any:
    how = invocation(task)
    if how.call is not None:
        return await how.call(run, (), {})
    assert how.call_sync is not None
    return await asyncio.to_thread(how.call_sync, run, (), {})


@pytest.mark.parametrize("blocking", [False, True])
async def test_before_and_after_enclose_every_attempt(blocking: bool, make_run: Made) -> None:
    calls: Calls = []
    run, _ = make_run()

    async def good() -> str:
        calls.append(("run",))
        return "done"

    def good_too() -> str:
        calls.append(("run",))
        return "done"

    from runwright.tasks.context import current

    current.set(run)
    made = task(**hooks(calls))(good_too if blocking else good)
    assert await call(made, run) == "done"
    assert calls == [("before", "run-1", "run-1"), ("before, too", "run-1"), ("run",), ("after", "run-1", "NoneType")]


@pytest.mark.parametrize("error", [ValueError, RunCancelled, asyncio.CancelledError])
async def test_after_hears_how_it_ended(error: type[BaseException], make_run: Made) -> None:
    calls: Calls = []

    async def bad() -> None:
        raise error

    with pytest.raises(error):
        await call(task(**hooks(calls))(bad), make_run()[0])
    assert calls[-1] == ("after", "run-1", error.__name__)


class Textless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "fault",
    [
        ValueError("boo"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), StopIteration(),
        GeneratorExit(), Textless(),
    ],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
async def test_a_failing_hook_is_in_the_log_of_the_run_and_nothing_else(fault: BaseException, make_run: Made) -> None:
    run, port = make_run()

    def broken(*_: object) -> None:
        raise fault

    async def broken_too(*_: object) -> None:
        raise fault

    async def good() -> int:
        return 1

    def good_too() -> int:
        return 2

    both: Any = [broken, broken_too]
    assert await call(task(before=both, after=both)(good), run) == 1
    assert await call(task(before=both, after=both)(good_too), run) == 2
    assert len(port.lines) == 8
    assert {level for level, _ in port.lines} == {logging.WARNING}
    assert f"broken failed: {type(fault).__name__}: {text_of(fault)}" in port.lines[0][1]
    assert "Traceback" in port.lines[0][1]


def test_what_is_no_hook_is_refused_where_it_is_written() -> None:
    def no_arguments() -> None: ...

    for given, says in (("a name", "must be a function"), (no_arguments, r"is called as .*no_arguments\(run\)")):
        with pytest.raises(DefinitionError, match=says):
            task(before=given)(no_arguments)  # type: ignore[arg-type]  # the mistake that is tested
        with pytest.raises(DefinitionError, match=f"on_error {says}"):
            Hooks(on_error=given)  # type: ignore[arg-type]  # as above
    assert len(Hooks(on_error=[print, repr]).of("on_error")) == 2
