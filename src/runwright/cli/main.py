"""Room of the command line: the program ``runwright`` and its commands."""

from __future__ import annotations

import atexit
import inspect
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Any

import typer

from runwright.cli import links, look, runs, schedules, serve, services, start, work
from runwright.cli.invocation import command, give_signature, remember, shared_parameters
from runwright.cli.output import BROKEN_PIPE, INTERRUPTED, close_quietly, prepare_streams

PASS_ON = {"allow_interspersed_args": False}  # what stands after NAME is the task's


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"runwright {version('runwright')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.", show_default=False)
]

app = typer.Typer(
    name="runwright",
    help="Runs the work that an application does while nobody waits: now, on a schedule, and again after a crash.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _callback() -> None:
    """Common options may stand before the command's name too."""

    def before(context: typer.Context, **given: object) -> None:
        given.pop("show_version")
        remember(context, **given)

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    shown = inspect.Parameter("show_version", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Version)
    give_signature(before, [context, *shared_parameters(), shown])
    app.callback()(before)


_callback()
serve.add_to(app)
work.add_to(app)
command(app)(look.tasks)
command(app, context_settings=PASS_ON)(start.run)
command(app, context_settings=PASS_ON)(start.start)
OTHERS: Sequence[Callable[..., Any]] = (
    *(runs.runs, runs.show, runs.logs, runs.pause, runs.resume, runs.cancel, runs.restart, runs.delete),
    *(look.timeline, look.workers, look.config, links.link, links.unlink),
)
for other in OTHERS:
    command(app)(other)
app.add_typer(schedules.app, name="schedules")
app.add_typer(services.app, name="services")


def main() -> None:
    """Run the program and exit with its code: see the table in ``output``."""
    prepare_streams()
    code: object = 0
    try:
        app(prog_name="runwright")
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        close_quietly()
        code = BROKEN_PIPE
    end(code)


def end(code: object) -> None:
    """End the program now. Threads that tasks have started are not waited for, as Python would, perhaps for ever."""
    left = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    if left and isinstance(code, (int, type(None))):
        atexit._run_exitfuncs()
        close_quietly()
        os._exit(code or 0)
    sys.exit(code)  # type: ignore[arg-type]  # as it came
