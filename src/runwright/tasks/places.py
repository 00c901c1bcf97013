"""Room of tasks: where in a source file something stands: a constant, a key of its metadata, a function, a class.

It reads the text and executes nothing. What a program computes has no place: the nearest thing that is written down is
named instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from runwright.errors import RunwrightError
from runwright.tasks.text import text_of

_SOURCE = "__source__"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a module that is no task although it looks like one. ``naming``: its task_name is missing or bad."""

    line: int | None
    message: str
    naming: bool = False


def reason_of(error: BaseException) -> str:
    """What an exception of anybody's making says, in one text; it never raises itself."""
    if isinstance(error, RunwrightError):
        return error.message
    if isinstance(error, SystemExit):
        return f"ends the program while it is imported: sys.exit({text_of(error.code, 200)})"
    text = text_of(error.msg if isinstance(error, SyntaxError) else error, 500).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def file_of(module: object) -> str | None:
    """The file of a module, without asking its own ``__getattr__``; None for whatever has none."""
    file = vars(module).get("__file__") if issubclass(type(module), ModuleType) else None
    return file if isinstance(file, str) else None


class Places:
    """The places in one module's source. A path leads inwards: ``("metadata", "con", 0)``."""

    def __init__(self, source: bytes | str) -> None:
        self._tree: ast.AST | None
        try:
            self._tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):  # the last: CPython's gh-106905
            self._tree = None

    @classmethod
    def of(cls, module: ModuleType) -> Places:
        """The places of a module that was imported, from a folder or as usual."""
        source = vars(module).get(_SOURCE)
        if isinstance(source, bytes):
            return cls(source)
        try:
            return cls(Path(file_of(module) or "").read_bytes())
        except (OSError, ValueError):
            return cls("")

    def line(self, *path: str | int) -> int | None:
        """The line of just this, None if it is not written down."""
        found = self._deepest(path)
        return found[-1] if len(found) == len(path) else None

    def nearest(self, *path: str | int) -> int | None:
        """The line of this, or of the nearest thing around it."""
        return next(reversed(self._deepest(path)), None)

    def _deepest(self, path: Sequence[str | int]) -> list[int]:
        lines: list[int] = []
        node = self._tree
        for step in path:
            entry = None if node is None else _enter(node, step)
            if entry is None:
                break
            line, node = entry
            lines.append(line)
        return lines


def _enter(node: ast.AST, step: str | int) -> tuple[int, ast.AST] | None:
    """The line and the node of a part of a node: a name of a scope, a key of a dict, an item of a list."""
    found: tuple[int, ast.AST] | None = None
    match node:
        case ast.Module() | ast.ClassDef():
            for statement in _statements(node.body):
                found = _defined(statement, step) or found  # the last one counts, as it does for Python
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == step:
                    found = key.lineno, value
        case ast.Call():  # dict(title="x")
            for keyword in node.keywords:
                if keyword.arg == step:
                    found = keyword.lineno, keyword.value
        case ast.List() | ast.Tuple() if isinstance(step, int) and step < len(node.elts):
            found = node.elts[step].lineno, node.elts[step]
    return found


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a scope, also those under conditions."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _statements(handler.body)


def _defined(statement: ast.stmt, name: str | int) -> tuple[int, ast.AST] | None:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if statement.name == name:
            return statement.lineno, statement
        case ast.Assign() if any(isinstance(target, ast.Name) and target.id == name for target in statement.targets):
            return statement.lineno, statement.value
        case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
            return statement.lineno, value
    return None
