"""API: bodies that may bring files. Forms and multipart become arguments; the bytes go into the spool.

The files of a request live in the spool's ``incoming`` until its run has them, or until the request is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from runwright.api.guard import actor_of
from runwright.api.reading import FORM_TYPES, json_body, json_value
from runwright.auth.policy import require
from runwright.control.strict_json import parse
from runwright.errors import FieldError, InvalidArguments, InvalidInput
from runwright.model import JSON, JSONObject, Role
from runwright.tasks.uploads import UploadedFile
from runwright.uploads import Spool, unavailable

FIELDS = 1000
DOCUMENT = "document"

Sent = Sequence[tuple[str, UploadedFile]]


class Files:
    """Reads bodies with files.

    Args:
        spool: where files go.
        most: how many files one request may bring.
        field_bytes: how large a text field may be.
    """

    def __init__(self, spool: Spool, most: int, field_bytes: int) -> None:
        self._spool, self._most, self._field_bytes = spool, most, field_bytes

    @asynccontextmanager
    async def arguments(self, request: Request, schema: Mapping[str, Any]) -> AsyncIterator[dict[str, Any] | list[Any]]:
        """The arguments in the body: a JSON object or list, or a form whose fields are read by the task's schema."""
        if _media(request) not in FORM_TYPES:
            value = await json_value(request, empty=True)
            if not isinstance(value, (dict, list)):
                raise InvalidInput("the body must be a JSON object", [FieldError("", "must be an object")])
            yield value
            return
        async with self._form(request) as (form, sent):
            yield {**_by_schema(form, schema), **by_parameter(sent, schema)}

    @asynccontextmanager
    async def document(self, request: Request) -> AsyncIterator[tuple[JSONObject, Sent]]:
        """A JSON:API document, and the files beside it: the whole body, or the field ``document`` of a multipart."""
        if _media(request) != "multipart/form-data":
            yield await json_body(request), ()
            return
        async with self._form(request) as (form, sent):
            texts = [value for value in form.getlist(DOCUMENT) if isinstance(value, str)]
            others = {name for name, value in form.multi_items() if isinstance(value, str)} - {DOCUMENT}
            if len(texts) != 1 or others:
                raise InvalidInput.field(
                    f"/{min(others, default=DOCUMENT)}",
                    f"a multipart body has one text field, {DOCUMENT!r} with the JSON:API document, and files",
                )
            document = parse(texts[0].encode("utf-8", "surrogatepass"))
            if not isinstance(document, Mapping):
                raise InvalidInput.field(f"/{DOCUMENT}", "must be a JSON object")
            yield document, sent

    @asynccontextmanager
    async def _form(self, request: Request) -> AsyncIterator[tuple[FormData, Sent]]:
        require(actor_of(request), Role.OPERATOR)  # before anybody's bytes are taken in
        sent: list[tuple[str, UploadedFile]] = []
        form = await self._read(request)
        try:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile) and (value.filename or value.size):  # an empty file input is none
                    kind, called = value.content_type or "", value.filename or ""
                    sent.append((name, await asyncio.to_thread(self._spool.take, value.file, called, kind)))
            yield form, sent
        finally:
            await form.close()
            await asyncio.to_thread(self._spool.forget, [file for _, file in sent])

    async def _read(self, request: Request) -> FormData:
        try:
            return await request.form(max_files=self._most, max_fields=FIELDS, max_part_size=self._field_bytes)
        except HTTPException as error:  # not well-formed, or too many parts
            raise InvalidInput(f"the form cannot be read: {error.detail}") from None
        except OSError as error:
            raise unavailable(error) from error


def with_files(
    given: Mapping[str, Any] | Sequence[Any], sent: Sent, schema: Mapping[str, Any]
) -> Mapping[str, Any] | Sequence[Any]:
    """Arguments together with the files that were sent for them."""
    if not sent:
        return given
    if not isinstance(given, Mapping):
        raise InvalidArguments("arguments must be given by name where files are sent with them")
    return {**given, **by_parameter(sent, schema)}


def by_parameter(sent: Sent, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Files as arguments: one as it is, several as a list, if that is what the parameter is.

    Raises:
        InvalidArguments: several for a parameter that takes one.
    """
    arguments: dict[str, Any] = {}
    for name in dict.fromkeys(name for name, _ in sent):
        files = [file for other, file in sent if other == name]
        if len(files) > 1 and _takes_one(schema, name):
            message = f"takes one file, and {len(files)} were sent"
            raise InvalidArguments(f"{name}: {message}", [FieldError(f"/{name}", message, "too_many")])
        listed = len(files) > 1 or _kind(schema, name) == "array"
        arguments[name] = files if listed else files[0]
    return arguments


def form_value(name: str, values: list[str], kind: object) -> JSON:
    """A form's text as the schema's type has it; what does not fit is left for the validation to refuse."""
    if len(values) != 1:
        raise InvalidInput.field(f"/{name}", "is given more than once")
    (value,) = values
    if kind == "boolean":
        return {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}.get(value.lower(), value)
    if kind == "integer" and value.lstrip("-").isdigit() and len(value) < 20:
        return int(value)
    if kind == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _by_schema(form: FormData, schema: Mapping[str, Any]) -> dict[str, JSON]:
    arguments: dict[str, JSON] = {}
    for name in form:
        values = [value for value in form.getlist(name) if isinstance(value, str)]
        if values:
            kind = _kind(schema, name)
            arguments[name] = list(values) if kind == "array" else form_value(name, values, kind)
    return arguments


def _takes_one(schema: Mapping[str, Any], name: str) -> bool:
    field = schema.get("properties", {}).get(name, {})
    return isinstance(field, Mapping) and bool(field.get("x-upload"))


def _kind(schema: Mapping[str, Any], name: str) -> object:
    field = schema.get("properties", {}).get(name, {})
    return field.get("type") if isinstance(field, Mapping) else None


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
