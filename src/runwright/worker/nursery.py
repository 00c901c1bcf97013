"""The program from which the processes of the process lane are forked, and the guards that end them as a whole tree.

    worker ── nursery (one; it has everything imported, so that a fork takes milliseconds)
                └─ guard (one for each run)
                     └─ the task's process, and whatever it starts

A guard is a child subreaper: what a task starts, however often it forks and whatever session it moves to, stays below
the guard until it is dead and reaped. Guards and nursery are single-threaded, run no user code, and end with the
worker, however that ends. See docs/design/processes.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NoReturn

import psutil

from runwright.worker import child, frames

TERMINATE, KILL = b"T", b"K"
LOOK_MILLISECONDS = 1000
PIPES = 3
OUT_OF_MEMORY_SCORE = "500"

_LINUX = sys.platform == "linux"
_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
_CHILDREN = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
_HAS_CHILDREN = Path(_CHILDREN).exists()


def main() -> None:
    """Fork a guard for each request (a mark, and three pipes) until the worker closes the channel or dies."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    worker = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it goes with the worker, which is told itself
    _control(_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()  # forks share what is here: no collection of theirs shall copy it by looking at it
    bell, death = Bell(), _death_of(worker)
    guards: set[int] = set()
    while channel.fileno() >= 0 or guards:
        ready = _wait(bell, [channel.fileno()] if channel.fileno() >= 0 else [], death if channel.fileno() >= 0 else -1)
        for pid, status in _reaped():
            guards.discard(pid)
            if status:  # a guard that was killed: what it guarded has become ours
                guards -= {ended for ended, _ in end_tree(keep=guards)}
        if death in ready or os.getppid() != worker:
            channel.close()
        elif channel.fileno() in ready:
            mark, pipes = _request(channel)
            if not mark:
                channel.close()
                continue
            guard = os.fork()
            if guard == 0:
                channel.close()
                bell.close()
                _guard(mark, pipes, death)
            guards.add(guard)
            for pipe in pipes:
                os.close(pipe)


def _request(channel: socket.socket) -> tuple[bytes, list[int]]:
    """A mark, and the pipes for output, control and orders; nothing if the channel has ended."""
    try:
        mark, pipes, _, _ = socket.recv_fds(channel, frames.MARK_BYTES, PIPES)
    except OSError:
        return b"", []
    return (mark, list(pipes)) if len(pipes) == PIPES and len(mark) == frames.MARK_BYTES else (b"", [])


# ----- the guard --------------------------------------------------------------------------------------------------


def _guard(mark: bytes, pipes: list[int], death: int) -> NoReturn:
    """Watch over one run until nothing of it is left, and say so on its output."""
    code = 1
    output, control, orders = pipes
    try:
        _control(_SET_CHILD_SUBREAPER, 1)
        bell = Bell()
        runner = os.fork()
        if runner == 0:
            bell.close()
            for pipe in (orders, death):
                if pipe >= 0:
                    os.close(pipe)
            _live(mark, output, control)
        os.close(control)
        status = _watch(bell, runner, orders, death)
        killed = 0
        for pid, ended in end_tree():
            if pid == runner:
                status = ended
            else:
                killed += os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        gone = {"status": status, "cpu": usage.ru_utime + usage.ru_stime, "killed": killed}
        with contextlib.suppress(BrokenPipeError):
            frames.write(output, mark, {"gone": gone})
        code = 0
    except BaseException:  # noqa: BLE001 - no exception may climb into the nursery's loop, of which this is a copy
        traceback.print_exc()
    finally:
        os._exit(code)


def _watch(bell: Bell, runner: int, orders: int, death: int) -> int | None:
    """Obey orders until the run's process has ended, or all shall be killed; its wait status, if it has ended."""
    while True:
        ready = _wait(bell, [orders], death)
        for pid, status in _reaped():
            if pid == runner:
                return status
        if orders in ready:
            order = os.read(orders, 64)
            if not order or KILL in order:  # or the worker is gone
                return None
            for pid in descendants():
                _kill(pid, signal.SIGTERM)
        if death in ready:
            return None


def _live(mark: bytes, output: int, control: int) -> NoReturn:
    """Become the process of a run: a session of its own, the pipe as its output, no input."""
    try:
        os.setsid()
        _control(_SET_DEATH_SIGNAL, signal.SIGKILL)  # with its guard, if somebody kills that
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(
                OUT_OF_MEMORY_SCORE
            )  # when memory is short: this, not the worker
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(nothing)
        child.live(mark, output, control)
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
    finally:
        os._exit(70)


# ----- processes --------------------------------------------------------------------------------------------------


class Bell:
    """A descriptor that becomes readable when a child has ended."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def clear(self) -> None:
        """Be ready for the next end."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.reader, 4096)

    def close(self) -> None:
        """Hear no more; in a fork, which must not share it."""
        signal.set_wakeup_fd(-1)
        os.close(self.reader)
        os.close(self._writer)


def end_tree(keep: Collection[int] = ()) -> Iterator[tuple[int, int]]:
    """Kill everything below this process and reap it, until only ``keep`` is left: (pid, wait status) of each."""
    while True:
        for pid in descendants(keep):
            _kill(pid, signal.SIGKILL)
        found = False
        for pid, status in _reaped():
            found = True
            yield pid, status
        if not found:
            if not [pid for pid in children(os.getpid()) if pid not in keep]:
                return
            select.select([], [], [], 0.002)  # somebody is being killed, or has just been started


def descendants(keep: Collection[int] = ()) -> list[int]:
    """All processes below this one, parents first; without ``keep`` and what is below those."""
    found = [pid for pid in children(os.getpid()) if pid not in keep]
    for pid in found:  # grows while it is walked
        found += children(pid)
    return found


def children(pid: int) -> list[int]:
    """The children of a process, those included that have ended and wait to be reaped."""
    if not _HAS_CHILDREN:
        with contextlib.suppress(psutil.Error):
            return [process.pid for process in psutil.Process(pid).children()]
        return []
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def _reaped() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def _wait(bell: Bell, readers: list[int], death: int) -> set[int]:
    """Wait for a child's end, for one of the readers, or for the worker's death; what is ready."""
    poll = select.poll()
    for descriptor in (bell.reader, *readers, *([death] if death >= 0 else [])):
        poll.register(descriptor, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(LOOK_MILLISECONDS)}
    bell.clear()
    return ready


def _death_of(pid: int) -> int:
    """A descriptor that becomes readable when the process ends; -1 where there is none (the pipes tell it then)."""
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _control(option: int, value: int) -> None:
    """``prctl``, where there is one; elsewhere what has left its tree is not found again."""
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
