"""Room of the command line: ``link`` and ``unlink``, which put a task file into a task directory without copying it.

Files only; whether what is linked is a task is discovery's business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from runwright.cli.invocation import Invocation
from runwright.config import Settings
from runwright.errors import Conflict, InvalidInput, NotFound


def link(
    cli: Invocation,
    source: Annotated[Path, typer.Argument(metavar="FROM", help="The task file.")],
    to: Annotated[Path | None, typer.Option("--to", help="The directory with tasks; it is created.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The link's name; default: the file's.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a link that is there.")] = False,
) -> None:
    """Link a task file into the directory with tasks."""
    with _told(f"{source} cannot be linked"):
        if not source.is_file():
            if source.is_dir():
                raise InvalidInput.field("/FROM", f"{source} is a directory, not a task file")
            raise NotFound("file", str(source))
        settings = cli.settings()
        folder = to or cli.directory or settings.directory
        target = folder / link_name(name or source.name)
        _check(source, target, settings)
        folder.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() and force:
            target.unlink()
        elif target.is_symlink() or target.exists():
            hint = "give --force to replace it" if target.is_symlink() else "it is a file of its own; remove it first"
            raise Conflict(f"{target} is there already: {hint}")
        target.symlink_to(source.resolve())
    cli.output.done(f"{target} -> {source.resolve()}", {"link": str(target), "target": str(source.resolve())})


def unlink(
    cli: Invocation,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The link's name.")],
    to: Annotated[Path | None, typer.Option("--to", help="The directory with tasks.")] = None,
) -> None:
    """Remove such a link; never a file."""
    folder = to or cli.directory or cli.settings().directory
    target = folder / link_name(name)
    with _told(f"{target} cannot be removed"):
        if not target.is_symlink():
            if target.exists():
                raise Conflict(f"{target} is a file, not a link, and stays")
            raise NotFound("link", str(target), sorted(p.name for p in folder.glob("*.py") if p.is_symlink())[:3])
        target.unlink()
    cli.output.done(f"removed {target}", {"link": str(target)})


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what the system refuses. Raises Conflict."""
    try:
        yield
    except OSError as error:
        named = error.filename is not None and str(error.filename) not in what
        raise Conflict(f"{what}: {error.strerror}{f' ({error.filename})' if named else ''}") from error


def _check(source: Path, target: Path, settings: Settings) -> None:
    """Refuse a link that discovery would never load. Raises InvalidInput."""
    from runwright.tasks.loading import PASSED_OVER, FileRefused, check_name, check_place  # noqa: PLC0415 - as in connect
    from runwright.tasks.sources import DiscoveryOptions  # noqa: PLC0415 - as above

    roots = [*DiscoveryOptions.of(settings).allowed_roots, target.parent]
    try:
        if target.name.startswith(PASSED_OVER):
            raise FileRefused(f"files whose names begin with {target.name[:2]!r} are passed over")
        check_name(target)
    except FileRefused as refused:
        raise InvalidInput.field("/--name", f"{target.name}: {refused.reason}") from None
    try:
        check_place(os.path.realpath(source), [os.path.realpath(root) for root in roots])
    except FileRefused as refused:
        raise InvalidInput.field("/FROM", f"{source} {refused.reason}") from None


def link_name(name: str) -> str:
    """The name of a link, which must be a Python file's: ``my_task`` becomes ``my_task.py``. Raises InvalidInput."""
    name = name.strip()
    if not name or name in {".", ".."} or os.sep in name or "\0" in name:
        raise InvalidInput.field("/--name", f"{name!r} must be the name of a file, without a directory")
    return name if name.endswith(".py") else f"{name}.py"
