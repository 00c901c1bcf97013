"""Room of the command line: the options of one task, made from the JSON Schema of its parameters.

``--format tar`` for a value, ``--flag`` and ``--no-flag`` for a boolean, an option repeated for a list,
``--table @PATH`` for a file, JSON for what is nested. A task's own names go before the program's: its ``--json`` is
its own, and the program's stands before its name. Whether values are good is for the API to say.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from getpass import getpass
from pathlib import Path
from typing import Any, Final, NoReturn

from runwright.cli.invocation import SHARED
from runwright.duration import parse_duration
from runwright.errors import FieldError, InvalidInput

RESERVED: Final[Mapping[str, tuple[str, bool]]] = {
    "json": ("print one JSON document", False),
    "yes": ("confirm what a dangerous task says", False),
    "arguments": ("all arguments as one JSON object; options go before it", True),
    "priority": ("higher starts earlier; 0 low, 50 normal, 100 high", True),
}
"""What the program itself takes after a task's name, with its help, and whether it has a value."""
BEFORE: Final = "; an option of every command stands before the task's name"


@dataclass(frozen=True, slots=True)
class Given:
    """What stood after a task's name: its ``arguments``, and the program's own options by name."""

    arguments: dict[str, Any] = field(default_factory=dict)
    reserved: dict[str, Any] = field(default_factory=dict)
    help: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{message}; see {self.prog} --help")


