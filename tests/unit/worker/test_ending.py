"""How user code ends, as a value: whatever it returned or raised, there is one, and every reader can read it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from runwright.retry import Retry, Snooze
from runwright.worker.ending import How, raised, returned

MOST = 1024 * 1024


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class Hostile(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


@pytest.mark.parametrize(
    "value", [5, "text", 2**60, {"a": [1, 2.5, None, True, "ü"]}, {1: 2}, {"set": {1}}, nested(64), [[]] * 1000]
)
def test_json_is_kept(value: object) -> None:
    ended = returned(value, MOST)

    assert ended.how is How.RETURNED and ended.result is not None
    assert json.loads(ended.result) == json.loads(json.dumps(value, default=list))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "must be a finite number"),
        ({"a": [1, -math.inf]}, "/a/1 must be a finite number"),
        (10**400, "is too large a number"),
        (10**5000, "cannot be written as JSON"),
        ("a\0b", "contains a NUL character"),
        ({"a\0b": 1}, "has a key that contains a NUL character"),
        ("\ud800", "cannot be written as JSON"),
        (nested(66), "is nested more than 64 levels deep"),
        (nested(100_000), "cannot be written as JSON"),
        (object(), "cannot be written as JSON"),
        ("x" * MOST, "at most"),
    ],
    ids=range(11),
)
def test_what_nobody_could_read_is_an_error_of_kind_result(value: object, words: str) -> None:
    ended = returned(value, MOST)

    assert ended.how is How.UNUSABLE and ended.result is None
    assert ended.error is not None and ended.error.kind == "result"
    assert words in ended.error.message


def test_an_exception_without_a_text_is_described_all_the_same() -> None:
    ended = raised(Hostile(), None)

    assert ended.how is How.RAISED and ended.error is not None
    assert (ended.error.kind, ended.error.message) == ("Hostile", "it cannot be described: KeyboardInterrupt: ")


def test_a_name_and_a_text_of_any_length_fit() -> None:
    ended = raised(type("A" * 100_000, (Exception,), {})("\ud800 \0" + "c" * 100_000), None)

    assert ended.error is not None and ended.error.traceback is not None
    assert ended.error.kind == "A" * 200
    assert len(ended.error.message) == 4000 and ended.error.message.startswith("? \ufffdc")
    assert len(ended.error.traceback) < 70_000


def test_a_wish_that_was_bent_is_an_error_of_the_run() -> None:
    bent = Snooze(5)
    bent.seconds = "soon"  # type: ignore[assignment]  # the point of the test

    ended = raised(bent, Retry())

    assert ended.how is How.RAISED and ended.error is not None
    assert ended.error.kind == "Snooze" and "could not convert" in ended.error.message
