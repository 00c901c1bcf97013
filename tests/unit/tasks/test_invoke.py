"""The context of a run, and how each form of task is called with it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

from runwright.errors import Conflict, InvalidInput
from runwright.model import TaskProgress
from runwright.tasks.context import RunCancelled, RunContext, current, current_run
from runwright.tasks.definition import to_task
from runwright.tasks.invoke import invocation

MakeRun = Callable[..., tuple[RunContext, Any]]


async def execute(item: object, run: RunContext, arguments: dict[str, Any] | None = None) -> Any:
    """As the worker does it, in its two ways."""
    task = to_task(item)
    how = invocation(task)
    assert how is invocation(task)
    args, kwargs = task.signature.load(arguments or {})
    if how.call is not None:
        assert how.call_sync is None
        awaitable = how.call(run, args, kwargs)
        assert inspect.isawaitable(awaitable)
        return await awaitable
    assert how.call_sync is not None
    return how.call_sync(run, args, kwargs)


async def test_plain_functions_are_called_as_they_are(make_run: MakeRun) -> None:
    async def one(a: int, *rest: int) -> tuple[int, ...]:
        return (a, *rest)

    def two(a: int = 1) -> int:
        return a

    run, port = make_run()
    assert await execute(one, run, {"a": 1, "args": [2]}) == (1, 2)
    assert await execute(two, run) == 1
    assert port.checkpoints == 0


async def test_the_context_is_injected(make_run: MakeRun) -> None:
    async def one(a: int, *, run: RunContext) -> str:
        await run.checkpoint()
        run.progress(1, 2, "half")
        return f"{run.id} {run.task_name} {run.attempt} {a}"

    def two(run: RunContext) -> str:
        run.checkpoint_sync()
        return run.id

    run, port = make_run()
    assert await execute(one, run, {"a": 5}) == "run-1 demo 1 5"
    assert await execute(two, run) == "run-1"
    assert port.checkpoints == 2
    assert port.reported == [TaskProgress(1, 2, "half")]


async def test_generators_report_and_stop_at_their_yields(make_run: MakeRun) -> None:
    closed = []

    async def steps() -> AsyncGenerator[TaskProgress]:
        try:
            for number in range(1, 4):
                yield TaskProgress(number, 3)
        finally:
            closed.append("async")

    def blocking() -> Generator[TaskProgress, None, str]:
        try:
            yield TaskProgress(1, 2)
            yield TaskProgress(2, 2)
        finally:
            closed.append("sync")
        return "done"

    run, port = make_run()
    assert await execute(steps, run) is None
    assert await execute(blocking, run) == "done"
    assert [progress.current for progress in port.reported] == [1, 2, 3, 1, 2]
    assert port.checkpoints == 5
    for function in (steps, blocking):
        run, port = make_run(cancel_after=1)
        with pytest.raises(RunCancelled):
            await execute(function, run)
        assert len(port.reported) == 2
    assert closed == ["async", "sync", "async", "sync"]


async def test_a_generator_may_yield_progress_only(make_run: MakeRun) -> None:
    async def steps() -> AsyncGenerator[int]:
        yield 5

    with pytest.raises(InvalidInput, match="must be a TaskProgress"):
        await execute(steps, make_run()[0])


async def test_a_cancelled_run_is_not_swallowed_by_except_exception(make_run: MakeRun) -> None:
    async def stubborn(run: RunContext) -> str:
        try:
            await run.checkpoint()
        except Exception:  # noqa: BLE001 - the point of the test
            return "swallowed"
        return "went on"

    run, _ = make_run(cancel_after=0)
    with pytest.raises(RunCancelled):
        await execute(stubborn, run)
    assert run.cancelled
    assert not issubclass(RunCancelled, (Exception, asyncio.CancelledError))


async def test_a_cancelled_child_of_a_task_group_is_seen(make_run: MakeRun) -> None:
    run, _ = make_run(cancel_after=0)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(run.checkpoint())
    assert caught.group_contains(RunCancelled)


async def test_the_log_of_a_run_goes_to_the_run(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    run, port = make_run()
    run.log.info("hello %s", "world")
    run.log.debug("detail")
    try:
        raise ValueError("bad")
    except ValueError:
        run.log.exception("it failed")
    thread = threading.Thread(target=lambda: run.log.warning("from a thread"))
    thread.start()
    thread.join()
    assert port.lines[:2] == [(logging.INFO, "hello world"), (logging.DEBUG, "detail")]
    assert port.lines[2][1].startswith("it failed\nTraceback")
    assert port.lines[2][1].endswith("ValueError: bad")
    assert port.lines[3] == (logging.WARNING, "from a thread")
    assert not caplog.records


async def test_state_is_saved_as_json(make_run: MakeRun) -> None:
    run, port = make_run(state={"step": 1})
    assert run.state == {"step": 1}
    await run.save({"step": 2, "name": "grün"})
    assert port.saved == ['{"step":2,"name":"grün"}']
    assert run.state == {"step": 2, "name": "grün"}
    for bad in (float("nan"), {"a": "\0"}, {"a": {1, 2}}, object()):
        with pytest.raises(InvalidInput, match="state cannot be saved"):
            await run.save(bad)  # type: ignore[arg-type]  # the point of the test
    assert run.state == {"step": 2, "name": "grün"}


async def test_warnings_and_children(make_run: MakeRun) -> None:
    run, port = make_run()
    run.warn("half of it")
    assert await run.start("other", {"a": 1}) == "child"
    assert await run.start("other") == "child"
    assert port.warnings == ["half of it"]
    assert port.children == [("other", {"a": 1}), ("other", {})]


async def test_the_current_run(make_run: MakeRun) -> None:
    with pytest.raises(Conflict, match="outside of a run"):
        current_run()
    run, _ = make_run()
    token = current.set(run)
    assert current_run() is run
    assert await asyncio.to_thread(current_run) is run
    current.reset(token)


@pytest.mark.parametrize(
    ("name", "arguments"), [("checkpoint", ()), ("save", (1,)), ("start", ("demo",)), ("wait", ("run-2",))]
)
async def test_what_must_be_awaited_is_refused_in_a_plain_function(
    make_run: MakeRun, name: str, arguments: tuple[object, ...]
) -> None:
    run, _ = make_run()
    with pytest.raises(Conflict, match=rf"{name}\(\) must be awaited.*plain function says {name}_sync\(\)"):
        await asyncio.to_thread(getattr(run, name), *arguments)
    made = getattr(run, name)(*arguments)
    assert asyncio.iscoroutine(made)
    made.close()
