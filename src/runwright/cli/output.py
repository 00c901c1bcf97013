"""Room of the command line: what is printed, and with which exit code the program ends.

Results go to stdout, everything else to stderr. On a terminal there are tables and colours; elsewhere the same columns
as aligned plain text; with ``--json`` exactly one JSON document.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runwright.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    RunFailed,
    RunwrightError,
    StartRefused,
    StoreRefused,
    StoreUnavailable,
    TooLarge,
)

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

EXIT_CODES: Final[Mapping[type[RunwrightError], tuple[int, str]]] = {
    RunFailed: (FAILED, "the run did not complete"),
    InvalidInput: (USAGE, "wrong usage or bad input"),
    TooLarge: (USAGE, "the input is larger than is allowed"),
    NotSignedIn: (USAGE, "no token, or one that is not valid"),
    Forbidden: (USAGE, "the token may not do this"),
    NotFound: (3, "there is no such task, run, schedule or service"),
    Conflict: (4, "its present state forbids the command"),
    StoreUnavailable: (5, "the store or the server cannot be reached now"),
    StoreRefused: (5, "the store must not be opened"),
    StartRefused: (78, "the server refuses to start as it is set up"),
    RunwrightError: (FAILED, "anything else"),
}
"""The exit code for each class of error, and for those below it, with the words for the reference."""

STYLES: Final = {
    "completed": "green",
    "error": "red",
    "interrupted": "red",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "retrying": "yellow",
    "paused": "yellow",
    "running": "cyan",
    "starting": "cyan",
    "restarting": "yellow",
    "stopping": "yellow",
    "failed": "red",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
    "DEBUG": "dim",
}

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}


def exit_code(error: RunwrightError) -> int:
    """The exit code for an error, from the table; an answered error counts as what it stands for."""
    kind = getattr(error, "kind", None)
    for cls in (kind if isinstance(kind, type) else type(error)).__mro__:
        if cls in EXIT_CODES:
            return EXIT_CODES[cls][0]
    return FAILED


def prepare_streams() -> None:
    """Let a terminal that cannot show a character show a question mark instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def close_quietly() -> None:
    """After a broken pipe: let the interpreter flush into nothing when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())


def clean(text: str) -> str:
    """Text of a task or a user without control characters: nobody but this program steers the terminal."""
    return text.translate(_CONTROLS)


def local_time(value: str | None) -> str:
    """An ISO time of the API in the local zone, which is named: ``2026-11-20 22:20:29 CET``."""
    if not value:
        return "-"
    return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def seconds(value: float | None) -> str:
    """A length of time for people: ``1.5 s``, ``3 min 5 s``, ``2 h 0 min``."""
    if value is None:
        return "-"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def cell(value: object) -> str:
    """A value as the text of one cell of a table."""
    if value is None or value in ("", [], {}):
        return "-"
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return clean(value)
        case list() if all(isinstance(entry, str) for entry in value):
            return clean(", ".join(value))
        case _:
            return clean(json.dumps(value, ensure_ascii=False))


class Output:
    """Where a command writes to. ``as_json`` asks for one JSON document on stdout and no words there."""

    def __init__(self, *, as_json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.as_json = as_json
        options: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False, "soft_wrap": True}
        self.out = Console(file=stdout, **options)
        self.err = Console(file=stderr, stderr=stderr is None, **options)

    def line(self, text: str, style: str | None = None) -> None:
        """One line of the result."""
        self._print(self.out, text, style)

    def note(self, text: str, style: str | None = None) -> None:
        """One line beside the result, on stderr."""
        self._print(self.err, text, style)

    def done(self, text: str, value: object) -> None:
        """What a command has done: a sentence for people, ``value`` for programs."""
        if self.as_json:
            self.document(value)
        else:
            self.line(text)

    def document(self, value: object) -> None:
        """A JSON document; one line for each entry is never needed, so it is indented for people too."""
        plain = not str(self.out.encoding).startswith("utf")
        self.out.file.write(json.dumps(value, ensure_ascii=plain, indent=2) + "\n")

    def record(self, value: object) -> None:
        """One JSON document on one line, of a stream of them."""
        plain = not str(self.out.encoding).startswith("utf")
        self.out.file.write(json.dumps(value, ensure_ascii=plain) + "\n")
        self.out.file.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
        """Rows under headings; ``empty`` is said on stderr when there are none."""
        if not rows:
            self.note(empty)
        elif self.out.is_terminal:
            table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
            for column in columns:
                table.add_column(Text(column), overflow="fold", no_wrap=column in {"ID", "STATUS"})
            for row in rows:
                table.add_row(*(Text(text, style=STYLES.get(text, "")) for text in row))
            self.out.print(table, soft_wrap=False)
        else:
            flat = [[text.replace("\n", " ") for text in row] for row in (columns, *rows)]
            widths = [max(len(row[index]) for row in flat) for index in range(len(columns))]
            for row in flat:
                self.line("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def pairs(self, entries: Mapping[str, str]) -> None:
        """Names and values below each other; values of several lines are indented."""
        width = max(map(len, entries), default=0)
        for name, text in entries.items():
            first, *more = text.split("\n") or [""]
            self.line("\n".join([f"{name.ljust(width)}  {first}", *(f"{'':{width}}  {line}" for line in more)]))

    def error(self, error: RunwrightError) -> None:
        """What went wrong: all faults of an input, each on its own line, or one JSON document on stdout."""
        faults: Sequence[FieldError] = getattr(error, "errors", ())
        if self.as_json:
            entries = [{"code": fault.code, "detail": fault.message, "pointer": fault.pointer} for fault in faults]
            self.document({"errors": entries or [{"code": error.code, "detail": error.message}]})
        elif len(faults) < 2:
            self.note(f"runwright: {error.message}", "red")
        else:
            self.note(f"runwright: there are {len(faults)} faults in {error.file or 'the input'}:", "red")
            for fault in faults:
                self.note(f"  {fault_text(fault)}")

    def _print(self, console: Console, text: str, style: str | None) -> None:
        console.print(Text(clean(text), style=style or ""))


def fault_text(fault: FieldError) -> str:
    """One fault of an input for people: the field, then what is wrong with it."""
    if fault.code == "confirm_required":
        return fault.message if "--yes" in fault.message else f"{fault.message} Add --yes to confirm."
    place = fault.pointer.removeprefix("/data/attributes").strip("/")
    return f"{place}: {fault.message}" if place else fault.message
