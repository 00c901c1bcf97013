"""Discovery in packages and entry points."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from runwright.errors import StartRefused
from runwright.tasks.discovery import DiscoveryOptions, Report, discover
from runwright.tasks.registry import Registry

CLASS = """
from runwright import BaseTask
class Work(BaseTask):
    task_name = "{name}"
    async def run(self): ...
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for packages, importable while the test runs."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(site: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def search(*namespaces: str, **options: object) -> tuple[Registry, Report]:
    registry = Registry()
    return registry, discover(DiscoveryOptions(namespaces=namespaces, **options), registry)  # type: ignore[arg-type]  # options by name


def test_a_package_is_walked(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": CLASS.format(name="root_task"),
            "app/one.py": "from runwright import task\n@task\nasync def one(): ...\n",
            "app/deep/__init__.py": "",
            "app/deep/deeper/__init__.py": "",
            "app/deep/deeper/two.py": CLASS.format(name="two_task"),
            "app/__main__.py": "raise SystemExit\n",
            "app/script.py": "def run(): ...\ndef main(): ...\n",
        },
    )
    registry, report = search("app")
    assert registry.names() == ("one", "root_task", "two_task")
    assert not report.problems
    assert search("app", include_subpackages=False)[0].names() == ("one", "root_task")
    assert search("app.one")[0].names() == ("one",)
    assert search("app", enabled=False)[0].names() == ()


def test_modules_are_ignored_by_any_segment(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": "",
            "app/base_task.py": "raise SystemExit\n",
            "app/examples/__init__.py": "",
            "app/examples/demo.py": CLASS.format(name="demo_task"),
            "app/kept.py": CLASS.format(name="kept_task"),
        },
    )
    registry, report = search("app", ignore_modules=frozenset({"base_task", "examples"}))
    assert registry.names() == ("kept_task",)
    assert not report.problems
    assert "app.examples.demo" not in sys.modules


def test_broken_modules_hide_nobody(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": "",
            "app/a_missing.py": "\nimport nothing_of_that_name\n",
            "app/b_exits.py": "import sys\nsys.exit()\n",
            "app/c_syntax.py": "x = 1\ndef (:\n",
            "app/d_package/__init__.py": "1 / 0\n",
            "app/d_package/unreachable.py": CLASS.format(name="unreachable_task"),
            "app/e_good.py": CLASS.format(name="good_task"),
            "app/f_option.py": "from runwright import task\n@task(retry='x')\ndef f(): ...\n",
        },
    )
    registry, report = search("app", "no_such_package")
    assert registry.names() == ("good_task",)
    found = {problem.source: (Path(problem.file).name, problem.line, problem.error) for problem in report.problems}
    assert found["module app.a_missing"][:2] == ("a_missing.py", 2)
    assert found["module app.b_exits"][:2] == ("b_exits.py", 2)
    assert found["module app.c_syntax"][:2] == ("c_syntax.py", 2)
    assert found["module app.d_package"][:2] == ("__init__.py", 1)
    assert "ZeroDivisionError" in found["module app.d_package"][2]
    assert "retry must be a whole number" in found["module app.f_option"][2]
    assert "there is no module 'no_such_package'" in found["module no_such_package"][2]
    assert len(found) == 6


def test_modules_that_answer_nothing_stop_nobody(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": "",
            "app/a_raises.py": "def __getattr__(name): raise RuntimeError(name)\n",
            "app/b_other.py": "import sys\nclass Other:\n    def __getattr__(self, name): raise RuntimeError(name)\n"
            "sys.modules[__name__] = Other()\n",
            "app/c_lazy.py": "class Lazy:\n    @property\n    def __class__(self): raise RuntimeError\nlazy = Lazy()\n",
            "app/d_good.py": CLASS.format(name="good_task"),
            "spread/work.py": "from runwright import task\n@task\ndef spread(): ...\n",
        },
    )
    registry, report = search("app", "spread")
    assert registry.names() == ("good_task", "spread")
    assert not report.problems


def test_problems_are_placed_in_the_users_own_file(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": "",
            "app/a_option.py": "from runwright import task\n\n@task(timeout='zz')\ndef bad(): ...\n",
            "app/b_library.py": "import json\n\n\nx = json.loads('nope')\n",
            "app/c_other.py": "\n\nimport app.d_missing\n",
            "app/d_missing.py": "import nothing_of_that_name\n",
            "app/e_null.py": "\n\nx = '\0'\n",
        },
    )
    _, report = search("app", "app.not_there", "nowhere.at.all")
    found = {problem.source.removeprefix("module "): problem for problem in report.problems}
    places = {name: (Path(problem.file).name, problem.line) for name, problem in found.items()}
    assert places == {
        "app.a_option": ("a_option.py", 3),
        "app.b_library": ("b_library.py", 4),
        "app.c_other": ("c_other.py", 3),
        "app.d_missing": ("d_missing.py", 1),
        "app.e_null": ("e_null.py", 3),
        "app.not_there": ("app.not_there", None),
        "nowhere.at.all": ("nowhere.at.all", None),
    }
    said = found["nowhere.at.all"].error
    assert said.startswith("there is no module 'nowhere.at.all' on Python's path: install its package or ")
    assert said.endswith("in PYTHONPATH; see autodiscovery_namespaces")


