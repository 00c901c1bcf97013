"""The reference of settings and commands is what the program says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from runwright.cli.main import app
from runwright.config import Settings
from tools.write_reference import FOLDER, pages


@pytest.mark.parametrize("name", ["settings.md", "cli.md"])
def test_the_page_is_current(name: str) -> None:
    made = pages()[FOLDER / name]
    assert (FOLDER / name).read_text(encoding="utf-8") == made, "write it again: python -m tools.write_reference"


def test_every_setting_is_on_its_page() -> None:
    text = (FOLDER / "settings.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize(
    "command",
    [
        *("serve", "tasks", "run", "start", "runs", "show", "logs", "pause", "resume", "cancel", "restart", "delete"),
        *("config", "link", "unlink", "timeline", "workers"),
        *(f"schedules {verb}" for verb in ("list", "add", "edit", "enable", "disable", "remove", "next", "fire")),
        *(f"services {verb}" for verb in ("list", "show", "start", "stop", "restart")),
    ],
)
def test_every_command_is_on_its_page(command: str) -> None:
    assert f"## runwright {command}\n" in (FOLDER / "cli.md").read_text(encoding="utf-8")


ROOT = FOLDER.parents[1]


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))], ids=lambda path: path.name)
def test_every_command_that_a_document_names_is_there(path: Path) -> None:
    """In a line of code, or between backticks."""
    text = path.read_text(encoding="utf-8")
    known = dict(get_command(app).commands)  # type: ignore[attr-defined]  # the program is a group of commands
    for command, verb in re.findall(r"(?:`|^|\| )runwright ([a-z]+)(?: ([a-z]+)\b)?", text, re.MULTILINE):
        assert command in known, f"there is no command {command!r}"
        if verb and hasattr(known[command], "commands"):
            assert verb in known[command].commands, f"there is no command '{command} {verb}'"
