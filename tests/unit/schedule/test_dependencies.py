"""Which schedules wait for which."""

from __future__ import annotations

import pytest

from runwright.errors import ScheduleRefused
from runwright.schedule import dependents, find_cycle, refuse_cycle, refuse_unknown


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({}, None),
        ({"b": ["a"]}, None),
        ({"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []}, None),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"z": ["c"], "c": ["b"], "b": ["a"], "a": ["c"]}, ["a", "c", "b", "a"]),
    ],
)
def test_a_cycle_is_found_with_its_path(edges: dict[str, list[str]], cycle: list[str] | None) -> None:
    assert find_cycle(edges) == cycle
    assert find_cycle(dict(reversed(list(edges.items())))) == cycle


def test_a_long_chain_and_a_dense_graph_are_no_trouble() -> None:
    chain = {f"s{n:05}": [f"s{n + 1:05}"] for n in range(20_000)}
    assert find_cycle(chain) is None
    chain["s20000"] = ["s00000"]
    cycle = find_cycle(chain)
    assert cycle is not None
    assert len(cycle) == 20_002
    names = [f"n{n:03}" for n in range(200)]
    assert find_cycle({name: names[index + 1 :] for index, name in enumerate(names)}) is None


def test_the_refusal_has_the_path() -> None:
    refuse_cycle({"b": ["a"]})
    with pytest.raises(ScheduleRefused, match="a → b → a") as refused:
        refuse_cycle({"a": ["b"], "b": ["a"]})
    assert refused.value.field_name == "depends_on"
    with pytest.raises(ScheduleRefused, match="a cannot wait for itself"):
        refuse_cycle({"a": ["a"]})


def test_unknown_names_and_dependents() -> None:
    refuse_unknown("b", ["a"], ["a", "b"])
    with pytest.raises(ScheduleRefused, match="'x' or 'y'"):
        refuse_unknown("b", ["y", "a", "x"], ["a", "b"])
    assert dependents("a", {"c": ["a"], "b": ["a", "c"], "d": ["b"]}) == ["b", "c"]