class TaskOptions:
    """The options of one task.

    Args:
        task: its name. command: what is called, ``run`` or ``start``. description: shown by ``--help``.
        schema: the JSON Schema of its parameters.
        ask: reads a secret that was given as ``-``.
    """

    def __init__(
        self,
        task: str,
        schema: Mapping[str, Any],
        *,
        command: str = "run",
        description: str = "",
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._task = task
        self._schema = schema
        self._properties: Mapping[str, Mapping[str, Any]] = {
            name: self._resolved(entry) for name, entry in (schema.get("properties") or {}).items()
        }
        self._ask = ask or _ask
        self._parser = _Parser(
            prog=f"runwright {command} {task}",
            description=description.replace("%(prog)", "%%(prog)"),
            allow_abbrev=False,
            add_help=False,
            argument_default=argparse.SUPPRESS,
        )
        self._taken: set[str] = set()
        self._reserved: set[str] = set()
        self._add_parameters()
        self._add_reserved()

    def parse(self, words: Sequence[str]) -> Given:
        """Read what stood after the task's name.

        Raises:
            InvalidInput: an option that the task has not, or a text that is not the JSON it should be; all at once.
        """
        known, rest = self._parser.parse_known_args(list(words))
        found = vars(known)
        if found.get("help"):
            return Given(help=True)
        faults: list[FieldError] = []
        reserved = {name: found[f"own_{name}"] for name in self._reserved if f"own_{name}" in found}
        arguments: dict[str, Any] = {}
        if "arguments" in reserved:
            arguments.update(json_object(reserved.pop("arguments"), "--arguments"))
        for index, (name, schema) in enumerate(self._properties.items()):
            if f"p{index}" in found:
                try:
                    arguments[name] = self._value(schema, found[f"p{index}"])
                except ValueError as error:
                    faults.append(FieldError(f"/{option_of(name)}", str(error)))
        arguments.update(self._more(rest, faults))
        if faults:
            raise InvalidInput("; ".join(f"{fault.pointer[1:]}: {fault.message}" for fault in faults), faults)
        return Given(arguments, reserved)

    def help(self) -> str:
        """What ``--help`` shows."""
        return self._parser.format_help()

    def _add_parameters(self) -> None:
        group = self._parser.add_argument_group("parameters of the task")
        required = set(self._schema.get("required") or ())
        spelled = [name for name in self._properties if name.isidentifier() or name.replace("-", "_").isidentifier()]
        self._taken = {f"--{name}" for name in spelled} | {option_of(name) for name in spelled}
        for index, (name, schema) in enumerate(self._properties.items()):
            names = list(dict.fromkeys([option_of(name), f"--{name}"]))
            help_text = _help(schema, name in required).replace("%", "%%")
            if _kind(schema) == "boolean":
                group.add_argument(*names, dest=f"p{index}", action="store_const", const=True, help=help_text)
                if (no := f"--no-{names[0][2:]}") not in self._taken:
                    group.add_argument(no, dest=f"p{index}", action="store_const", const=False, help=argparse.SUPPRESS)
            else:
                action = "append" if _kind(schema) == "array" else "store"
                metavar = _metavar(schema)
                group.add_argument(*names, dest=f"p{index}", action=action, metavar=metavar, help=help_text)

    def _add_reserved(self) -> None:
        group = self._parser.add_argument_group("options of runwright")
        for name, (help_text, has_value) in RESERVED.items():
            if f"--{name}" not in self._taken:
                self._reserved.add(name)
                if has_value:
                    group.add_argument(f"--{name}", dest=f"own_{name}", metavar="VALUE", help=help_text)
                else:
                    group.add_argument(f"--{name}", dest=f"own_{name}", action="store_true", help=help_text)
        names = [name for name in ("--help", "-h") if name not in self._taken]
        group.add_argument(*names, dest="help", action="store_true", help="show this")

    def _more(self, rest: Sequence[str], faults: list[FieldError]) -> dict[str, Any]:
        """Additional properties of a task with ``**kwargs``; for any other task what is left over is a fault."""
        open_ended = self._schema.get("additionalProperties") not in (None, False)
        more: dict[str, Any] = {}
        words = list(rest)
        while words:
            word = words.pop(0)
            name, equals, text = word.removeprefix("--").partition("=")
            if not word.startswith("--") or not name:
                faults.append(FieldError(f"/{word}", f"is no option; {self._task} takes options such as --name VALUE"))
            elif not open_ended:
                near = get_close_matches(f"--{name}", sorted(self._taken), n=1)
                hint = BEFORE if name in SHARED else f"; did you mean {near[0]}?" if near else ""
                faults.append(FieldError(f"/--{name}", f"task {self._task!r} has no such option{hint}"))
                if not equals and words and not words[0].startswith("--"):
                    words.pop(0)  # its value is no fault of its own
            elif equals or (words and not words[0].startswith("--")):
                more[name.replace("-", "_")] = _json_or_text(text if equals else words.pop(0))
            else:
                more[name.replace("-", "_")] = True
        return more

    def _value(self, schema: Mapping[str, Any], given: Any) -> Any:
        if isinstance(given, bool):
            return given
        if schema.get("x-upload"):
            return _file(given)
        if isinstance(given, list):
            item = self._resolved(schema.get("items") or {})
            if len(given) == 1 and given[0].lstrip().startswith("[") and not item.get("x-upload"):
                return _json(given[0])
            return [self._value(item, text) for text in given]
        if schema.get("writeOnly") and given == "-":
            return self._ask(str(schema.get("title") or "secret"))
        for choice in schema.get("enum") or ():
            if given == (choice if isinstance(choice, str) else json.dumps(choice)):
                return choice
        if schema.get("enum"):
            raise ValueError(f"must be one of {', '.join(str(choice) for choice in schema['enum'])}, not {given!r}")
        match _kind(schema):
            case "integer" | "number":
                return number(given)
            case "object" | "array":
                return _json(given)
            case "boolean":
                return _json_or_text(given)
            case "mixed":
                return self._mixed(schema, given)
            case "string" if schema.get("format") == "duration":
                return _duration(given)
        return given

    def _mixed(self, schema: Mapping[str, Any], given: str) -> Any:
        """A value of one of several types: a number if it may be one and looks like it, JSON if only that is left."""
        kinds = {_kind(self._resolved(entry)) for entry in (schema.get("anyOf") or schema.get("oneOf") or ())}
        if "integer" in kinds and isinstance(whole := number(given), int):
            return whole
        if "string" in kinds or "" in kinds:
            return given
        return _json_or_text(given)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with a reference, or the single entry of an ``allOf``, put in its place."""
        for _ in range(10):
            if "$ref" in schema:
                target = (self._schema.get("$defs") or {}).get(str(schema["$ref"]).rpartition("/")[2]) or {}
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif isinstance(parts := schema.get("allOf"), list) and len(parts) == 1:
                schema = {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}
            else:
                break
        return schema


def option_of(name: str) -> str:
    """The option for a parameter: ``dry_run`` is ``--dry-run``."""
    return f"--{name.replace('_', '-')}"


def json_object(text: str, option: str) -> dict[str, Any]:
    """A JSON object given to ``option``; ``@FILE`` reads it from a file, ``-`` from stdin. Raises InvalidInput."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        value = _json(text)
    except OSError as error:
        raise InvalidInput.field(f"/{option}", f"cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput.field(f"/{option}", f"is not UTF-8 text: {error}") from error
    except ValueError as error:
        raise InvalidInput.field(f"/{option}", str(error)) from error
    if not isinstance(value, dict):
        raise InvalidInput.field(f"/{option}", 'must be a JSON object, such as \'{"format": "tar"}\'')
    return value


def _file(text: str) -> Path:
    """The file that ``@PATH`` or ``PATH`` names; it is read when it is sent."""
    path = Path(text.removeprefix("@"))
    if not path.is_file():
        raise ValueError(f"there is no file {str(path)!r}")
    return path


def _kind(schema: Mapping[str, Any]) -> str:
    """The type that decides how an option is written; ``mixed`` for several, empty for any."""
    if "anyOf" in schema or "oneOf" in schema:
        return "mixed"
    kind = schema.get("type", "")
    return "mixed" if isinstance(kind, list) else str(kind)


def _help(schema: Mapping[str, Any], required: bool) -> str:
    parts = [str(schema.get("description") or schema.get("title") or "")]
    if "enum" in schema:
        parts.append("one of " + ", ".join(str(choice) for choice in schema["enum"]))
    if required:
        parts.append("required")
    elif "default" in schema:
        default = schema["default"]
        parts.append(f"default: {default if isinstance(default, str) else json.dumps(default)}")
    if schema.get("writeOnly"):
        parts.append("a single - asks for it")
    return "; ".join(part for part in parts if part)


def _metavar(schema: Mapping[str, Any]) -> str:
    if schema.get("x-upload") or (schema.get("items") or {}).get("x-upload"):
        return "@FILE"
    return {"integer": "N", "number": "X", "object": "JSON", "array": "VALUE"}.get(_kind(schema), "TEXT")


def number(text: str) -> Any:
    """The number in a text, or the text: the API names the field and what it wants."""
    for kind in (int, _finite):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _duration(text: str) -> Any:
    """Seconds for what every length of time may be written as; an ISO duration is left to the API."""
    try:
        return parse_duration(text)
    except InvalidInput:
        return text


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None


def _json_or_text(text: str) -> Any:
    try:
        return _json(text)
    except ValueError:
        return text


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number that JSON has")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text[:20])


def _ask(title: str) -> str:
    if sys.stdin.isatty():
        return getpass(f"{title}: ")
    return sys.stdin.readline().rstrip("\n")
