"""Discovery in folders: what loads, what does not and why, and what the process is like afterwards."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from runwright.clock import SystemClock
from runwright.errors import StartRefused
from runwright.tasks.discovery import DiscoveryOptions, Report, discover, load_files
from runwright.tasks.examine import examine
from runwright.tasks.loading import MAX_FILE_BYTES, FileRefused, SourceFile, import_source, read_file, task_files
from runwright.tasks.registry import Registry

WORK = {"x", "bad_no_dict", "typo_task"}  # these of the bad files give a task all the same

GOOD = "from runwright import task\n\n\n@task\nasync def {name}(a: int = 1) -> int:\n    return a\n"

BAD: dict[str, tuple[str | bytes, int | None, str]] = {
    "syntax": ("x = 1\ndef (:\n", 2, "SyntaxError"),
    "half_written": ("def run():\n    return (1,\n", 2, "SyntaxError"),
    "missing_import": ("\nimport nothing_of_that_name\n", 2, "No module named 'nothing_of_that_name'"),
    "raises": ("x = 1\nraise ValueError('not today')\n", 2, "ValueError: not today"),
    "raises_below": ("def f():\n    return 1 / 0\nf()\n", 2, "ZeroDivisionError"),
    "exits": ("import sys\nsys.exit(3)\n", 2, "sys.exit(3)"),
    "raises_exit": ("raise SystemExit\n", 1, "ends the program"),
    "leaves": ("import os\nos._exit(4)\n", 2, "exit status 4"),
    "kills": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", 2, "killed by SIGKILL"),
    "forks": ("import os\npid = os.fork()\ndef run(): ...\n", 2, "by fork"),
    "waits_in_fork": ("import os, time\nif os.fork() == 0:\n    time.sleep(60)\ndef run(): ...\n", 2, "by fork"),
    "signals": ("import signal\nsignal.signal(signal.SIGTERM, print)\ndef run(): ...\n", 2, "signal handlers"),
    "moves": ("import os\nos.chdir('/')\ndef run(): ...\n", 2, "working directory"),
    "bad_key": ("metadata = {\n    'title': 'x',\n    'timeout': -1,\n}\ndef run(): ...\n", 3, "length of time"),
    "bad_job": ("def f(): ...\nmetadata = {'con': [\n    {'func': 5},\n]}\n", 3, "whose 'func' is a function"),
    "no_dict": ("metadata = ['x']\ndef run(): ...\n", 1, "metadata must be a dict, not a list"),
    "no_run": ("from runwright import BaseTask\nclass X(BaseTask):\n    task_name = 'x_task'\n", 2, "no run method"),
    "typo": (
        "from runwright import BaseTask\nclass Typo(BaseTask):\n    task_name = 'typo_task'\n    task_titel = 'x'\n"
        "    async def run(self): ...\n",
        4,
        "task_titel is no option of a task and was passed over; did you mean 'task_title'?",
    ),
    "hungry": ("x = bytearray(2 * 1024 ** 3)\n", 1, "MemoryError"),
    "empty": ("", None, "defines no task"),
    "only_imports": ("from asyncio import run\nfrom runwright import BaseTask, task\n", None, "defines no task"),
    "nameless": (
        "from runwright import BaseTask\n\nclass X(BaseTask):\n    async def run(self): ...\n",
        3,
        "has no task_name of its own",
    ),
    "misnamed": (
        "from runwright import BaseTask\nclass X(BaseTask):\n    task_name = 'Not OK'\n    async def run(self): ...\n",
        3,
        "small letters",
    ),
    "bad_option": ("from runwright import task\n@task(timeout='soon')\ndef f(): ...\n", 2, "length of time"),
    "bad_type": ("import threading\ndef run(lock: threading.Event): ...\n", 2, "cannot be made from JSON"),
    "bad_constant": ("timeout = 'soon'\ndef run(): ...\n", 1, "length of time"),
    "twice": (
        "from runwright import task\n@task(name='x')\ndef f(): ...\n@task(name='x')\ndef g(): ...\n",
        4,
        "is used before in this file",
    ),
    "null": ("x = 1\0\n", 1, "null bytes"),
    "not_utf8": (b"x = '\xff\xfe'\ndef run(): ...\n", 1, "codec can't decode"),
    "huge": (b"x = 1\n" * (MAX_FILE_BYTES // 6 + 1), None, "is larger than 4 MiB"),
    "reads_stdin": ("import sys\nsys.stdin.read()\nprint('noise')\nraise KeyError('after')\n", 4, "KeyError"),
}


HARMFUL: dict[str, tuple[str | bytes, int | None, str]] = {
    "thread": ("import threading\nthreading.Thread(target=threading.Event().wait).start()\n", 2, "keep the program"),
    "closes": ("import os\nos.close(1)\ndef run(): ...\n", 2, "standard streams"),
    "closes_stream": ("import sys\nsys.stdout.close()\ndef run(): ...\n", None, "standard streams"),
    "crashes": ("import ctypes\ndef f():\n    ctypes.string_at(0)\nf()\n", 3, "killed by SIGSEGV"),
}  # each costs a process of its own


def load(folder: Path, **options: Any) -> tuple[Registry, Report]:
    registry = Registry()
    report = discover(DiscoveryOptions(**{"directory": folder, "allowed_roots": (folder,), **options}), registry)
    return registry, report


def surroundings() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "cwd": Path.cwd(),
        "path": list(sys.path),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
    }


def test_every_bad_file_is_a_problem_and_hides_nobody(tmp_path: Path) -> None:
    bad = {**BAD, **HARMFUL}
    for number in range(50):
        (tmp_path / f"good_{number}.py").write_text(GOOD.format(name=f"good_{number}"))
    for name, (content, _, _) in bad.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / f"bad_{name}.py").write_bytes(data)
    before = surroundings()
    registry, report = load(tmp_path)
    assert surroundings() == before
    assert set(registry.names()) == {f"good_{number}" for number in range(50)} | WORK
    found = {Path(problem.file).stem.removeprefix("bad_"): problem for problem in report.problems}
    assert found.keys() == bad.keys()
    assert len(report.problems) == len(bad)
    for name, (_, line, words) in bad.items():
        assert words in found[name].error, name
        assert found[name].line == line, name


@pytest.mark.soak
def test_two_hundred_good_files_among_all_kinds_of_bad_ones_load_within_ten_seconds(tmp_path: Path) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    good = {f"good_{number}" for number in range(200)}
    for name in good:
        (folder / f"{name}.py").write_text(GOOD.format(name=name))
    (folder / "good_7.py").write_bytes(
        b"\xef\xbb\xbf" + GOOD.format(name="good_7").encode()
    )  # with a mark of its order
    for name, (content, _, _) in BAD.items():
        (folder / f"bad_{name}.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    others = {
        "endless": ("while True: pass\n", "does not end within"),
        "sleeps": ("import time\ntime.sleep(600)\n", "does not end within"),
        "forks_for_ever": ("import os\nwhile True:\n    if os.fork() == 0: os._exit(0)\n", ""),
        "zz_taken": (GOOD.format(name="good_1"), "the name 'good_1' is taken by the task at"),
    }
    for name, (text, _) in others.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "dangling.py").symlink_to("nothing.py")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "outside.py").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fifo.py")
    before, began = surroundings(), SystemClock().monotonic()
    registry, report = load(folder)
    seconds = SystemClock().monotonic() - began

    print(f"\n200 good files and {len(report.problems)} problems: {seconds:.1f} s")
    assert surroundings() == before
    assert set(registry.names()) == good | WORK
    stems = [Path(problem.file).stem for problem in report.problems]
    assert sorted(stems) == sorted([f"bad_{name}" for name in BAD] + [*others, "dangling", "loop", "outside", "fifo"])
    found = {Path(problem.file).stem: problem for problem in report.problems}
    for name, (_, line, words) in BAD.items():
        assert (found[f"bad_{name}"].line, words in found[f"bad_{name}"].error) == (line, True), name
    for name, (_, words) in others.items():
        assert words in found[name].error, found[name]
    assert seconds <= 10


LAZY = """
class Lazy:
    @property
    def __class__(self):
        raise RuntimeError("not configured")
