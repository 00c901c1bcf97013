"""The page on sources tells all settings of discovery; and the commands of the guide do what stands beside them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from runwright import Settings
from runwright.tasks.sources import DiscoveryOptions

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
OF_DISCOVERY = {
    *(name for name in Settings.model_fields if name.startswith("autodiscovery_")),
    *("required_tasks", "community_dir", "directory", "default", "interval", "allowed_roots", "import_seconds"),
}


def commands(page: str) -> list[str]:
    """The lines with commands of the program."""
    blocks = re.findall(r"```sh\n(.*?)```", (GUIDE / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if "runwright " in line]


def ran(line: str, folder: Path) -> str:
    """What a line says on its standard output, with this environment's program."""
    program = f"{shlex.quote(sys.executable)} -m runwright "
    shell = re.sub(r"\brunwright ", lambda _: program, line, count=1)
    done = subprocess.run(["sh", "-c", shell], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_setting_of_discovery_is_told() -> None:
    page = (GUIDE / "sources.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)(?:: \w+)?`", page))
    assert told >= OF_DISCOVERY
    assert {name for name in told if name.startswith("autodiscovery_")} <= OF_DISCOVERY
    assert {field.removeprefix("autodiscovery_") for field in OF_DISCOVERY} >= (
        set(DiscoveryOptions.__annotations__)
        - {"entry_points", "script_retries", "file_seconds"}  # no settings of these names
    )


def test_the_settings_of_the_example_are_known(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (GUIDE / "sources.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "runwright.yaml").write_text(block)
    settings = Settings.load(directory=tmp_path, environ={})
    assert list(settings.autodiscovery_namespaces) == ["my_app.jobs"]
    assert list(settings.required_tasks) == ["scan_task"]


def test_a_task_is_linked_listed_and_unlinked(tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "your_plugin" / "tasks"
    plugin.mkdir(parents=True)
    (plugin / "my_task.py").write_text("def run(): return 1\n")
    *links, tasks, unlink = commands("sources.md")
    for line in links:
        ran(line, tmp_path)
    assert sorted(path.name for path in (tmp_path / "backgroundtask").iterdir()) == ["my_task.py", "nightly.py"]
    assert re.findall(r"^(my_task|nightly) ", ran(tasks, tmp_path), re.MULTILINE) == ["my_task", "nightly"]
    ran(unlink, tmp_path)
    assert [path.name for path in (tmp_path / "backgroundtask").iterdir()] == ["my_task.py"]


@pytest.mark.parametrize(("number", "result"), [(0, "a.png 100"), (1, "b.png 7"), (2, "b.png 50")])
def test_arguments_of_the_command_line(tmp_path: Path, number: int, result: str) -> None:
    (tmp_path / "backgroundtask").mkdir()
    (tmp_path / "backgroundtask" / "thumbnail.py").write_text(
        "def run(image: str, size: int = 200):\n    return f'{image} {size}'\n"
    )
    (tmp_path / "thumbnail.json").write_text('{"image": "b.png", "size": 7}')
    assert ran(commands("options.md")[number], tmp_path).splitlines()[-1] == result


def test_schedules_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "backgroundtask").mkdir()
    (tmp_path / "backgroundtask" / "report.py").write_text("def run(kind: str = 'short'):\n    return kind\n")
    *added, following = commands("README.md")
    for line in added:
        ran(line, tmp_path)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:30", ran(following, tmp_path))
