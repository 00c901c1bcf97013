"""Room of tasks: the pydantic field that stands for a parameter, and which parameters need no pydantic at load.

Fields are called p0, p1 … and carry the parameter's name as alias, so that no name can collide with pydantic's own.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo

from runwright.errors import DefinitionError, FieldError
from runwright.tasks.form import Choices, FormSchema, Multiline
from runwright.tasks.parameters import REQUIRED, Kind, Parameter

_NONE = type(None)


@dataclass(frozen=True, slots=True)
class Plain:
    """A parameter whose stored JSON is its value: it has one of these exact types, and is among ``allowed`` if any.

    ``free``: any such value may be given; there is no bound, pattern or the like that it could break.
    """

    name: str
    types: tuple[type, ...]
    allowed: frozenset[object] | None
    free: bool


def title_of(name: str) -> str:
    """A name as people read it: ``backup_format`` becomes ``Backup format``."""
    words = name.replace("_", " ").replace("-", " ").replace(".", " ").strip()
    return words[:1].upper() + words[1:]


def build_model(parameters: tuple[Parameter, ...]) -> type[BaseModel]:
    """The model of the arguments.

    Raises:
        DefinitionError: a parameter has a type that JSON cannot give; its name and the reason are in the message.
        PydanticUndefinedAnnotation: a type refers to a name that is not defined yet.
    """
    fields: dict[str, tuple[Any, Any]] = {}
    extra: Any = None
    for index, parameter in enumerate(parameters):
        if parameter.kind is Kind.VAR_KEYWORD:
            extra = Any if parameter.annotation is REQUIRED else parameter.annotation
        else:
            fields[f"p{index}"] = _field(parameter)
    try:
        model: type[BaseModel] = create_model("Arguments", __base__=_base(extra), **fields)  # type: ignore[call-overload]  # fields by computed names
        model.model_json_schema(schema_generator=FormSchema)
    except PydanticUndefinedAnnotation:
        raise
    except (PydanticUserError, TypeError, ValueError) as error:
        _find_culprit(parameters, fields)
        raise DefinitionError(f"parameters cannot be filled from JSON: {error}") from error
    return model


def plain_parameters(parameters: tuple[Parameter, ...]) -> tuple[Plain, ...] | None:
    """How to check every parameter without pydantic, or None if one of them needs it."""
    plain = []
    for parameter in parameters:
        if parameter.kind not in (Kind.POSITIONAL_OR_KEYWORD, Kind.KEYWORD_ONLY):
            return None
        one = _plain(parameter)
        if one is None:
            return None
        plain.append(one)
    return tuple(plain)


def _base(extra: Any) -> type[BaseModel]:
    config = ConfigDict(
        extra="forbid" if extra is None else "allow",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        field_title_generator=lambda name, info: title_of(info.alias or name),
    )
    space: dict[str, Any] = {"model_config": config, "__module__": __name__}
    if extra is not None:
        space["__annotations__"] = {"__pydantic_extra__": dict[str, extra]}
    return types.new_class("ArgumentsBase", (BaseModel,), exec_body=lambda names: names.update(space))


def _field(parameter: Parameter) -> tuple[Any, Any]:
    annotation, default = parameter.annotation, parameter.default
    if parameter.kind is Kind.VAR_POSITIONAL:
        annotation, default = list[Any if annotation is REQUIRED else annotation], []  # type: ignore[misc]  # a type made at run time
    elif default is REQUIRED:
        default = ...
    elif default is None and annotation is not Any:
        annotation = Union[annotation, None]  # noqa: UP007 - a type made at run time; `x: int = None` is common
    if parameter.description is None or _is_described(parameter):
        return Annotated[annotation, Field(alias=parameter.name)], default
    return Annotated[annotation, Field(alias=parameter.name, description=parameter.description)], default


def _is_described(parameter: Parameter) -> bool:
    metadata = getattr(parameter.annotation, "__metadata__", ())
    return any(isinstance(item, FieldInfo) and item.description for item in (*metadata, parameter.default))


def _find_culprit(parameters: tuple[Parameter, ...], fields: dict[str, tuple[Any, Any]]) -> None:
    """Raise the error that names the parameter, by trying each alone."""
    for name, field in fields.items():
        parameter = parameters[int(name[1:])]
        try:
            create_model("One", __base__=_base(None), **{name: field}).model_json_schema(schema_generator=FormSchema)  # type: ignore[call-overload]  # as above
        except (PydanticUserError, TypeError, ValueError) as error:
            shown = getattr(parameter.annotation, "__name__", None) or repr(parameter.annotation)
            reason = "" if isinstance(error, PydanticSchemaGenerationError) else f" ({str(error).splitlines()[0]})"
            message = f"parameter {parameter.name!r}: a value of type {shown} cannot be made from JSON{reason}"
            raise DefinitionError(message, [FieldError(f"/parameters/{parameter.name}", message)]) from error


def _plain(parameter: Parameter) -> Plain | None:
    annotation = parameter.annotation
    optional = parameter.default is None
    free = get_origin(annotation) is not Annotated and not isinstance(parameter.default, FieldInfo)
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
        for item in metadata:  # anything else may turn the value into another, so pydantic has to do it again
            if not isinstance(item, (FieldInfo, BaseMetadata, GroupedMetadata, Choices, Multiline, str)):
                return None
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not _NONE]
        if len(members) != 1 or len(get_args(annotation)) != 2:
            return None
        annotation, optional = members[0], True
    rest: tuple[type, ...] = (_NONE,) if optional else ()
    if annotation in (str, int, float, bool):
        return Plain(parameter.name, (annotation, *rest), None, free)
    if get_origin(annotation) is Literal:
        values = get_args(annotation)
        if all(type(value) in (str, int, bool) for value in values):
            kinds = tuple({type(value) for value in values})
            allowed = frozenset(values) | ({None} if optional else frozenset())
            return Plain(parameter.name, (*kinds, *rest), allowed, free)
    return None
