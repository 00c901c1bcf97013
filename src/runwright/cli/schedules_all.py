"""Room of the command line: schedules all at once or as a whole: totals, pause and resume, export and import, backfill
and reset; and what the commands about single ones share.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from runwright.cli.client import Resource
from runwright.cli.connect import connect
from runwright.cli.invocation import Invocation, command
from runwright.cli.output import cell, local_time
from runwright.errors import InvalidInput, in_file

STANDARD = Path("-")
app = typer.Typer(help="Schedules: when tasks run, with which arguments, as whom.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name or id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm what a dangerous task says.")]


@command(app)
async def stats(cli: Invocation) -> None:
    """Show the totals over all schedules."""
    async with connect(cli) as client:
        found = await client.get("/api/stats")
    tell_pause(cli, found["paused"])
    totals = {
        key: found[key] for key in ("total_tasks", "enabled_tasks", "running_tasks", "total_runs", "total_errors")
    }
    if cli.output.as_json:
        cli.output.document({**totals, "paused": found["paused"]})
        return
    for key, value in totals.items():
        cli.output.line(f"{key:<16} {value}")


@command(app)
async def backfill(
    cli: Invocation,
    name: Name,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="From this ISO time on.")],
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Up to this ISO time.")],
    yes: Yes = False,
) -> None:
    """Run the due times of a range that have no run yet; prints the runs' ids."""
    async with connect(cli) as client:
        filled = await client.order(f"{path(name)}/backfill", {"from": since, "until": until, **confirm(yes)})
    runs = filled["runs"]
    cli.output.note(f"{filled['due']} due times, {len(runs)} without a run: they run now")
    cli.output.done("\n".join(runs), filled.flat())


@command(app)
async def reset(cli: Invocation, name: Name) -> None:
    """Let a schedule be again what its code or file says, whatever people have done to it."""
    async with connect(cli) as client:
        done(cli, await client.order(f"{path(name)}/reset"), "reset")


@command(app)
async def pause(
    cli: Invocation, reason: Annotated[str, typer.Argument(metavar="REASON", help="Why; shown everywhere.")]
) -> None:
    """Hold the fires of all schedules; what runs goes on."""
    async with connect(cli) as client:
        paused = await client.order("/api/pause", {"reason": reason})
    cli.output.done(f"all schedules are paused: {reason}", paused.flat())


@command(app)
async def resume(cli: Invocation) -> None:
    """Let all schedules fire again, from now on."""
    async with connect(cli) as client:
        await client.delete("/api/pause")
    cli.output.done("all schedules go on", {"paused": None})


@command(app)
async def export(
    cli: Invocation,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; - or nothing is standard output.")
    ] = None,
) -> None:
    """Write all schedules to a JSON file, in one step. Secrets in arguments stay sealed."""
    from runwright.manager import schedule_file  # noqa: PLC0415 - the engine costs half a second

    async with connect(cli) as client:
        found = await client.get("/api/schedule-file")
    text = schedule_file.text_of(found["schedules"])
    if file in (None, STANDARD):
        cli.output.line(text.rstrip())
        return
    schedule_file.write(file, text)
    cli.output.done(f"wrote {len(found['schedules'])} schedules to {file}", {"file": str(file)})


@command(app, "import")
async def import_(
    cli: Invocation,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of export, or one with a list of Tasks; - is standard input.")
    ],
) -> None:
    """Put the schedules of a JSON or YAML file in place, all or none; those of the same names are replaced."""
    from runwright.control.strict_json import parse  # noqa: PLC0415 - the engine costs half a second
    from runwright.manager import schedule_file  # noqa: PLC0415 - as above

    entries: list[Any] | None
    if file == STANDARD:
        entries = schedule_file.listed(parse(sys.stdin.buffer.read(), "standard input"), "standard input")
    elif (entries := schedule_file.read(file)) is None:
        raise InvalidInput.field("/FILE", f"there is no file {file}")
    with in_file("standard input" if file == STANDARD else file):
        async with connect(cli) as client:
            loaded = await client.put("/api/schedule-file", {"schedules": entries})
    cli.output.done(f"{len(loaded)} schedules are in place", [entry.flat() for entry in loaded])


def done(cli: Invocation, schedule: Resource, word: str) -> None:
    name = cell(schedule["name"])
    following = f"; next: {local_time(schedule['next_run'])}" if schedule["next_run"] else ""
    cli.output.done(f"{word} {name}: {cell(schedule['english'] or schedule['schedule'])}{following}", schedule.flat())
    if schedule["unbound"]:
        cli.output.note(f"warning: {schedule['unbound']}", "yellow")


def tell_pause(cli: Invocation, paused: Mapping[str, Any] | None) -> None:
    if paused:
        cli.output.note(f"all schedules are paused by {paused['by']}: {paused['reason']}", "yellow")


def confirm(yes: bool) -> dict[str, Any]:
    return {"confirm": True} if yes else {}


def path(name: str) -> str:
    return f"/api/task/{quote(name, safe='')}"
