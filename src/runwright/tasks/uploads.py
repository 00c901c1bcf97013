"""Room of tasks: UploadedFile, the parameter type of a file that is sent with the arguments of a run.

As JSON it is what is known of the file; its content lies in the spool under a name of the server's own making. No JSON
value becomes a file: one is given only by whoever has taken its bytes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from runwright.model import JSONObject
from runwright.tasks.secrets import replace_at
from runwright.tasks.values import escape

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file given as an argument: ``async def load(table: UploadedFile)``, or ``list[UploadedFile]`` for several.

    Attributes:
        name: what the sender calls it, without any folder; for people, never used as a path.
        content_type: what the sender says it is.
        size: in bytes.
        sha256: the digest of its content, in hexadecimal.
        path: where its content lies; to be read, not changed: later attempts get the same file.
    """

    name: str
    content_type: str
    size: int
    sha256: str
    path: Path

    def open(self) -> BinaryIO:
        """The content, opened for reading; use it in a ``with`` block."""
        return self.path.open("rb")

    def read_bytes(self) -> bytes:
        """The whole content."""
        return self.path.read_bytes()

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole content as text."""
        return self.path.read_text(encoding)

    def to_json(self) -> JSONObject:
        """What is known of the file, without its place."""
        return {"name": self.name, "content_type": self.content_type, "size": self.size, "sha256": self.sha256}

    def __str__(self) -> str:
        return f"{self.name} ({self.size} bytes, {self.sha256})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _given, serialization=core_schema.plain_serializer_function_ser_schema(cls.to_json, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "binary", "x-upload": True}


def bound(folder: Path, value: object) -> object:
    """The file in ``folder`` whose JSON value this is; any other value as it is, for validation to refuse."""
    if not isinstance(value, Mapping) or not _DIGEST.fullmatch(str(value.get("sha256"))):
        return value
    digest = str(value["sha256"])
    name, kind, size = str(value.get("name")), str(value.get("content_type")), int(value.get("size", 0))
    return UploadedFile(name, kind, size, digest, folder / digest)


def bind_files(pointers: Sequence[str], folder: Path | str | None, arguments: JSONObject) -> JSONObject:
    """Opened arguments with the files of their run, which lie in ``folder``, in their places for ``signature.load``."""
    if not pointers or folder is None:
        return arguments
    place = Path(folder)
    return replace_at(arguments, pointers, lambda value: bound(place, value))  # type: ignore[arg-type,return-value]  # a file is no JSON, and only the call sees it


def upload_pointers(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Which parameters are files: ``/name``, or ``/name/*`` for a list of them.

    Raises:
        ValueError: a file is somewhere inside another value, where no form and no command line could give it.
    """
    found = []
    inside = dict(schema)
    inside["properties"] = properties = dict(schema.get("properties", {}))
    for name, field in schema.get("properties", {}).items():
        items = field.get("items")
        if field.get("x-upload"):
            found.append(f"/{escape(name)}")
            del properties[name]
        elif isinstance(items, Mapping) and items.get("x-upload"):
            found.append(f"/{escape(name)}/*")
            del properties[name]
    if any(_marks(inside)):
        raise ValueError("an UploadedFile must be a parameter of its own, or a list of them")
    return tuple(found)


def _marks(node: object) -> Iterator[bool]:
    if isinstance(node, Mapping):
        yield from (True for key in node if key == "x-upload")
        for child in node.values():
            yield from _marks(child)
    elif isinstance(node, list):
        for child in node:
            yield from _marks(child)


def _given(value: Any) -> UploadedFile:
    if isinstance(value, UploadedFile):
        return value
    raise ValueError("must be sent as a file: a part of multipart/form-data with the parameter's name")
