"""Room of the command line: what all commands share. Their common options, before or after the command's name, and how
a command is called: settings loaded, coroutine run, errors turned into one message and an exit code.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from runwright.cli.output import BROKEN_PIPE, Output, close_quietly, exit_code
from runwright.config import Settings
from runwright.errors import RunwrightError

COMMON = "For every command"

SHARED: Mapping[str, Any] = {
    "config": Annotated[
        Path | None, typer.Option("--config", help="The settings file.", metavar="FILE", rich_help_panel=COMMON)
    ],
    "store": Annotated[
        str | None,
        typer.Option("--store", help="Where everything is kept.", metavar="URL", rich_help_panel=COMMON),
    ],
    "directory": Annotated[
        Path | None,
        typer.Option("--directory", help="The directory with tasks.", metavar="DIR", rich_help_panel=COMMON),
    ],
    "server": Annotated[
        str | None,
        typer.Option("--server", help="Ask this server, not the store.", metavar="URL", rich_help_panel=COMMON),
    ],
    "token": Annotated[
        str | None,
        typer.Option(
            "--token",
            help="A token for that server; default: TASK_ADMIN_TOKEN.",
            metavar="TEXT",
            rich_help_panel=COMMON,
        ),
    ],
    "as_json": Annotated[
        bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=COMMON, show_default=False)
    ],
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """The common options of one call, and where its output goes."""

    config: Path | None = None
    store: str | None = None
    directory: Path | None = None
    server: str | None = None
    token: str | None = None
    output: Output = field(default_factory=Output)

    def settings(self, flags: Mapping[str, Any] | None = None) -> Settings:
        """The settings, with these flags on top; their warnings go to stderr. Raises SettingsError."""
        settings = Settings.load(self.config, flags={"store": self.store, "directory": self.directory, **(flags or {})})
        for warning in settings.warnings:
            self.output.note(f"warning: {warning}", "yellow")
        return settings


def shared_parameters(skip: frozenset[str] = frozenset()) -> list[inspect.Parameter]:
    """The common options as parameters of a function that typer reads."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name == "as_json" else None,
            annotation=annotation,
        )
        for name, annotation in SHARED.items()
        if name not in skip
    ]


def remember(context: typer.Context, **given: Any) -> None:
    """Keep the common options that stand before the command's name."""
    context.obj = given


def command(app: typer.Typer, name: str | None = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a function a command of ``app``.

    The function takes an Invocation and the command's own parameters, options that several commands have as one
    ``**fields: Unpack[…]`` of a typed dictionary. It may be a coroutine function, and returns its exit code, or None
    for 0. A RunwrightError becomes its message and its code; the common options are added.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(function, include_extras=True)
        _, *declared = inspect.signature(function).parameters.values()
        own = [each for parameter in declared for each in _expanded(parameter, hints[parameter.name])]
        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        shared = shared_parameters(frozenset(parameter.name for parameter in own))

        def call(context: typer.Context, **values: Any) -> None:
            earlier = context.find_root().obj or {}
            common = {key: values.pop(key, None) or earlier.get(key) for key in SHARED if key not in hints}
            cli = Invocation(output=Output(as_json=bool(common.pop("as_json"))), **common)
            raise typer.Exit(perform(cli, lambda: function(cli, **values)))

        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        give_signature(call, [context, *keyword_only, *shared])
        call.__doc__ = function.__doc__
        app.command(name or function.__name__.replace("_", "-"), **options)(call)
        return function

    return decorate


def _expanded(parameter: inspect.Parameter, hint: Any) -> Iterator[inspect.Parameter]:
    """The parameter with its annotation; of ``**fields`` one for each name of its typed dictionary."""
    if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
        yield parameter.replace(annotation=hint)
        return
    (fields,) = get_args(hint)
    for name, annotation in get_type_hints(fields, include_extras=True).items():
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def give_signature(function: Callable[..., Any], parameters: Sequence[inspect.Parameter]) -> None:
    """Let inspection, and so typer, see these parameters on a function that takes keywords."""
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect honours it
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def perform(cli: Invocation, function: Callable[[], Any]) -> int:
    """Call a command and return its exit code; its errors are said in one message."""
    try:
        try:
            result = function()
            if inspect.iscoroutine(result):
                result = asyncio.run(result)
            sys.stdout.flush()
        except RunwrightError as error:
            cli.output.error(error)
            result = exit_code(error)
            sys.stdout.flush()
    except BrokenPipeError:
        close_quietly()
        return BROKEN_PIPE
    return int(result or 0)
