"""Room of the command line: the client of the HTTP API. Each kind of request has a method, each refusal its error.

It knows JSON:API and status codes; it does not know whether a server or this process answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2

from runwright.cli.output import fault_text
from runwright.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    RunwrightError,
    StoreUnavailable,
    TooLarge,
)

MEDIA_TYPE: Final = "application/vnd.api+json"
EVERYTHING: Final = 1_000_000
"""As a limit: all there are, of a list that has no pages or whose pages may be of any size."""

KINDS: Final[Mapping[int, type[RunwrightError]]] = {
    400: InvalidInput,
    401: NotSignedIn,
    403: Forbidden,
    404: NotFound,
    405: InvalidInput,
    409: Conflict,
    413: TooLarge,
    415: InvalidInput,
    422: InvalidInput,
    429: StoreUnavailable,
    502: StoreUnavailable,
    503: StoreUnavailable,
    504: StoreUnavailable,
}


class Answered(RunwrightError):
    """The API has refused a request. ``kind`` is the class of error that the status stands for."""

    def __init__(self, status: int, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(map(fault_text, errors)) or f"the server answered {status}")
        self.status = status
        self.kind = KINDS.get(status, RunwrightError)
        self.errors = tuple(errors)
        self.code = errors[0].code if errors else self.kind.code  # type: ignore[misc]  # the server's own code


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of the API."""

    id: str
    attributes: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.attributes.get(name)

    def flat(self) -> dict[str, Any]:
        """The object as ``--json`` shows it: the id among the attributes."""
        return {"id": self.id, **self.attributes}


class Client:
    """Asks the API.

    Raises:
        Answered: it refused; ``kind`` says why, ``errors`` has every fault.
        StoreUnavailable: there was no answer, or one of something else than Runwright.
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def works_on(self, task: str) -> bool:
        """Whether a live worker takes this task's runs."""
        try:
            definition = await self.get(f"/api/definition/{segment(task, 'NAME')}")
        except Answered as refused:
            if refused.kind is NotFound:
                return False
            raise
        knowing = {worker for version in definition["versions"] for worker in version["workers"]}
        workers = await self.find("/api/worker")
        return any(w.id in knowing and w["state"] == "live" and "worker" in w["roles"] for w in workers)

    async def get(self, path: str, **query: object) -> Resource:
        """One object."""
        return _resource((await self._send("GET", path, query))["data"])

    async def find(self, path: str, *, limit: int = EVERYTHING, **query: object) -> list[Resource]:
        """The first ``limit`` objects of a list, over as many pages as it takes."""
        found, _ = await self.page(path, limit=limit, **query)
        return found

    async def page(self, path: str, *, limit: int = EVERYTHING, **query: object) -> tuple[list[Resource], Any]:
        """As ``find``, together with the ``meta`` of the first page."""
        found: list[Resource] = []
        meta: Any = None
        following: str | None = path
        parameters: Mapping[str, object] = query if limit == EVERYTHING else {"page[size]": min(limit, 100), **query}
        while following and len(found) < limit:
            document = await self._send("GET", following, parameters)
            meta = document.get("meta") or {} if meta is None else meta
            found += [_resource(entry) for entry in document["data"]]
            following, parameters = (document.get("links") or {}).get("next"), {}
        return found[:limit], meta

    async def post(self, path: str, kind: str, attributes: Mapping[str, object]) -> Resource:
        """Create an object."""
        return _resource((await self._send("POST", path, {}, _body(kind, attributes)))["data"])

    async def post_with_files(
        self, path: str, kind: str, attributes: Mapping[str, object], files: Sequence[tuple[str, Path]]
    ) -> Resource:
        """Create an object with files beside its document, each under the name of its parameter."""
        parts: list[tuple[str, tuple[str | None, bytes, str]]] = [
            ("document", (None, json.dumps(_body(kind, attributes)).encode(), "application/json"))
        ]
        for name, file in files:
            parts.append((name, (file.name, file.read_bytes(), guess_type(file.name)[0] or "application/octet-stream")))
        return _resource((await self._send("POST", path, {}, files=parts))["data"])

    async def order(self, path: str, body: Mapping[str, object] | None = None) -> Resource:
        """Give a command about an object that is there."""
        return _resource((await self._send("POST", path, {}, body or None))["data"])

    async def patch(self, path: str, kind: str, attributes: Mapping[str, object]) -> Resource:
        """Change an object."""
        return _resource((await self._send("PATCH", path, {}, _body(kind, attributes)))["data"])

    async def put(self, path: str, body: Mapping[str, object]) -> list[Resource]:
        """Put something whole in place; what is there then."""
        return [_resource(entry) for entry in (await self._send("PUT", path, {}, body))["data"]]

    async def delete(self, path: str) -> None:
        """Remove an object."""
        await self._send("DELETE", path, {})

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Mapping[str, object] | None = None,
        files: Any = None,
    ) -> dict[str, Any]:
        parameters = {key: encodable(_text(value), key) for key, value in query.items() if value is not None}
        headers = {"Accept": MEDIA_TYPE} | ({"Content-Type": MEDIA_TYPE} if body is not None else {})
        content = None if body is None else json.dumps(body).encode()  # in ASCII: what is no text, the API names
        try:
            response = await self._http.request(
                method, path, params=parameters or None, content=content, files=files, headers=headers
            )
        except httpx2.HTTPError as error:
            said = str(error) or type(error).__name__
            raise StoreUnavailable(f"no answer from {self._http.base_url}: {said}") from error
        except httpx2.InvalidURL as error:
            raise InvalidInput.field("/server", f"is no address: {error}") from error
        if response.status_code == 204:
            return {}
        document = _document(response)
        if response.status_code >= 400:
            raise Answered(response.status_code, [_field_error(entry) for entry in document.get("errors", ())])
        if "data" not in document:
            raise StoreUnavailable(f"{self._http.base_url} does not answer like a Runwright server")
        return document


def encodable(text: str, name: str) -> str:
    """The text, if it is one: words of a command line may be any bytes. Raises InvalidInput, which names it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise InvalidInput.field(f"/{name}", f"'{shown}' is not UTF-8 text") from None
    return text


def segment(text: str, name: str) -> str:
    """The name or id of something as one step of a path; ``name`` is what the command line calls it."""
    if text in ("", ".", ".."):
        raise InvalidInput.field(f"/{name}", f"must be a name or an id, not {text!r}")
    return quote(encodable(text, name), safe="")


def _body(kind: str, attributes: Mapping[str, object]) -> Mapping[str, object]:
    return {"data": {"type": kind, "attributes": attributes}}


def _document(response: httpx2.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    if response.status_code in KINDS:
        return {"errors": [{"detail": f"{response.url} answered {response.status_code} {response.reason_phrase}"}]}
    raise StoreUnavailable(
        f"{response.url} answered {response.status_code}, but not like a Runwright server; is the address right?"
    )


def _field_error(entry: Mapping[str, Any]) -> FieldError:
    source = entry.get("source") or {}
    pointer = source.get("pointer") or source.get("parameter") or ""
    return FieldError(pointer, entry.get("detail") or entry.get("title") or "refused", entry.get("code") or "error")


def _resource(entry: Mapping[str, Any]) -> Resource:
    return Resource(str(entry.get("id", "")), entry.get("attributes") or {}, entry.get("meta") or {})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
