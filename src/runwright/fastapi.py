"""For FastAPI applications: the manager lives with the application, its door is mounted, and routes are given it.

app = FastAPI(lifespan=lifespan(manager, mount="/jobs"))

@app.post("/orders")
async def order(manager: Manager) -> str: ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from runwright.errors import Conflict
from runwright.manager import TaskManager
from runwright.model import Actor


def lifespan(
    manager: TaskManager, mount: str | None = None, *, discover: bool = False, local_actor: Actor | None = None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """A lifespan that opens the manager with the application and closes it in good order.

    Args:
        mount: where the page and the API are mounted (``"/jobs"``); None mounts nothing. They have credentials of their
            own: ``TASK_ADMIN_TOKEN``, or tokens that were made before.
        discover: also find the tasks of all sources in the settings, and follow the task directory.
        local_actor: who requests to the mounted door act as if they bring no credentials; for applications that guard
            the path themselves.
    """

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        if discover:
            await manager.discover(watch=True)
        async with manager:
            app.state.runwright = manager
            if mount is not None:
                app.mount(mount, manager.asgi(local_actor))
            yield

    return run


def _manager(connection: HTTPConnection) -> TaskManager:
    manager = getattr(connection.app.state, "runwright", None)
    if not isinstance(manager, TaskManager):
        raise Conflict("this application has no TaskManager: FastAPI(lifespan=lifespan(manager))")
    return manager


Manager = Annotated[TaskManager, Depends(_manager)]
"""The application's TaskManager, as a parameter of a route."""
