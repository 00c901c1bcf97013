"""The process of one run: loads the task, makes the call, and says how it ended.

Runs in a fork of the nursery and never returns to it.
"""

from __future__ import annotations

import asyncio
import atexit
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from runwright.errors import RunwrightError
from runwright.model import JSONObject
from runwright.retry import Discard
from runwright.tasks.address import Address, task_at
from runwright.tasks.context import RunContext, current
from runwright.tasks.invoke import invocation
from runwright.tasks.secrets import mask
from runwright.tasks.task import Task
from runwright.tasks.text import text_of_record
from runwright.tasks.uploads import bind_files
from runwright.worker import frames
from runwright.worker.ending import Ended, raised, returned
from runwright.worker.port import Port, flush


def live(mark: bytes, output: int, control: int) -> NoReturn:
    """Execute the run that the worker describes on ``control``, and end this process."""
    port = Port(mark, output, control)
    start = port.opening()
    _dress(port, start)
    ended = _execute(port, start)
    port.finish(ended)
    with suppress(Exception):
        atexit._run_exitfuncs()  # temporary files and the like: what the interpreter does when it ends
    flush()
    os._exit(0)


def _dress(port: Port, start: frames.Message) -> None:
    """Give the process its path, its streams and its logging."""
    sys.path[:] = start["path"]
    sys.stdout = sys.__stdout__ = open(1, "w", 1, "utf-8", "backslashreplace", closefd=False)  # type: ignore[misc]  # noqa: SIM115 - open as long as the process lives
    sys.stderr = sys.__stderr__ = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    faulthandler.enable(2)
    root = logging.getLogger()
    root.addHandler(_Handler(port))  # before the task's own modules: their basicConfig then changes nothing
    root.setLevel(min(root.level, int(start["log_level"])))
    os.register_at_fork(after_in_child=port.forked)
    signal.signal(signal.SIGTERM, port.terminate)


def _execute(port: Port, start: frames.Message) -> Ended:
    retry, limit = None, int(start["result_bytes"])
    try:
        task = task_at(Address.from_json(start["task"]))
        retry = task.retry
        if task.source_hash != start["task"]["source_hash"]:
            port.emit(logging.WARNING, f"the code of {task.name} has changed on the disk since its worker started")
        context, args, kwargs = _prepare(port, task, start)
        current.set(context)
        call = invocation(task)
        if call.call_sync is not None:
            return returned(call.call_sync(context, args, kwargs), limit)
        assert call.call is not None, "a task blocks or is awaited"
        with asyncio.Runner() as runner:
            return runner.run(_execute_async(port, call.call, (context, args, kwargs), task, limit))
    except BaseException as error:  # noqa: BLE001 - user code may raise anything
        return raised(error, retry)


async def _execute_async(
    port: Port, call: Callable[..., Any], given: tuple[Any, ...], task: Task[..., Any], limit: int
) -> Ended:
    try:
        with port.listening(asyncio.current_task()):
            ended = returned(await call(*given), limit)
    except BaseException as error:  # noqa: BLE001 - as above
        ended = raised(error, task.retry)
    port.finish(ended)  # what the task has left on its loop is ended afterwards, and cannot hold up the result
    return ended


def _prepare(
    port: Port, task: Task[..., Any], start: frames.Message
) -> tuple[RunContext, tuple[object, ...], dict[str, object]]:
    arguments: JSONObject = start["arguments"]
    try:
        args, kwargs = task.signature.load(bind_files(task.signature.upload_pointers, start["files"], arguments))
    except (RunwrightError, ValueError) as error:
        raise Discard(f"arguments: {error}") from error
    context = RunContext(
        port,
        id=start["id"],
        task_name=start["name"],
        attempt=start["attempt"],
        user=start["user"],
        entity=start["entity"],
        arguments=mask(arguments, pointers) if (pointers := task.signature.secret_pointers) else arguments,
        state=start["state"],
    )
    return context, args, kwargs


class _Handler(logging.Handler):
    """Sends the records of the whole process to the run's log."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        self._port = port

    def emit(self, record: logging.LogRecord) -> None:
        self._port.emit(record.levelno, text_of_record(record))
