"""A run whose row somebody has spoiled ends, if need be as an error that says so; all others go on and are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from runwright import RunContext, Settings, TaskManager, task


@task
async def add(a: int, *, run: RunContext) -> int:
    return a + 1


@task
def double(a: int) -> int:
    return 2 * a


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'runs.db'}"


async def execute(store: str, statement: str) -> None:
    """As somebody else with the database in hand."""
    if store.startswith("sqlite"):
        connection = apsw.Connection(store.removeprefix("sqlite:///"))
        connection.execute(statement)
        connection.close()
        return
    server = await asyncpg.connect(store)
    await server.execute(statement)
    await server.close()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("arguments", "{half", "the arguments cannot be read"),
        ("arguments", "[1]", "the arguments cannot be read"),
        ("arguments", "[" * 20_000, "the arguments cannot be read"),
        ("retry", "half", None),
        ("retry", '{"nope": 1}', None),
        ("retry", "[]", None),
        ("tags", "[half", None),
        ("created_at", str(2**62), None),
        ("created_at", str(-(2**62)), None),
    ],
)
async def test_it_ends_and_the_others_go_on(store: str, column: str, value: str, says: str | None) -> None:
    async with TaskManager(Settings(store=store), tasks=[add, double], roles=()) as manager:
        bad = [(await manager.start(definition, {"a": 1})).id for definition in (add, double)]
        good = [(await manager.start(definition, {"a": 1})).id for definition in (add, double)]
    names = ", ".join(f"'{run}'" for run in bad)
    await execute(store, f"UPDATE run SET {column} = '{value}' WHERE id IN ({names})")

    async with TaskManager(Settings(store=store), tasks=[add, double]) as manager:
        assert [(await manager.wait(run, timeout=20)).result for run in good] == [2, 2]
        ended = [await manager.wait(run, timeout=20) for run in bad]
        assert {run.id for run in (await manager.runs()).items} == {*bad, *good}
        for run in ended:
            shown: Any = (run.status, run.error and run.error.kind)
            assert shown == (("completed", None) if says is None else ("error", "internal"))
            assert says is None or (run.error is not None and says in run.error.message), run.error
        assert ended[0].tags == (("[half",) if column == "tags" else ())
