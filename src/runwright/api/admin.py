"""API: the admin routes of S2. The body is the arguments, as a JSON object or a form; GET never has an effect."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runwright.admission import RunRequest
from runwright.api.files import Files
from runwright.api.guard import actor_of, wants_html
from runwright.api.page import Page
from runwright.api.reading import Query
from runwright.api.runs import idempotency_key
from runwright.api.wire import Answer, definition_resource, listing, located, run_resource
from runwright.control import Control
from runwright.events.feed import Feed
from runwright.model import Run


def routes(control: Control, feed: Feed, page: Page, files: Files) -> APIRouter:
    """The routes under /admin/task."""
    router = APIRouter(prefix="/admin/task", tags=["admin"])

    async def start_run(request: Request, key: str) -> Run:
        query = Query(request, "confirm")
        actor = actor_of(request)
        schema = (await control.tasks.get(actor, key)).signature.schema()
        async with files.arguments(request, schema) as arguments:
            return await control.runs.start(
                RunRequest(
                    task=key,
                    arguments=arguments,
                    actor=actor,
                    confirmed=query.flag("confirm"),
                    idempotency_key=idempotency_key(request),
                )
            )

    @router.get("", summary="The page, or all tasks as JSON")
    async def index(request: Request) -> Response:
        if wants_html(request.headers):
            return page.index(request)
        return Answer(
            listing([definition_resource(task, None) for task in await control.tasks.list(actor_of(request))])
        )

    @router.get("/{key}", summary="The page of a task, or the task as JSON")
    async def show(request: Request, key: str) -> Response:
        if wants_html(request.headers):
            return page.index(request)
        return Answer({"data": definition_resource(await control.tasks.show(actor_of(request), key), None)})

    @router.post("/{key}/start", status_code=202, summary="Start a run")
    async def start(request: Request, key: str) -> Answer:
        run = await start_run(request, key)
        return Answer(
            {"data": run_resource(run, control, feed)}, 202, {"Location": located(request.scope, f"/api/run/{run.id}")}
        )

    @router.post("/{key}/run", summary="Start a run, wait for its end, and answer it with its result")
    async def run_and_wait(request: Request, key: str) -> Answer:
        actor = actor_of(request)
        started = await start_run(request, key)
        ended = await asyncio.shield(control.runs.wait(actor, started.id))
        return Answer(
            {"data": run_resource(ended, control, feed)},
            200,
            {"Location": located(request.scope, f"/api/run/{started.id}")},
        )

    return router