"""
EVIL: dict[str, tuple[str, list[tuple[int | None, str]]]] = {
    "lazy": (f"{LAZY}\nsettings = Lazy()\ndef run(): ...\n", []),
    "lazy_option": (f"{LAZY}\ntimeout = Lazy()\ndef run(): ...\n", [(8, "RuntimeError: not configured")]),
    "no_attributes": ("def __getattr__(name): raise RuntimeError(name)\ndef run(): ...\n", []),
    "all_attributes": ("def __getattr__(name): return lambda: 1\nx = 1\n", [(None, "defines no task")]),
    "odd_mapping": (
        "class M(dict):\n    def get(self, *_): raise RuntimeError('no')\nmetadata = M(title='x')\ndef run(): ...\n",
        [(3, "RuntimeError: no")],
    ),
    "odd_name": (
        "class N:\n    def __str__(self): raise RuntimeError('nameless')\ndef f(): ...\n"
        "metadata = {'con': [\n    {'func': f, 'name': N()},\n    {'func': f, 'name': 'fine'},\n]}\n",
        [(5, "metadata['con'][0]: RuntimeError: nameless")],
    ),
    "mixed_keys": (
        "def f(): ...\nmetadata = {'con': [{\n    'func': f,\n    'name': 'mixed',\n    5: 1,\n    'zz': 1,\n}]}\n",
        [(5, "5 is not known"), (6, "'zz' is not known")],
    ),
    "mixed_cron": (
        "def f(): ...\nmetadata = {'con': [\n"
        "    {'func': f, 'interval': 'cron', 'cron_params': {5: 1, 'zz': 1}},\n"
        "    {'func': f, 'interval': 'cron', 'cron_params': ['hour']},\n]}\n",
        [(3, "cron_params has 5"), (4, "cron_params must be a dict")],
    ),
    "odd_type": (
        "class T:\n    @classmethod\n    def __get_pydantic_core_schema__(cls, *_): raise RuntimeError('untyped')\n"
        "def run(x: T): ...\n",
        [(4, "RuntimeError: untyped")],
    ),
    "half_character": ("raise ValueError('\\ud800')\n", [(1, "ValueError: ?")]),
}


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("name", EVIL)
def test_whatever_an_object_does_when_it_is_looked_at_is_its_files_own_fault(tmp_path: Path, name: str) -> None:
    text, wanted = EVIL[name]
    (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "good.py").write_text("def run(): ...\n")
    registry, report = load(tmp_path)
    assert "good" in registry.names()
    assert [problem.line for problem in report.problems] == [line for line, _ in wanted]
    for problem, (_, words) in zip(report.problems, wanted, strict=True):
        assert words in problem.error
        problem.error.encode()
    kept = {"odd_name": "fine", "mixed_keys": "mixed", "lazy": "lazy", "no_attributes": "no_attributes",
            "odd_mapping": "odd_mapping"}.get(name)  # fmt: skip
    assert registry.names() == tuple(sorted({"good", *([kept] if kept else [])}))


def test_a_name_of_any_bytes_is_told_in_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("def run(): ...\n")
    (problem,) = load(tmp_path)[1].problems
    assert problem.file == f"{tmp_path}/\\udcff.py"
    assert "cannot be the name of a task" in problem.error


@pytest.mark.usefixtures("trusting")
def test_jobs_are_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(
        "def f(): ...\nmetadata = {'con': [\n"
        "    {'func': f, 'name': 'off', 'activate': False},\n"
        "    {'func': f, 'name': 'unsure', 'activate': 'no'},\n"
        "    {'func': f, 'name': 'Ünï Cödé'},\n"
        "    {'func': f, 'name': 'żółw'},\n]}\n"
    )
    registry, report = load(tmp_path)
    assert registry.names() == ("off", "uni_code")
    assert registry.get("off").schedule is None
    assert registry.get("uni_code").title == "Ünï Cödé"
    told = [(problem.line, problem.error) for problem in report.problems]
    assert told == [
        (4, "metadata['con'][1]: activate must be True or False, not 'no'"),
        (6, "metadata['con'][3]: name 'żółw' has 'ł'; a task's name has letters from a to z only"),
    ]


def test_threads_that_end_and_those_of_a_pool_are_no_harm() -> None:
    short = b"import threading\nthreading.Thread(target=len, args=['x']).start()\ndef run(): ...\n"
    pool = (
        b"from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
        b"pool.submit(len, 'x').result()\ndef run(): ...\n"
    )
    files = [SourceFile(f"/nowhere/{number}.py", data) for number, data in enumerate((short, pool))]
    assert examine(files, 20, SystemClock()) == [None, None]


def test_a_file_in_place_of_the_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("def run(): ...\n")
    registry, report = load(tmp_path / "work.py")
    assert not registry.names()
    assert [problem.error for problem in report.problems] == ["is not a directory"]


def test_unusual_good_files(tmp_path: Path) -> None:
    (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbfdef run(): ...\n")
    (tmp_path / "latin.py").write_bytes(
        "# -*- coding: latin-1 -*-\ntitle = 'Größe'\ndef main(): ...\n".encode("latin-1")
    )
    (tmp_path / "Two Words.py").write_text("def run(): ...\n")
    (tmp_path / "_private.py").write_text("def run(): ...\n")
    (tmp_path / "models.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\nfrom pydantic import BaseModel\nfrom runwright import task\n"
        "@dataclass\nclass A:\n    n: int\n"
        "class B(BaseModel):\n    a: A\n"
        "@task\ndef uses_models(b: B, c: C): return b.a.n\n"
        "class C(BaseModel):\n    x: int\n"
    )
    (tmp_path / "changes_path.py").write_text("import sys\nsys.path.insert(0, '/nowhere')\ndef run(): ...\n")
    for ignored in ("__init__.py", "__main__.py", ".hidden.py", "notes.txt", "old.py~"):
        (tmp_path / ignored).write_text("raise SystemExit\n")
    registry, report = load(tmp_path)
    assert not report.problems
    assert registry.names() == ("bom", "changes_path", "latin", "private", "two_words", "uses_models")
    assert registry.get("latin").title == "Größe"
    assert "/nowhere" not in sys.path
    args, kwargs = registry.get("uses_models").signature.load({"b": {"a": {"n": 3}}, "c": {"x": 1}})
    assert registry.get("uses_models")(*args, **kwargs) == 3


def test_a_file_that_never_ends_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "a_loop.py").write_text("while True: pass\n")
    (tmp_path / "b_sleep.py").write_text("import time\ntime.sleep(60)\n")
    for number in range(20):
        (tmp_path / f"good_{number}.py").write_text(GOOD.format(name=f"good_{number}"))
    registry, report = load(tmp_path, file_seconds=1.0)
    assert len(registry.names()) == 20
    told = [(Path(problem.file).name, problem.line, problem.error) for problem in report.problems]
    late = "its import does not end within 1 s"
    assert told == [("a_loop.py", 1, late), ("b_sleep.py", 2, late)]


@pytest.mark.usefixtures("trusting")
def test_links_and_other_things_in_the_folder(tmp_path: Path) -> None:
    inside, outside, folder = tmp_path / "root" / "plugin", tmp_path / "elsewhere", tmp_path / "root" / "tasks"
    for directory in (inside, outside, folder):
        directory.mkdir(parents=True)
    for directory in (inside, outside):
        (directory / "work.py").write_text("def run(): ...\n")
    (folder / "good.py").symlink_to(inside / "work.py")
    (folder / "relative.py").symlink_to("../plugin/work.py")
    (folder / "outside.py").symlink_to(outside / "work.py")
    (folder / "passwd.py").symlink_to("/etc/passwd")
    (folder / "device.py").symlink_to("/dev/zero")
    (folder / "dangling.py").symlink_to("nothing.py")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "directory.py").mkdir()
    (folder / "line\nbreak.py").write_text("def run(): ...\n")
    (folder / "sneaky.py").symlink_to(inside / ".." / ".." / "elsewhere" / "work.py")
    os.mkfifo(folder / "fifo.py")
    listener = socket.socket(socket.AF_UNIX)
    where = Path.cwd()
    os.chdir(folder)  # the name of a socket must be short
    try:
        listener.bind("socket.py")
    finally:
        os.chdir(where)
        listener.close()
    registry, report = load(folder, allowed_roots=(tmp_path / "root",))
    assert registry.names() == ("good", "relative")
    found = {Path(problem.file).name: problem.error for problem in report.problems}
    for name in ("outside.py", "passwd.py", "device.py", "sneaky.py"):
        assert "outside of the allowed places; see allowed_roots" in found.pop(name)
    assert found == {
        "dangling.py": "is a link to nothing",
        "loop.py": "cannot be read: Too many levels of symbolic links",
        "directory.py": "is not a regular file",
        "fifo.py": "is not a regular file",
        "socket.py": "is not a regular file",
        "line\nbreak.py": "its name 'line\\nbreak.py' cannot be the name of a task: "
        "use letters, digits, '_', '.' and '-'",
    }


def test_a_link_that_is_turned_while_it_is_read_never_leads_outside(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret.py"
    root.mkdir()
    secret.write_text("outside = True\n")
    (root / "real.py").write_text("inside = True\n")
    link = root / "link.py"
    link.symlink_to(root / "real.py")
    child = os.fork()
    if child == 0:
        other = root / "other"
        while True:
            for target in (secret, root / "real.py"):
                other.symlink_to(target)
                other.rename(link)
    outcomes = {"read": 0, "refused": 0}
    try:
        for _ in range(10_000):
            try:
                assert read_file(link, [str(root)]).data == b"inside = True\n"
                outcomes["read"] += 1
            except FileRefused:
                outcomes["refused"] += 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert min(outcomes.values()) > 0, outcomes


def test_a_folder_that_everybody_may_write_to_is_not_loaded_from(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("def run(): ...\n")
    tmp_path.chmod(0o777)
    registry, report = load(tmp_path)
    assert not registry.names()
    assert report.problems[0].file == str(tmp_path)
    assert "chmod o-w" in report.problems[0].error


def test_a_folder_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    registry, report = load(tmp_path / "nothing")
    assert not registry.names()
    assert not report.problems
    assert task_files(tmp_path / "nothing") == []


@pytest.mark.usefixtures("trusting")
def test_the_first_of_two_files_keeps_a_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(GOOD.format(name="same"))
    registry, report = load(tmp_path)
    assert registry.get("same").source == f"{tmp_path / 'a.py'}:4"
    (problem,) = report.problems
    assert (problem.file, problem.line) == (str(tmp_path / "b.py"), 4)
    assert f"is taken by the task at {tmp_path / 'a.py'}:4" in problem.error
    assert load(tmp_path, override_on_conflict=True)[0].get("same").source == f"{tmp_path / 'b.py'}:4"


@pytest.mark.usefixtures("trusting")
def test_what_was_registered_before_stays(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD.format(name="same") + "\n\nother = same.with_(name='other')\n")
    registry, _ = load(tmp_path)
    mine = registry.get("same").with_(title="Mine")
    registry = Registry()
    registry.register(mine)
    report = discover(DiscoveryOptions(directory=tmp_path, allowed_roots=(tmp_path,)), registry)
    assert registry.get("same") is mine
    assert report.registered == ("other",)


@pytest.mark.usefixtures("trusting")
def test_required_tasks(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD.format(name="here"))
    assert load(tmp_path, required_tasks=("here",))[0].names() == ("here",)
    with pytest.raises(StartRefused, match="missing after discovery: away, gone;"):
        load(tmp_path, required_tasks=("gone", "here", "away"))


@pytest.mark.usefixtures("trusting")
def test_switched_off_only_the_default_file_is_loaded(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(GOOD.format(name=name))
    registry, _ = load(tmp_path, enabled=False, default=tmp_path / "b.py")
    assert registry.names() == ("b",)


def test_a_module_is_imported_once(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(GOOD.format(name="once"))
    options = DiscoveryOptions(directory=tmp_path, allowed_roots=(tmp_path,))
    first, again = (load_files([path], options)[0].tasks[0] for _ in range(2))
    assert first is again
    path.write_text(GOOD.format(name="once") + "# changed\n")
    changed = load_files([path], options)[0].tasks[0]
    assert changed is not first
    assert changed.source_hash == first.source_hash
    assert sys.modules[first.defined_in] is not sys.modules[changed.defined_in]


def test_a_file_is_not_blamed_for_an_earlier_one() -> None:
    greedy = (
        b"import builtins, mmap\n"
        b"builtins.kept = mmap.mmap(-1, 1300 * 1024 ** 2, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
    )
    modest = b"x = bytearray(300 * 1024 ** 2)\n"
    late = (
        b"import os, threading\ntimer = threading.Timer(0.5, os._exit, [1])\n"
        b"timer.daemon = True\ntimer.start()\ndef run(): ...\n"
    )
    slow = b"import time\ntime.sleep(1.5)\ndef run(): ...\n"
    for pair in ((greedy, modest), (late, slow)):
        files = [SourceFile(f"/nowhere/{number}.py", data) for number, data in enumerate(pair)]
        assert examine(files, 20, SystemClock()) == [None, None]


def test_a_failed_import_leaves_no_module_behind() -> None:
    file = SourceFile("/nowhere/broken.py", b"raise ValueError\n")
    with pytest.raises(FileRefused) as caught:
        import_source(file)
    assert (caught.value.reason, caught.value.line) == ("ValueError", 1)
    assert file.module_name not in sys.modules
