"""API: services: ``/api/service``. Each is named by the name or the id of its schedule."""

from __future__ import annotations

from fastapi import APIRouter, Request

from runwright.api.guard import actor_of
from runwright.api.reading import Query, boolean, json_body, known_only
from runwright.api.wire import Answer, listing, service_resource
from runwright.control import Control
from runwright.events.feed import Feed


def routes(control: Control, feed: Feed) -> APIRouter:
    """The routes for services."""
    router = APIRouter(prefix="/api/service", tags=["service"])
    door = control.services

    @router.get("", summary="All services")
    async def index(request: Request) -> Answer:
        Query(request)
        return Answer(listing([service_resource(view, control, feed) for view in await door.list(actor_of(request))]))

    @router.get("/{name}", summary="One service")
    async def show(request: Request, name: str) -> Answer:
        Query(request)
        return Answer({"data": service_resource(await door.get(actor_of(request), name), control, feed)})

    @router.post("/{name}/start", summary="Let a service run from now on")
    async def start(request: Request, name: str) -> Answer:
        view = await door.start(actor_of(request), name, confirmed=await _confirmed(request))
        return Answer({"data": service_resource(view, control, feed)})

    @router.post("/{name}/stop", summary="End a service, and leave it stopped")
    async def stop(request: Request, name: str) -> Answer:
        known_only(await json_body(request, empty=True), (), "")
        return Answer({"data": service_resource(await door.stop(actor_of(request), name), control, feed)})

    @router.post("/{name}/restart", summary="End a service, and start it anew when it has ended")
    async def restart(request: Request, name: str) -> Answer:
        view = await door.restart(actor_of(request), name, confirmed=await _confirmed(request))
        return Answer({"data": service_resource(view, control, feed)})

    return router


async def _confirmed(request: Request) -> bool:
    given = await json_body(request, empty=True)
    known_only(given, ("confirm",), "")
    return boolean(given, "confirm", "")
