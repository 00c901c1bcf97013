"""Room of tasks: why arguments are refused: pydantic's findings as one FieldError for each field.

Pointers lead into what the caller gave. No message quotes a value, because it may be a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from runwright.errors import FieldError, InvalidArguments
from runwright.tasks.values import escape


def refuse(errors: Iterable[FieldError]) -> InvalidArguments:
    """The exception for these faults; those of one field are joined."""
    joined: dict[str, FieldError] = {}
    for error in errors:
        before = joined.get(error.pointer)
        if before is None:
            joined[error.pointer] = error
        elif error.message not in before.message:
            joined[error.pointer] = FieldError(error.pointer, f"{before.message}; or {error.message}", before.code)
    faults = list(joined.values())
    told = "; ".join(f"{f.pointer.lstrip('/') or 'arguments'}: {f.message}" for f in faults[:5])
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    return InvalidArguments(f"{told}{more}", faults)


def unknown(name: str, names: Sequence[str]) -> FieldError:
    """The fault of a name that the task does not have, with the one that was probably meant."""
    near = difflib.get_close_matches(name, names, 1)
    hint = (
        f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names)}" if names else "it takes no arguments"
    )
    return FieldError(f"/{escape(name)}", f"the task has no such parameter; {hint}", "unknown")


def translate(error: ValidationError, given: Mapping[str, object], names: Sequence[str]) -> Iterator[FieldError]:
    """Pydantic's findings, in the words of the caller's own input."""
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        location, kind = detail["loc"], detail["type"]
        if kind == "extra_forbidden" and len(location) == 1:
            yield unknown(str(location[0]), names)
        elif kind == "missing":
            yield FieldError(_pointer(location, given, kind), "is required", "required")
        else:
            message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            yield FieldError(_pointer(location, given, kind), message[:1].lower() + message[1:], kind)


def booleans_as_numbers(given: object, checked: object, pointer: str = "") -> Iterator[FieldError]:
    """Places where true or false was given and a number came out: legal in Python, and a surprise everywhere else."""
    if isinstance(given, bool):
        if type(checked) in (int, float):
            yield FieldError(pointer, "must be a number, not true or false", "number_type")
    elif isinstance(given, Mapping) and isinstance(checked, Mapping):
        for key, item in given.items():
            yield from booleans_as_numbers(item, checked.get(key), f"{pointer}/{escape(str(key))}")
    elif isinstance(given, (list, tuple)) and isinstance(checked, (list, tuple)):
        for index, (item, other) in enumerate(zip(given, checked, strict=False)):
            yield from booleans_as_numbers(item, other, f"{pointer}/{index}")


def _pointer(location: tuple[int | str, ...], given: object, kind: str) -> str:
    """The place of a finding. Steps that are not in the input (the branches of a union) are left out."""
    pointer = ""
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if _has(given, step):
            given = given[step]  # type: ignore[index]  # _has has looked
        elif not (last and kind == "missing"):
            continue
        pointer += f"/{escape(step)}"
    return pointer


def _has(given: object, step: int | str) -> bool:
    if isinstance(given, (list, tuple)):
        return isinstance(step, int) and 0 <= step < len(given)
    return isinstance(given, Mapping) and step in given
