"""API: strict reading of what comes in. Bounded and checked before anything else sees it.

JSON as RFC 8259 means it: no NaN, no doubled keys, no lone surrogates, no NUL, a depth and a size that are bounded.
Every refusal is an InvalidInput with a pointer, never a fault of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request

from runwright.clock import moment_of
from runwright.control.strict_json import parse
from runwright.errors import FieldError, InvalidInput, RunwrightError
from runwright.model import JSON, JSONObject

PAGE_DEFAULT, PAGE_MOST = 50, 100
LONG = 1024 * 1024
"""Bodies of more bytes are read beside the loop, which has others to serve."""
JSON_TYPES = ("application/json", "application/vnd.api+json")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class UnsupportedType(RunwrightError):
    """The body's media type is not one that this route takes."""

    code = "unsupported_media_type"


async def json_body(request: Request, *, empty: bool = False) -> JSONObject:
    """The body as a JSON object; with ``empty`` no body is an empty one.

    Raises:
        InvalidInput, UnsupportedType.
    """
    body = await request.body()
    if not body and empty:
        return {}
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in JSON_TYPES:
        raise UnsupportedType(f"send the body as {' or '.join(JSON_TYPES)}, not {media or 'without a content type'}")
    value = parse(body) if len(body) <= LONG else await asyncio.to_thread(parse, body)
    if not isinstance(value, dict):
        raise InvalidInput("the body must be a JSON object", [FieldError("", "must be an object")])
    return value


def attributes(document: JSONObject, kind: str) -> dict[str, JSON]:
    """The attributes of a JSON:API document of this type."""
    data = document.get("data")
    if not isinstance(data, Mapping):
        raise InvalidInput.field("/data", "must be an object with type and attributes")
    if data.get("type") != kind:
        raise InvalidInput.field("/data/type", f"must be {kind!r}")
    found = data.get("attributes", {})
    if not isinstance(found, Mapping):
        raise InvalidInput.field("/data/attributes", "must be an object")
    return dict(found)


def known_only(found: Mapping[str, Any], known: Collection[str], base: str = "/data/attributes") -> None:
    """Refuse names that mean nothing here; all at once."""
    unknown = [FieldError(f"{base}/{name}", f"is not known; there are {', '.join(sorted(known))}")
               for name in found if name not in known]  # fmt: skip
    if unknown:
        raise InvalidInput("; ".join(f"{e.pointer.rpartition('/')[2]} {e.message}" for e in unknown[:3]), unknown)


def text(found: Mapping[str, JSON], name: str, base: str = "/data/attributes") -> str | None:
    """A text attribute, or None."""
    value = found.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidInput.field(f"{base}/{name}", "must be text")


def boolean(found: Mapping[str, JSON], name: str, base: str = "/data/attributes") -> bool:
    """A truth value, False if it is missing."""
    value = found.get(name, False)
    if isinstance(value, bool):
        return value
    raise InvalidInput.field(f"{base}/{name}", "must be true or false")


def number(found: Mapping[str, JSON], name: str, base: str = "/data/attributes") -> float | None:
    """A number, or None."""
    value = found.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise InvalidInput.field(f"{base}/{name}", "must be a number")


def whole(found: Mapping[str, JSON], name: str, base: str = "/data/attributes") -> int | None:
    """A whole number, or None."""
    value = number(found, name, base)
    if value is None or (isinstance(value, int) and abs(value) < 2**53):
        return value if value is None else int(value)
    raise InvalidInput.field(f"{base}/{name}", "must be a whole number")


def mapping(found: Mapping[str, JSON], name: str, base: str = "/data/attributes") -> JSONObject:
    """An object, empty if it is missing. JSON text of an object is taken too (S4)."""
    value = found.get(name)
    if value is None:
        return {}
    if isinstance(value, str):
        value = parse(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, Mapping):
        return value
    raise InvalidInput.field(f"{base}/{name}", "must be an object")


def moment(found: Mapping[str, JSON], name: str, base: str = "/data/attributes") -> datetime | None:
    """An ISO 8601 time with its offset, or None."""
    value = text(found, name, base)
    if value is None:
        return None
    try:
        return moment_of(value)
    except ValueError as error:
        raise InvalidInput.field(f"{base}/{name}", str(error)) from None


class Query:
    """A request's query parameters: each must be one that the route knows, and is given once."""

    def __init__(self, request: Request, *known: str) -> None:
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                raise InvalidInput.field(f"/{name}", f"is no parameter here; there are {', '.join(known) or 'none'}")
            if name in self._values:
                raise InvalidInput.field(f"/{name}", "is given twice")
            if "\0" in value:
                raise InvalidInput.field(f"/{name}", "must not have a NUL character")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """The value, None if it is missing or empty."""
        return self._values.get(name) or None

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds."""
        value = self._values.get(name)
        if value is None:
            return default
        if not value.lstrip("-").isascii() or not value.lstrip("-").isdigit() or len(value) > 18:
            raise InvalidInput.field(f"/{name}", "must be a whole number")
        if not least <= int(value) <= most:
            raise InvalidInput.field(f"/{name}", f"must be from {least} to {most}")
        return int(value)

    def moment(self, name: str) -> datetime | None:
        """An ISO 8601 time with its offset; a plus sign that became a space is taken for what it was."""
        value = self.text(name)
        return None if value is None else moment({name: value.replace(" ", "+")}, name, "")

    def one_of(self, name: str, default: str, *others: str) -> str:
        """One of these words, the first if it is missing."""
        value = self.text(name) or default
        if value not in (default, *others):
            raise InvalidInput.field(f"/{name}", f"must be {' or '.join((default, *others))}")
        return value

    def flag(self, name: str) -> bool:
        """``true`` or ``false``; False if it is missing."""
        value = self._values.get(name, "false").lower()
        if value not in ("true", "false", "1", "0"):
            raise InvalidInput.field(f"/{name}", "must be true or false")
        return value in ("true", "1")

    @property
    def page_size(self) -> int:
        """``page[size]``."""
        return self.number("page[size]", PAGE_DEFAULT, 1, PAGE_MOST)
