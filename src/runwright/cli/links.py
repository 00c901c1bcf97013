"""Room of the command line: ``link`` and ``unlink``, which put a task file into a task directory without copying it.

Files only; whether what is linked is a task is discovery's business.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from runwright.cli.invocation import Invocation
from runwright.errors import Conflict, InvalidInput, NotFound


def link(
    cli: Invocation,
    source: Annotated[Path, typer.Argument(metavar="FROM", help="The task file.")],
    to: Annotated[Path | None, typer.Option("--to", help="The directory with tasks; it is created.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The link's name; default: the file's.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a link that is there.")] = False,
) -> None:
    """Link a task file into the directory with tasks."""
    if not source.is_file():
        if source.is_dir():
            raise InvalidInput.field("/FROM", f"{source} is a directory, not a task file")
        raise NotFound("file", str(source))
    if cli.directory is not None and to is None:
        to = cli.directory
    folder = to if to is not None else cli.settings().directory
    target = folder / link_name(name or source.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() and force:
            target.unlink()
        elif target.is_symlink() or target.exists():
            hint = "give --force to replace it" if target.is_symlink() else "it is a file of its own; remove it first"
            raise Conflict(f"{target} is there already: {hint}")
        target.symlink_to(source.resolve())
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise Conflict(f"{target} cannot be linked: {error.strerror}") from error
    cli.output.done(f"{target} -> {source.resolve()}", {"link": str(target), "target": str(source.resolve())})


def unlink(
    cli: Invocation,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The link's name.")],
    to: Annotated[Path | None, typer.Option("--to", help="The directory with tasks.")] = None,
) -> None:
    """Remove such a link; never a file."""
    folder = to or cli.directory or cli.settings().directory
    target = folder / link_name(name)
    if not target.is_symlink():
        if target.exists():
            raise Conflict(f"{target} is a file, not a link, and stays")
        raise NotFound("link", str(target), sorted(p.name for p in folder.glob("*.py") if p.is_symlink())[:3])
    try:
        target.unlink()
    except PermissionError as error:
        raise Conflict(f"{target} cannot be removed: {error.strerror}") from error
    cli.output.done(f"removed {target}", {"link": str(target)})


def link_name(name: str) -> str:
    """The name of a link, which must be a Python file's: ``my_task`` becomes ``my_task.py``. Raises InvalidInput."""
    name = name.strip()
    if not name or name in {".", ".."} or os.sep in name or "\0" in name:
        raise InvalidInput.field("/--name", f"{name!r} must be the name of a file, without a directory")
    return name if name.endswith(".py") else f"{name}.py"
