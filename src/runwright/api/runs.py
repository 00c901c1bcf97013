"""API: runs. Start, ask, pause, resume, cancel, restart, delete, follow the log."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from runwright.admission import RunRequest
from runwright.api.files import Files, with_files
from runwright.api.guard import actor_of
from runwright.api.reading import (
    Query,
    attributes,
    boolean,
    json_body,
    known_only,
    mapping,
    moment,
    text,
    values,
    whole,
)
from runwright.api.wire import (
    Answer,
    Document,
    attempt_resource,
    error_attributes,
    line_value,
    listing,
    located,
    run_attributes,
    run_resource,
)
from runwright.clock import to_micros
from runwright.control import Control
from runwright.control.runs import BULK_LIMIT, statuses
from runwright.errors import InvalidInput
from runwright.events.feed import Complete, Feed, Log
from runwright.model import Actor, Run, RunStatus
from runwright.store.base import RunQuery

START = ("definition", "arguments", "run_at", "priority", "confirm", "entity", "tags")
FILTERS = ("filter[definition]", "filter[status]", "filter[schedule]", "filter[parent]")
LOG_LINES, LOG_LINES_MOST, LOG_WAIT_MOST = 5000, 20_000, 30


def routes(control: Control, feed: Feed, files: Files) -> APIRouter:  # noqa: C901 - one small function for each route
    """The routes for runs."""
    router = APIRouter(prefix="/api/run", tags=["run"])

    async def whole_run(actor: Actor, run: Run) -> Document:
        """A run with what needs further questions: why it waits, and the traceback of its last attempt."""
        shown = run_attributes(run, control, feed)
        shown["waiting_for"] = await control.runs.waiting_for(actor, run)
        if run.error is not None:
            errors = [a.error for a in await control.runs.attempts(actor, run.id) if a.error is not None]
            if errors and run.error.traceback is None:
                shown["error"] = error_attributes(run.error) | {"traceback": errors[-1].traceback}  # type: ignore[operator]  # not None here
        return {"type": "run", "id": run.id, "attributes": shown, "links": {"self": f"/api/run/{run.id}"}}

    @router.get("", summary="Runs, newest first")
    async def index(request: Request) -> Answer:
        query = Query(request, *FILTERS, "sort", "page[size]", "page[after]")
        page = await control.runs.list(actor_of(request), run_query(query))
        return Answer(listing([run_resource(run, control, feed) for run in page.items], request, page.after))

    @router.post("", status_code=202, summary="Start a run", openapi_extra=_start_body())
    async def start(request: Request) -> Answer:
        actor = actor_of(request)
        async with files.document(request) as (document, sent):
            given = attributes(document, "run")
            known_only(given, START)
            name = text(given, "definition")
            if name is None:
                raise InvalidInput.field("/data/attributes/definition", "is missing: the name of the task to run")
            run_at = moment(given, "run_at")
            tags = given.get("tags") or []
            if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
                raise InvalidInput.field("/data/attributes/tags", "must be a list of texts")
            schema = (await control.tasks.get(actor, name)).signature.schema() if sent else {}
            run = await control.runs.start(
                RunRequest(
                    task=name,
                    arguments=with_files(values(given, "arguments"), sent, schema),
                    actor=actor,
                    confirmed=boolean(given, "confirm"),
                    priority=whole(given, "priority"),
                    run_at=None if run_at is None else to_micros(run_at),
                    entity=text(given, "entity"),
                    tags=tuple(str(tag) for tag in tags),
                    idempotency_key=idempotency_key(request),
                )
            )
        return Answer(
            {"data": await whole_run(actor, run)}, 202, {"Location": located(request.scope, f"/api/run/{run.id}")}
        )

    @router.post("/bulk", summary="Cancel, pause, resume, restart or delete many runs")
    async def bulk(request: Request) -> Answer:
        given = await json_body(request)
        known_only(given, ("action", "ids", "filter"), "")
        ids = given.get("ids")
        if ids is not None and (not isinstance(ids, list) or not all(isinstance(each, str) for each in ids)):
            raise InvalidInput.field("/ids", "must be a list of run ids")
        if ids is not None and "filter" in given:
            raise InvalidInput.field("/ids", "cannot be given beside a filter: send one request for each")
        query = None
        if "filter" in given:
            chosen = mapping(given, "filter", "")
            known_only(chosen, ("definition", "status", "schedule"), "/filter")
            query = RunQuery(
                task=text(chosen, "definition", "/filter"), schedule=text(chosen, "schedule", "/filter"),
                statuses=listed_statuses(text(chosen, "status", "/filter"), "/filter/status"), limit=BULK_LIMIT,
            )  # fmt: skip
        elif ids is None:
            raise InvalidInput.field("/ids", "is missing: give ids, or a filter")
        bulk = await control.runs.bulk(
            actor_of(request), text(given, "action", "") or "", [str(each) for each in ids or []], query
        )
        codes = {"done": 200, "missing": 404, "refused": 409}
        data = [
            {"type": "run", "id": a.run, "meta": {"status": codes[a.outcome], "detail": a.detail}} for a in bulk.answers
        ]
        return Answer({"data": data, "meta": {"more": bulk.more}})

    @router.get("/{run_id}", summary="One run")
    async def show(request: Request, run_id: str) -> Answer:
        Query(request)
        actor = actor_of(request)
        return Answer({"data": await whole_run(actor, await control.runs.get(actor, run_id))})

    @router.delete("/{run_id}", status_code=204, summary="Delete a terminal run")
    async def delete(request: Request, run_id: str) -> Response:
        await control.runs.delete(actor_of(request), run_id)
        return Response(status_code=204)

    @router.post("/{run_id}/restart", status_code=202, summary="Restart a run, with other arguments if some are given")
    async def restart(request: Request, run_id: str) -> Answer:
        given = await json_body(request, empty=True)
        known_only(given, ("arguments", "confirm"), "")
        changes, confirmed = mapping(given, "arguments", ""), boolean(given, "confirm", "")
        actor = actor_of(request)
        run = await control.runs.restart(actor, run_id, changes, confirmed=confirmed)
        return Answer({"data": await whole_run(actor, run)}, 202)

    for name in ("pause", "resume", "cancel"):
        router.add_api_route(f"/{{run_id}}/{name}", _command(control, whole_run, name), methods=["POST"],
                             status_code=202, summary=f"{name.capitalize()} a run")  # fmt: skip

    @router.get("/{run_id}/attempts", summary="All attempts of a run")
    async def attempts(request: Request, run_id: str) -> Answer:
        Query(request)
        found = await control.runs.attempts(actor_of(request), run_id)
        return Answer(listing([attempt_resource(attempt) for attempt in found]))

    @router.get("/{run_id}/log", summary="The log of a run; `wait` holds the answer until there is more")
    async def log(request: Request, run_id: str) -> Response:
        query = Query(request, "after", "limit", "wait", "format")
        actor = actor_of(request)
        after = query.number("after", 0, 0, 2**53)
        if query.text("format") == "text":
            return await _text_log(control, actor, run_id)
        if query.text("format") not in (None, "json"):
            raise InvalidInput.field("/format", "must be json or text")
        limit = query.number("limit", LOG_LINES, 1, LOG_LINES_MOST)
        run = await control.runs.get(actor, run_id)
        lines = await control.runs.log(actor, run_id, after, limit)
        wait = query.number("wait", 0, 0, LOG_WAIT_MOST)
        if not lines and wait and not run.status.terminal:
            await _wait_for_more(feed, run_id, after, wait)
            run = await control.runs.get(actor, run_id)
            lines = await control.runs.log(actor, run_id, after, limit)
        last = lines[-1].seq if lines else after
        complete = run.status.terminal and not await control.runs.log(actor, run_id, last, 1)
        shown = {"lines": [line_value(line) for line in lines], "last": last, "complete": complete}
        return Answer({"data": {"type": "log", "id": run_id, "attributes": shown}})

    return router


def run_query(query: Query) -> RunQuery:
    """The list that the parameters describe."""
    sort = query.one_of("sort", "-created_at", "created_at")
    return RunQuery(
        task=query.text("filter[definition]"),
        statuses=listed_statuses(query.text("filter[status]"), "/filter[status]"),
        schedule=query.text("filter[schedule]"),
        parent=query.text("filter[parent]"),
        newest_first=sort.startswith("-"),
        limit=query.page_size,
        after=query.text("page[after]"),
    )


def listed_statuses(value: str | None, pointer: str) -> list[RunStatus]:
    """A comma-separated list of statuses."""
    return statuses([name.strip() for name in value.split(",")] if value else (), pointer)


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header, bounded."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= 200:
        raise InvalidInput.field("/idempotency_key", "must have 1 to 200 characters")
    return key


def _command(control: Control, whole_run: Any, name: str) -> Any:
    async def command(request: Request, run_id: str) -> Answer:
        actor = actor_of(request)
        run = await getattr(control.runs, name)(actor, run_id)
        return Answer({"data": await whole_run(actor, run)}, 202)

    command.__name__ = name
    return command


async def _wait_for_more(feed: Feed, run_id: str, after: int, seconds: int) -> None:
    try:
        async with asyncio.timeout(seconds):
            async for frame in feed.follow(run_id, after):
                if isinstance(frame, Log | Complete):
                    return
    except TimeoutError:
        return


async def _text_log(control: Control, actor: Actor, run_id: str) -> PlainTextResponse:
    parts: list[str] = []
    after = 0
    while lines := await control.runs.log(actor, run_id, after, LOG_LINES_MOST):
        parts.extend(f"{line.time:%Y-%m-%d %H:%M:%S.%f} {line.level:<8} {line.text}\n" for line in lines)
        after = lines[-1].seq
    name = f"run-{run_id}.log"
    return PlainTextResponse("".join(parts), headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _start_body() -> Document:
    """What the API's documentation says of the body of a start."""
    properties = {
        "definition": {"type": "string"}, "arguments": {"type": ["object", "array"]}, "run_at": {"type": "string"},
        "priority": {"type": "integer"}, "confirm": {"type": "boolean"},
    }  # fmt: skip
    data = {"type": "object", "properties": {"type": {"const": "run"}, "attributes": {"properties": properties}}}
    schema = {"type": "object", "properties": {"data": data}}
    with_files = {
        "type": "object",
        "properties": {"document": {"type": "string", "description": "the same document as text"}},
        "additionalProperties": {"type": "string", "format": "binary", "description": "a file, named as its parameter"},
    }
    content = {"application/vnd.api+json": {"schema": schema}, "multipart/form-data": {"schema": with_files}}
    return {"requestBody": {"content": content, "required": True}}
