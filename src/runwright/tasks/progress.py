"""Room of tasks: which progress is taken. Whatever form a task reports it in, here it becomes a plain TaskProgress
that every store and page can hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import SupportsFloat

from runwright.errors import InvalidInput
from runwright.model import TaskProgress
from runwright.tasks.text import text_of

MESSAGE_CHARACTERS = 1000
_NAMES = tuple(field.name for field in fields(TaskProgress))


def plain(current: object, total: object, message: object) -> TaskProgress:
    """Progress as numbers and text. A ``total`` of None is 0, not known; a message of None is none.

    Raises:
        InvalidInput: ``current`` or ``total`` is no number, negative or not finite; it says which.
    """
    text = "" if message is None else text_of(message, MESSAGE_CHARACTERS)
    return TaskProgress(_number("current", current), 0.0 if total is None else _number("total", total), text)


def progress_of(value: object) -> TaskProgress:
    """A progress that was reported as a whole: a TaskProgress, or a mapping with its names. Raises InvalidInput."""
    if isinstance(value, TaskProgress):
        return plain(value.current, value.total, value.message)
    if not isinstance(value, Mapping) or not set(value) <= set(_NAMES):
        raise InvalidInput.field("/progress", f"must be a TaskProgress ({', '.join(_NAMES)}), not {_shown(value)}")
    return plain(value.get("current", 0), value.get("total"), value.get("message"))


def _number(name: str, value: object) -> float:
    if isinstance(value, SupportsFloat):  # of any kind: Decimal, Fraction, numpy's; texts are none
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if 0 <= number < math.inf:
            return number
    raise InvalidInput.field(f"/progress/{name}", f"must be a finite number of 0 or more, not {_shown(value)}")


def _shown(value: object) -> str:
    return f"{text_of(value, 200)} ({type(value).__name__})"
