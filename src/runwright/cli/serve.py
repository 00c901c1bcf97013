"""Room of the command line: ``serve``, which runs scheduler, worker, API and page in this process until it is told to
stop, and the signals that tell it so.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin

import typer

from runwright.cli.connect import find_server
from runwright.cli.invocation import SHARED, Invocation, command, give_signature
from runwright.cli.output import INTERRUPTED
from runwright.config import Settings
from runwright.errors import StartRefused

if TYPE_CHECKING:
    from runwright.api.server import Server
    from runwright.manager import TaskManager

PANEL: Final = "Settings"
NO_FLAG: Final = frozenset({"schedules", "admin_token", "secret_key"})
"""Settings without a flag: a list of objects, and secrets, which the list of processes would show to everybody."""

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
LAST_SECONDS: Final = 3.0


async def serve(cli: Invocation, *, page_only: bool = False, **flags: Any) -> None:
    """Serve the page and the API, run schedules and tasks. Ctrl-C or SIGTERM stops it in good order, twice at once."""
    from runwright.api.server import Server, check_host  # noqa: PLC0415 - the engine costs half a second
    from runwright.manager import ROLES, TaskManager  # noqa: PLC0415 - as above

    settings = cli.settings(flags)
    check_host(settings)
    if (other := await find_server(settings)) is not None:
        raise StartRefused(f"a server works on this store already: {other.url}; stop it first, or give another --store")
    if page_only:
        require_shared_store(settings, "a page without workers")
    manager = TaskManager(settings, roles=() if page_only else ROLES, user_loop=True)
    async with until_told(cli, manager) as told:
        await get_ready(manager)
        server = Server(manager.asgi(), manager.control, settings)
        stopping = asyncio.ensure_future(_stop_when_told(server, told))
        try:
            await server.serve(lambda link: _announce(cli, link))
        finally:
            stopping.cancel()


async def _stop_when_told(server: Server, told: asyncio.Event) -> None:
    await told.wait()
    server.stop()


async def get_ready(manager: TaskManager) -> None:
    """Open the engine and find the tasks.

    What is there then stays as long as the process: the collector never looks at it again, which takes 44 ms for the
    engine alone, in which nothing else has a turn.
    """
    await manager.open()
    await manager.discover(watch=True)
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def until_told(cli: Invocation, manager: TaskManager) -> AsyncIterator[asyncio.Event]:
    """A context with an event that a signal sets; the manager is closed at its end, at once after a second signal."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def on_signal() -> None:
        if not told.is_set():
            cli.output.note("stopping: running tasks may finish; once more stops at once", "yellow")
            told.set()
        else:
            manager.hurry()
            loop.call_later(LAST_SECONDS, os._exit, INTERRUPTED)  # a thread that does not listen is left behind

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield told
    finally:
        await manager.close()


def require_shared_store(settings: Settings, what: str) -> None:
    """Refuse what needs several processes on a store that only one can use. Raises StartRefused."""
    if not settings.on_postgres:
        raise StartRefused(
            f"{what} needs a store that processes can share: give --store postgresql://…; "
            "on SQLite one process does everything: runwright serve"
        )


def _announce(cli: Invocation, link: str) -> None:
    cli.output.done(link, {"url": link})
    cli.output.out.file.flush()


def flags() -> list[inspect.Parameter]:
    """One option for each setting; the values are judged where those of files and variables are."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(name))
        for name in Settings.model_fields
        if name not in NO_FLAG and name not in SHARED
    ]


def _option(name: str) -> Any:
    info = Settings.model_fields[name]
    text = (info.description or "").replace("`", "")
    if info.annotation is bool:
        return Annotated[bool | None, typer.Option(help=text, rich_help_panel=PANEL, show_default=False)]
    metavar = "N" if _is_int(info.annotation) else "TEXT"
    return Annotated[str | None, typer.Option(help=text, metavar=metavar, rich_help_panel=PANEL)]


def _is_int(annotation: Any) -> bool:
    if get_origin(annotation) is None:
        return annotation is int
    return any(_is_int(part) for part in get_args(annotation))


def add_to(app: typer.Typer) -> None:
    """Make ``serve`` a command of ``app``, with its flags."""
    cli = inspect.Parameter("cli", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Invocation)
    text = "Serve the page and the API only; workers and schedulers are processes of their own."
    page_only = inspect.Parameter(
        "page_only",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--page-only", help=text, show_default=False)],
    )
    give_signature(serve, [cli, page_only, *flags()])
    command(app)(serve)
