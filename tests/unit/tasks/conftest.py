"""A run for tests of the room of tasks: a port that records what the task's code says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runwright.errors import NotFound
from runwright.model import JSON, JSONObject, Run, TaskProgress
from runwright.tasks import discovery
from runwright.tasks.context import RunCancelled, RunContext


class RecordingPort:
    """Behaves as a worker's side of a run; ``cancel_after`` checkpoints it wants the run to stop."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.cancel_after = cancel_after
        self.reported: list[TaskProgress] = []
        self.lines: list[tuple[int, str]] = []
        self.warnings: list[str] = []
        self.saved: list[str] = []
        self.children: list[tuple[object, JSONObject]] = []
        self.checkpoints = 0

    @property
    def cancelled(self) -> bool:
        return self.cancel_after is not None and self.checkpoints > self.cancel_after

    def progress(self, progress: TaskProgress) -> None:
        self.reported.append(progress)

    def emit(self, level: int, text: str) -> None:
        self.lines.append((level, text))

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    async def checkpoint(self) -> None:
        self.checkpoint_sync()

    def checkpoint_sync(self) -> None:
        self.checkpoints += 1
        if self.cancelled:
            raise RunCancelled

    async def save(self, json_text: str) -> None:
        self.saved.append(json_text)

    async def start(self, task: object, arguments: JSONObject) -> str:
        return self.start_sync(task, arguments)

    def save_sync(self, json_text: str) -> None:
        self.saved.append(json_text)

    def start_sync(self, task: object, arguments: JSONObject) -> str:
        self.children.append((task, arguments))
        return "child"

    async def wait(self, run_id: str) -> Run:
        raise NotFound("run", run_id)

    def wait_sync(self, run_id: str) -> Run:
        raise NotFound("run", run_id)


@pytest.fixture
def port() -> RecordingPort:
    return RecordingPort()


@pytest.fixture
def make_run() -> Callable[..., tuple[RunContext, RecordingPort]]:
    def make(cancel_after: int | None = None, state: JSON = None) -> tuple[RunContext, RecordingPort]:
        port = RecordingPort(cancel_after)
        return RunContext(port, id="run-1", task_name="demo", state=state), port

    return make


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import files without trying them out first: that takes a process, and is the subject of other tests."""
    monkeypatch.setattr(discovery, "examine", lambda files, *_: [None] * len(files))
