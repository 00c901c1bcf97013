"""Room of tasks: which JSON values are taken in. Used for arguments and for the state that a run saves.

A value that one of the stores, or JSON itself, could not give back later is refused here, at the door: NaN and
infinity, NUL characters, lone surrogates, integers of absurd size, nesting without end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from runwright.errors import FieldError

MAX_DEPTH = 64
_MAX_BITS = 1024
_SMALL = 2**53


def escape(part: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def faults(value: object, pointer: str = "", depth: int = 0) -> Iterator[FieldError]:
    """Every place in ``value`` that cannot be stored. Objects that are not JSON are passed over: types judge them."""
    if isinstance(value, str):
        if (reason := text_fault(value)) is not None:
            yield FieldError(pointer, reason, "text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield FieldError(pointer, "must be a finite number", "finite_number")
    elif isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            yield FieldError(pointer, "is too large a number", "number_size")
    elif isinstance(value, (Mapping, list, tuple)):
        if depth >= MAX_DEPTH:
            yield FieldError(pointer, f"is nested more than {MAX_DEPTH} levels deep", "depth")
            return
        yield from _inside(value, pointer, depth)


def simple(values: Mapping[str, object]) -> bool:
    """Whether these are small whole numbers, plain ASCII texts and nothing else, of which none can be at fault.

    Most arguments are; the full look at them costs more than anything else at the door.
    """
    for value in values.values():
        kind = type(value)
        if kind is int:
            if not -_SMALL < value < _SMALL:  # type: ignore[operator]  # an int
                return False
        elif kind is not str or not value.isascii() or "\0" in value:  # type: ignore[attr-defined,operator]  # a str
            return False
    return True


def sound(value: object) -> bool:
    """Whether nothing in parsed JSON can be at fault; a quick look, which may say no too often."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str):
                if not item.isascii() or "\0" in item:
                    return False
            elif isinstance(item, float):
                if not math.isfinite(item):
                    return False
            elif isinstance(item, int):
                if not -_SMALL < item < _SMALL:
                    return False
            elif isinstance(item, list):
                deeper.extend(item)
            elif isinstance(item, dict):
                deeper.extend(item)
                deeper.extend(item.values())
            elif item is not None:
                return False
        level, depth = deeper, depth + 1
    return not level


def _inside(
    value: Mapping[object, object] | list[object] | tuple[object, ...], pointer: str, depth: int
) -> Iterator[FieldError]:
    if not isinstance(value, Mapping):
        for index, item in enumerate(value):
            yield from faults(item, f"{pointer}/{index}", depth + 1)
        return
    for key, item in value.items():
        if isinstance(key, str) and (reason := text_fault(key)) is not None:
            yield FieldError(pointer, f"has a key that {reason}", "key")
        else:
            yield from faults(item, f"{pointer}/{escape(str(key))}", depth + 1)


def text_fault(text: str) -> str | None:
    """Why this text cannot be stored, or None."""
    if "\0" in text:
        return "contains a NUL character"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "contains half of a surrogate pair, which is not a character"
    return None
