"""Bench: a private PostgreSQL server from Debian's binaries, on a unix socket only, with durability on.

It is started and stopped by whoever asks, in a folder of its own; no other server is touched.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OPTIONS = "-c fsync=on -c synchronous_commit=on -c shared_buffers=256MB -c max_wal_size=4GB"


def binaries() -> Path | None:
    """The newest installed server's folder, or None when there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a server whose data lives in `folder` and give the socket's folder (its host name for a client).

    Raises RuntimeError when PostgreSQL is not installed.
    """
    bin_folder = binaries()
    if bin_folder is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql-15")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    who: dict[str, str | list[str]] = {}
    if os.geteuid() == 0:
        # The server refuses to run as root.
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(bin_folder / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            **who,  # type: ignore[call-overload]  # one dictionary for three keyword arguments of different types
        )

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions")
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -h '' {OPTIONS}", "start")
    try:
        yield str(folder)
    finally:
        run("pg_ctl", "-D", data, "-m", "fast", "stop")
        shutil.rmtree(folder, ignore_errors=True)
