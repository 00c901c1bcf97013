"""Room of tasks: the program that tries out task files in a process of its own, where they can do no harm.

Reads one JSON line per file (path, content) and answers each with one line: imported, or why not. It registers nothing.
Files that fork, change signal handlers or leave the directory are refused: in the server they would do it too.
"""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from runwright.tasks.loading import FileRefused, SourceFile, forget, import_source

try:
    import resource
except ImportError:  # only where there are no limits to set
    resource = None  # type: ignore[assignment]  # there is a module or there is none

MEMORY_BYTES = 1536 * 1024 * 1024


def main() -> None:
    """Answer requests until the input ends. Started by ``examine``, which kills it when it is no longer needed."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    with Path(os.devnull).open("r+b") as nothing:  # what a file reads or prints at import must not meet the protocol
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    forked: list[bool] = []
    os.register_at_fork(after_in_parent=lambda: forked.append(True))
    answers.write(b"{}\n")  # ready: the time of a file is counted from here
    for line in requests:
        answer, last = _try(json.loads(line), forked)
        answers.write(json.dumps({**answer, "last": last}).encode() + b"\n")
        if last:
            os._exit(0)  # what the file has done to this process must not be blamed on the next one


def _try(request: dict[str, str], forked: list[bool]) -> tuple[dict[str, object], bool]:
    own, before = os.getpid(), _surroundings()
    file = SourceFile(request["path"], base64.b64decode(request["data"]))
    reason, line, cause = None, None, None
    try:
        import_source(file)
    except FileRefused as refused:
        reason, line, cause = refused.reason, refused.line, refused.__cause__
    if os.getpid() != own:
        os._exit(0)  # a child that the file forked has come back here; its parent answers
    tainted = isinstance(cause, (SystemExit, MemoryError))
    changed = [what for what, value in _surroundings().items() if value != before[what]]
    if forked:
        reason, tainted = "starts a process by fork while it is imported, which would copy the server", True
    elif changed:
        reason, tainted = f"changes {changed[0]} of the whole process while it is imported", True
    forget(file.module_name)
    return {"error": reason, "line": line, "memory": isinstance(cause, MemoryError)}, tainted


def _surroundings() -> dict[str, object]:
    get: Callable[[int], object] = signal.getsignal
    try:
        directory = str(Path.cwd())
    except FileNotFoundError:
        directory = ""
    return {"the signal handlers": {int(s): get(s) for s in signal.valid_signals()}, "the working directory": directory}


if __name__ == "__main__":
    main()
