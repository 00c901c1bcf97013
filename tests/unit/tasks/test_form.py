"""The JSON Schema of parameters, as forms want it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from runwright.errors import InvalidArguments
from runwright.tasks.form import Choices, Multiline
from runwright.tasks.signature import Signature


class Format(Enum):
    SQL = "sql"
    TAR_GZ = "tar"


class Planet(Enum):
    EARTH = 3
    MARS = 4

    @property
    def label(self) -> str:
        return f"Planet {self.name.title()}"


class Host(BaseModel):
    name: str


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = Signature.of(function).schema()["properties"]
    return found


def test_a_task_without_parameters_has_an_empty_form() -> None:
    def function() -> None: ...

    assert Signature.of(function).schema() == {"type": "object", "properties": {}, "additionalProperties": False}


def test_optional_values_are_no_alternatives() -> None:
    def function(a: int | None = None, b: Host | None = None, c: str = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013 - what users write

    shown = properties(function)
    assert shown["a"] == {"type": "integer", "title": "A", "x-nullable": True}
    assert shown["b"] == {"allOf": [{"$ref": "#/$defs/Host"}], "title": "B", "x-nullable": True}
    assert shown["c"] == {"type": "string", "title": "C", "x-nullable": True}


def test_titles_descriptions_defaults_and_examples() -> None:
    def function(
        backup_format: str = "sql",
        size: Annotated[int, Field(title="How big", description="in MB", examples=[5], ge=1)] = 3,
        other: int = 0,
    ) -> None:
        """Do it.

        Args:
            backup_format: what to write,
                and how
            size: is described already
            other (int): something else

        Returns:
            other: this is no parameter
        """

    assert properties(function) == {
        "backup_format": {
            "type": "string",
            "title": "Backup format",
            "default": "sql",
            "description": "what to write, and how",
        },
        "size": {
            "type": "integer",
            "title": "How big",
            "description": "in MB",
            "default": 3,
            "examples": [5],
            "minimum": 1,
        },
        "other": {"type": "integer", "title": "Other", "default": 0, "description": "something else"},
    }


def test_choices_have_labels() -> None:
    def function(
        a: Annotated[Literal["sql", "tar"], Choices({"sql": "SQL dump"})] = "sql",
        b: Format = Format.SQL,
        c: Planet = Planet.MARS,
        d: Annotated[int, Choices({1: "one", 2: "two"})] = 1,
        e: Annotated[str, Choices(["x", "y"])] = "x",
    ) -> None: ...

    schema = Signature.of(function).schema()
    shown = schema["properties"]
    assert shown["a"]["x-choices"] == [{"value": "sql", "label": "SQL dump"}, {"value": "tar", "label": "tar"}]
    assert schema["$defs"]["Format"]["x-choices"] == [
        {"value": "sql", "label": "Sql"},
        {"value": "tar", "label": "Tar gz"},
    ]
    assert [choice["label"] for choice in schema["$defs"]["Planet"]["x-choices"]] == ["Planet Earth", "Planet Mars"]
    assert shown["d"]["enum"] == [1, 2]
    assert shown["e"]["x-choices"] == [{"value": "x", "label": "x"}, {"value": "y", "label": "y"}]


def test_choices_restrict_what_is_not_restricted_already() -> None:
    def function(a: Annotated[str, Choices({"x": "X"})], b: Annotated[list[str], Choices([])] = []) -> None: ...  # noqa: B006 - what users write

    with pytest.raises(InvalidArguments, match="a: must be one of 'x'"):
        Signature.of(function).validate({"a": "y"})


def test_secrets_show_nothing() -> None:
    def function(token: SecretStr = SecretStr("hush"), many: list[SecretStr] = []) -> None: ...  # noqa: B006, B008 - what users write

    shown = properties(function)
    assert shown["token"] == {"type": "string", "title": "Token", "format": "password", "writeOnly": True}
    assert shown["many"]["items"] == {"type": "string", "format": "password", "writeOnly": True}


def test_widgets_follow_from_types_and_hints() -> None:
    def function(
        text: Annotated[str, Multiline()], amount: Decimal = Decimal("1.50"), number: Any = 1.5, **more: int
    ) -> None: ...

    del function.__annotations__["number"]
    schema = Signature.of(function).schema()
    shown = schema["properties"]
    assert shown["text"] == {"type": "string", "title": "Text", "x-multiline": True}
    assert (shown["amount"]["type"], shown["amount"]["format"], shown["amount"]["default"]) == (
        "string",
        "decimal",
        "1.50",
    )
    assert shown["number"] == {"type": "number", "title": "Number", "default": 1.5}
    assert schema["additionalProperties"] == {"type": "integer"}
    assert schema["required"] == ["text"]
