"""Vocabulary: lengths of time as people write them: ``300``, ``"5m"``, ``"1h30m"``.

One parser for task options, settings and command lines. Pure; it knows no unit longer than a week.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

from runwright.errors import InvalidInput

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)", re.ASCII)
LONGEST_SECONDS = 100 * 366 * 86400.0


def parse_duration(value: float | str | timedelta) -> float:
    """A length of time in seconds.

    Args:
        value: seconds as a number or a text of digits, a timedelta, or a text of numbers with the units
            ms, s, m, h, d and w, such as ``"90s"``, ``"1h30m"`` or ``"1.5 d"``.

    Returns:
        Seconds, zero or more, at most a hundred years.

    Raises:
        InvalidInput: for anything else; the message quotes the value and shows the form.
    """
    seconds = _seconds(value)
    if seconds is None or not 0 <= seconds <= LONGEST_SECONDS:
        raise InvalidInput(f"{value!r} is not a length of time: give seconds (300) or a text such as '5m' or '1h30m'")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)):  # a huge integer has no float, and no use
        return None if isinstance(value, bool) or abs(value) > LONGEST_SECONDS or math.isnan(value) else float(value)
    if not isinstance(value, str) or len(value) > 100:
        return None
    text = value.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return float(text)
    total, position = 0.0, 0
    while part := _PART.match(text, position):
        total += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    return total if position == len(text) > 0 else None
