"""API: schedules, in S4's words: ``/api/task``. Each is named by its id or its name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runwright.api.guard import actor_of
from runwright.api.reading import Query, attributes, boolean, json_body, known_only, moment, text
from runwright.api.wire import (
    Answer,
    fire_resource,
    listing,
    located,
    pause_value,
    resource,
    run_resource,
    schedule_resource,
    time_text,
)
from runwright.control import Control
from runwright.control.schedule_words import edit_of, entries_of, in_words
from runwright.errors import InvalidInput
from runwright.events.feed import Feed

OWN = ("confirm",)
"""Words of a request that are not the schedule's."""


def routes(control: Control) -> APIRouter:
    """The routes for schedules."""
    router = APIRouter(prefix="/api/task", tags=["task"])
    door = control.schedules

    @router.get("", summary="All schedules")
    async def index(request: Request) -> Answer:
        query = Query(request, "filter[name]", "filter[action_name]", "page[size]", "page[after]", "sort")
        query.one_of("sort", "name")
        page, total = await door.page(
            actor_of(request), query.page_size, query.text("page[after]"),
            name=query.text("filter[name]"), task=query.text("filter[action_name]"),
        )  # fmt: skip
        data = [schedule_resource(schedule, control) for schedule in page.items]
        paused = pause_value(await door.paused(actor_of(request)))
        return Answer(listing(data, request, page.after, total=total, paused=paused))

    @router.post("", status_code=201, summary="Create a schedule")
    async def create(request: Request) -> Answer:
        given = attributes(await json_body(request), "task")
        with in_words():
            schedule = await door.add(actor_of(request), edit_of(given, OWN), confirmed=boolean(given, "confirm"))
        document: dict[str, Any] = {"data": schedule_resource(schedule, control)}
        if (unbound := door.unbound(schedule)) is not None:
            document["meta"] = {"warning": unbound}
        return Answer(document, 201, {"Location": located(request.scope, f"/api/task/{schedule.id}")})

    @router.get("/{name}", summary="One schedule")
    async def show(request: Request, name: str) -> Answer:
        Query(request)
        return Answer({"data": schedule_resource(await door.get(actor_of(request), name), control)})

    @router.patch("/{name}", summary="Change a schedule; never fires the past")
    async def update(request: Request, name: str) -> Answer:
        document = await json_body(request)
        given = attributes(document, "task")
        identity = document["data"].get("id")  # type: ignore[union-attr]  # an object, says attributes()
        actor = actor_of(request)
        if identity is not None and identity not in (name, (await door.get(actor, name)).id):
            raise InvalidInput.field("/data/id", "is not the schedule of this address")
        with in_words():
            schedule = await door.update(actor, name, edit_of(given, OWN), confirmed=boolean(given, "confirm"))
        return Answer({"data": schedule_resource(schedule, control)})

    @router.delete("/{name}", status_code=204, summary="Delete a schedule; its runs stay")
    async def delete(request: Request, name: str) -> Response:
        await door.remove(actor_of(request), name)
        return Response(status_code=204)

    return router


