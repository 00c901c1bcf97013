"""The one loop: every service is this loop and its own step. Wake-ups are hints, the step's own pace is the truth.

A step's failure never ends the loop: an unavailable store is reported once and tried again with a growing pause.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import ClassVar

from runwright.bus import Bus
from runwright.errors import StoreUnavailable

LONGEST_SLEEP_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 5.0

logger = logging.getLogger("runwright.worker")


class Service(ABC):
    """A loop that can be started and stopped in any order and any number of times.

    A subclass says what one step does and returns the seconds until the next; a topic of the bus cuts them short.
    """

    name: ClassVar[str]
    topics: ClassVar[tuple[str, ...]] = ()

    def __init__(self, bus: Bus) -> None:
        self._wakeup = bus.subscribe(*self.topics)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.failures = 0
        self.hinted = True
        """Whether a hint, and not the clock alone, led to the present step."""

    @abstractmethod
    async def run_once(self) -> float:
        """Do one step; return the seconds until the next one, 0 for at once."""

    async def start(self) -> None:
        """Begin the loop; starting twice changes nothing."""
        if self._task is None:
            self._stopping = False
            self._task = asyncio.create_task(self._loop(), name=f"runwright-{self.name}")

    async def stop(self) -> None:
        """End the loop after the step that is under way; stopping twice, or before a start, changes nothing."""
        self._stopping = True
        self._wakeup.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    def wake(self) -> None:
        """Cut the pause short; must be called on the loop that the service runs on."""
        self._wakeup.set()

    @property
    def stopping(self) -> bool:
        """Whether the loop was told to end."""
        return self._stopping

    @property
    def running(self) -> bool:
        """Whether the loop lives."""
        return self._task is not None and not self._task.done()

    async def _loop(self) -> None:
        while not self.stopping:
            try:
                pause = await self.run_once()
                if self.failures:
                    logger.info("%s goes on after %d failures", self.name, self.failures)
                    self.failures = 0
            except StoreUnavailable as unavailable:
                pause = self._backoff()
                if self.failures == 1:
                    logger.warning("%s waits: %s", self.name, unavailable)
            except Exception:
                pause = self._backoff()
                if self.failures == 1:
                    logger.exception("%s failed; it tries again", self.name)
            if pause > 0 and not self.stopping:
                self.hinted = await self._wakeup.wait(min(pause, LONGEST_SLEEP_SECONDS))
            else:
                self.hinted = False
                await asyncio.sleep(0)

    def _backoff(self) -> float:
        self.failures += 1
        return min(LONGEST_BACKOFF_SECONDS, 0.05 * 2.0 ** min(self.failures, 10))
