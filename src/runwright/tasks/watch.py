"""Room of tasks: follows the task folders while serving: added, changed and removed files take effect.

It belongs to the registry's loop; files are tried out and imported off it. A file is looked at only when it has stood
still for a moment, and one that cannot be imported leaves the tasks of its last good version in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import watchfiles

from runwright.clock import Clock
from runwright.tasks.discovery import DiscoveryOptions, Finding, admit, load_files
from runwright.tasks.loading import FileRefused, forget, task_files
from runwright.tasks.registry import Problem, Registry
from runwright.tasks.task import Task

_logger = logging.getLogger(__name__)
SETTLE_SECONDS = 0.2
_Look = dict[Path, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What one look at the folders brought into effect, by path."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class DirectoryWatch:
    """Keeps a registry in step with the task folders.

    Make it before ``discover`` looks at the folders: what changes in between is then noticed.

    Args:
        options: the folders and the rules; as for ``discover``, which loads them for the first time.
        registry: where the tasks go.
        clock: the port for time.
        interval: seconds between looks that do not depend on the file system's own notices.
    """

    def __init__(
        self,
        options: DiscoveryOptions,
        registry: Registry,
        clock: Clock,
        *,
        interval: float = 2.0,
    ) -> None:
        self._options, self._registry, self._clock = options, registry, clock
        self._interval = interval
        self._seen = self._look()

    async def run(self) -> None:
        """Follow the folders until cancelled."""
        hint, stop = asyncio.Event(), asyncio.Event()
        notices = asyncio.create_task(self._notice(hint, stop), name="runwright-watch-notices")
        try:
            while True:
                await self._wait(hint)
                hint.clear()
                try:
                    await self.run_once()
                except OSError as error:  # a disk that is away for a moment must not end the watch
                    _logger.warning("the task folders cannot be looked at: %s", error)
                except Exception:  # nor may anything else: nobody would notice that files are not followed any more
                    _logger.exception("the task folders cannot be followed; they are looked at again")
        finally:
            stop.set()
            notices.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await notices

    async def run_once(self) -> FolderChanges:
        """Look once, and bring what has changed into effect. Returns when it has."""
        now = self._look()
        while now != self._seen:
            await self._clock.sleep(SETTLE_SECONDS)
            later = self._look()
            # What is still being written waits for the next look; the rest does not wait for it.
            steady = {path for path in {*self._seen, *now, *later} if now.get(path) == later.get(path)}
            if any(now.get(path) != self._seen.get(path) for path in steady):
                return await self._take(now, steady)
            now = later
        return FolderChanges()

    async def _take(self, now: _Look, steady: set[Path]) -> FolderChanges:
        moved = sorted(path for path in steady if now.get(path) != self._seen.get(path))
        removed = [path for path in moved if path not in now]
        loaded = [path for path in moved if path in now]
        changes = FolderChanges(
            tuple(str(path) for path in loaded if path not in self._seen),
            tuple(str(path) for path in loaded if path in self._seen),
            tuple(map(str, removed)),
        )
        findings: Sequence[Finding] = ()
        if loaded:
            findings = await asyncio.to_thread(load_files, loaded, self._options, self._options.directories)
        for path in removed:
            old = self._registry.tasks_of(str(path))
            self._registry.remove_source(str(path))
            _forget(old)
            self._seen.pop(path, None)
        for finding in findings:
            old = self._registry.tasks_of(finding.source)
            admit(finding, self._registry, self._options)
            _forget([task for task in old if task not in self._registry.tasks_of(finding.source)])
        for path in loaded:
            self._seen[path] = now[path]
        return changes

    def _look(self) -> _Look:
        """What identifies the present content of every task file: place, size and time, through links."""
        look: _Look = {}
        for directory in self._options.directories:
            source = str(directory)
            try:
                paths = task_files(directory)
            except FileRefused as refused:
                self._registry.set_problems(source, [Problem(str(directory), None, refused.reason, source)])
                continue
            self._registry.set_problems(source, ())
            for path in paths:
                look[path] = _identity(path)
        return look

    async def _wait(self, hint: asyncio.Event) -> None:
        """Until the file system gives notice, or the interval is over."""
        pause = asyncio.ensure_future(self._clock.sleep(self._interval))
        notice = asyncio.create_task(hint.wait())
        try:
            await asyncio.wait((pause, notice), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (pause, notice):
                waiting.cancel()
            await asyncio.gather(pause, notice, return_exceptions=True)

    async def _notice(self, hint: asyncio.Event, stop: asyncio.Event) -> None:
        """Turn the file system's notices into hints; without them the interval alone decides."""
        folders = [path for path in self._options.directories if path.is_dir()]
        if not folders:
            return
        try:
            async for _ in watchfiles.awatch(*folders, recursive=False, stop_event=stop, debounce=100, step=20):
                hint.set()
        except (OSError, RuntimeError) as error:
            _logger.warning("no notices of changed task files, they are looked at every interval only: %s", error)


def _identity(path: Path) -> tuple[int, ...]:
    try:
        link, real = path.lstat(), path.stat()
    except OSError:
        return ()
    content = (real.st_size, real.st_mtime_ns, real.st_ctime_ns) if stat.S_ISREG(real.st_mode) else ()
    return (link.st_ino, link.st_mtime_ns, real.st_dev, real.st_ino, *content)


def _forget(tasks: Sequence[Task[..., object]]) -> None:
    for name in {task.defined_in for task in tasks}:
        forget(name)
