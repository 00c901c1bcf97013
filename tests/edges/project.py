"""A folder with tasks, and the program `runwright` in it, for the tests of the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.program import Program

TASKS = '''
import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from runwright import RunContext, UploadedFile, task


@task(title="Say a word", category="demo", tags=["words"])
async def say(word: str, times: int = 1, loud: bool = False, *, run: RunContext) -> dict[str, int]:
    """Says a word."""
    for number in range(times):
        print(word.upper() if loud else word)
        run.progress(number + 1, times, "saying")
    return {"said": times}


@task
async def rest(run: RunContext) -> None:
    print("resting")
    run.progress(1, 2, "half")
    while True:
        await run.checkpoint()
        await asyncio.sleep(0.01)


@task(danger="Replaces what is there.")
async def hurt(kind: Literal["a", "b"] = "a") -> None:
    raise ValueError(f"ouch {kind}")


@task
async def add(numbers: list[int], json: int = 0) -> int:
    return sum(numbers) + json


@task
async def load(tables: list[UploadedFile], note: UploadedFile | None = None) -> list[str]:
    return [f"{one.name} {one.content_type} {one.read_text()}" for one in [*tables, *([note] if note else [])]]


@task
async def guard(password: SecretStr) -> int:
    return len(password.get_secret_value())


@task
async def weigh(by: float, since: timedelta = timedelta(minutes=1)) -> float:
    return by * since.total_seconds()


@task(pausable=False)
def stubborn() -> None:
    Path("stubborn").touch()
    while not Path("let-go").exists():
        time.sleep(0.01)
'''

Wanted = Callable[[], bool]


@dataclass(frozen=True)
class Done:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    """A folder with tasks, and the program in it."""

    folder: Path
    program: Program

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TASK_")}
        return {**kept, "TZ": "UTC", **(more or {})}

    def __call__(self, *words: str, environ: Mapping[str, str] | None = None, typed: str = "") -> Done:
        return self._judge(self.program(*words, cwd=self.folder, env=self.environment(environ), typed=typed))

    def fresh(self, *words: str, environ: Mapping[str, str]) -> Done:
        """As a call, with an interpreter of its own: its environment says how that begins."""
        return self._judge(subprocess.run(
            [sys.executable, "-m", "runwright", *words], cwd=self.folder, env=self.environment(environ),
            capture_output=True, text=True, timeout=60, check=False,
        ))  # fmt: skip

    def _judge(self, done: subprocess.CompletedProcess[str]) -> Done:
        assert "Traceback" not in done.stderr or "ouch" in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *words: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "runwright", *words],
            cwd=self.folder, env=self.environment(), stdout=stdout, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, *words: str) -> str:
        done = self("start", *words)
        assert done.code == 0, done.err
        return done.out.strip()

    def status(self, run: str) -> str:
        return str(self("show", run, "--json").json["status"])


def until(wanted: Wanted, seconds: float = 20) -> None:
    """Look again and again at other processes; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def project(folder: Path, program: Program, tasks: str = TASKS) -> Project:
    """A folder with these tasks in it."""
    (folder / "backgroundtask").mkdir()
    (folder / "backgroundtask" / "demo.py").write_text(tasks)
    return Project(folder, program)


def read_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()
