"""Room of tasks: arguments that are given by position, in OpenScan3's way: which parameters the values are for.

Names only; whether the values are good is judged by ``signature``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from runwright.errors import FieldError, InvalidArguments
from runwright.tasks.parameters import Kind, Parameter

ARGS = "args"


@dataclass(frozen=True, slots=True)
class Places:
    """The places that a call may fill by position.

    Attributes:
        names: the parameters, in their order.
        required: those of them without a default.
        variadic: the function has ``*args``, which takes the rest.
        reserved: ``args`` is the name of an ordinary parameter.
        open: the function has ``**kwargs``, and so takes names of any kind.
    """

    names: tuple[str, ...]
    required: frozenset[str]
    variadic: bool
    reserved: bool
    open: bool

    @classmethod
    def of(cls, parameters: Sequence[Parameter], required: Sequence[str]) -> Self:
        """The places of a function with these parameters."""
        kinds = {parameter.kind for parameter in parameters}
        ordinary = (Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD)
        names = tuple(parameter.name for parameter in parameters if parameter.kind in ordinary)
        variadic = Kind.VAR_POSITIONAL in kinds
        reserved = not variadic and any(parameter.name == ARGS for parameter in parameters)
        return cls(names, frozenset(required) & set(names), variadic, reserved, Kind.VAR_KEYWORD in kinds)

    def named(self, arguments: object) -> Mapping[str, object]:
        """Arguments by name. A list of values is bound by position, as in a call.

        So is a list under ``args`` where that can mean nothing else: it is no parameter, or it is ``*args`` and a
        required parameter before it is not given.

        Raises:
            InvalidArguments: there are more values than places, or it is neither an object nor a list.
        """
        if isinstance(arguments, Mapping):
            values = arguments.get(ARGS)
            if not isinstance(values, (list, tuple)) or self._means_itself(arguments, len(values)):
                return arguments
            return self._bound(values, {name: value for name, value in arguments.items() if name != ARGS})
        if isinstance(arguments, (list, tuple)):
            return self._bound(arguments, {})
        raise InvalidArguments("arguments must be an object of names and values, or a list of values")

    def _bound(self, values: Sequence[object], named: Mapping[str, object]) -> Mapping[str, object]:
        rest = values[len(self.names) :]
        if rest and not self.variadic:
            message = f"{len(values)} values are given by position, and the task takes {len(self.names)}"
            raise InvalidArguments(message, [FieldError("", message, "too_many")])
        return {**dict(zip(self.names, values, strict=False)), **named, **({ARGS: list(rest)} if rest else {})}

    def _means_itself(self, arguments: Mapping[str, object], count: int) -> bool:
        """Whether ``args`` is an argument like others, and not a list of values by position."""
        if self.reserved or any(name in arguments for name in self.names[:count]):
            return True
        return (self.variadic or self.open) and self.required <= arguments.keys()
