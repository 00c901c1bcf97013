"""API: schedules, in S4's words: ``/api/task``. Each is named by its id or its name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runwright.api.guard import actor_of
from runwright.api.reading import Query, attributes, boolean, json_body, known_only, mapping, number, text, whole
from runwright.api.wire import (
    Answer,
    fire_resource,
    listing,
    located,
    resource,
    run_resource,
    schedule_resource,
    time_text,
)
from runwright.control import Control, ScheduleEdit
from runwright.errors import InvalidInput
from runwright.events.feed import Feed
from runwright.model import JSON

TEXTS = {
    "name": "name",
    "label": "label",
    "description": "description",
    "timezone": "timezone",
    "overlap": "overlap",
    "catch_up": "catch_up",
    "action_name": "task",
    "entity_name": "entity",
    "as_user_email": "as_user",
}
NUMBERS = {"misfire_grace": "misfire_grace_seconds", "jitter": "jitter_seconds"}
OTHERS = ("schedule", "when", "attributes", "is_active", "priority", "depends_on", "confirm")
NULLABLE = ("entity_name", "as_user_email", "priority", "misfire_grace")
BASE = "/data/attributes"


def routes(control: Control, feed: Feed) -> APIRouter:
    """The routes for schedules."""
    router = APIRouter(prefix="/api/task", tags=["task"])
    door = control.schedules

    @router.get("", summary="All schedules")
    async def index(request: Request) -> Answer:
        query = Query(request, "filter[name]", "filter[action_name]", "page[size]", "page[after]", "sort")
        found = await door.list(actor_of(request))
        for parameter, field in (("filter[name]", "name"), ("filter[action_name]", "task")):
            if (wanted := query.text(parameter)) is not None:
                found = [schedule for schedule in found if getattr(schedule, field) == wanted]
        total, size, after = len(found), query.page_size, query.text("page[after]")
        if after is not None:
            found = [schedule for schedule in found if schedule.name > after]
        shown, more = found[:size], len(found) > size
        data = [schedule_resource(schedule, control) for schedule in shown]
        return Answer(listing(data, request, shown[-1].name if more else None, total=total))

    @router.post("", status_code=201, summary="Create a schedule")
    async def create(request: Request) -> Answer:
        given = attributes(await json_body(request), "task")
        schedule = await door.add(actor_of(request), edit_of(given), confirmed=boolean(given, "confirm"))
        document: dict[str, Any] = {"data": schedule_resource(schedule, control)}
        if not door.bound(schedule):
            document["meta"] = {"warning": f"no task named {schedule.task!r} is known here yet; it is held until then"}
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
        schedule = await door.update(actor, name, edit_of(given), confirmed=boolean(given, "confirm"))
        return Answer({"data": schedule_resource(schedule, control)})

    @router.delete("/{name}", status_code=204, summary="Delete a schedule; its runs stay")
    async def delete(request: Request, name: str) -> Response:
        await door.remove(actor_of(request), name)
        return Response(status_code=204)

    @router.post("/{name}/fire", status_code=202, summary="Run it once, now")
    async def fire(request: Request, name: str) -> Answer:
        given = await json_body(request, empty=True)
        known_only(given, ("confirm",), "")
        actor = actor_of(request)
        run_id = await door.fire(actor, name, confirmed=boolean(given, "confirm", ""))
        run = await control.runs.get(actor, run_id)
        return Answer(
            {"data": run_resource(run, control, feed)}, 202, {"Location": located(request.scope, f"/api/run/{run_id}")}
        )

    @router.get("/{name}/next", summary="The next due times")
    async def upcoming(request: Request, name: str) -> Answer:
        query = Query(request, "count")
        times = await door.next(actor_of(request), name, query.number("count", 10, 1, 100))
        texts = [str(time_text(each)) for each in times]
        return Answer(listing([resource("fire_time", each, {"due_at": each}) for each in texts]))

    @router.get("/{name}/fires", summary="The fire ledger")
    async def fires(request: Request, name: str) -> Answer:
        query = Query(request, "page[size]", "page[after]")
        page = await door.fires(actor_of(request), name, query.page_size, query.text("page[after]"))
        return Answer(listing([fire_resource(each) for each in page.items], request, page.after))

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


def edit_of(given: dict[str, JSON]) -> ScheduleEdit:  # noqa: C901 - one condition for each kind of attribute
    """The edit that S4's attributes describe; unknown ones are refused."""
    if "active" in given:
        given["is_active"] = given.pop("active")
    known_only(given, (*TEXTS, *NUMBERS, *OTHERS))
    for name, value in given.items():
        if value is None and name not in NULLABLE:
            raise InvalidInput.field(f"{BASE}/{name}", "must not be null; leave it out instead")
    fields: dict[str, Any] = {}
    for name, field in TEXTS.items():
        if name in given:
            fields[field] = text(given, name)
    for name, field in NUMBERS.items():
        if name in given:
            fields[field] = number(given, name)
    if "priority" in given:
        fields["priority"] = whole(given, "priority")
    if "is_active" in given:
        fields["enabled"] = boolean(given, "is_active")
    if "attributes" in given:
        fields["arguments"] = mapping(given, "attributes")
    if "schedule" in given and "when" in given:
        raise InvalidInput.field(f"{BASE}/when", "give schedule or when, not both")
    if "schedule" in given or "when" in given:
        name = "schedule" if "schedule" in given else "when"
        fields["when"] = given[name]
        if not isinstance(given[name], str | dict | list):
            raise InvalidInput.field(f"{BASE}/{name}", "must be text such as '0 2 * * *', or an object")
    if "depends_on" in given:
        names = given["depends_on"]
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise InvalidInput.field(f"{BASE}/depends_on", "must be a list of names")
        fields["depends_on"] = names
    return ScheduleEdit(**fields)
