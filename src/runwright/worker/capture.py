"""Sends what a task logs and prints to its run's log. Whatever is not said by a task goes where it went before.

The task is known by the context variable ``current_job``: it follows coroutines, the lanes' threads and copied
contexts, not threads that user code starts by itself.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable
from typing import TextIO

from runwright.tasks.text import text_of_record
from runwright.worker.job import current_job


class RunLogHandler(logging.Handler):
    """A handler on the root logger that keeps the records of tasks."""

    def emit(self, record: logging.LogRecord) -> None:
        job = current_job.get()
        if job is None:
            if len(logging.getLogger().handlers) == 1 and logging.lastResort is not None:
                if record.levelno >= logging.lastResort.level:  # nobody else listens: as without this handler
                    logging.lastResort.handle(record)
            return
        job.emit(record.levelno, text_of_record(record))


class RunPrint(io.TextIOBase):
    """A standard output that keeps what tasks print and passes on the rest."""

    def __init__(self, original: TextIO) -> None:
        self._original = original

    def write(self, text: str) -> int:
        job = current_job.get()
        if job is None:
            return self._original.write(text)
        job.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]  # typeshed knows bytes only
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_job.get() is None:
            self._original.flush()

    def isatty(self) -> bool:
        return current_job.get() is None and self._original.isatty()

    def fileno(self) -> int:
        return self._original.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property of the original, not a constant
        return self._original.encoding


class Capture:
    """The one capture of a process, shared by its managers and ended by the last of them."""

    def __init__(self) -> None:
        self._users = 0
        self._handler: RunLogHandler | None = None
        self._stdout: TextIO | None = None
        self._level: int | None = None

    def install(self, level: int) -> None:
        """Begin to capture. The root logger is lowered to ``level`` only where no application has set up logging."""
        self._users += 1
        if self._users > 1:
            return
        root = logging.getLogger()
        if not root.handlers and root.level > level:
            self._level = root.level
            root.setLevel(level)
        self._handler = RunLogHandler()
        root.addHandler(self._handler)
        self._stdout = sys.stdout
        sys.stdout = RunPrint(self._stdout)

    def uninstall(self) -> None:
        """End the capture, with its last user."""
        self._users -= 1
        if self._users:
            return
        root = logging.getLogger()
        if self._handler is not None:
            root.removeHandler(self._handler)
        if self._level is not None:
            root.setLevel(self._level)
        if isinstance(sys.stdout, RunPrint) and self._stdout is not None:
            sys.stdout = self._stdout
        self._handler = self._stdout = self._level = None


capture = Capture()
