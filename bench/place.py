"""Bench: where it works. The folder outside the repository, the peers' own environments, the lock, the machine's kind.

The folder is $BENCH_ROOT, or `runwright-bench` in the system's temporary folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = (
    "apscheduler>=3.11,<4",
    "asyncpg>=0.32,<0.33",
    "huey>=3,<4",
    "pgqueuer>=1.6,<2",
    "procrastinate>=3.10,<4",
    "psutil>=7,<8",
    "psycopg[binary,pool]>=3.3,<4",
    "saq[postgres]>=0.26,<0.27",
    "sqlalchemy>=2,<3",
)
NODE_PACKAGES = REPOSITORY / "bench" / "node"
"""package.json and package-lock.json of the peers on Node, and their worker."""


def root() -> Path:
    """The work folder; it exists afterwards."""
    folder = Path(os.environ.get("BENCH_ROOT") or Path(tempfile.gettempdir()) / "runwright-bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def foreign_python() -> str:
    """The interpreter of the peers' environment, which is made and filled at the first call.

    Raises CalledProcessError when the packages cannot be installed.
    """
    folder = root() / "peers"
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    wanted = "\n".join(PACKAGES)
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Installing the peers into", folder, file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True
        )
        stamp.write_text(wanted)
    return str(python)


def node_program() -> str:
    """Node, as the page is built with it."""
    from hatch_build import find_node  # noqa: PLC0415  # the peers' environment has no hatchling

    return find_node()[0]


def node_modules() -> Path:
    """Where the packages of the peers on Node are; they are installed at the first call, as the lock file says.

    Raises CalledProcessError when they cannot be installed.
    """
    from hatch_build import find_node  # noqa: PLC0415  # the peers' environment has no hatchling

    folder = root() / "node"
    stamp = folder / "installed"
    lock = (NODE_PACKAGES / "package-lock.json").read_text()
    if not stamp.exists() or stamp.read_text() != lock:
        print("Installing the peers on Node into", folder, file=sys.stderr)
        folder.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE_PACKAGES / name, folder)
        node, npm = find_node()
        subprocess.run(
            [node, *npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True,
            env={**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        stamp.write_text(lock)
    return folder / "node_modules"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other measurement runs in this work folder."""
    with (root() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def machine() -> str:
    """The machine in one line, for the head of the report."""
    model = "unknown processor"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} CPUs ({model}), {memory:.0f} GiB, {system}, Python {platform.python_version()}"


def commit() -> str:
    """The commit that is measured, with a mark when files differ from it."""
    try:
        text = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return text.stdout.strip()
