"""Room of tasks: reads the parameters of a function: names, resolved type hints, defaults, descriptions.

Pure inspection. What the types accept is decided by ``signature``, which builds a model of them.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from runwright.errors import DefinitionError, FieldError
from runwright.tasks.context import RunContext

REQUIRED = inspect.Parameter.empty
Kind = inspect._ParameterKind

_CONTEXT_TEXT = re.compile(r"['\"]?(?:\w+\.)*RunContext(?:\s*\|\s*None)?['\"]?")
_SECTION = re.compile(r"^(?:Args|Arguments|Parameters|Returns|Return|Raises|Yields|Example|Examples|Note|Notes):\s*$")
_ARGS = re.compile(r"^(?:Args|Arguments|Parameters):\s*$")
_ENTRY = re.compile(r"^\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")


class UnresolvedName(Exception):
    """A hint names something that does not exist yet; it may by the time the task is first used."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that a caller may give. ``default`` is REQUIRED if there is none."""

    name: str
    kind: Kind
    annotation: Any
    default: Any = REQUIRED
    description: str | None = None


def read_parameters(
    function: Callable[..., object], skip: int = 0, names: Mapping[str, object] | None = None
) -> tuple[tuple[Parameter, ...], str | None]:
    """The parameters of ``function`` without the first ``skip``, and the name of the one that takes the RunContext.

    Args:
        names: local names in which the function was defined, for hints that are text.

    Raises:
        DefinitionError: more than one RunContext, or one in a place where it cannot be given.
        UnresolvedName: a hint cannot be resolved yet.
    """
    described = describe_arguments(inspect.getdoc(function) or "")
    found: list[Parameter] = []
    context: str | None = None
    variadic = positional = False
    for parameter in _parameters(function, skip):
        if _takes_context(parameter.annotation, function, names):
            if context is not None:
                raise _error(parameter.name, "is a second RunContext: a task has one")
            if parameter.kind is not Kind.KEYWORD_ONLY and parameter.kind is not Kind.POSITIONAL_OR_KEYWORD:
                raise _error(
                    parameter.name, "takes the RunContext, so it must be an ordinary or keyword-only parameter"
                )
            context = parameter.name
            positional = parameter.kind is Kind.POSITIONAL_OR_KEYWORD
            continue
        variadic = variadic or parameter.kind is Kind.VAR_POSITIONAL
        name = "args" if parameter.kind is Kind.VAR_POSITIONAL else parameter.name
        annotation = _resolve(parameter.name, parameter.annotation, function, names)
        if annotation is REQUIRED:
            annotation = _from_default(parameter.default)
        found.append(Parameter(name, parameter.kind, annotation, parameter.default, described.get(parameter.name)))
    if context is not None and variadic and positional:
        raise _error(context, "takes the RunContext beside *args, so it must stand after it (keyword-only)")
    listed = [p.name for p in found if p.kind is not Kind.VAR_KEYWORD]
    if len(set(listed)) < len(listed):
        raise _error("args", "is the name under which *args is given; rename the other parameter")
    return tuple(found), context


def find_context(
    function: Callable[..., object], skip: int = 0, names: Mapping[str, object] | None = None
) -> str | None:
    """The name of the parameter that takes the RunContext, also while other hints cannot be resolved."""
    for parameter in _parameters(function, skip):
        if _takes_context(parameter.annotation, function, names):
            return parameter.name
    return None


def describe_arguments(doc: str) -> dict[str, str]:
    """Descriptions of parameters in an ``Args:`` section of a docstring."""
    described: dict[str, str] = {}
    inside, name, indent = False, "", 0
    for line in doc.splitlines():
        if not line.startswith((" ", "\t")) and line.strip():
            inside = bool(_ARGS.match(line))
            continue
        if not inside or not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        entry = _ENTRY.match(line.strip())
        if entry and (not name or depth <= indent):
            name, indent = entry[1], depth
            described[name] = entry[2]
        elif name:
            described[name] = f"{described[name]} {line.strip()}".strip()
    return described


def summary(doc: str) -> str:
    """A docstring without its sections about arguments, results and errors: the description of a task."""
    kept: list[str] = []
    for line in doc.splitlines():
        if _SECTION.match(line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _parameters(function: Callable[..., object], skip: int) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())[skip:]


def _takes_context(annotation: object, function: Callable[..., object], names: Mapping[str, object] | None) -> bool:
    if isinstance(annotation, str):
        if _CONTEXT_TEXT.fullmatch(annotation.strip()):
            return True
        try:
            annotation = _resolve("", annotation, function, names)
        except (UnresolvedName, DefinitionError):
            return False
    if get_origin(annotation) in (Union, types.UnionType):
        return any(argument is RunContext for argument in get_args(annotation))
    return annotation is RunContext


def _resolve(name: str, annotation: object, function: Callable[..., object], names: Mapping[str, object] | None) -> Any:
    if annotation is REQUIRED:
        return annotation
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(holder, scope, dict(names or {}), include_extras=True)["value"]
    except NameError as error:
        raise UnresolvedName(f"{name}: {error}") from error
    except Exception as error:  # a hint is any expression of the user's; whatever it raises is its fault
        raise _error(name, f"has a type hint that cannot be evaluated: {error}") from error


def _from_default(default: object) -> Any:
    """The type of a parameter without a hint: what its default shows, else any JSON value."""
    if isinstance(default, (bool, str, list, dict)):
        return type(default)
    return int | float if isinstance(default, (int, float)) else Any


def _error(name: str, reason: str) -> DefinitionError:
    message = f"parameter {name!r} {reason}"
    return DefinitionError(message, [FieldError(f"/parameters/{name}", message)])
