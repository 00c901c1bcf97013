"""Writes docs/reference/settings.md and cli.md from the settings and the commands themselves.

Run ``python -m tools.write_reference``. A test compares the files with what this makes, so that neither can be out of
date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.main import get_command

from runwright.cli.invocation import COMMON
from runwright.cli.main import app
from runwright.cli.options import RESERVED
from runwright.cli.output import EXIT_CODES, INTERRUPTED
from runwright.cli.serve import PANEL
from runwright.config import Settings
from runwright.config.files import FOREIGN, MANAGER_KEYS, NAMES, OLDER_KEYS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
SHOWN = {
    "max_concurrent": "CPUs",
    "max_threads": "CPUs + 4",
    "max_processes": "CPUs",
    "directory": "`./backgroundtask`",
}
"""Defaults that depend on the machine, or look otherwise than they are written."""

MADE = "<!-- Made by `python -m tools.write_reference`; do not edit. -->\n"


SETTINGS_WORDS = """\
A setting has the value of the last of these that gives one: its default, the settings file, the environment, a flag of
the command line. `runwright config` shows each value and where it came from.

The file is the one given with `--config`, or the one of {files} that is in the working
directory; JSON may have `//` comments. A key that nobody knows is an error; a `TASK_…` variable that nobody knows is a
warning. Relative paths begin at the working directory.

Lengths of time are seconds, or texts such as `500ms`, `90s`, `5m`, `1h30m`, `2d`. Lists in variables and flags are
separated by commas, or written as JSON. `none` stands for no value where that is possible. An empty variable counts as
not set. Secrets have no flag, because other users of the machine can see a command line.
"""

CLI_WORDS = """\
`runwright` asks the server that works on the same SQLite file, the one named with `--server`, or opens the store
itself. Results go to stdout, everything else to stderr; where stdout is no terminal, tables are plain text.

## Options of every command

They may stand before the command or after it; with `run` and `start`, before the task's name.
"""

FLAGS_WORDS = """
Every setting has a flag too, except for secrets and schedules: `max_threads` is `--max-threads`, and a yes or no is
`--metrics-public` or `--no-metrics-public`. See [Settings](settings.md)."""

OPTIONS_WORDS = """
After the task's name stand its own options, made from its parameters: `--format tar`, `--flag` or `--no-flag` for a
boolean, an option repeated for a list, JSON for what is nested, and `-` to be asked for a secret. `NAME --help` lists
them. Unless the task has parameters of these names, these may stand there too:
{reserved}."""


def settings_page() -> str:
    """The reference of the settings."""
    lines = [
        "# Settings\n",
        MADE,
        SETTINGS_WORDS.format(files=", ".join(f"`{name}`" for name in NAMES)),
        "| setting | default | variable | meaning |",
        "|---|---|---|---|",
    ]
    default = {row.name: row for row in Settings().describe()}
    for name, row in default.items():
        value = SHOWN.get(name) or f"`{_value(row.value)}`"
        variable = f"`{row.environment}`" if row.environment else "only in a file"
        lines.append(f"| `{name}` | {value} | {variable} | {row.description} |")
    lines += [
        "\n## What other programs have written\n",
        f"A `{FOREIGN}` with a `manager` section is found by itself. Only its `manager.tasks` is read:\n",
        "| key | setting |",
        "|---|---|",
        *(f"| `manager.tasks.{key}` | `{name}` |" for key, name in MANAGER_KEYS.items()),
        "\nThese keys are accepted in every file:\n",
        "| key | setting |",
        "|---|---|",
        *(f"| `{key}` | `{name}` |" for key, name in OLDER_KEYS.items()),
    ]
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """The reference of the command line."""
    root: Any = get_command(app)
    common = [parameter for parameter in _options(root) if _panel(parameter) == COMMON]
    lines = [
        "# The command line\n",
        MADE,
        CLI_WORDS,
        *_table(common),
        "\n## Exit codes\n",
        "| code | meaning |",
        "|---:|---|",
        "| 0 | it was done; a run that was waited for has completed |",
        *_exit_codes(),
        f"| {INTERRUPTED} | Ctrl-C |",
        '\nWith `--json` an error is a document too: `{"errors": [{"code", "detail", "pointer"}]}`.',
    ]
    for words, command in _commands(root, ("runwright",)):
        lines += ["", *_section(words, command)]
    return "\n".join(lines) + "\n"


def pages() -> Mapping[Path, str]:
    """Each page by its file."""
    return {FOLDER / "settings.md": settings_page(), FOLDER / "cli.md": cli_page()}


def _section(words: Sequence[str], command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    spelled = "".join(f" {_spelled(argument)}" for argument in arguments)
    yield f"## {' '.join(words)}\n"
    yield (
        f"```text\n{' '.join(words)}{spelled} [options]\n```\n"
        if "--OPTION" not in spelled
        else (f"```text\n{' '.join(words)} [options] NAME [--option VALUE …]\n```\n")
    )
    yield " ".join((command.help or "").split())
    own = [p for p in _options(command) if _panel(p) not in {COMMON, PANEL} and "--help" not in p.opts]
    if own:
        yield from ("", *_table(own))
    if any(_panel(parameter) == PANEL for parameter in _options(command)):
        yield FLAGS_WORDS
    if "--OPTION" in spelled:
        yield OPTIONS_WORDS.format(reserved=", ".join(f"`--{name}`" for name in RESERVED))


def _spelled(argument: Any) -> str:
    name = str(argument.metavar or argument.name).strip("[]")
    name = f"{name} …" if argument.nargs == -1 else name
    return name if argument.required else f"[{name}]"


def _options(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "option"]


def _panel(parameter: Any) -> str | None:
    panel: str | None = parameter.rich_help_panel
    return panel


def _table(options: Sequence[Any]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for option in options:
        value = "" if option.is_flag else f" {option.metavar or 'VALUE'}"
        names = ", ".join(f"`{name}{value}`" for name in (*option.opts, *option.secondary_opts))
        default = f" Default: {option.default}." if option.default not in (None, False) else ""
        required = " Required." if option.required else ""
        yield f"| {names} | {option.help}{required}{default} |"


def _commands(group: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command


def _exit_codes() -> Iterator[str]:
    meanings: dict[int, list[str]] = {}
    for code, meaning in EXIT_CODES.values():
        meanings.setdefault(code, []).append(meaning)
    for code, texts in sorted(meanings.items()):
        yield f"| {code} | {'; or '.join(texts)} |"


def _value(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.name)
