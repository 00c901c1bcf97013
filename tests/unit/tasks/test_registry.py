"""The registry: names, who claims them, and problems."""

from __future__ import annotations

from typing import Any

import pytest

from runwright.errors import DefinitionError, DuplicateName, NotFound
from runwright.tasks.definition import Task, task
from runwright.tasks.registry import Problem, Registry


def make(name: str) -> Task[..., Any]:
    @task(name=name)
    async def work() -> None: ...

    return work


def test_registered_tasks_are_found_by_name() -> None:
    registry = Registry()
    b, a = make("b"), make("a")
    registry.register(b)
    registry.register(a)
    assert registry.get("a") is a
    assert registry.find("c") is None
    assert registry.names() == ("a", "b")
    assert registry.tasks() == (a, b)


def test_an_unknown_name_is_told_with_near_ones() -> None:
    registry = Registry()
    registry.register(make("backup"))
    with pytest.raises(NotFound, match="did you mean 'backup'") as caught:
        registry.get("bakcup")
    assert caught.value.near == ("backup",)


def test_a_taken_name_is_refused_unless_replaced() -> None:
    registry = Registry()
    first, second = make("a"), make("a")
    registry.register(first)
    registry.register(first)  # the same value again is no conflict
    with pytest.raises(DuplicateName, match="pass replace=True"):
        registry.register(second)
    assert registry.get("a") is first
    registry.register(second, replace=True)
    assert registry.tasks() == (second,)


def test_hints_that_are_still_missing_are_refused_at_the_door() -> None:
    @task
    async def work(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - the point

    with pytest.raises(DefinitionError, match="Nowhere"):
        Registry().register(work)


def test_the_first_source_keeps_a_name_and_the_second_takes_over_when_it_goes() -> None:
    registry = Registry()
    first, second, third = make("a"), make("a"), make("a")
    assert registry.replace_source("one", [first]) == {}
    assert registry.replace_source("two", [second]) == {"a": first}
    assert registry.replace_source("one", [third]) == {}
    assert registry.get("a") is third
    registry.remove_source("one")
    assert registry.get("a") is second
    registry.remove_source("two")
    assert registry.names() == ()


def test_override_lets_the_last_one_win() -> None:
    registry = Registry()
    first, second = make("a"), make("a")
    registry.replace_source("one", [first])
    assert registry.replace_source("two", [second], override=True) == {}
    assert registry.get("a") is second


def test_a_source_is_exchanged_at_once() -> None:
    registry = Registry()
    registry.replace_source("file", [make("a"), make("b")])
    seen: list[tuple[str, ...]] = []
    unsubscribe = registry.subscribe(lambda: seen.append(registry.names()))
    version = registry.version
    registry.replace_source("file", [make("b"), make("c")])
    assert seen == [("b", "c")]
    assert registry.version == version + 1
    registry.replace_source("file", registry.tasks_of("file"))
    assert registry.version == version + 1
    unsubscribe()
    unsubscribe()
    registry.remove_source("file")
    assert len(seen) == 1


def test_problems_belong_to_their_source() -> None:
    registry = Registry()
    changes: list[int] = []
    registry.subscribe(lambda: changes.append(registry.version))
    late, early = Problem("b.py", 3, "bad", "b.py"), Problem("a.py", None, "worse", "a.py")
    registry.set_problems("b.py", [late])
    registry.set_problems("a.py", [early])
    registry.set_problems("a.py", [early])
    assert registry.problems == (early, late)
    assert len(changes) == 2
    registry.set_problems("b.py", [])
    registry.remove_source("a.py")
    assert not registry.problems
