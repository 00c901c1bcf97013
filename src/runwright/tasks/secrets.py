"""Room of tasks: where the secrets of arguments are, and how to exchange them in place.

A pointer is a JSON pointer in which ``*`` stands for every item of a list or value of an object. Nothing is encrypted
here: admission passes the function that seals, the worker the one that unseals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runwright.model import JSON, JSONObject

MASK = "**********"


def mask(arguments: JSONObject, pointers: Sequence[str]) -> JSONObject:
    """The arguments with every secret replaced by asterisks; the length of a secret does not show."""
    return replace_at(arguments, pointers, lambda _: MASK)


def replace_at(arguments: JSONObject, pointers: Sequence[str], function: Callable[[JSON], JSON]) -> JSONObject:
    """A copy in which ``function`` has been applied to the value at each pointer.

    Pointers that lead nowhere are passed over, and so is null: an absent secret stays absent. What is not on the way
    to a pointer is shared with the original, never changed.
    """
    result: JSON = arguments
    for pointer in pointers:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        result = _replace(result, steps, function)
    assert isinstance(result, Mapping)  # a pointer has at least one step, so the top stays an object
    return result


def _replace(value: JSON, steps: Sequence[str], function: Callable[[JSON], JSON]) -> JSON:
    if not steps:
        return value if value is None else function(value)
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        if step == "*":
            return {key: _replace(item, rest, function) for key, item in value.items()}
        return {**value, step: _replace(value[step], rest, function)} if step in value else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_replace(item, rest, function) if step in ("*", str(i)) else item for i, item in enumerate(value)]
    return value
