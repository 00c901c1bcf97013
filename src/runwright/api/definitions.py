"""API: tasks, which the wire calls definitions."""

from __future__ import annotations

from fastapi import APIRouter, Request

from runwright.api.guard import actor_of
from runwright.api.reading import Query
from runwright.api.wire import Answer, definition_resource
from runwright.control import Control


def routes(control: Control) -> APIRouter:
    """The routes for definitions."""
    router = APIRouter(prefix="/api/definition", tags=["definition"])

    @router.get("", summary="All tasks, and the problems of discovery")
    async def index(request: Request) -> Answer:
        Query(request)
        actor = actor_of(request)
        tasks = control.tasks.list(actor)
        history = await control.tasks.history(actor, [task.name for task in tasks])
        problems = [{"file": p.file, "line": p.line, "error": p.error} for p in control.tasks.problems(actor)]
        data = [definition_resource(task, history.get(task.name)) for task in tasks]
        return Answer({"data": data, "links": {"next": None}, "meta": {"problems": problems, "total": len(data)}})

    @router.get("/{name}", summary="One task with the schema of its parameters")
    async def show(request: Request, name: str) -> Answer:
        Query(request)
        actor = actor_of(request)
        task = control.tasks.get(actor, name)
        history = await control.tasks.history(actor, [name])
        return Answer({"data": definition_resource(task, history.get(name))})

    return router
