"""Room of the command line: commands about schedules. List, add, change, switch, fire and foretell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict, Unpack

import typer

from runwright.cli.client import Resource
from runwright.cli.connect import connect, warn_if_nobody_works
from runwright.cli.invocation import Invocation, command
from runwright.cli.options import json_object, number
from runwright.cli.output import cell, local_time
from runwright.cli.schedules_all import Name, Yes, app, confirm, done, path, tell_pause
from runwright.errors import InvalidInput

When = Annotated[
    str | None,
    typer.Option(
        "--when",
        metavar="WHEN",
        help="A cron text, '@daily', '@every 1h30m', ISO times with commas between, or a JSON form.",
    ),
]
Task = Annotated[str | None, typer.Option("--task", help="The task that it runs.")]
Gap = Annotated[str | None, typer.Option("--dst-gap", help="A time that the clocks skip: after or skip.")]
Fold = Annotated[str | None, typer.Option("--dst-fold", help="A time that the clocks repeat: once or twice.")]


class Fields(TypedDict, total=False):
    """Options that a schedule can be added and edited with, by their names in the API."""

    arguments: Annotated[str | None, typer.Option("--arguments", metavar="JSON", help="The arguments; also @FILE.")]
    label: Annotated[str | None, typer.Option("--label", help="The name that people see.")]
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")]
    timezone: Annotated[str | None, typer.Option("--timezone", help="Its time zone, such as Europe/Berlin.")]
    as_user_email: Annotated[str | None, typer.Option("--user", metavar="EMAIL", help="As whom the task runs.")]
    entity_name: Annotated[str | None, typer.Option("--entity", help="What it is about; the task gets it.")]
    priority: Annotated[str | None, typer.Option("--priority", metavar="N", help="The priority of its runs.")]
    overlap: Annotated[str | None, typer.Option("--overlap", help="skip, queue, allow or cancel_running.")]
    catch_up: Annotated[str | None, typer.Option("--catch-up", help="After downtime: latest, skip or all.")]
    misfire_grace: Annotated[
        str | None, typer.Option("--misfire-grace", metavar="TIME", help="How late a fire is still on time.")
    ]
    jitter: Annotated[str | None, typer.Option("--jitter", metavar="TIME", help="The most by which a fire is put off.")]
    retry: Annotated[
        str | None,
        typer.Option(
            "--retry",
            metavar="POLICY",
            help="Its retries: a number, or max_retries=5,delay=10,backoff=constant; or JSON.",
        ),
    ]
    depends_on: Annotated[
        list[str] | None, typer.Option("--depends-on", metavar="NAME", help="A schedule it waits for; repeatable.")
    ]
    starts_at: Annotated[str | None, typer.Option("--starts-at", metavar="TIME", help="Not before this ISO time.")]
    ends_at: Annotated[str | None, typer.Option("--ends-at", metavar="TIME", help="Not after this ISO time.")]
    excluded: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="WINDOW", help="When it is not due: 12-25, sat,sun, 22:00-06:00 …; repeatable."
        ),
    ]
    blackouts: Annotated[
        list[str] | None,
        typer.Option("--blackout", metavar="WINDOW", help="When its due times are blocked, and told so; repeatable."),
    ]


_TIMES = {"next_run", "last_run", "created_at", "updated_at", "starts_at", "ends_at"}


@command(app, "list")
async def list_(cli: Invocation) -> None:
    """List schedules."""
    async with connect(cli) as client:
        found, meta = await client.page("/api/task")
    tell_pause(cli, meta.get("paused"))
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
        typer.Option(
            "--when",
            metavar="WHEN",
            help="A cron text, '@daily', '@every 1h30m', ISO times with commas between, or a JSON form.",
        ),
    ],
    dst_gap: Gap = None,
    dst_fold: Fold = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not let it fire yet.")] = False,
    yes: Yes = False,
    **fields: Unpack[Fields],
) -> None:
    """Create a schedule."""
    attributes = _attributes(action_name=task, schedule=_when(when, dst_gap, dst_fold), **fields)
    async with connect(cli) as client:
        made = await client.post(
            "/api/task", "task", {"name": name, **attributes, "is_active": not disabled, **confirm(yes)}
        )
    done(cli, made, "added")


@command(app)
async def edit(
    cli: Invocation,
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name for it.")] = None,
    task: Task = None,
    when: When = None,
    dst_gap: Gap = None,
    dst_fold: Fold = None,
    yes: Yes = False,
    **fields: Unpack[Fields],
) -> None:
    """Change what is given, and nothing else. An empty text ('') puts an option back to what it is without it."""
    attributes = _attributes(name=new_name, action_name=task, schedule=_when(when, dst_gap, dst_fold), **fields)
    if not attributes:
        raise InvalidInput("nothing to change: give at least one option; see runwright schedules edit --help")
    await _patch(cli, name, {**attributes, **confirm(yes)}, "changed")


@command(app)
async def enable(cli: Invocation, name: Name, yes: Yes = False) -> None:
    """Let a schedule fire again, from now on."""
    await _patch(cli, name, {"is_active": True, **confirm(yes)}, "enabled")


@command(app)
async def disable(cli: Invocation, name: Name) -> None:
    """Stop a schedule from firing; what runs goes on, save a service, which is told to end."""
    await _patch(cli, name, {"is_active": False}, "disabled")


@command(app)
async def remove(cli: Invocation, name: Name) -> None:
    """Delete a schedule; its runs stay."""
    async with connect(cli) as client:
        await client.delete(path(name))
    cli.output.done(f"removed {name}", {"name": name, "status": "removed"})


@command(app)
async def show(cli: Invocation, name: Name) -> None:
    """Show a schedule: its times, its policies, its statistics and its last fires."""
    async with connect(cli) as client:
        found = await client.get(path(name))
        fires = await client.find(f"{path(name)}/fires", limit=10)
    if cli.output.as_json:
        cli.output.document({**found.flat(), "fires": [fire.flat() for fire in fires]})
        return
    for key, value in found.flat().items():
        if value not in (None, "", [], {}):
            cli.output.line(f"{key:<16} {local_time(value) if key in _TIMES else cell(value)}")
    rows = [fire_row(fire) for fire in fires]
    cli.output.table(["DUE", "OUTCOME", "COUNT", "RUN", "REASON"], rows, "it has not fired yet")


def fire_row(fire: Resource) -> list[str]:
    """A row of the ledger as ``show`` lists it."""
    dues = " … ".join(local_time(fire[name]) for name in ("due_at", "last_due_at") if fire[name])
    return [dues, *(cell(fire[name]) for name in ("outcome", "count", "run", "reason"))]


@command(app, "next")
async def next_(
    cli: Invocation,
    name: Name,
    count: Annotated[int | None, typer.Option("--count", min=1, max=100, help="How many are listed (10).")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this ISO time on.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this ISO time.")] = None,
) -> None:
    """List the next times at which a schedule fires, or those of a range."""
    async with connect(cli) as client:
        asked: dict[str, Any] = {"count": count, "from": since, "until": until}
        found = await client.find(f"{path(name)}/next", **asked)
    if cli.output.as_json:
        cli.output.document([entry["due_at"] or entry.id for entry in found])
        return
    for entry in found:
        cli.output.line(local_time(entry["due_at"] or entry.id))
    if not found:
        cli.output.note(f"{name} does not fire {'then' if since else 'again'}")


@command(app)
async def fire(cli: Invocation, name: Name, yes: Yes = False) -> None:
    """Run a schedule's task now; prints the run's id."""
    async with connect(cli) as client:
        started = await client.order(f"{path(name)}/fire", confirm(yes))
        cli.output.done(started.id, started.flat())
        await warn_if_nobody_works(cli, client, started["definition"], "the run waits until one does")


async def _patch(cli: Invocation, name: str, attributes: dict[str, Any], word: str) -> None:
    async with connect(cli) as client:
        changed = await client.patch(path(name), "task", attributes)
    done(cli, changed, word)


def _when(when: str | None, dst_gap: str | None, dst_fold: str | None) -> str | Mapping[str, Any] | None:
    """The times, as an object if it says what happens when the clocks change."""
    told = {key: value for key, value in (("dst_gap", dst_gap), ("dst_fold", dst_fold)) if value is not None}
    if not told:
        return when
    if when is None:
        raise InvalidInput.field("/--when", "must be given again with --dst-gap and --dst-fold: they belong to it")
    from runwright.schedule import parse_when, when_to_json  # noqa: PLC0415 - the engine costs half a second

    form = when_to_json(parse_when(when))
    if form["type"] != "cron":
        raise InvalidInput.field("/--when", "must be a cron expression with --dst-gap and --dst-fold")
    return {**form, **told}


def _attributes(**given: Any) -> dict[str, Any]:
    """What was given, in the API's words; what was not stays away, and an empty text asks for the default."""
    given["attributes"] = given.pop("arguments")
    found: dict[str, Any] = {}
    for word, value in given.items():
        if value in ("", [""]):
            found[word] = _default(word)
        elif value is not None and value != []:
            found[word] = _READ[word](value) if word in _READ else value
    return found


def _default(word: str) -> Any:
    from runwright.control.declared import DEFAULTS  # noqa: PLC0415 - the engine costs half a second
    from runwright.control.schedule_words import WORDS  # noqa: PLC0415 - as above

    return DEFAULTS.get(WORDS[word].field, "")  # what has no default is refused by its name


def _priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInput.field("/--priority", "must be a whole number") from None


def _retry(text: str) -> dict[str, Any]:
    """A number of retries, JSON, or names and values with commas in between: the API checks what they say."""
    if text == "-" or text[0] in "{@":
        return json_object(text, "--retry")
    pairs = [part.partition("=") for part in text.split(",")]
    if len(pairs) == 1 and not pairs[0][1]:
        pairs = [("max_retries", "=", text)]
    return {name.strip(): number(value.strip()) for name, _, value in pairs}


_READ: Mapping[str, Callable[[str], Any]] = {
    "attributes": lambda text: json_object(text, "--arguments"),
    "priority": _priority,
    "retry": _retry,
}
"""Options that are no texts: how they are read."""

__all__ = ["app"]
