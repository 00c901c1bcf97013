"""The store: its SQL, loaded from ``queries/``. One file is one statement, named after what it does.

Placeholders are numbered (``$1``); SQLite binds ``$1`` by order of appearance, so they become ``?1`` here, once.
Where the dialects differ in a few words, a line that begins with ``--sqlite`` or ``--postgres`` is part of the
statement for that dialect only. Where more differs, ``name.sqlite.sql`` or ``name.postgres.sql`` stands beside or
instead of ``name.sql``, and its first line says why. A line ``--include part`` stands for ``part.part.sql``, which
several statements share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from runwright.lifecycle import TRANSITIONS, RunEvent

_OWN = {dialect: re.compile(rf"^--{dialect} ", re.MULTILINE) for dialect in ("sqlite", "postgres")}
_INCLUDE = re.compile(r"^--include (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*")
_PLACEHOLDER = re.compile(r"\$(\d+)")
_SPACE = re.compile(r"\s+")
SCHEMA = "runwright"
"""Where PostgreSQL's tables are: a database is often shared with the application that starts the runs."""
TABLES = (
    *("transition", "worker", "catalogue", "definition", "run", "attempt", "log", "state", "idempotency", "event"),
    *("schedule", "fire", "pause", "ended", "credential", "probe", "rate_start", "zones", "migration"),
)
_TABLE = re.compile(rf"\b(FROM|JOIN|INTO|UPDATE) (?=({'|'.join(TABLES)})\b)")


@cache
def load(dialect: str) -> Mapping[str, str]:
    """All statements by name, in the form that the dialect (``sqlite`` or ``postgres``) takes."""
    shared: dict[str, str] = {}
    own: dict[str, str] = {}
    for entry in files("runwright.store").joinpath("queries").iterdir():
        parts = entry.name.split(".")
        if parts[-1] != "sql" or parts[1] == "part":
            continue
        if len(parts) == 2:
            shared[parts[0]] = _prepare(entry.read_text("utf-8"), dialect)
        elif parts[1] == dialect:
            own[parts[0]] = _prepare(entry.read_text("utf-8"), dialect)
    return {**shared, **own}


def _prepare(text: str, dialect: str) -> str:
    """One statement on one line, without comments: short to parse, and the same text for the statement cache."""
    line = _SPACE.sub(" ", _COMMENT.sub("", _OWN[dialect].sub("", _whole(text)))).strip().rstrip(";")
    return for_sqlite(line) if dialect == "sqlite" else in_schema(line)


def _whole(text: str) -> str:
    return _INCLUDE.sub(lambda found: _whole(_part(found[1])), text)


def _part(name: str) -> str:
    return files("runwright.store").joinpath("queries", f"{name}.part.sql").read_text("utf-8")


def for_sqlite(statement: str) -> str:
    """A statement's placeholders as SQLite binds them by number."""
    return _PLACEHOLDER.sub(r"?\1", statement)


def in_schema(statement: str) -> str:
    """A statement with its tables named in full, as PostgreSQL needs them."""
    return _TABLE.sub(rf"\1 {SCHEMA}.", statement)


def transition_rows() -> list[tuple[str, str, str]]:
    """The lifecycle as rows (event, status, next), for the table that guards every move.

    A start and what comes after it, told together, are a move of their own, see ``folded``.
    """
    moves = [(event.value, status.value, after.value) for (status, event), after in TRANSITIONS.items()]
    starts = [(status, after) for (status, event), after in TRANSITIONS.items() if event is RunEvent.START]
    both = [
        (folded(event), before.value, after.value)
        for before, begun in starts
        for (status, event), after in TRANSITIONS.items()
        if status is begun
    ]
    return moves + both


def folded(event: RunEvent) -> str:
    """The name of an event that is told together with the start before it."""
    return f"{RunEvent.START.value}+{event.value}"
