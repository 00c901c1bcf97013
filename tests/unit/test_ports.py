"""Time, chance and threads enter the core by its ports only. This walks the syntax trees of the core's rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runwright

SOURCE = Path(runwright.__file__).parent
CORE = ["lifecycle.py", "admission.py", "model", "retry.py", "bus.py", "manager", "control", "events", "schedule",
        "tasks", "worker", "store", "auth"]  # fmt: skip
FORBIDDEN_CALLS = {
    "time.time", "time.monotonic", "time.sleep", "time.time_ns", "time.perf_counter", "time.monotonic_ns",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4", "uuid.uuid1", "uuid4", "uuid1",
    "os.getenv",
}  # fmt: skip
FORBIDDEN_MODULES = {"random", "secrets", "uuid"}
ALLOWED = {
    ("worker/lanes.py", "threading"): "the lanes' threads and the loop of the tasks",
    ("worker/heartbeat.py", "threading"): "the heartbeat must not depend on any loop",
    ("worker/job.py", "threading"): "a gate on which a task in a thread waits while it is paused",
    ("worker/port.py", "threading"): "a lock: the task in a process of its own may have threads",
    ("worker/conversation.py", "threading"): "a bell that the home loop rings for the thread of a process",
    ("worker/service_lane.py", "threading"): "a service's thread tells which it is, for its CPU time",
    ("worker/process_lane.py", "threading"): "the lane's threads share the nursery",
    ("tasks/probe.py", "threading"): "a process of its own, which looks for the threads that a file has left behind",
    ("manager/bridge.py", "threading"): "the bridge for synchronous callers",
    ("store/sqlite_writer.py", "threading"): "the writer thread",
    ("store/postgres_heart.py", "threading"): "the heartbeat's loop and connection must not depend on the engine's",
}


def core_files() -> list[Path]:
    """Every module of the core."""
    return sorted(
        path for name in CORE for path in ([SOURCE / name] if name.endswith(".py") else (SOURCE / name).rglob("*.py"))
    )


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain, else an empty text."""
    if isinstance(node, ast.Attribute):
        return f"{base}.{node.attr}" if (base := dotted(node.value)) else ""
    return node.id if isinstance(node, ast.Name) else ""


def reaches_around(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of whatever takes time, chance, threads or the environment past the ports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if ".".join(name.split(".")[-2:]) in FORBIDDEN_CALLS or name in FORBIDDEN_CALLS:
                yield node.lineno, name
        elif isinstance(node, ast.Attribute) and dotted(node) == "os.environ":
            yield node.lineno, "os.environ"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                if name in FORBIDDEN_MODULES or name == "threading":
                    yield node.lineno, name


@pytest.mark.parametrize("path", core_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_core_keeps_to_its_ports(path: Path) -> None:
    room = path.relative_to(SOURCE).as_posix()
    found = [(line, what) for line, what in reaches_around(ast.parse(path.read_text())) if (room, what) not in ALLOWED]

    assert found == []


def test_the_walk_sees_what_it_is_for() -> None:
    source = "import random, threading\nfrom datetime import datetime\ndatetime.now()\nimport os\nos.environ['A']\n"

    assert {"random", "threading", "datetime.now", "os.environ"} == {
        what for _, what in reaches_around(ast.parse(source))
    }
