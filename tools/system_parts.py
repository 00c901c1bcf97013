"""What the tests need from the system and Python cannot bring: a PostgreSQL server's programs, and Chromium.

As root on Debian the missing ones are installed with apt-get; otherwise this says which command installs them.
Nothing is started here: the tests start a private server on a socket of their own, and a browser without a window.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser")


def provide() -> None:
    """See to it that both parts are there. Exits with the command to run if that cannot be done here."""
    missing = missing_packages()
    if not missing:
        return
    commands = [["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in commands:
            print("$", *command, flush=True)
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            if subprocess.run(command, env=environment, check=False).returncode:
                sys.exit(f"installing {' and '.join(missing)} failed; the tests need both PostgreSQL and Chromium")
        missing = missing_packages()
        if missing:
            sys.exit(f"{' and '.join(missing)} was installed, but its programs are not where they are looked for")
        return
    line = " && ".join(f"sudo {' '.join(command)}" for command in commands)
    sys.exit(
        f"the tests need {' and '.join(missing)}. On Debian and Ubuntu run\n  {line}\n"
        "elsewhere install them so that `chromium` and `postgres` are in PATH"
    )


def missing_packages() -> list[str]:
    """Debian's names of the parts that are not there."""
    missing = []
    if not (shutil.which("postgres") or any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))):
        missing.append("postgresql")
    if not any(shutil.which(name) for name in BROWSERS):
        missing.append("chromium")
    return missing


if __name__ == "__main__":
    provide()
