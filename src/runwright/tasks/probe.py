"""Room of tasks: the program that tries out task files in a process of its own, where they can do no harm.

Reads one JSON line per file and answers each with one line: it can be used, or why not. Tracebacks for the case that it
does not live to answer come on lines between. It registers nothing. Files that fork, change what belongs to the whole
process, or leave threads behind that keep it from ending are refused: in the server they would do it too.
"""

from __future__ import annotations

import base64
import contextlib
import faulthandler
import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import thread as pools
from pathlib import Path
from types import FrameType
from typing import Any

from runwright.tasks.collect import collect
from runwright.tasks.loading import FileRefused, SourceFile, forget, import_source

try:
    import resource
except ImportError:  # only where there are no limits to set
    resource = None  # type: ignore[assignment]  # there is a module or there is none

MEMORY_BYTES = 1536 * 1024 * 1024
THREAD_SECONDS = 0.5
"""How long a thread may live on that a file has started at its import."""

_FORK = "starts a process by fork while it is imported, which would copy the server"
_THREAD = (
    "starts a thread while it is imported, which would keep the program from ending: "
    "start it in run(), or with daemon=True"
)
_WITNESSED: Mapping[str, tuple[tuple[Any, str], ...]] = {
    _FORK: ((os, "fork"), (os, "forkpty")),
    _THREAD: ((threading.Thread, "start"),),
    "the signal handlers": ((signal, "signal"),),
    "the working directory": ((os, "chdir"), (os, "fchdir")),
    "the standard streams": ((os, "close"), (os, "closerange"), (os, "dup2")),
}
"""The functions that do what a file is refused for: they are watched to know in which line it happened."""
_DEADLY = ((os, "_exit"), (os, "kill"), (os, "killpg"))
"""The functions after which there may be nobody to ask: they leave a traceback."""


class Trial:
    """The state of this process before and after one file."""

    def __init__(self) -> None:
        self.own = os.getpid()
        self.forked = False
        self._path = ""
        self._lines: dict[str, int] = {}
        self._before: Mapping[str, object] = {}
        self._threads: set[threading.Thread] = set()
        self._streams = (sys.stdin, sys.stdout, sys.stderr)

    def witness(self) -> None:
        """Watch from now on."""
        os.register_at_fork(after_in_parent=self._note_fork)
        for what, functions in _WITNESSED.items():
            for owner, name in functions:
                _before_each(owner, name, functools.partial(self._note, what))

    def begin(self, path: str) -> None:
        """A file is about to be imported."""
        self._path, self._lines = path, {}
        self._before, self._threads = self._surroundings(), set(threading.enumerate())

    def harm(self) -> tuple[str, int | None] | None:
        """What the file has done to the process, and in which line; None if nothing."""
        if self.forked:
            return _FORK, self._lines.get(_FORK)
        if any(map(self._stays, set(threading.enumerate()) - self._threads)):
            return _THREAD, self._lines.get(_THREAD)
        now = self._surroundings()
        changed = next((what for what, value in self._before.items() if now[what] != value), None)
        if changed is None:
            return None
        return f"changes {changed} of the whole process while it is imported", self._lines.get(changed)

    def _stays(self, thread: threading.Thread) -> bool:
        """Whether the interpreter would wait for a thread at its end; those of a pool are told to go."""
        if thread.daemon or thread in pools._threads_queues:
            return False
        thread.join(THREAD_SECONDS)
        return thread.is_alive()

    def _surroundings(self) -> dict[str, object]:
        handler: Callable[[int], object] = signal.getsignal
        directory = ""
        with contextlib.suppress(FileNotFoundError):
            directory = str(Path.cwd())
        return {
            "the signal handlers": {int(number): handler(number) for number in signal.valid_signals()},
            "the working directory": directory,
            "the standard streams": [*map(_identity, range(3)), *(stream.closed for stream in self._streams)],
        }

    def _note_fork(self) -> None:
        self.forked = True

    def _note(self, what: str) -> None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename != self._path:
            frame = frame.f_back
        if frame is not None:
            self._lines[what] = frame.f_lineno


def main() -> None:
    """Answer requests until the input ends. Started by ``examine``, which kills it when it is no longer needed."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    with Path(os.devnull).open("r+b") as nothing:  # what a file reads or prints at import must not meet the protocol
        for stream in range(3):
            os.dup2(nothing.fileno(), stream)
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    trial = Trial()
    trial.witness()
    for owner, name in _DEADLY:
        _before_each(owner, name, lambda: _leave_traceback(trial, answers.fileno()))
    faulthandler.enable(answers)
    answers.write(b"{}\n")  # ready: the time of a file is counted from here
    for line in requests:
        request = json.loads(line)
        faulthandler.dump_traceback_later(request["seconds"], file=answers)
        answer, last = _try(request, trial)
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps({**answer, "last": last}).encode() + b"\n")
        if last:
            os._exit(0)  # what the file has done to this process must not be blamed on the next one


def _try(request: dict[str, str], trial: Trial) -> tuple[dict[str, object], bool]:
    file = SourceFile(request["path"], base64.b64decode(request["data"]))
    reason, line, cause = None, None, None
    trial.begin(file.path)
    try:
        module = import_source(file)
        collect(module, script_name=file.stem)
    except FileRefused as refused:
        reason, line, cause = refused.reason, refused.line, refused.__cause__
    if os.getpid() != trial.own:
        os._exit(0)  # a child that the file forked has come back here; its parent answers
    tainted = isinstance(cause, (SystemExit, MemoryError))
    if (harm := trial.harm()) is not None:
        (reason, line), tainted = harm, True
    forget(file.module_name)
    return {"error": reason, "line": line, "memory": isinstance(cause, MemoryError)}, tainted


def _before_each(owner: Any, name: str, call: Callable[[], object]) -> None:
    """Call something before each call of a function."""
    function = getattr(owner, name, None)
    if function is None:  # not on every system
        return

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        call()
        return function(*args, **kwargs)

    setattr(owner, name, watched)


def _leave_traceback(trial: Trial, handle: int) -> None:
    if os.getpid() == trial.own:
        faulthandler.dump_traceback(handle, all_threads=False)


def _identity(handle: int) -> object:
    """Which file a descriptor leads to; None if it is closed."""
    try:
        there = os.fstat(handle)
    except OSError:
        return None
    return there.st_dev, there.st_ino


if __name__ == "__main__":
    main()