@pytest.mark.parametrize("name", ["missing", "Bad_task", "scan", "scan-task", "_task", "9x_task", "foo_task_2"])
def test_classes_without_a_valid_name_stop_the_start(site: Path, name: str) -> None:
    text = CLASS.format(name=name)
    if name == "missing":
        text = text.replace('task_name = "missing"', "pass")
    write(site, {"app/__init__.py": "", "app/bad.py": text, "app/other.py": text})
    with pytest.raises(StartRefused, match=r"valid names: .*bad\.py:\d+: .*task_name.*; .*other\.py:\d+: .*task_name"):
        search("app")


def test_classes_without_a_valid_name_are_listed_where_that_is_wanted(site: Path) -> None:
    write(site, {"app/__init__.py": CLASS.format(name="good_task"), "app/bad.py": CLASS.format(name="Bad")})
    registry, report = search("app", raise_on_missing_name=False)
    assert registry.names() == ("good_task",)
    (problem,) = report.problems
    assert (Path(problem.file).name, problem.line) == ("bad.py", 4)
    assert "task_name 'Bad' must be small letters" in problem.error


@pytest.mark.parametrize("name", ["a_task", "scan__task", "scan_2_task"])
def test_valid_names_of_classes(site: Path, name: str) -> None:
    write(site, {"app/__init__.py": CLASS.format(name=name)})
    assert search("app")[0].names() == (name,)


def test_abstract_classes_are_passed_over_and_an_inherited_name_is_none(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": """
            from abc import abstractmethod
            from runwright import BaseTask

            class Nameless(BaseTask):
                pass

            class Half(BaseTask):
                @abstractmethod
                def part(self): ...
                async def run(self): ...

            class Whole(Half):
                task_name = "whole_task"
                def part(self): ...
            """
        },
    )
    assert search("app")[0].names() == ("whole_task",)
    with (site / "app" / "__init__.py").open("a") as file:
        file.write("\nclass Heir(Whole):\n    pass\n")
    del sys.modules["app"]
    with pytest.raises(StartRefused, match="Heir has no task_name of its own"):
        search("app")


def test_re_exports_are_registered_once(site: Path) -> None:
    write(
        site,
        {
            "app/__init__.py": "from app.real import Work, work, again\n",
            "app/real.py": CLASS.format(name="real_task")
            + "from runwright import task\n@task\ndef work(): ...\nagain = work\nvaried = work.with_(name='varied')\n",
            "app/wraps.py": "from app.plain import helper\n"
            "from runwright import task\nhelped = task(name='helped')(helper)\n",
            "app/plain.py": "def helper(): ...\n",
        },
    )
    registry, report = search("app")
    assert registry.names() == ("helped", "real_task", "varied", "work")
    assert not report.problems


@pytest.mark.parametrize("flag", ["__autodiscover__", "__openscan_autodiscover__"])
def test_a_module_opts_out(site: Path, flag: str) -> None:
    write(site, {"app/__init__.py": f"{flag} = False\n" + CLASS.format(name="Bad Name")})
    registry, report = search("app")
    assert not registry.names()
    assert not report.problems


def test_entry_points(site: Path) -> None:
    info = site / "plugin-1.0.dist-info"
    write(
        site,
        {
            "plugin.py": CLASS.format(name="plugin_task") + "def plain(): ...\nseveral = [plain, Work]\n",
            "plugin_module.py": "from runwright import task\n@task\ndef offered(): ...\n",
            f"{info.name}/METADATA": "Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n",
            f"{info.name}/entry_points.txt": "[runwright.tasks]\n"
            "module = plugin_module\nlist = plugin:several\nbroken = plugin:nothing\nodd = plugin:__name__\n",
        },
    )
    registry, report = search()
    assert registry.names() == ("offered", "plain", "plugin_task")
    assert sorted(problem.source for problem in report.problems) == [
        "entry point broken of plugin 1.0",
        "entry point odd of plugin 1.0",
    ]
    assert search(entry_points=False)[0].names() == ()


def test_a_broken_entry_point_hides_nobody_and_is_named_with_its_package(site: Path) -> None:
    info = site / "plugin-1.0.dist-info"
    write(
        site,
        {
            "plugin.py": """
            from runwright import task
            def make():
                @task(name="unresolved")
                async def unresolved(s: "Nope"): ...
                return unresolved
            unresolved = make()
            @task
            def fine(): ...
            mixed = [fine, 5, unresolved, fine.with_(title="again")]
            """,
            "crashing.py": "\nraise ValueError('not today')\n",
            f"{info.name}/METADATA": "Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n",
            f"{info.name}/entry_points.txt": "[runwright.tasks]\n"
            "lost = plugin:unresolved\nmixed = plugin:mixed\ncrash = crashing\n",
        },
    )
    registry, report = search()
    assert registry.names() == ("fine",)
    told = sorted((problem.error, Path(problem.file).name, problem.line) for problem in report.problems)
    unresolved = "task 'unresolved': parameter s: name 'Nope' is not defined"
    assert told == [
        ("entry point crash of plugin 1.0: ValueError: not today", "crashing.py", 2),
        (f"entry point lost of plugin 1.0: {unresolved}", "plugin.py", 4),
        ("entry point mixed of plugin 1.0: 5 is not a task: give a function, something decorated with @task, "
         "or a subclass of BaseTask", "plugin.py", None),
        (f"entry point mixed of plugin 1.0: {unresolved}", "plugin.py", 4),
        ("entry point mixed of plugin 1.0: the name 'fine' is used before in this file, at "
         f"{site / 'plugin.py'}:8", "plugin.py", 8),
    ]  # fmt: skip
