"""Exchanging values at pointers, and which JSON values are taken in."""

from __future__ import annotations

from typing import Any

import pytest

from runwright.tasks.secrets import MASK, mask, replace_at
from runwright.tasks.values import MAX_DEPTH, faults


def test_secrets_are_masked_wherever_they_are() -> None:
    arguments: dict[str, Any] = {
        "token": "t",
        "hosts": [{"name": "a", "password": "p"}, {"name": "b", "password": None}, {"name": "c"}],
        "by/name": {"x": "1", "y": "2"},
        "pair": ["open", "secret"],
        "other": [1],
    }
    masked = mask(arguments, ("/token", "/hosts/*/password", "/by~1name/*", "/pair/1", "/absent/*/x", "/other/*/x"))
    assert masked == {
        "token": MASK,
        "hosts": [{"name": "a", "password": MASK}, {"name": "b", "password": None}, {"name": "c"}],
        "by/name": {"x": MASK, "y": MASK},
        "pair": ["open", MASK],
        "other": [1],
    }
    assert arguments["token"] == "t"
    assert arguments["hosts"][0]["password"] == "p"


def test_sealing_and_unsealing_give_back_the_original() -> None:
    arguments: dict[str, Any] = {"a": {"b": ["x", "y"]}, "c": 1}
    sealed = replace_at(arguments, ("/a/b/*",), lambda value: {"$sealed": f"{value}!"})
    assert sealed == {"a": {"b": [{"$sealed": "x!"}, {"$sealed": "y!"}]}, "c": 1}
    opened = replace_at(sealed, ("/a/b/*",), lambda value: value["$sealed"][:-1])  # type: ignore[index,call-overload]  # sealed above
    assert opened == arguments


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "pointer", "words"),
    [
        ({"a": [1, float("nan")]}, "/a/1", "finite"),
        (float("-inf"), "", "finite"),
        ({"x/y": "a\0b"}, "/x~1y", "NUL"),
        (["\ud800"], "/0", "surrogate"),
        ({"bad\0key": 1}, "", "key"),
        ({1: "\0"}, "/1", "NUL"),
        (2**2000, "", "too large"),
        (nested(MAX_DEPTH + 1), "/0" * MAX_DEPTH, "levels"),
    ],
)
def test_values_that_no_store_could_give_back(value: object, pointer: str, words: str) -> None:
    (fault,) = faults(value)
    assert fault.pointer == pointer
    assert words in fault.message


def test_ordinary_values_pass() -> None:
    assert not list(faults({"a": [1, 2.5, True, None, "grüße 😀", {"b": {}}], "deep": nested(MAX_DEPTH - 2)}))
