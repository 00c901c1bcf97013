"""Room of the command line: commands about schedules. List, add, change, switch, fire and foretell them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from runwright.cli.client import Resource
from runwright.cli.connect import connect
from runwright.cli.invocation import Invocation, command
from runwright.cli.options import json_object
from runwright.cli.output import cell, local_time
from runwright.errors import InvalidInput

app = typer.Typer(help="Schedules: when tasks run, with which arguments, as whom.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name or id.")]
When = Annotated[
    str | None,
    typer.Option("--when", metavar="WHEN", help="A cron text, '@daily', '@every 1h30m', an ISO time or '@always'."),
]
Task = Annotated[str | None, typer.Option("--task", help="The task that it runs.")]
Arguments = Annotated[str | None, typer.Option("--arguments", metavar="JSON", help="The arguments; also @FILE.")]
Label = Annotated[str | None, typer.Option("--label", help="The name that people see.")]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Its time zone, such as Europe/Berlin.")]
User = Annotated[str | None, typer.Option("--user", metavar="EMAIL", help="As whom the task runs.")]
Entity = Annotated[str | None, typer.Option("--entity", help="What it is about; the task gets it.")]
Priority = Annotated[int | None, typer.Option("--priority", help="The priority of its runs.")]
Overlap = Annotated[str | None, typer.Option("--overlap", help="skip, queue, allow or cancel_running.")]
CatchUp = Annotated[str | None, typer.Option("--catch-up", help="After downtime: latest, skip or all.")]
Misfire = Annotated[
    str | None, typer.Option("--misfire-grace", metavar="TIME", help="How late a fire is still on time.")
]
Jitter = Annotated[str | None, typer.Option("--jitter", metavar="TIME", help="The most by which a fire is put off.")]
DependsOn = Annotated[
    list[str] | None, typer.Option("--depends-on", metavar="NAME", help="A schedule it waits for; repeatable.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm what a dangerous task says.")]


@command(app, "list")
async def list_(cli: Invocation) -> None:
    """List schedules."""
    async with connect(cli) as client:
        found = await client.find("/api/task")
    if cli.output.as_json:
        cli.output.document([entry.flat() for entry in found])
        return
    rows = [
        [
            cell(entry["name"]),
            cell(entry["action_name"]),
            cell(entry["english"] or entry["schedule"]),
            cell(bool(entry["is_active"])),
            local_time(entry["next_run"]),
            cell(entry["run_count"]),
            cell(entry["error_count"]),
        ]
        for entry in found
    ]
    columns = ["NAME", "TASK", "WHEN", "ENABLED", "NEXT", "RUNS", "ERRORS"]
    cli.output.table(columns, rows, "there are no schedules")


@command(app)
async def add(
    cli: Invocation,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: small letters, digits, _ . -")],
    task: Annotated[str, typer.Option("--task", help="The task that it runs.")],
    when: Annotated[
        str,
        typer.Option("--when", metavar="WHEN", help="A cron text, '@daily', '@every 1h30m', an ISO time or '@always'."),
    ],
    arguments: Arguments = None,
    label: Label = None,
    description: Description = None,
    timezone: Zone = None,
    user: User = None,
    entity: Entity = None,
    priority: Priority = None,
    overlap: Overlap = None,
    catch_up: CatchUp = None,
    misfire_grace: Misfire = None,
    jitter: Jitter = None,
    depends_on: DependsOn = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not let it fire yet.")] = False,
    yes: Yes = False,
) -> None:
    """Create a schedule."""
    attributes = _attributes(
        action_name=task, schedule=when, arguments=arguments, label=label, description=description, timezone=timezone,
        as_user_email=user, entity_name=entity, priority=priority, overlap=overlap, catch_up=catch_up,
        misfire_grace=misfire_grace, jitter=jitter, depends_on=depends_on,
    )  # fmt: skip
    async with connect(cli) as client:
        made = await client.post(
            "/api/task", "task", {"name": name, **attributes, "is_active": not disabled, **_confirm(yes)}
        )
    _done(cli, made, "added")


@command(app)
async def edit(
    cli: Invocation,
    name: Name,
    task: Task = None,
    when: When = None,
    arguments: Arguments = None,
    label: Label = None,
    description: Description = None,
    timezone: Zone = None,
    user: User = None,
    entity: Entity = None,
    priority: Priority = None,
    overlap: Overlap = None,
    catch_up: CatchUp = None,
    misfire_grace: Misfire = None,
    jitter: Jitter = None,
    depends_on: DependsOn = None,
    yes: Yes = False,
) -> None:
    """Change what is given, and nothing else."""
    attributes = _attributes(
        action_name=task, schedule=when, arguments=arguments, label=label, description=description, timezone=timezone,
        as_user_email=user, entity_name=entity, priority=priority, overlap=overlap, catch_up=catch_up,
        misfire_grace=misfire_grace, jitter=jitter, depends_on=depends_on,
    )  # fmt: skip
    if not attributes:
        raise InvalidInput("nothing to change: give at least one option; see runwright schedules edit --help")
    await _patch(cli, name, {**attributes, **_confirm(yes)}, "changed")


@command(app)
async def enable(cli: Invocation, name: Name, yes: Yes = False) -> None:
    """Let a schedule fire again, from now on."""
    await _patch(cli, name, {"is_active": True, **_confirm(yes)}, "enabled")


@command(app)
async def disable(cli: Invocation, name: Name) -> None:
    """Stop a schedule from firing; what runs goes on."""
    await _patch(cli, name, {"is_active": False}, "disabled")


@command(app)
async def remove(cli: Invocation, name: Name) -> None:
    """Delete a schedule; its runs stay."""
    async with connect(cli) as client:
        await client.delete(_path(name))
    cli.output.done(f"removed {name}", {"name": name, "status": "removed"})


@command(app, "next")
async def next_(
    cli: Invocation,
    name: Name,
    count: Annotated[int, typer.Option("--count", min=1, max=100, help="How many times are listed.")] = 10,
) -> None:
    """List the next times at which a schedule fires."""
    async with connect(cli) as client:
        found = await client.find(f"{_path(name)}/next", count=count)
    if cli.output.as_json:
        cli.output.document([entry["due_at"] or entry.id for entry in found])
        return
    for entry in found:
        cli.output.line(local_time(entry["due_at"] or entry.id))
    if not found:
        cli.output.note(f"{name} does not fire again")


@command(app)
async def fire(cli: Invocation, name: Name, yes: Yes = False) -> None:
    """Run a schedule's task now; prints the run's id."""
    async with connect(cli) as client:
        started = await client.order(f"{_path(name)}/fire", _confirm(yes))
        cli.output.done(started.id, started.flat())
        if client.here:
            cli.output.note("no server works on this store now: the run waits until one does", "yellow")


async def _patch(cli: Invocation, name: str, attributes: dict[str, Any], word: str) -> None:
    async with connect(cli) as client:
        changed = await client.patch(_path(name), "task", attributes)
    _done(cli, changed, word)


def _done(cli: Invocation, schedule: Resource, word: str) -> None:
    name = cell(schedule["name"])
    following = f"; next: {local_time(schedule['next_run'])}" if schedule["next_run"] else ""
    cli.output.done(f"{word} {name}: {cell(schedule['english'] or schedule['schedule'])}{following}", schedule.flat())
    if schedule["bound"] is False:
        cli.output.note(f"warning: there is no task {schedule['action_name']!r} here now", "yellow")


def _attributes(arguments: str | None, **given: object) -> dict[str, Any]:
    """What was given, in the API's words; what was not stays away."""
    found: dict[str, Any] = {key: value for key, value in given.items() if value is not None and value != []}
    if arguments is not None:
        found["attributes"] = json_object(arguments, "--arguments")
    return found


def _confirm(yes: bool) -> dict[str, Any]:
    return {"confirm": True} if yes else {}


def _path(name: str) -> str:
    return f"/api/task/{quote(name, safe='')}"
