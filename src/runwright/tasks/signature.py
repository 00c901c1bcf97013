"""Room of tasks: what a task may be called with: it checks arguments, stores them as JSON and turns them back.

Built on pydantic, once for each task. Arguments are checked before a run exists; ``load`` is on the hot path of every
run, so tasks without parameters, or with plain ones only, do not pass through pydantic again.
"""

from __future__ import annotations

import contextlib
import inspect
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError

from runwright.errors import DefinitionError, FieldError, InvalidArguments
from runwright.model import JSON, JSONObject
from runwright.tasks.fields import Plain, build_model, plain_parameters
from runwright.tasks.form import FormSchema, secret_pointers
from runwright.tasks.parameters import Kind, Parameter, UnresolvedName, find_context, read_parameters
from runwright.tasks.refusals import booleans_as_numbers, refuse, translate
from runwright.tasks.uploads import upload_pointers
from runwright.tasks.values import escape, faults, simple


class _Unfinished(DefinitionError):
    """A hint names something that is not defined yet."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments that have been checked, as typed values. Only a Signature makes them.

    ``plain`` is the same as JSON, if all of it is so simple that nothing has to be converted.
    """

    model: BaseModel
    plain: dict[str, JSON] | None = None

    @property
    def values(self) -> dict[str, object]:
        """The values by the names of the parameters, defaults included."""
        fields = type(self.model).model_fields
        given = {field.alias or name: getattr(self.model, name) for name, field in fields.items()}
        return {**given, **(self.model.__pydantic_extra__ or {})}


_UNCHANGED = (int, str, bool, type(None))  # what a simple value stays, or may become, without a fault


