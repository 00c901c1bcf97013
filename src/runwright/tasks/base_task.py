"""Room of tasks: tasks as classes, in the form of OpenScan3: a subclass of BaseTask with a ``run`` method.

Each run gets an instance of its own. What it does with ``self._task_model`` reaches the engine through the run's
context; the class knows nothing else of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from runwright.model import JSON, RunStatus, TaskProgress
from runwright.tasks.context import RunContext


class LiveProgress:
    """The progress of a run, as its code reads and changes it; every change is reported."""

    __slots__ = ("_context",)

    def __init__(self, context: RunContext) -> None:
        self._context = context

    @property
    def value(self) -> TaskProgress:
        """The progress as it is now."""
        return self._context.latest_progress or TaskProgress()

    @property
    def current(self) -> float:
        """How much is done."""
        return self.value.current

    @current.setter
    def current(self, current: float) -> None:
        self._context.progress(current, self.total, self.message)

    @property
    def total(self) -> float:
        """How much there is to do; 0 while that is not known."""
        return self.value.total

    @total.setter
    def total(self, total: float) -> None:
        self._context.progress(self.current, total, self.message)

    @property
    def message(self) -> str:
        """What is being done."""
        return self.value.message

    @message.setter
    def message(self, message: str) -> None:
        self._context.progress(self.current, self.total, message)


class TaskModel:
    """The record of a run, as a BaseTask sees it. ``result`` counts if ``run`` itself returns nothing."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.result: Any = None

    @property
    def id(self) -> str:
        """The identifier of the run."""
        return self.context.id

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.context.task_name

    task_type = name

    @property
    def status(self) -> RunStatus:
        """``running``, or ``cancelling`` once the run shall stop."""
        return RunStatus.CANCELLING if self.context.cancelled else RunStatus.RUNNING

    @property
    def progress(self) -> LiveProgress:
        """The progress; assign a TaskProgress, or change its ``current``, ``total`` or ``message``."""
        return LiveProgress(self.context)

    @progress.setter
    def progress(self, progress: TaskProgress) -> None:
        self.context.report(progress)

    @property
    def run_kwargs(self) -> JSON:
        """The arguments as JSON, secrets masked."""
        return self.context.arguments


class BaseTask(ABC):
    """A task as a class. Set ``task_name``, and write ``run``.

    ``run`` is ``async def``; or an async generator that yields TaskProgress, and can be paused at every yield; or,
    with ``is_blocking = True``, a plain ``def`` that is executed in a thread. Its parameters are the task's.
    Every option of ``@task`` can be set as ``task_<option>``: ``task_title``, ``task_timeout`` and so on.

    Attributes:
        task_name: required; small letters, digits and ``_``, ending in ``_task``.
        task_category: free text to group tasks by.
        is_exclusive: runs only while nothing else runs.
        is_blocking: ``run`` is a plain function that blocks.
    """

    task_name: ClassVar[str]
    task_category: ClassVar[str] = ""
    is_exclusive: ClassVar[bool] = False
    is_blocking: ClassVar[bool] = False

    def __init__(self, task_model: TaskModel) -> None:
        self._task_model = task_model

    @property
    def id(self) -> str:
        """The identifier of the run."""
        return self._task_model.id

    @property
    def name(self) -> str:
        """The name of the task."""
        return self._task_model.name

    @property
    def context(self) -> RunContext:
        """All that a run can do: log, state, child runs."""
        return self._task_model.context

    @abstractmethod
    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The work. What it returns is the result; an async generator sets ``self._task_model.result`` instead."""

    def is_cancelled(self) -> bool:
        """Whether the run shall stop. Look at it in loops, and return."""
        return self._task_model.context.cancelled

    async def wait_for_pause(self) -> None:
        """Wait here while the run is paused. Raises RunCancelled if it shall stop."""
        await self._task_model.context.checkpoint()

    def _update_progress(self, current: float, total: float, message: str = "") -> None:
        """Report how far the run is."""
        self._task_model.context.progress(current, total, message)