def fire_routes(control: Control, feed: Feed) -> APIRouter:
    """The routes for when one schedule fires: by hand, next, and what became of its due times."""
    router = APIRouter(prefix="/api/task", tags=["task"])
    door = control.schedules

    @router.post("/{name}/fire", status_code=202, summary="Run it once, now")
    async def fire(request: Request, name: str) -> Answer:
        given = await json_body(request, empty=True)
        known_only(given, ("confirm",), "")
        actor = actor_of(request)
        run_id = await control.fires.fire(actor, name, confirmed=boolean(given, "confirm", ""))
        run = await control.runs.get(actor, run_id)
        return Answer(
            {"data": run_resource(run, control, feed)}, 202, {"Location": located(request.scope, f"/api/run/{run_id}")}
        )

    @router.post("/{name}/backfill", status_code=202, summary="Run the due times of a range that have no run")
    async def backfill(request: Request, name: str) -> Answer:
        given = await json_body(request)
        known_only(given, ("from", "until", "confirm"), "")
        since, until = moment(given, "from", ""), moment(given, "until", "")
        if since is None or until is None:
            raise InvalidInput.field("/from" if since is None else "/until", "is missing")
        done = await control.fires.backfill(
            actor_of(request), name, since, until, confirmed=boolean(given, "confirm", "")
        )
        return Answer({"data": resource("backfill", name, {"due": done.due, "runs": done.runs})}, 202)

    @router.post("/{name}/reset", summary="Let it be again what its code or file says")
    async def reset(request: Request, name: str) -> Answer:
        known_only(await json_body(request, empty=True), (), "")
        return Answer({"data": schedule_resource(await control.declared.reset(actor_of(request), name), control)})

    @router.get("/{name}/next", summary="The next due times, or those of a range")
    async def upcoming(request: Request, name: str) -> Answer:
        query = Query(request, "count", "from", "until")
        since, until, actor = query.moment("from"), query.moment("until"), actor_of(request)
        if since is None and until is None:
            times = await door.next(actor, name, query.number("count", 10, 1, 100))
        elif since is None or until is None or query.text("count") is not None:
            raise InvalidInput.field("/until", "give from and until, or count")
        else:
            times = await door.between(actor, name, since, until)
        texts = [str(time_text(each)) for each in times]
        return Answer(listing([resource("fire_time", each, {"due_at": each}) for each in texts]))

    @router.get("/{name}/fires", summary="The fire ledger")
    async def fires(request: Request, name: str) -> Answer:
        query = Query(request, "page[size]", "page[after]")
        page = await door.fires(actor_of(request), name, query.page_size, query.text("page[after]"))
        return Answer(listing([fire_resource(each) for each in page.items], request, page.after))

    return router


def pause_routes(control: Control) -> APIRouter:
    """All schedules at once: pause them, let them go on; and as the file that keeps them."""
    router = APIRouter(tags=["task"])
    door = control.schedules

    @router.get("/api/pause", summary="Whether all schedules are paused, and why")
    async def paused(request: Request) -> Answer:
        Query(request)
        return Answer({"data": resource("pause", "all", {"paused": pause_value(await door.paused(actor_of(request)))})})

    @router.post("/api/pause", summary="Pause all schedules, for a reason: their fires are held")
    async def pause(request: Request) -> Answer:
        given = await json_body(request)
        known_only(given, ("reason",), "")
        found = await door.pause(actor_of(request), text(given, "reason", "") or "")
        return Answer({"data": resource("pause", "all", {"paused": pause_value(found)})})

    @router.delete("/api/pause", status_code=204, summary="Let all schedules go on")
    async def resume(request: Request) -> Response:
        await door.resume(actor_of(request))
        return Response(status_code=204)

    @router.get("/api/schedule-file", summary="All schedules as a file keeps them; secrets stay sealed")
    async def save(request: Request) -> Answer:
        Query(request)
        found = await control.file.words(actor_of(request))
        return Answer({"data": resource("schedule_file", "all", {"schedules": found})})

    @router.put("/api/schedule-file", summary="Put the schedules of a file in place, all or none")
    async def load(request: Request) -> Answer:
        control.file.admit(actor_of(request))
        given = await json_body(request)
        known_only(given, ("schedules",), "")
        entries = given.get("schedules")
        if not isinstance(entries, list):
            raise InvalidInput.field("/schedules", "must be a list of schedules")
        loaded = await control.file.load(actor_of(request), entries_of(entries))
        return Answer(listing([schedule_resource(schedule, control) for schedule in loaded]))

    return router


def preview_routes(control: Control) -> APIRouter:
    """What a schedule would do, before it is one."""
    router = APIRouter(tags=["task"])

    @router.get("/api/preview", summary="A schedule in English, and its next due times")
    async def preview(request: Request) -> Answer:
        query = Query(request, "schedule", "timezone", "count")
        when = query.text("schedule")
        if when is None:
            raise InvalidInput.field("/schedule", "is missing")
        english, times = control.schedules.preview(
            actor_of(request), when, query.text("timezone"), query.number("count", 10, 1, 100)
        )
        return Answer({"data": resource("preview", when, {"english": english, "next": [time_text(t) for t in times]})})

    return router
