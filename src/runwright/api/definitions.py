"""API: tasks, which the wire calls definitions."""

from __future__ import annotations

from fastapi import APIRouter, Request

from runwright.api.guard import actor_of
from runwright.api.reading import Query
from runwright.api.wire import Answer, definition_resource, listing
from runwright.control import Control


def routes(control: Control) -> APIRouter:
    """The routes for definitions."""
    router = APIRouter(prefix="/api/definition", tags=["definition"])

    @router.get("", summary="All tasks, and the problems of discovery")
    async def index(request: Request) -> Answer:
        query = Query(request, "page[size]", "page[after]")
        actor = actor_of(request)
        everything = await control.tasks.list(actor)
        after = query.text("page[after]") or ""
        rest = [task for task in everything if task.name > after]
        # without a size all of them: tasks are few, and the page shows them at once
        tasks = rest[: query.page_size] if query.text("page[size]") else rest
        history = await control.tasks.history(actor, [task.name for task in tasks])
        problems = [{"file": p.file, "line": p.line, "error": p.error} for p in control.tasks.problems(actor)]
        data = [definition_resource(task, history.get(task.name)) for task in tasks]
        following = tasks[-1].name if len(tasks) < len(rest) else None
        return Answer(listing(data, request, following, problems=problems, total=len(everything)))

    @router.get("/{name}", summary="One task with the schema of its parameters")
    async def show(request: Request, name: str) -> Answer:
        Query(request)
        actor = actor_of(request)
        task = await control.tasks.show(actor, name)
        history = await control.tasks.history(actor, [name])
        return Answer({"data": definition_resource(task, history.get(name))})

    return router
