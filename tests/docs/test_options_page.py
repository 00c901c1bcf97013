"""The page of all options, held against the code: what there is stands on it, and what stands on it is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from runwright import BaseTask, RunContext, task
from runwright.tasks.base_task import TaskModel
from runwright.tasks.options import OPTION_NAMES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "options.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of each row of the tables whose first column is headed so."""
    tables = re.findall(rf"^ *\| {heading} \|.*\n *\|[-|]+\|\n((?: *\|.*\n)+)", PAGE, re.MULTILINE)
    lines = [line.strip().strip("|") for table in tables for line in table.splitlines()]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def names(cells: list[str]) -> list[str]:
    """What a column names between backticks."""
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def public(*kinds: type) -> set[str]:
    return {name for kind in kinds for name in dir(kind) if not name.startswith("_")}


def test_every_option_is_told_once_and_no_other() -> None:
    assert sorted(names([row[0] for row in rows("option")])) == sorted(OPTION_NAMES)


def test_the_defaults_are_the_ones_of_a_bare_task() -> None:
    @task
    def bare() -> None: ...

    told = {names([row[0]])[0]: row[1] for row in rows("option")}
    literal = {option: names([cell])[0] for option, cell in told.items() if re.match(r"`[^`a-z]|`\"", cell)}
    assert len(literal) >= 20
    for option, text in literal.items():
        value: Any = getattr(bare, option)
        if option != "on_interrupt":  # a word of an enumeration
            assert value == ast.literal_eval(text), option
        else:
            assert value.value == ast.literal_eval(text)


def test_every_attribute_of_a_class_is_told() -> None:
    assert names([row[0] for row in rows("attribute")]) == list(BaseTask.__annotations__)
    for attribute, default in [row[:2] for row in rows("attribute")]:
        if default:
            assert getattr(BaseTask, names([attribute])[0]) == ast.literal_eval(names([default])[0])


def test_everything_of_the_context_is_told_and_nothing_else() -> None:
    told = re.findall(r"\brun\.(\w+)", PAGE.partition("## What its code may use")[2].partition("```python")[0])
    assert set(told) == public(RunContext)


def test_everything_of_a_class_is_told_and_nothing_else() -> None:
    told = set(re.findall(r"\bself\.(\w+)", PAGE.partition("## What its code may use")[2]))
    assert told == (public(BaseTask) - set(BaseTask.__annotations__) - {"run"}) | {"_update_progress", "_task_model"}
    assert hasattr(BaseTask, "_update_progress")
    model = re.search(r"`self\._task_model` with its\s+((?:`\w+`[, and]*\s*)+)", PAGE)
    assert model is not None
    assert set(names([model[1]])) == (public(TaskModel) - {"context", "id", "name", "task_type"}) | {"result"}
