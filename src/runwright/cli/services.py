"""Room of the command line: commands about services. List, show, start, stop and restart what is kept running."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from runwright.cli.client import Resource, segment
from runwright.cli.connect import connect, warn_if_nobody_works
from runwright.cli.invocation import Invocation, command
from runwright.cli.output import cell, local_time, seconds
from runwright.cli.schedules_all import Yes, confirm

app = typer.Typer(help="Services: what is kept running, and started again when it fails.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The service's name or id: that of its schedule.")]
_RESTARTS = {
    None: "as auto_restart says",
    "never": "never",
    "on_failure": "if it fails",
    "always": "whenever it ends",
}


@command(app, "list")
async def list_(cli: Invocation) -> None:
    """List services."""
    async with connect(cli) as client:
        found = await client.find("/api/service")
    if cli.output.as_json:
        cli.output.document([entry.flat() for entry in found])
        return
    rows = [
        [
            cell(entry["name"]),
            cell(entry["action_name"]),
            cell(entry["state"]),
            seconds(entry["uptime"]),
            str(entry["restarts"]),
            seconds(entry["cpu_seconds"]),
            _memory(entry["memory_bytes"]),
        ]
        for entry in found
    ]
    columns = ["NAME", "TASK", "STATE", "UP FOR", "RESTARTS", "CPU", "MEMORY"]
    cli.output.table(columns, rows, "there are no services")


@command(app)
async def show(cli: Invocation, name: Name) -> None:
    """Show a service: its state, its live run, what that uses, and its last error."""
    async with connect(cli) as client:
        found = await client.get(_path(name))
    if cli.output.as_json:
        cli.output.document(found.flat())
        return
    entries = {
        "name": cell(found["name"]),
        "label": cell(found["label"]),
        "task": cell(found["action_name"]),
        "state": cell(found["state"]),
        "run": cell(_run(found)),
        "up for": seconds(found["uptime"]),
        "started again": _RESTARTS.get(found["restart"], cell(found["restart"])),
        "restarts": str(found["restarts"]),
        "next start": local_time(found["next_start"]),
        "cpu": seconds(found["cpu_seconds"]),
        "memory": _memory(found["memory_bytes"]),
        "measured": local_time(found["measured_at"]),
        "ended runs": f"{found['run_count']}, of which {found['error_count']} failed",
        "last error": cell(found["last_error"]),
    }
    cli.output.pairs({key: text for key, text in entries.items() if text != "-"})
    if found["unbound"]:
        cli.output.note(f"warning: {found['unbound']}", "yellow")


@command(app)
async def start(cli: Invocation, name: Name, yes: Yes = False) -> None:
    """Let a service run from now on."""
    await _order(cli, name, "start", confirm(yes))


@command(app)
async def stop(cli: Invocation, name: Name) -> None:
    """Tell a service to end, and leave it stopped until it is started."""
    await _order(cli, name, "stop", {})


@command(app)
async def restart(cli: Invocation, name: Name, yes: Yes = False) -> None:
    """End a service, and start it anew when it has ended; one that is stopped is started."""
    await _order(cli, name, "restart", confirm(yes))


async def _order(cli: Invocation, name: str, verb: str, body: dict[str, Any]) -> None:
    async with connect(cli) as client:
        found = await client.order(f"{_path(name)}/{verb}", body)
        cli.output.done(f"{cell(found['name'])} is {found['state']}", found.flat())
        if found["unbound"]:
            cli.output.note(f"warning: {found['unbound']}", "yellow")
        elif found["is_active"]:
            await warn_if_nobody_works(cli, client, found["action_name"], "the service runs once one does")


def _run(service: Resource) -> str | None:
    run = service["run"]
    return None if run is None else str(run["id"])


def _memory(value: int | None) -> str:
    return "-" if value is None else f"{value / 2**20:.0f} MiB"


def _path(name: str) -> str:
    return f"/api/service/{segment(name, 'NAME')}"
