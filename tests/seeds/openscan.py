"""Tasks in the form of OpenScan3 that wait until a test lets them go, and a manager for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from runwright import (
    BaseTask,
    Run,
    RunStatus,
    Settings,
    TaskManager,
    TaskProgress,
)


class Gate:
    """What the tasks of these tests wait for, and what they have done; fresh for each test."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.open: dict[str, asyncio.Event] = {}
        self.thread = threading.Event()
        self.in_thread = threading.Event()

    async def hold(self, label: str) -> None:
        self.begun.append(label)
        await self.open.setdefault(label, asyncio.Event()).wait()
        self.ended.append(label)

    def let(self, *labels: str) -> None:
        for label in labels:
            self.open.setdefault(label, asyncio.Event()).set()


gate = Gate()


@pytest.fixture(autouse=True)
def fresh() -> None:
    gate.__init__()  # type: ignore[misc]  # the tasks know this one object


class SimpleTask(BaseTask):
    task_name = "simple_task"
    task_category = "test"

    async def run(self, label: str, answer: Any = None) -> Any:
        await gate.hold(label)
        return answer


class AloneTask(BaseTask):
    task_name = "alone_task"
    is_exclusive = True

    async def run(self, label: str) -> str:
        await gate.hold(label)
        return label


class BlockingTask(BaseTask):
    task_name = "blocking_task"
    is_blocking = True

    def run(self, label: str = "thread") -> str:
        gate.begun.append(label)
        gate.in_thread.set()
        assert gate.thread.wait(10)
        gate.ended.append(label)
        return label


class StreamingTask(BaseTask):
    task_name = "streaming_task"

    async def run(self, steps: int = 5) -> AsyncGenerator[TaskProgress, None]:
        for number in range(steps):
            yield TaskProgress(current=number, total=steps, message=f"step {number}")
            await asyncio.sleep(0.002)
        self._task_model.result = {"steps": steps}


class PatientTask(BaseTask):
    task_name = "patient_task"
    rounds: ClassVar[int] = 0

    async def run(self) -> str:
        self._task_model.progress = TaskProgress(current=1, total=4, message="waits")
        gate.begun.append("patient")
        while not gate.open.setdefault("patient", asyncio.Event()).is_set():
            await self.wait_for_pause()
            await asyncio.sleep(0.001)
        return "patient"


class FailingTask(BaseTask):
    task_name = "failing_task"

    async def run(self, error_message: str = "meant to fail") -> None:
        raise ValueError(error_message)


class UnspeakableTask(BaseTask):
    task_name = "unspeakable_task"

    async def run(self) -> object:
        return object()


class ScanConfig(BaseModel):
    points: int
    shape: str = "spiral"


class ScanTask(BaseTask):
    task_name = "scan_task"

    async def run(self, config: ScanConfig, *more: int, start_from_step: int = 0) -> dict[str, Any]:
        assert isinstance(config, ScanConfig)
        return {"points": config.points, "more": list(more), "step": start_from_step}


ALL = [
    SimpleTask, AloneTask, BlockingTask, StreamingTask, PatientTask, FailingTask, UnspeakableTask, ScanTask,
]  # fmt: skip


@asynccontextmanager
async def opened(tmp_path: Path | None = None, **settings: Any) -> AsyncIterator[TaskManager]:
    store = "sqlite:///:memory:" if tmp_path is None else f"sqlite:///{tmp_path / 'scan.db'}"
    roles = settings.pop("roles", ("scheduler", "worker"))
    tasks = settings.pop("tasks", ALL)
    given: dict[str, Any] = {"store": store, "shutdown_grace": 0, "max_concurrent": 3, **settings}
    try:
        async with TaskManager(Settings(**given), tasks=tasks, roles=roles) as manager:
            yield manager
    finally:
        gate.thread.set()


async def until(wanted: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not wanted():
            await asyncio.sleep(0.002)


async def settled(manager: TaskManager) -> None:
    """A moment in which whatever can start has started."""
    for _ in range(3):
        manager.bus.publish(("runs", "controls"))
        await asyncio.sleep(0.02)


async def start(manager: TaskManager, name: str, label: str) -> str:
    return (await manager.start(name, {"label": label})).id


async def status(manager: TaskManager, run: str) -> RunStatus:
    return (await manager.get(run)).status


async def until_status(manager: TaskManager, run: str, wanted: RunStatus) -> Run:
    async with asyncio.timeout(10):
        while (now := await manager.get(run)).status is not wanted:
            await asyncio.sleep(0.002)
    return now