class Signature:
    """The parameters of one task.

    Attributes:
        context_parameter: the name of the parameter that takes the RunContext, or None. It is not an argument.
    """

    def __init__(self, function: Callable[..., object], skip: int, names: Mapping[str, object] | None) -> None:
        self._function, self._skip, self._names = function, skip, names
        self.context_parameter = find_context(function, skip, names)

    @classmethod
    def of(
        cls, function: Callable[..., object], skip: int = 0, local_names: Mapping[str, object] | None = None
    ) -> Self:
        """The signature of a function.

        Args:
            function: whose parameters, hints and defaults are read.
            skip: how many leading parameters are not arguments (1 for a method's self).
            local_names: names visible where the function was defined, for hints that are text.

        Raises:
            DefinitionError: a parameter cannot be filled from JSON. A hint that names something not defined yet is
                looked at again at first use.
        """
        signature = cls(function, skip, local_names)
        with contextlib.suppress(_Unfinished):  # check() at registration reports what is still missing then
            signature.check()
        return signature

    def check(self) -> None:
        """Build everything now. Raises DefinitionError if a parameter cannot be filled from JSON."""
        _ = self._model, self.secret_pointers, self.upload_pointers, self._free

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a caller may give, in their order."""
        try:
            return read_parameters(self._function, self._skip, self._names)[0]
        except UnresolvedName as error:
            raise _Unfinished(f"parameter {error}") from error

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the arguments, without those that ``**kwargs`` would take."""
        return tuple(p.name for p in self.parameters if p.kind is not Kind.VAR_KEYWORD)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the arguments that have no default."""
        return tuple(f.alias or name for name, f in self._model.model_fields.items() if f.is_required())

    @cached_property
    def extra_allowed(self) -> bool:
        """Whether the task has ``**kwargs``, and so takes names of any kind."""
        return any(p.kind is Kind.VAR_KEYWORD for p in self.parameters)

    @cached_property
    def secret_pointers(self) -> tuple[str, ...]:
        """JSON pointers of all secrets in the arguments; ``*`` stands for every item. Never written in clear."""
        try:
            return secret_pointers(self.schema())
        except ValueError as error:
            raise DefinitionError(f"parameters: {error}") from error

    @cached_property
    def upload_pointers(self) -> tuple[str, ...]:
        """JSON pointers of all files in the arguments; ``*`` stands for every item."""
        try:
            return upload_pointers(self.schema())
        except ValueError as error:
            raise DefinitionError(f"parameters: {error}") from error

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments, for forms: a new dict at each call."""
        schema = self._model.model_json_schema(schema_generator=FormSchema)
        schema.pop("title", None)
        schema.setdefault("properties", {})
        return schema

    def validate(self, arguments: Mapping[str, object] | BaseModel) -> Arguments:
        """Check the arguments of a run before it exists.

        Args:
            arguments: JSON values, or Python values of the declared types, by name.

        Raises:
            InvalidArguments: one FieldError for each field that is wrong, all at once.
        """
        given: object = dict(arguments) if isinstance(arguments, BaseModel) else arguments
        if not isinstance(given, Mapping):
            raise InvalidArguments("arguments must be an object of names and values")
        plain = not self.extra_allowed and simple(given)  # names are judged below, unless any name is taken
        wrong = [] if plain else list(faults(given))
        if wrong:
            raise refuse(wrong)
        if self.extra_allowed and (taken := self._reserved & given.keys()):
            wrong = [FieldError(f"/{escape(name)}", "cannot be given by name") for name in sorted(taken)]
            given = {name: value for name, value in given.items() if name not in taken}
        try:
            model = self._model.model_validate(given)
        except ValidationError as error:  # not as the cause: it would quote the values
            raise refuse([*wrong, *translate(error, given, self.names)]) from None
        checked = model.model_dump(by_alias=True, round_trip=True, warnings=False)
        if plain and not wrong and all(type(value) in _UNCHANGED for value in checked.values()):
            return Arguments(model, None if self._plain is None else checked)
        wrong += [*booleans_as_numbers(given, checked), *faults(checked)]
        if wrong:
            raise refuse(wrong)
        return Arguments(model)

    def dump(self, arguments: Arguments) -> dict[str, JSON]:
        """The arguments as JSON for the store: defaults included, secrets in clear. Seal ``secret_pointers`` at once.

        Raises:
            InvalidArguments: a value of a parameter without a type cannot be written as JSON.
        """
        model = arguments.model
        if arguments.plain is not None and not self._unstored:
            return arguments.plain
        try:
            return self._dump(model, self._unstored - model.model_fields_set)
        except (PydanticSerializationError, ValueError, TypeError) as error:
            raise InvalidArguments(f"arguments cannot be stored as JSON: {error}") from error

    def store(self, arguments: Mapping[str, object]) -> dict[str, JSON]:
        """Check the arguments of a run and give them as the store keeps them: ``dump`` of what ``validate`` returns.

        Raises:
            InvalidArguments: see there.
        """
        if self._free and simple(arguments) and self._are_plain(arguments):
            return {name: arguments[name] for name in self.names}  # type: ignore[misc]  # exact types, just checked
        return self.dump(self.validate(arguments))

    def load(self, arguments: JSONObject) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Stored arguments (unsealed) as typed values for the call: positional and keyword ones, new at each call.

        Raises:
            InvalidArguments: they do not fit the task's present signature.
        """
        if not arguments and self._needs_nothing:
            return (), {}
        if self._are_plain(
            arguments
        ):  # else stored under an earlier signature, or by another program: let pydantic look
            return (), dict(arguments)
        return self._load(arguments)

    def _are_plain(self, arguments: Mapping[str, object]) -> bool:
        """Whether all parameters are given, and each is a value of its own exact type that JSON gives back as it is."""
        plain = self._plain
        if plain is None or len(arguments) != len(plain):
            return False
        for one in plain:
            value = arguments.get(one.name, _ABSENT)
            if type(value) not in one.types or (one.allowed is not None and value not in one.allowed):
                return False
        return True

    @cached_property
    def _model(self) -> type[BaseModel]:
        try:
            return build_model(self.parameters)
        except PydanticUndefinedAnnotation as error:
            raise _Unfinished(f"parameters: {error.message}") from error

    @cached_property
    def _plain(self) -> tuple[Plain, ...] | None:
        return plain_parameters(self.parameters)

    @cached_property
    def _free(self) -> bool:
        """Whether arguments of the exact types need no other check."""
        return self._plain is not None and all(one.free for one in self._plain)

    @cached_property
    def _needs_nothing(self) -> bool:
        """Whether the function can be called without any argument, by its own defaults."""
        return not self.required and not any(isinstance(p.default, FieldInfo) for p in self.parameters)

    @cached_property
    def _reserved(self) -> frozenset[str]:
        """Names of the function that are no arguments: **kwargs must not bring them in."""
        own = inspect.signature(self._function).parameters.values()
        variadic = (Kind.VAR_KEYWORD, Kind.VAR_POSITIONAL)
        return frozenset(p.name for p in own if p.kind not in variadic) - frozenset(self.names)

    @cached_property
    def _unstored(self) -> frozenset[str]:
        """Fields whose default is not JSON: it is left to the function instead of being stored."""
        optional = [name for name, field in self._model.model_fields.items() if not field.is_required()]
        defaults = self._model.model_construct()
        unstored = set()
        for name in optional:
            try:
                defaults.model_dump(mode="json", include={name}, warnings=False)
            except (PydanticSerializationError, ValueError, TypeError):
                unstored.add(name)
        return frozenset(unstored)

    def _dump(self, model: BaseModel, exclude: frozenset[str] = frozenset()) -> dict[str, JSON]:
        hidden = set(exclude)
        dumped: dict[str, JSON] = model.model_dump(
            mode="json", by_alias=True, round_trip=True, exclude=hidden, warnings=False
        )
        if self.secret_pointers:
            typed = model.model_dump(by_alias=True, round_trip=True, exclude=hidden, warnings=False)
            return {name: _reveal(value, typed[name]) for name, value in dumped.items()}
        return dumped

    def _load(self, arguments: JSONObject) -> tuple[tuple[Any, ...], dict[str, Any]]:
        try:
            model = self._model.model_validate(arguments)
        except ValidationError as error:
            raise refuse(translate(error, arguments, self.names)) from None  # the cause would quote the values
        args: list[Any] = []
        keywords: dict[str, Any] = dict(model.__pydantic_extra__ or {})
        variadic = any(p.kind is Kind.VAR_POSITIONAL for p in self.parameters)
        for index, parameter in enumerate(self.parameters):
            if parameter.kind is Kind.VAR_KEYWORD:
                continue
            value = getattr(model, f"p{index}")
            if parameter.kind is Kind.VAR_POSITIONAL:
                args.extend(value)
            elif parameter.kind is Kind.POSITIONAL_ONLY or (variadic and parameter.kind is Kind.POSITIONAL_OR_KEYWORD):
                args.append(value)
            else:
                keywords[parameter.name] = value
        return tuple(args), keywords


def _reveal(dumped: JSON, typed: object) -> JSON:
    """Put the secrets that pydantic masks back in, from the same value in its Python form."""
    if isinstance(typed, SecretStr):
        return typed.get_secret_value()
    if isinstance(typed, SecretBytes):
        return b64encode(typed.get_secret_value()).decode()
    if isinstance(typed, Mapping) and isinstance(dumped, Mapping):
        return {key: _reveal(item, other) for (key, item), other in zip(dumped.items(), typed.values(), strict=True)}
    if isinstance(typed, (list, tuple)) and isinstance(dumped, list):
        return [_reveal(item, other) for item, other in zip(dumped, typed, strict=True)]
    return dumped


_ABSENT = object()
