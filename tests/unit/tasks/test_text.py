"""Texts of user code: whatever it gives, a text comes of it."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from runwright.tasks.text import clean, text_of, text_of_record


class Textless:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def record(message: object, *args: object, **more: Any) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "x.py", 1, message, args, None, **more)


@pytest.mark.parametrize(("text", "kept"), [("ü\U0001f600", "ü\U0001f600"), ("a\0b", "a\ufffdb"), ("a\udcffb", "a?b")])
def test_what_cannot_be_stored_is_replaced(text: str, kept: str) -> None:
    assert clean(text) == kept


def test_every_object_has_a_text() -> None:
    assert [text_of("x"), text_of(5), text_of(None), text_of("abc", 2)] == ["x", "5", "None", "ab"]
    assert text_of(Textless()) == "<Textless without a text: its __str__ raised RuntimeError>"


def test_a_record_with_broken_arguments_says_so() -> None:
    assert text_of_record(record("%d of %d", 1, 2)) == "1 of 2"
    assert text_of_record(record("%d", "x")).startswith("'%d' (could not be formatted: %d format")
    assert "could not be formatted: no text" in text_of_record(record(Textless()))


def test_a_record_has_its_exception_and_its_stack() -> None:
    try:
        raise ValueError("inner")
    except ValueError:
        told = logging.LogRecord("x", logging.INFO, "x.py", 1, "outer", (), sys.exc_info(), sinfo="the stack")

    text = text_of_record(told)
    assert text.startswith("outer\nTraceback") and text.endswith("ValueError: inner\nthe stack")
