"""Room of tasks: tries out files in short-lived processes, each file within a time limit, before the server sees them.

A process takes one file after another; a file that keeps it busy does not hold up the others, because another process
is started for them. Nothing is imported in this process.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence

from runwright.clock import Clock, SystemClock
from runwright.tasks.loading import FileRefused, SourceFile

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from runwright.tasks.probe import main; main()"
_PATIENCE_SECONDS = 0.5
_WIDTH = 2
_MOST_PROCESSES = 10
_START_SECONDS = 30.0
_TRACED_AFTER = 0.8
"""The share of a file's time after which its process leaves a traceback, for the case that it is killed."""
_TRACED = rb'  File "%s", line (\d+) in '


class _Prober:
    """One process, and the file that it is busy with."""

    line: int | None
    """Where in its file it was when it last left a traceback."""

    def __init__(self, index: int, file: SourceFile, seconds: float, now: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that whatever the files start can be ended with it
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018 - both are pipes
        self._input, self.output = self._process.stdin, self._process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._received = b""
        self._fresh = False
        self.ready = False
        self.given = 0
        self.give(index, file, seconds, now)

    def give(self, index: int, file: SourceFile, seconds: float, now: float) -> None:
        self.index, self.since, self.line = index, now, None
        self._in_file = _TRACED % re.escape(file.path.encode("ascii", "backslashreplace"))
        self.given += 1
        request = {"path": file.path, "data": base64.b64encode(file.data).decode(), "seconds": seconds * _TRACED_AFTER}
        with contextlib.suppress(BrokenPipeError):  # it is dead: its output ends, and that is looked at
            self._input.write(json.dumps(request).encode() + b"\n")
            self._input.flush()

    def answer(self, now: float) -> dict[str, object] | None:
        """The answer if it has come, None if not yet. Raises EOFError if the process has ended."""
        chunk = self.output.read()
        self._received += chunk or b""
        while b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            if not line.startswith(b"{"):
                self._take_trace(line)
                continue
            answer: dict[str, object] = json.loads(line)
            if answer:
                return answer
            self.ready, self.since = True, now  # its greeting: only now does it turn to the file
        if chunk == b"":
            raise EOFError
        return None

    def _take_trace(self, line: bytes) -> None:
        """Of a traceback, which begins with the innermost place, the first line that is in the file."""
        if line.endswith(b"(most recent call first):"):
            self._fresh = True
        elif self._fresh and (found := re.match(self._in_file, line)):
            self.line, self._fresh = int(found[1]), False

    def end(self, ended: bool = False) -> int:
        """Kill it with all that it has started. Returns its exit status, negative for a signal."""
        if ended:  # its output is closed, so it is about to be gone by itself: its own status tells why
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        status = self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self.output.close()
        return status


class _Examination:
    """The state of one call of ``examine``."""

    def __init__(self, files: Sequence[SourceFile], limit_seconds: float, clock: Clock) -> None:
        self.results: list[FileRefused | None] = [None] * len(files)
        self._files, self._limit, self._clock = files, limit_seconds, clock
        self._waiting = deque(range(len(files)))
        self._alone: set[int] = set()  # files that get a fresh process, because one failed that had seen others
        self._active: list[_Prober] = []
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        try:
            while self._waiting or self._active:
                self._start_some()
                for key, _ in self._selector.select(self._longest_wait()):
                    self._take(key.data)
                now = self._clock.monotonic()
                for prober in [p for p in self._active if now >= self._deadline(p)]:
                    self._stop(prober)
                    reason = f"its import does not end within {self._limit:g} s"
                    self.results[prober.index] = FileRefused(reason, prober.line)
        finally:
            for prober in list(self._active):
                self._stop(prober)
            self._selector.close()

    def _start_some(self) -> None:
        now = self._clock.monotonic()
        brisk = sum(1 for prober in self._active if not prober.ready or now - prober.since < _PATIENCE_SECONDS)
        width = min(_WIDTH, 1 + len(self._waiting) // 8)
        while self._waiting and brisk < width and len(self._active) < _MOST_PROCESSES:
            index = self._waiting.popleft()
            prober = _Prober(index, self._files[index], self._limit, now)
            self._active.append(prober)
            self._selector.register(prober.output, selectors.EVENT_READ, prober)
            brisk += 1

    def _deadline(self, prober: _Prober) -> float:
        return prober.since + (self._limit if prober.ready else max(self._limit, _START_SECONDS))

    def _longest_wait(self) -> float:
        """Seconds until a file's time is over, or another process is due for those that wait."""
        now = self._clock.monotonic()
        moments = [self._deadline(prober) - now for prober in self._active]
        if self._waiting:
            patience = [prober.since + _PATIENCE_SECONDS - now for prober in self._active]
            moments += [moment for moment in patience if moment > 0]
        return max(0.0, min(moments))

    def _take(self, prober: _Prober) -> None:
        """Take a process's answer, or its end, and give it the next file."""
        try:
            answer = prober.answer(self._clock.monotonic())
        except EOFError:
            status = self._stop(prober, ended=True)
            if not self._try_alone(prober):
                self.results[prober.index] = FileRefused(_death(status), prober.line)
            return
        if answer is None:
            return
        line = answer["line"]
        if answer["error"] is not None and not (answer["memory"] and self._try_alone(prober)):
            self.results[prober.index] = FileRefused(str(answer["error"]), line if isinstance(line, int) else None)
        if self._waiting and self._waiting[0] not in self._alone and not answer["last"]:
            index = self._waiting.popleft()
            prober.give(index, self._files[index], self._limit, self._clock.monotonic())
        else:
            self._stop(prober)

    def _try_alone(self, prober: _Prober) -> bool:
        """Whether the file gets a second try, because an earlier file may have been at fault."""
        if prober.given == 1 or prober.index in self._alone:
            return False
        self._alone.add(prober.index)
        self._waiting.appendleft(prober.index)
        return True

    def _stop(self, prober: _Prober, ended: bool = False) -> int:
        self._selector.unregister(prober.output)
        self._active.remove(prober)
        return prober.end(ended)


def examine(
    files: Sequence[SourceFile], limit_seconds: float = 10.0, clock: Clock | None = None
) -> list[FileRefused | None]:
    """Import each file in another process.

    Args:
        files: what to try.
        limit_seconds: how long the import of one file may take.

    Returns:
        For each file None, or the reason why it cannot be loaded.
    """
    examination = _Examination(files, limit_seconds, clock or SystemClock())
    examination.run()
    return examination.results


def _death(status: int) -> str:
    if status < 0:
        return f"the process that imported it was killed by {signal.Signals(-status).name}"
    return f"ends the whole process while it is imported (exit status {status})"
