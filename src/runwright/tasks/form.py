"""Room of tasks: the JSON Schema of a task's parameters as forms, command lines and API pages want it.

Optional values are unwrapped instead of offered as alternatives, choices carry labels, secrets are write-only and
never show a default. Hints for forms begin with ``x-``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import CoreSchema, core_schema

from runwright.tasks.values import escape, faults


class Choices:
    """Labels for the values of a parameter: ``Annotated[Literal["sql", "tar"], Choices({"sql": "SQL dump", …})]``.

    With a Literal or an Enum it names the values; with any other type it also restricts it to the values listed.
    """

    def __init__(self, labels: Mapping[Any, str] | Sequence[Any]) -> None:
        self.labels: dict[Any, str] = (
            dict(labels) if isinstance(labels, Mapping) else {value: str(value) for value in labels}
        )

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler(source)
        if inner["type"] in ("literal", "enum"):
            return inner
        return core_schema.no_info_after_validator_function(self._check, inner)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        target = handler.resolve_ref_schema(schema)
        target.setdefault("enum", [_plain(value) for value in self.labels])
        target["x-choices"] = [
            {"value": value, "label": self.labels.get(value, str(value))} for value in target["enum"]
        ]
        return schema

    def _check(self, value: Any) -> Any:
        if value not in self.labels:
            raise ValueError(f"must be one of {', '.join(repr(choice) for choice in self.labels)}")
        return value


class Multiline:
    """A text of several lines: ``Annotated[str, Multiline()]`` is shown as a text area."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        schema["x-multiline"] = True
        return schema


class FormSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, simplified for people who fill in forms. Defaults that JSON cannot say are left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        # A reference is shared with places that are not nullable, so the mark goes beside it.
        return {"allOf": [inner], "x-nullable": True} if "$ref" in inner else {**inner, "x-nullable": True}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        default = result.get("default")
        if (
            default is None
            or result.get("writeOnly")
            or any(fault.code == "finite_number" for fault in faults(default))
        ):
            result.pop("default", None)
        return result

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        result = super().enum_schema(schema)
        result["x-choices"] = [{"value": _plain(member.value), "label": _label(member)} for member in schema["members"]]
        result.setdefault("enum", [_plain(member.value) for member in schema["members"]])
        result.pop("const", None)
        return result

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        result = super().union_schema(schema)
        if result.get("anyOf") == [{"type": "integer"}, {"type": "number"}]:
            return {"type": "number"}
        return result

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        bounds = super().decimal_schema(schema).get("anyOf", [{}])[0]
        return {**bounds, "type": "string", "format": "decimal"}  # a JSON number would lose digits on the way

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """A default that is not JSON is left out of the schema; nobody has to be warned of it."""


def _label(member: Enum) -> str:
    for attribute in ("label", "title", "description"):
        label = getattr(member, attribute, None)
        if isinstance(label, str):
            return label
    return member.name.replace("_", " ").capitalize()


def _plain(value: object) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")


def secret_pointers(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a schema has secrets, as pointers with ``*`` for items.

    Raises:
        ValueError: a model that contains itself contains a secret: such places have no end.
    """
    return tuple(dict.fromkeys(_secrets(schema, schema.get("$defs", {}), "", ())))


def _secrets(node: Any, definitions: Mapping[str, Any], pointer: str, inside: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(node, Mapping):
        return
    if node.get("writeOnly") and node.get("format") == "password":
        yield pointer
        return
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference in inside:
            if '"writeOnly": True' in repr(definitions).replace("'", '"'):
                raise ValueError("a model that contains itself cannot contain secrets")
            return
        yield from _secrets(definitions.get(reference.rpartition("/")[2]), definitions, pointer, (*inside, reference))
    for name, child in node.get("properties", {}).items():
        yield from _secrets(child, definitions, f"{pointer}/{escape(name)}", inside)
    for index, child in enumerate(node.get("prefixItems", ())):
        yield from _secrets(child, definitions, f"{pointer}/{index}", inside)
    for key in ("items", "additionalProperties"):
        yield from _secrets(node.get(key), definitions, f"{pointer}/*", inside)
    for child in node.get("patternProperties", {}).values():
        yield from _secrets(child, definitions, f"{pointer}/*", inside)
    for key in ("anyOf", "oneOf", "allOf"):
        for child in node.get(key, ()):
            yield from _secrets(child, definitions, pointer, inside)
