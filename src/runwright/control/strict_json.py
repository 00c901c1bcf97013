"""Control: JSON as RFC 8259 means it, for everything that comes in: bodies, queries, files. No I/O.

No NaN, no doubled keys, no lone surrogates, no NUL, a depth that is bounded. Every refusal is an InvalidInput.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runwright.errors import InvalidInput
from runwright.model import JSON

DEPTH = 64
DIGITS = 400


class Doubled(ValueError):
    """A key stands twice in one object."""


def parse(body: bytes, what: str = "the body") -> JSON:
    """JSON text, strictly. ``what`` names it in a refusal."""
    if _nesting(body) > DEPTH:
        raise InvalidInput(f"{what} is nested deeper than {DEPTH} levels")
    try:
        value = json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, parse_int=_bounded_int, parse_float=_finite,
            object_pairs_hook=_unique,
        )  # fmt: skip
    except UnicodeDecodeError:
        raise InvalidInput(f"{what} is not UTF-8") from None
    except Doubled as error:
        raise InvalidInput(f"{what} has a key twice: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} is not JSON: {error}") from None
    _no_poison(value, "")
    return value  # type: ignore[no-any-return]  # json.loads gives JSON


def _nesting(body: bytes) -> int:
    """How deep brackets nest, outside of strings; before the parser recurses."""
    depth = deepest = 0
    inside = escaped = False
    for byte in body:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > DEPTH:
                    return deepest
        elif byte in (0x5D, 0x7D):
            depth -= 1
    return deepest


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _bounded_int(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:20]} is too large a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Doubled(repr(name[:100]))
            seen.add(name)
    return found


def _no_poison(value: JSON, pointer: str) -> None:
    """Refuse text that no store and no page can hold."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise InvalidInput.field(pointer or "/", "has a character that cannot be stored (NUL or a lone surrogate)")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            _no_poison(name, pointer)
            _no_poison(each, f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _no_poison(each, f"{pointer}/{index}")
