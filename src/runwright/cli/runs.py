"""Room of the command line: commands about runs that are there. List them, look at one, read its log, steer it."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import typer

from runwright.cli.client import Answered, Client, Resource, segment
from runwright.cli.connect import connect
from runwright.cli.follow import NEWS_SECONDS, every_run, show_line
from runwright.cli.invocation import Invocation
from runwright.cli.options import json_object
from runwright.cli.output import cell, exit_code, local_time, seconds
from runwright.errors import InvalidInput

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
RunIds = Annotated[list[str], typer.Argument(metavar="RUN", help="Ids of runs.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The most that is listed.")]


async def runs(
    cli: Invocation,
    task: Annotated[str | None, typer.Option("--task", help="Only runs of this task.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Only with these statuses, comma-separated.")] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", help="Only those of this schedule, by name or id.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """List runs, the newest first."""
    query = {"filter[definition]": task, "filter[status]": status, "filter[schedule]": schedule}
    async with connect(cli, tasks=False) as client:
        found = await client.find("/api/run", limit=limit, **query)
        if cli.output.as_json:
            cli.output.document([entry.flat() for entry in found])
            return
        scheduled = any(entry["schedule"] for entry in found)
        names = {entry.id: entry["name"] for entry in await client.find("/api/task")} if scheduled else {}
    rows = [
        [
            entry.id,
            cell(entry["definition"]),
            cell(entry["status"]),
            local_time(entry["started_at"] or entry["due_at"]),
            seconds(entry["duration"]),
            cell(names.get(entry["schedule"]) or entry["schedule"] or entry["user"]),
        ]
        for entry in found
    ]
    cli.output.table(["ID", "TASK", "STATUS", "STARTED", "DURATION", "BY"], rows, "there are no such runs")


async def show(cli: Invocation, run: RunId) -> None:
    """Show one run: arguments, progress, result, error and attempts."""
    async with connect(cli, tasks=False) as client:
        found = await client.get(_path(run))
        attempts = await client.find(f"{_path(run)}/attempts")
    if cli.output.as_json:
        cli.output.document({**found.flat(), "attempts": [entry.flat() for entry in attempts]})
        return
    entries = {"id": found.id}
    for key, value in found.attributes.items():
        if value not in (None, "", [], {}, False) and key not in {"error", "actions", "attempts"}:
            entries[key] = _shown(key, value)
    if found["error"]:
        error = found["error"]
        entries["error"] = f"{error.get('kind')}: {error.get('message')}\n{error.get('traceback') or ''}".rstrip()
    cli.output.pairs(entries)
    rows = [
        [
            cell(entry["number"]),
            cell(entry["status"]),
            local_time(entry["started_at"]),
            local_time(entry["completed_at"]),
            cell(entry["worker"]),
            cell((entry["error"] or {}).get("message")),
        ]
        for entry in attempts
    ]
    if rows:
        cli.output.line("")
        cli.output.table(["ATTEMPT", "STATUS", "STARTED", "ENDED", "WORKER", "ERROR"], rows, "")


async def logs(
    cli: Invocation,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id.")] = None,
    task: Annotated[str | None, typer.Option("--task", help="The runs of this task.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Show the log of a run; without RUN, of the latest run, or with -f of all runs as they come."""
    if run is not None and task is not None:
        raise InvalidInput("give a run or --task, not both")
    async with connect(cli, tasks=False) as client:
        if run is None and follow:
            await every_run(client, cli.output, task)
        chosen = run or await _latest(cli, client, task)
        if chosen is None:
            return
        lines: list[Any] = []
        after, complete = 0, False
        while not complete:
            log = await client.get(f"{_path(chosen)}/log", after=after, wait=NEWS_SECONDS if follow else None)
            fresh = list(log["lines"] or ())
            if cli.output.as_json and not follow:
                lines += fresh
            else:
                for line in fresh:
                    show_line(cli.output, line, result=True)
                sys.stdout.flush()
            after = max(after, log["last"] or 0)
            complete = log["complete"] or not (follow or fresh)
    if cli.output.as_json and not follow:
        cli.output.document(lines)


async def pause(cli: Invocation, run: RunIds) -> int:
    """Pause runs at their next checkpoint."""
    return await _steer(cli, run, "pause")


async def resume(cli: Invocation, run: RunIds) -> int:
    """Let paused runs go on."""
    return await _steer(cli, run, "resume")


async def cancel(cli: Invocation, run: RunIds) -> int:
    """Cancel runs."""
    return await _steer(cli, run, "cancel")


async def restart(
    cli: Invocation,
    run: RunIds,
    arguments: Annotated[
        str | None,
        typer.Option("--arguments", metavar="JSON", help="Other arguments, by name; also @FILE, - for stdin."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm what a dangerous task says.")] = False,
) -> int:
    """Run ended runs again, with the same arguments save for those that are given."""
    body = {} if arguments is None else {"arguments": json_object(arguments, "--arguments"), "confirm": yes}
    return await _each(cli, run, lambda client, entry: client.order(f"{_path(entry)}/restart", body), tasks=True)


async def delete(cli: Invocation, run: RunIds) -> int:
    """Delete ended runs with their logs."""

    async def remove(client: Client, entry: str) -> Resource:
        await client.delete(_path(entry))
        return Resource(entry, {"status": "deleted"})

    return await _each(cli, run, remove, tasks=False)


async def _steer(cli: Invocation, ids: Sequence[str], verb: str) -> int:
    return await _each(cli, ids, lambda client, entry: client.order(f"{_path(entry)}/{verb}"), tasks=False)


async def _each(
    cli: Invocation, ids: Sequence[str], act: Callable[[Client, str], Awaitable[Resource]], *, tasks: bool
) -> int:
    """Do something with each run; a refusal of one does not keep the others. The first refusal's exit code."""
    answers: list[dict[str, Any]] = []
    code = 0
    async with connect(cli, tasks=tasks) as client:
        for entry in ids:
            try:
                done = await act(client, entry)
            except Answered as error:
                code = code or exit_code(error)
                answers.append({"id": entry, "errors": [{"code": error.code, "detail": error.message}]})
                if not cli.output.as_json:
                    cli.output.note(f"runwright: {entry}: {error.message}", "red")
            else:
                answers.append(done.flat())
                if not cli.output.as_json:
                    pausing = " (pausing)" if done["pause_requested"] else ""
                    cli.output.line(f"{done.id} {done['status']}{pausing}")
    if cli.output.as_json:
        cli.output.document(answers[0] if len(answers) == 1 else answers)
    return code


async def _latest(cli: Invocation, client: Client, task: str | None) -> str | None:
    found = await client.find("/api/run", limit=1, **{"filter[definition]": task})
    if not found:
        cli.output.note("there are no such runs")
        if cli.output.as_json:
            cli.output.document([])
        return None
    return found[0].id


def _path(run: str) -> str:
    return f"/api/run/{segment(run, 'RUN')}"


def _shown(key: str, value: Any) -> str:
    if key.endswith("_at") and isinstance(value, str):
        return local_time(value)
    if key in {"duration", "cpu_seconds"}:
        return seconds(value)
    if key == "progress":
        total = f"{value['total']:g}" if value.get("total") else "?"
        return f"{value.get('current') or 0:g} of {total} {value.get('message') or ''}".rstrip()
    if key == "result" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return cell(value)
