"""API: the admin routes of S2. The body is the arguments; GET never has an effect."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runwright.admission import RunRequest
from runwright.api.guard import actor_of, wants_html
from runwright.api.page import Page
from runwright.api.reading import FORM_TYPES, Query, json_body
from runwright.api.runs import idempotency_key
from runwright.api.wire import Answer, definition_resource, listing, run_resource
from runwright.control import Control
from runwright.errors import InvalidInput
from runwright.events.feed import Feed
from runwright.model import JSON, JSONObject

REPEATED = ("array",)


def routes(control: Control, feed: Feed, page: Page) -> APIRouter:
    """The routes under /admin/task."""
    router = APIRouter(prefix="/admin/task", tags=["admin"])

    async def request_of(request: Request, key: str) -> RunRequest:
        query = Query(request, "confirm")
        return RunRequest(
            task=key,
            arguments=await arguments_of(request, control, key),
            actor=actor_of(request),
            confirmed=query.flag("confirm"),
            idempotency_key=idempotency_key(request),
        )

    @router.get("", summary="The page, or all tasks as JSON")
    async def index(request: Request) -> Response:
        if wants_html(request.headers):
            return page.index()
        return Answer(listing([definition_resource(task, None) for task in control.tasks.list(actor_of(request))]))

    @router.get("/{key}", summary="The page of a task, or the task as JSON")
    async def show(request: Request, key: str) -> Response:
        if wants_html(request.headers):
            return page.index()
        return Answer({"data": definition_resource(control.tasks.get(actor_of(request), key), None)})

    @router.post("/{key}/start", status_code=202, summary="Start a run")
    async def start(request: Request, key: str) -> Answer:
        run = await control.runs.start(await request_of(request, key))
        return Answer({"data": run_resource(run, control, feed)}, 202, {"Location": f"/api/run/{run.id}"})

    @router.post("/{key}/run", summary="Start a run, wait for its end, and answer it with its result")
    async def run_and_wait(request: Request, key: str) -> Answer:
        actor = actor_of(request)
        started = await control.runs.start(await request_of(request, key))
        ended = await asyncio.shield(control.runs.wait(actor, started.id))
        return Answer({"data": run_resource(ended, control, feed)}, 200, {"Location": f"/api/run/{started.id}"})

    return router


async def arguments_of(request: Request, control: Control, key: str) -> JSONObject:
    """The arguments in the body: a JSON object, or a form whose fields are read by the task's schema."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in FORM_TYPES:
        return await json_body(request, empty=True)
    properties = control.tasks.get(actor_of(request), key).signature.schema().get("properties", {})
    arguments: dict[str, JSON] = {}
    async with request.form(max_files=0, max_fields=1000) as form:
        for name in form:
            values = [value for value in form.getlist(name) if isinstance(value, str)]
            kind = properties.get(name, {}).get("type") if isinstance(properties, dict) else None
            arguments[name] = list(values) if kind in REPEATED else form_value(name, values, kind)
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
