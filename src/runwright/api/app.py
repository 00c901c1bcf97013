"""API: the application. Routes behind the guard, and errors as documents, whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from runwright.api import admin, definitions, live, overview, page, runs, schedules, services
from runwright.api.files import Files
from runwright.api.guard import Guard
from runwright.api.wire import Answer, error_answer, plain_error, route_path
from runwright.clock import Clock
from runwright.config import Settings
from runwright.control import Control
from runwright.errors import InvalidArguments, RunwrightError
from runwright.events.feed import Feed
from runwright.model import Actor
from runwright.uploads import Spool

logger = logging.getLogger("runwright.api")

DOCS = """<!doctype html><html lang="en"><title>Runwright API</title><h1>Runwright API</h1>
<p>The description of every route is at <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1);
any OpenAPI viewer can show it.</p>
<table><thead><tr><th>Method<th>Route<th>What</tr></thead><tbody>{rows}</tbody></table>
</html>"""


def create_app(
    control: Control,
    settings: Settings,
    *,
    feed: Feed,
    spool: Spool,
    clock: Clock,
    local_actor: Actor | None = None,
    scheduler_alive: overview.SchedulerAlive,
) -> ASGIApp:
    """The whole HTTP door.

    Args:
        local_actor: who requests without credentials act as, for use within one process; None refuses them.
        scheduler_alive: whether the scheduler of this process ticks; None if it has none.
    """
    app = FastAPI(
        title="Runwright", version="1", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        default_response_class=Answer,
    )  # fmt: skip
    secure = bool(settings.public_url and settings.public_url.startswith("https"))
    the_page = page.Page()
    sessions = overview.session_routes(control, secure=secure)
    app.include_router(definitions.routes(control))
    files = Files(spool, settings.upload_limit_files, settings.body_limit_bytes)
    app.include_router(runs.routes(control, feed, files))
    app.include_router(schedules.routes(control))
    app.include_router(schedules.fire_routes(control, feed))
    app.include_router(schedules.pause_routes(control))
    app.include_router(schedules.preview_routes(control))
    app.include_router(services.routes(control, feed))
    app.include_router(overview.routes(control, scheduler_alive=scheduler_alive))
    app.include_router(sessions.router)
    app.include_router(overview.health_routes(control, scheduler_alive=scheduler_alive))
    app.include_router(admin.routes(control, feed, the_page, files))
    app.include_router(page.routes(the_page, sessions.enter))
    if settings.websocket_enabled:
        app.include_router(live.routes(control, feed, clock, settings.buffer_size))
    assets = the_page.assets()
    if assets is not None:
        app.mount("/assets", assets)
    app.add_api_route("/api/docs", _docs(app), methods=["GET"], include_in_schema=False)
    _handle_errors(app)
    host = urlsplit(settings.public_url).hostname if settings.public_url else None
    return Guard(
        app,
        control,
        hosts=[settings.host, *settings.allowed_hosts, *([host] if host else [])],
        body_limit=settings.body_limit_bytes,
        upload_limit=settings.upload_limit_bytes,
        file_limit=settings.schedule_file_limit_bytes,
        pages=page.PATTERNS,
        local_actor=local_actor,
        open_metrics=settings.metrics_public,
    )


def _docs(app: FastAPI) -> Callable[[], HTMLResponse]:
    def docs() -> HTMLResponse:
        rows = [
            f"<tr><td>{method.upper()}<td>{path}<td>{operation.get('summary', '')}</tr>"
            for path, operations in app.openapi()["paths"].items()
            for method, operation in operations.items()
        ]
        return HTMLResponse(DOCS.format(rows="".join(rows)))

    return docs


def pointer_base(request: Request, error: RunwrightError) -> str:
    """Where the fields of an error stand in the body of this route."""
    path = route_path(request.scope).rstrip("/")
    if path == "/api/run" and request.method == "POST":
        return "/data/attributes/arguments" if isinstance(error, InvalidArguments) else "/data/attributes"
    if (path == "/api/task" and request.method == "POST") or (
        path.startswith("/api/task/") and request.method == "PATCH"
    ):
        return "/data/attributes/attributes" if isinstance(error, InvalidArguments) else "/data/attributes"
    if path.endswith("/restart") and isinstance(error, InvalidArguments):
        return "/arguments"
    return ""


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(RunwrightError)
    async def known(request: Request, error: RunwrightError) -> Response:
        return error_answer(error, pointer_base(request, error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        details = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return plain_error(422, "invalid_input", "; ".join(details))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        answer = plain_error(error.status_code, "http_error", str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        # the details are for the log only: they may name files, values or secrets
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return plain_error(500, "internal", "something went wrong in the server; its log has the details")
