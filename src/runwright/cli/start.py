"""Room of the command line: ``run`` and ``start``. A task with the options made from its parameters, in
the foreground or not.

Checks nothing that the API checks; it asks for confirmation where a person can answer.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from runwright.cli.client import Answered, Client, Resource, segment
from runwright.cli.connect import connect, warn_if_nobody_works
from runwright.cli.follow import Cursor, report, to_the_end
from runwright.cli.invocation import SHARED, Invocation
from runwright.cli.options import BEFORE, TaskOptions, json_object
from runwright.cli.output import INTERRUPTED
from runwright.config import Settings
from runwright.errors import ConfirmRequired, FieldError, InvalidInput, RunwrightError

Name = Annotated[str, typer.Argument(metavar="NAME", help="The task.")]
Rest = Annotated[
    list[str] | None,
    typer.Argument(metavar="--OPTION", help="The task's own options; NAME --help lists them.", show_default=False),
]
Arguments = Annotated[
    str | None, typer.Option("--arguments", metavar="JSON", help="All arguments; also @FILE, and - for stdin.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm what a dangerous task says.")]
Priority = Annotated[int | None, typer.Option("--priority", help="Higher starts earlier: 0 low, 50 normal, 100 high.")]

POINTER: Final = "/data/attributes/arguments/"


async def run(
    cli: Invocation,
    name: Name,
    rest: Rest = None,
    arguments: Arguments = None,
    yes: Yes = False,
    priority: Priority = None,
) -> int:
    """Run a task in the foreground: its log and progress, then its result. Ctrl-C or SIGTERM cancels it.

    If no server and no worker has the task, this process works until the run has ended, also on what else waits.
    """
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    settings = None if cli.server is not None else cli.settings()
    async with connect(cli, roles=await _roles(cli, settings, name), settings=settings) as client:
        prepared = await _prepare(cli, client, "run", name, rest or (), arguments, yes, priority)
        if prepared is None:
            return 0
        started = await _start(client, prepared)
        cursor = Cursor()
        try:
            ended = await to_the_end(client, cli.output, started.id, cursor, bar=True)
        except asyncio.CancelledError:
            return await _cancel_and_wait(cli, client, started.id, cursor)
        return report(cli.output, ended)


async def start(
    cli: Invocation,
    name: Name,
    rest: Rest = None,
    arguments: Arguments = None,
    yes: Yes = False,
    priority: Priority = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When, as an ISO time with its zone.")] = None,
) -> None:
    """Start a task and leave it to the workers; prints the run's id."""
    async with connect(cli) as client:
        prepared = await _prepare(cli, client, "start", name, rest or (), arguments, yes, priority)
        if prepared is None:
            return
        if at is not None:
            prepared["run_at"] = at
        started = await _start(client, prepared)
        cli.output.done(started.id, started.flat())
        await warn_if_nobody_works(cli, client, name, "the run waits until one does")


async def _roles(cli: Invocation, settings: Settings | None, name: str) -> Sequence[str]:
    """What this process does beside asking: nothing, if a worker on a store that many share has the task."""
    if settings is not None and settings.on_postgres:
        async with connect(cli, tasks=False, settings=settings) as client:
            if await client.works_on(name):
                return ()
    return ("worker",)


async def _prepare(
    cli: Invocation,
    client: Client,
    command: str,
    name: str,
    rest: Sequence[str],
    arguments: str | None,
    yes: bool,
    priority: int | None,
) -> dict[str, Any] | None:
    """The attributes of the run that is asked for; None if only help was."""
    try:
        definition = await client.get(f"/api/definition/{segment(name, 'NAME')}")
    except RunwrightError:
        for word in rest:
            if (option := word.partition("=")[0])[2:] in SHARED:  # perhaps it is where the task is
                cli.output.note(f"{option} was not looked at{BEFORE}", "yellow")
        raise
    options = TaskOptions(
        name, definition["schema"] or {}, command=command, description=str(definition["description"] or "")
    )
    given = options.parse(rest)
    if given.help:
        cli.output.out.file.write(options.help())
        return None
    cli.output.as_json = cli.output.as_json or bool(given.reserved.get("json"))
    base = {} if arguments is None else json_object(arguments, "--arguments")
    attributes: dict[str, Any] = {"definition": name, "arguments": {**base, **given.arguments}}
    priority_given = given.reserved.get("priority", priority)
    if priority_given is not None:
        try:
            attributes["priority"] = int(priority_given)
        except ValueError:
            raise InvalidInput.field("/--priority", f"must be a whole number, not {priority_given!r}") from None
    danger = definition["danger"]
    if danger:
        attributes["confirm"] = yes or bool(given.reserved.get("yes")) or _confirmed(cli, name, str(danger))
    return attributes


def _confirmed(cli: Invocation, name: str, danger: str) -> bool:
    """Ask the person at the terminal; where there is none, the task needs ``--yes``."""
    if cli.output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfirmRequired(name, f"{danger} Add --yes to confirm.")
    cli.output.note(f"{name}: {danger}", "yellow")
    if not typer.confirm("Go on?", err=True):
        raise ConfirmRequired(name, danger)
    return True


async def _start(client: Client, attributes: dict[str, Any]) -> Resource:
    arguments = attributes["arguments"]
    files = [
        (name, one)
        for name, value in arguments.items()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, Path)
    ]
    sent = {name for name, _ in files}
    try:
        if not files:
            return await client.post("/api/run", "run", attributes)
        plain = {name: value for name, value in arguments.items() if name not in sent}
        return await client.post_with_files("/api/run", "run", {**attributes, "arguments": plain}, files)
    except OSError as error:
        raise InvalidInput.field("/file", f"cannot be read: {error}") from error
    except Answered as error:
        faults = [FieldError(_option_pointer(fault.pointer), fault.message, fault.code) for fault in error.errors]
        raise Answered(error.status, faults) from None


def _option_pointer(pointer: str) -> str:
    """The option that a pointer of the API means: ``--size`` for the argument ``size``."""
    if not pointer.startswith(POINTER):
        return pointer
    name, *inner = pointer.removeprefix(POINTER).split("/")
    return "/".join([f"--{name.replace('_', '-')}", *inner])


async def _cancel_and_wait(cli: Invocation, client: Client, run: str, cursor: Cursor) -> int:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
    cli.output.note("cancelling the run; Ctrl-C again leaves at once", "yellow")
    try:
        await client.order(f"/api/run/{run}/cancel")
    except RunwrightError as error:  # it may have ended in this very moment
        cli.output.note(f"runwright: {error.message}")
    report(cli.output, await to_the_end(client, cli.output, run, cursor))
    return INTERRUPTED
