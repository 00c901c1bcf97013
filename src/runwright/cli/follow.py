"""Room of the command line: a run as it happens. Its log lines, its progress as a bar on a terminal, and how it ended.

It asks the API again and again, and lets the answer wait for news; it decides nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from runwright.cli.client import Client, Resource
from runwright.cli.output import FAILED, OK, STYLES, Output, clean, local_time, seconds
from runwright.model import RunStatus

NEWS_SECONDS: Final = 20
BAR_SECONDS: Final = 0.5
LIST_SECONDS: Final = 1.0
WATCHED: Final = 50
TERMINAL: Final = frozenset(status.value for status in RunStatus if status.terminal)


@dataclass(slots=True)
class Cursor:
    """Up to which line a log has been shown."""

    after: int = 0


async def to_the_end(client: Client, output: Output, run: str, cursor: Cursor, *, bar: bool = False) -> Resource:
    """Show a run's log, and with ``bar`` its progress on a terminal, until it has ended; the ended run."""
    if not (bar and output.err.is_terminal):
        return await _log_to_the_end(client, output, run, cursor)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[share]}"), TimeElapsedColumn())
    with Progress(*columns, console=output.err, transient=True) as progress:
        shown = progress.add_task("waiting", total=None, share="")
        looking = asyncio.create_task(_progress(client, run, progress, shown))
        try:
            return await _log_to_the_end(client, output, run, cursor)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def _log_to_the_end(client: Client, output: Output, run: str, cursor: Cursor) -> Resource:
    while True:
        log = await client.get(f"/api/run/{run}/log", after=cursor.after, wait=NEWS_SECONDS)
        for line in log["lines"] or ():
            show_line(output, line)
            cursor.after = max(cursor.after, line.get("seq") or 0)
        cursor.after = max(cursor.after, log["last"] or 0)
        if log["complete"]:
            return await client.get(f"/api/run/{run}")


async def _progress(client: Client, run: str, progress: Progress, shown: TaskID) -> None:
    while True:
        now = await client.get(f"/api/run/{run}")
        update = now["progress"] or {}
        total, current = update.get("total") or 0, update.get("current") or 0
        share = f"{current / total:4.0%}" if total else ""
        eta = f" {seconds(update['eta'])} left" if update.get("eta") else ""
        words = update.get("message") or now["waiting_for"] or now["status"]
        progress.update(
            shown,
            description=clean(str(words)).replace("[", r"\["),
            total=total or None,
            completed=current,
            share=share + eta,
        )
        await asyncio.sleep(BAR_SECONDS)


async def every_run(client: Client, output: Output, task: str | None) -> None:
    """Show the log lines of all runs, or those of one task, from now on, for ever."""
    seen: dict[str, int] = {}
    open_runs: set[str] = set()
    first = True
    while True:
        runs = await client.find("/api/run", limit=WATCHED, **{"filter[definition]": task})
        for run in reversed(runs):
            ended = run["status"] in TERMINAL
            if run.id in seen and run.id not in open_runs and ended:
                continue
            if first and ended:
                seen[run.id] = 0
                continue
            log = await client.get(f"/api/run/{run.id}/log", after=seen.get(run.id, 0))
            for line in log["lines"] or ():
                show_line(output, line, run)
            seen[run.id] = max(seen.get(run.id, 0), log["last"] or 0)
            (open_runs.discard if log["complete"] else open_runs.add)(run.id)
        first = False
        await asyncio.sleep(LIST_SECONDS)


def show_line(output: Output, line: Mapping[str, Any], run: Resource | None = None, *, result: bool = False) -> None:
    """One line of a log: beside the result of a run, or as the ``result`` of a command about logs.

    Args:
        run: named at the head of the line, where the lines of several runs are mixed.
        result: the lines are what was asked for, so they go to stdout.
    """
    if output.as_json and (result or run is not None):
        output.record({**line, **({} if run is None else {"run": run.id, "task": run["definition"]})})
        return
    level = str(line.get("level") or "INFO")
    head = f"{run['definition']} {run.id} " if run is not None else ""
    text = f"{local_time(line.get('time'))} {head}{level:<7} {line.get('text', '')}"
    (output.line if result or run is not None else output.note)(text, STYLES.get(level))


def report(output: Output, run: Resource) -> int:
    """Say how a run ended: its result on stdout, the rest beside it. The exit code."""
    code = OK if run["status"] == "completed" else FAILED
    if output.as_json:
        output.document(run.flat())
        return code
    for warning in run["warnings"] or ():
        output.note(f"warning: {warning}", "yellow")
    error = run["error"] or {}
    if error.get("traceback"):
        output.note(error["traceback"].rstrip())
    said = f": {error.get('kind')}: {error.get('message')}" if error else ""
    took = f" in {seconds(run['duration'])}" if run["duration"] is not None else ""
    output.note(f"{run['definition']} {run['status']}{took}{said}", STYLES.get(str(run["status"])))
    result = run["result"]
    if result is not None:
        output.line(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=2))
    return code
