"""A private PgBouncer in front of a private PostgreSQL: transaction pooling, as many installations have it.

It runs on a folder and a loopback port of its own, as an unprivileged user also when we are root, and a guard process
ends it when this process ends, however it ends. Without PgBouncer's program it fails and says what to install.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tools.postgres import ENVIRONMENT, LIMIT_SECONDS, USER, NoServer, Postgres, free_port, private_folder, unprivileged

PLACES = ("/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer", "/usr/bin/pgbouncer")
CONNECTIONS = 4
"""To the server, for each database: few, so that clients really share them."""
GUARD = 'cat >/dev/null; kill "$1" 2>/dev/null; cd /; rm -rf "$2"'


def program() -> Path:
    """PgBouncer's program. Raises NoServer."""
    found = shutil.which("pgbouncer") or next((place for place in PLACES if Path(place).exists()), None)
    if found is None:
        raise NoServer(
            "there is no PgBouncer on this machine. On Debian and Ubuntu run\n"
            "  sudo apt-get install --no-install-recommends pgbouncer"
        )
    return Path(found)


class PgBouncer:
    """One pooler in front of `server`, in transaction mode unless another `mode` is given. Use it with `with`."""

    def __init__(self, server: Postgres, *, mode: str = "transaction", connections: int = CONNECTIONS) -> None:
        self.program = program()
        self.server = server
        self.mode = mode
        self.connections = connections
        self.port = free_port()

    def __enter__(self) -> Self:
        self.folder = private_folder("runwright-pgb-")
        self.log = self.folder / "log"
        self._configure()
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [self.program, self.folder / "pgbouncer.ini"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=ENVIRONMENT, start_new_session=True, **unprivileged(),
            )  # fmt: skip
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(self.process.pid), self.folder],
            stdin=subprocess.PIPE, cwd="/", start_new_session=True, **unprivileged(),
        )  # fmt: skip
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, url: str) -> str:
        """The address of a server's database by way of the pooler."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{self.server.port}", f":{self.port}")))

    def pools(self) -> list[dict[str, object]]:
        """What `SHOW POOLS` says, a row for each database and user."""
        with self._console() as console:
            cursor = console.execute("show pools")
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def close(self) -> None:
        """Stop it and remove its folder."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self.process.wait()
        self._guard.wait()

    def _configure(self) -> None:
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": self.folder,
            "auth_type": "scram-sha-256",
            "auth_file": self.folder / "users",
            "admin_users": USER,
            "pool_mode": self.mode,
            "default_pool_size": self.connections,
            "max_client_conn": 500,
            "server_login_retry": 1,
        }
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.server.port}\n[pgbouncer]\n{text}"
        )
        (self.folder / "users").write_text(f'"{USER}" "{self.server.password}"\n')

    def _console(self) -> psycopg.Connection[tuple[object, ...]]:
        # simple protocol: the console knows no prepared statements
        return psycopg.connect(self.url(self.server.url("pgbouncer")), autocommit=True, prepare_threshold=None)

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + LIMIT_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self._console().close()
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise NoServer(f"PgBouncer does not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)
