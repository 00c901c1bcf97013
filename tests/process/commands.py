"""Real commands of the product (`serve`, `worker`, `scheduler`), each in a folder of tasks, on one PostgreSQL.

It asserts nothing itself, except that commands come up, and that nothing of them stays.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

TOKEN = "a-token-of-somebody's-own-choice-0123"
END_SECONDS = 30.0


class Commands:
    """Starts commands on the store at ``url``. Use it with ``with``; what still lives at its end is killed."""

    def __init__(self, url: str, home: Path, **settings: str) -> None:
        self.home = home
        own = {name: value for name, value in os.environ.items() if not name.startswith("TASK_")}
        named = {f"TASK_{name.upper()}": value for name, value in settings.items()}
        self._environment = {**own, "TASK_STORE": url, "TASK_ADMIN_TOKEN": TOKEN, **named}
        self._begun: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._begun:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def folder(self, name: str, source: str | None = None) -> Path:
        """A working directory whose task folder has one file with this source, or none."""
        (self.home / name / "backgroundtask").mkdir(parents=True, exist_ok=True)
        if source is not None:
            (self.home / name / "backgroundtask" / "work.py").write_text(source)
        return self.home / name

    def begin(self, folder: Path, *commands: str) -> list[subprocess.Popen[str]]:
        """Start these commands there, all at once; they work when this returns."""
        fresh = [self._start(folder, command) for command in commands]
        for process, command in zip(fresh, commands, strict=True):
            assert process.stdout is not None
            assert process.stdout.readline(), f"{command} did not come up: {self.said()}"
        return fresh

    def _start(self, folder: Path, command: str) -> subprocess.Popen[str]:
        with (self.home / "log").open("a") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("runwright"), *command.split()], cwd=folder, env=self._environment,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self._begun.append(process)
        return process

    def page(self, folder: Path) -> str:
        """Serve the page alone from there; where it is."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.begin(folder, f"serve --page-only --port {port}")
        return f"http://127.0.0.1:{port}"

    def end(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        for process in self._begun:
            process.terminate()
        return [process.wait(END_SECONDS) for process in self._begun]

    def said(self) -> str:
        """What they have written to their standard errors."""
        return (self.home / "log").read_text(errors="replace")
