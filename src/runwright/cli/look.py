"""Room of the command line: questions about the whole. Tasks, workers, the timeline, the settings."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from runwright.cli.connect import connect
from runwright.cli.invocation import Invocation
from runwright.cli.output import cell, local_time
from runwright.cli.runs import Limit


async def tasks(
    cli: Invocation,
    category: Annotated[str | None, typer.Option("--category", help="Only tasks of this category.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only tasks with this tag.")] = None,
    hidden: Annotated[bool, typer.Option("--all", help="Hidden ones too.")] = False,
) -> None:
    """List tasks, and files that could not be loaded."""
    with _unlogged():  # the problems are listed below
        async with connect(cli) as client:
            found, meta = await client.page("/api/definition")
    shown = [
        entry
        for entry in found
        if (hidden or not entry["hidden"])
        and category in (None, entry["category"])
        and (tag is None or tag in (entry["tags"] or ()))
    ]
    problems: list[dict[str, Any]] = list(meta.get("problems") or ())
    if cli.output.as_json:
        cli.output.document({"tasks": [entry.flat() for entry in shown], "problems": problems})
        return
    rows = [
        [
            cell(entry["name"]),
            cell(entry["title"]),
            cell(entry["category"]),
            cell(entry["mode"]),
            cell((entry["stats"] or {}).get("last_status")),
            local_time((entry["stats"] or {}).get("last_run_at")),
        ]
        for entry in shown
    ]
    cli.output.table(["NAME", "TITLE", "CATEGORY", "MODE", "LAST", "AT"], rows, "there are no such tasks")
    for problem in problems:
        place = f"{problem.get('file')}:{problem['line']}" if problem.get("line") else str(problem.get("file"))
        cli.output.note(f"problem: {place}: {problem.get('error')}", "red")


@contextmanager
def _unlogged() -> Iterator[None]:
    """Discovery in this process writes no log."""
    logger = logging.getLogger("runwright.tasks.discovery")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


async def workers(
    cli: Invocation,
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
) -> None:
    """List workers."""
    async with connect(cli, tasks=False) as client:
        found = [entry for entry in await client.find("/api/worker") if ended or entry["state"] != "ended"]
    if cli.output.as_json:
        cli.output.document([entry.flat() for entry in found])
        return
    rows = [
        [
            entry.id,
            cell(entry["host"]),
            cell(entry["pid"]),
            cell(entry["state"]),
            local_time(entry["heartbeat_at"]),
            str(len(entry["running"])) if isinstance(entry["running"], list) else cell(entry["running"]),
        ]
        for entry in found
    ]
    cli.output.table(["ID", "HOST", "PID", "STATE", "LAST SEEN", "RUNNING"], rows, "there are no workers")


async def timeline(
    cli: Invocation,
    task: Annotated[str | None, typer.Option("--task", help="Only what is about this task.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="Only this, such as run.completed.")] = None,
    limit: Limit = 50,
) -> None:
    """List what has happened, the latest first."""
    given = {"task": task, "action": action}
    query = [{"column": key, "operator": "is", "value": value} for key, value in given.items() if value is not None]
    async with connect(cli, tasks=False) as client:
        found = await client.find("/api/timeline", limit=limit, query=json.dumps(query) if query else None)
    if cli.output.as_json:
        cli.output.document([entry.flat() for entry in found])
        return
    rows = [
        [
            local_time(entry["time"]),
            cell(entry["action"]),
            cell(entry["subject"]),
            cell(entry["task"]),
            cell(entry["user"]),
        ]
        for entry in found
    ]
    cli.output.table(["TIME", "ACTION", "SUBJECT", "TASK", "BY"], rows, "nothing has happened yet")


def config(
    cli: Invocation,
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that are not at their default.")] = False,
) -> None:
    """List every setting with its value and where that came from; secrets are masked."""
    rows = [row for row in cli.settings().describe() if not (changed and row.origin == "default")]
    if cli.output.as_json:
        document = {row.name: {"value": row.value, "origin": row.origin} for row in rows}
        cli.output.document(document)
        return
    cells = [[row.name, _value(row.value), row.origin] for row in rows]
    cli.output.table(["SETTING", "VALUE", "FROM"], cells, "every setting is at its default")


def _value(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return cell(value)
