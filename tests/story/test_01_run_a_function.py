"""Chapter 1: a function becomes a task, is run, and its result is remembered."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import pytest
from pydantic import Field

from runwright import InvalidArguments, NotFound, RunContext, RunFailed, RunStatus, task
from runwright.model import SYSTEM
from tests.story.conftest import Open


@task(title="Greeting")
async def greet(name: str, excited: bool = False) -> str:
    """Greets somebody."""
    return f"Hello, {name}{'!' if excited else '.'}"


async def test_a_task_is_still_a_function() -> None:
    """Decorating makes a value; calling it calls the plain function."""
    assert await greet("Ada") == "Hello, Ada."
    assert (greet.name, greet.title, greet.description) == ("greet", "Greeting", "Greets somebody.")


async def test_run_returns_the_result(opened: Open) -> None:
    """``run`` starts a run, waits for it and returns what the function returned."""
    async with opened(greet) as manager:
        assert await manager.run("greet", {"name": "Ada", "excited": True}) == "Hello, Ada!"


async def test_start_returns_at_once_and_the_run_is_remembered(opened: Open) -> None:
    """``start`` returns a stored run; ``wait`` gives its last snapshot."""
    async with opened(greet) as manager:
        run = await manager.start(greet, {"name": "Ada"}, priority=100, user="ada@example.com")
        ended = await manager.wait(run.id, timeout=5)

        assert not run.status.terminal
        assert (run.priority, run.user) == (100, "ada@example.com")
        assert (ended.status, ended.result, ended.attempt) == (RunStatus.COMPLETED, "Hello, Ada.", 1)
        assert ended.started_at is not None and ended.completed_at is not None
        assert run.created_at <= ended.started_at <= ended.completed_at
        assert [r.id for r in (await manager.runs(task="greet")).items] == [run.id]


@task
async def backup(
    format: Literal["sql", "tar"] = "sql", keep: Annotated[int, Field(ge=1)] = 5, days: list[int] | None = None
) -> list[object]:
    return [format, keep, days]


async def test_arguments_are_checked_before_a_run_exists(opened: Open) -> None:
    """Every fault is named at once, and no run was made."""
    async with opened(backup) as manager:
        with pytest.raises(InvalidArguments) as refused:
            await manager.start("backup", {"format": "zip", "keep": 0, "dayz": [1]})

        assert {"/format", "/keep", "/dayz"} == {error.pointer for error in refused.value.errors}
        assert (await manager.runs()).items == ()
        assert await manager.run("backup", {"days": [1, 2]}) == ["sql", 5, [1, 2]]


async def test_an_unknown_task_is_named_with_what_was_perhaps_meant(opened: Open) -> None:
    async with opened(backup) as manager:
        with pytest.raises(NotFound, match="did you mean 'backup'"):
            await manager.start("bakup")


@task
async def careless() -> None:
    raise ValueError("the disk is upside down")


async def test_a_failure_is_kept_with_its_traceback(opened: Open) -> None:
    """The traceback shows the task's own code and none of the engine's."""
    async with opened(careless) as manager:
        with pytest.raises(RunFailed) as failed:
            await manager.run(careless)
        run = failed.value.run
        (attempt,) = await manager.control.runs.attempts(SYSTEM, run.id)

        assert run.error is not None
        assert (run.status, run.error.kind, run.error.message) == ("error", "ValueError", "the disk is upside down")
        assert attempt.error is not None and attempt.error.traceback is not None
        assert "in careless" in attempt.error.traceback
        assert "runwright/worker" not in attempt.error.traceback


@task
async def talkative(run: RunContext) -> None:
    run.log.info("one")
    logging.getLogger("some.library").warning("two %s", "and a half")
    print("three")
    run.progress(3, 4, "nearly")
    run.warn("mind the gap")


async def test_what_a_task_says_is_in_its_log(opened: Open) -> None:
    """Its logger, the logging module and ``print`` all lead to the run's own log, in order."""
    async with opened(talkative) as manager:
        run = await manager.wait((await manager.start(talkative)).id, timeout=5)
        lines = await manager.control.runs.log(SYSTEM, run.id)

        assert [(line.level, line.text) for line in lines] == [
            ("INFO", "one"),
            ("WARNING", "two and a half"),
            ("INFO", "three"),
            ("WARNING", "mind the gap"),
        ]
        assert run.progress is not None
        assert (run.progress.current, run.progress.total, run.progress.message) == (4, 4, "nearly")
        assert run.warnings == ("mind the gap",)


@task
async def unspeakable() -> object:
    return object()


async def test_a_result_that_is_no_json_is_an_error_of_that_run(opened: Open) -> None:
    """It is recorded, and the slot is free again."""
    async with opened(unspeakable, greet, max_concurrent=1) as manager:
        with pytest.raises(RunFailed) as failed:
            await manager.run(unspeakable)

        assert failed.value.run.error is not None
        assert failed.value.run.error.kind == "result"
        assert await manager.run(greet, {"name": "Ada"}) == "Hello, Ada."
