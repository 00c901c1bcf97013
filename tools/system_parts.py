"""What the tests need from the system and Python cannot bring: PostgreSQL's and PgBouncer's programs, and Chromium.

As root on Debian the missing ones are installed with apt-get; otherwise this says which command installs them.
Nothing is started here, nor by the packages: the tests start private servers on ports of their own, and a browser
without a window.
"""

from __future__ import annotations

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


def provide() -> None:
    """See to it that all parts are there. Exits with the command to run if that cannot be done here."""
    missing = missing_packages()
    if not missing:
        return
    commands = [["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in commands:
            print("$", *command, flush=True)
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            with no_service_is_started():
                failed = subprocess.run(command, env=environment, check=False).returncode
            if failed:
                sys.exit(f"installing {' and '.join(missing)} failed; the tests need all of it")
        missing = missing_packages()
        if missing:
            sys.exit(f"{' and '.join(missing)} was installed, but its programs are not where they are looked for")
        return
    line = " && ".join(f"sudo {' '.join(command)}" for command in commands)
    sys.exit(
        f"the tests need {' and '.join(missing)}. On Debian and Ubuntu run\n  {line}\n"
        "elsewhere install them so that `chromium`, `postgres` and `pgbouncer` are in PATH"
    )


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
