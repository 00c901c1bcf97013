"""API: the timeline, workers, totals, who I am, sign-in and health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from runwright.api.guard import COOKIE, actor_of, session_of
from runwright.api.reading import Query, json_body, known_only, text
from runwright.api.wire import Answer, event_resource, listing, located, pause_value, resource, worker_resource
from runwright.control import Control
from runwright.control.accounts import SESSION_SECONDS
from runwright.control.strict_json import parse
from runwright.errors import InvalidInput, NotSignedIn, StoreUnavailable
from runwright.model import Statistics
from runwright.store.base import EventFilter

FILTERS_MOST = 20
SchedulerAlive: TypeAlias = Callable[[], bool | None]
"""Whether the scheduler of this process ticks; None if it has none."""


def routes(control: Control, *, scheduler_alive: SchedulerAlive) -> APIRouter:
    """The routes for what is over everything."""
    router = APIRouter(tags=["overview"])

    @router.get("/api/timeline", summary="Events, newest first")
    async def timeline(request: Request) -> Answer:
        query = Query(request, "query", "page[size]", "page[after]")
        page = await control.timeline.events(
            actor_of(request), event_filters(query.text("query")), query.page_size, query.text("page[after]")
        )
        return Answer(listing([event_resource(event) for event in page.items], request, page.after))

    @router.get("/api/worker", summary="Worker sessions")
    async def workers(request: Request) -> Answer:
        Query(request)
        return Answer(listing([worker_resource(w) for w in await control.timeline.workers(actor_of(request))]))

    @router.get("/api/stats", summary="Totals")
    async def stats(request: Request) -> Answer:
        Query(request)
        found = await control.timeline.statistics(actor_of(request))
        return Answer({"data": resource("stats", "all", {
            "total_tasks": found.total_tasks, "enabled_tasks": found.enabled_tasks,
            "running_tasks": found.running_tasks, "total_runs": found.total_runs, "total_errors": found.total_errors,
            "runs_by_status": dict(found.runs_by_status),
            "paused": pause_value(await control.schedules.paused(actor_of(request))),
            "scheduler": await control.timeline.scheduler(scheduler_alive()),
        })})  # fmt: skip

    @router.get("/api/me", summary="Who I am")
    async def me(request: Request) -> Answer:
        Query(request)
        actor = actor_of(request)
        return Answer({"data": resource("user", actor.name, {"name": actor.name, "role": actor.role})})

    @router.get("/metrics", summary="Totals for Prometheus")
    async def metrics(request: Request) -> Response:
        Query(request)
        registry = CollectorRegistry()
        actor = actor_of(request)
        paused = await control.schedules.paused(actor) is not None
        registry.register(StatisticsCollector(await control.timeline.statistics(actor), paused=paused))
        return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


@dataclass(frozen=True, slots=True)
class SessionRoutes:
    """The routes for sessions, and ``enter``, which exchanges a sign-in code for a session and leads to the page."""

    router: APIRouter
    enter: Callable[[Request, str], Awaitable[Response]]


def session_routes(control: Control, *, secure: bool) -> SessionRoutes:
    """Sign in and out. ``secure`` marks the cookie for HTTPS only."""
    router = APIRouter(tags=["session"])

    def with_cookie(response: Response, session: str) -> Response:
        response.set_cookie(
            COOKIE, session, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="strict", secure=secure
        )
        return response

    @router.post("/api/session", status_code=204, summary="Sign in with a token")
    async def sign_in(request: Request) -> Response:
        given = await json_body(request)
        known_only(given, ("token",), "")
        return with_cookie(Response(status_code=204), await control.accounts.sign_in(text(given, "token", "") or ""))

    @router.delete("/api/session", status_code=204, summary="Sign out")
    async def sign_out(request: Request) -> Response:
        session = session_of(request)
        if session is not None:
            await control.accounts.sign_out(session)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=secure)
        return response

    async def enter(request: Request, code: str) -> Response:
        try:
            home = RedirectResponse(located(request.scope, "/"), 303)
            return with_cookie(home, await control.accounts.sign_in(code))
        except NotSignedIn:
            return RedirectResponse(located(request.scope, "/sign-in?expired=true"), 303)

    return SessionRoutes(router, enter)


def health_routes(control: Control, *, scheduler_alive: SchedulerAlive) -> APIRouter:
    """Whether the process lives, whether it can work, and whether schedules are fired at all."""
    router = APIRouter(tags=["health"])

    async def store_fault() -> str | None:
        try:
            await control.timeline.ready()
        except StoreUnavailable as unavailable:
            return unavailable.message
        return None

    @router.get("/health/live", summary="The process answers")
    async def live() -> Answer:
        return Answer({"status": "ok"})

    @router.get("/health/ready", summary="The store can be written, and the scheduler of this process, if any, ticks")
    async def ready() -> Answer:
        # for proxies: a page without a scheduler of its own is not to be taken away because others have died
        if await store_fault() is not None or scheduler_alive() is False:
            return Answer({"status": "unavailable"}, 503)
        return Answer({"status": "ok"})

    @router.get("/health", summary="The same in detail, and that a scheduler ticks, here or elsewhere")
    async def health(request: Request) -> Answer:
        Query(request)
        here, fault = scheduler_alive(), await store_fault()
        scheduler = "unknown" if fault and here is None else await control.timeline.scheduler(here)
        good = fault is None and scheduler in ("ticking", "elsewhere")
        detail = {"live": True, "store": fault or "ok", "scheduler": scheduler}
        return Answer({"status": "ok" if good else "unavailable", **detail}, 200 if good else 503)

    return router


class StatisticsCollector:
    """The totals as Prometheus metrics."""

    def __init__(self, statistics: Statistics, *, paused: bool) -> None:
        self._statistics = statistics
        self._paused = paused

    def collect(self) -> list[Metric]:
        """One family for each total."""
        found = self._statistics
        runs = GaugeMetricFamily("runwright_runs", "Runs that are stored, by status.", labels=["status"])
        for status, count in found.runs_by_status.items():
            runs.add_metric([status], count)
        families: list[Metric] = [runs]
        for name, said, value in (
            ("schedules", "Schedules.", found.total_tasks),
            ("schedules_enabled", "Enabled schedules.", found.enabled_tasks),
            ("schedules_paused", "1 while all schedules are paused.", int(self._paused)),
            ("schedules_running", "Schedules with a live run.", found.running_tasks),
            ("schedule_runs", "Runs that schedules have made.", found.total_runs),
            ("schedule_errors", "Runs of schedules that failed.", found.total_errors),
        ):
            families.append(GaugeMetricFamily(f"runwright_{name}", said, value))
        return families


def event_filters(query: str | None) -> list[EventFilter]:
    """S4's query: a JSON list of {column, operator, value}."""
    if query is None:
        return []
    conditions = parse(query.encode("utf-8", "surrogatepass"))
    if not isinstance(conditions, list) or len(conditions) > FILTERS_MOST:
        raise InvalidInput.field("/query", f"must be a list of at most {FILTERS_MOST} conditions")
    filters = []
    for index, condition in enumerate(conditions):
        base = f"/query/{index}"
        if not isinstance(condition, dict):
            raise InvalidInput.field(base, "must be an object with column, operator and value")
        known_only(condition, ("column", "operator", "value"), base)
        value = condition.get("value", "")
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            value = [str(each) for each in value]
        elif isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidInput.field(f"{base}/value", "must be text, a whole number or a list of texts")
        column, operator = text(condition, "column", base) or "", text(condition, "operator", base) or "is"
        filters.append(EventFilter(column, operator, value))
    return filters
