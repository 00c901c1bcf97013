"""The reference of settings and commands is what the program says of itself."""

from __future__ import annotations

import pytest

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
