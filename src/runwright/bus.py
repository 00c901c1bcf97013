"""Vocabulary: the port for wake-ups. Hints that something may have changed, after it was committed.

A hint may be lost, doubled or late: whoever waits for one also looks by itself from time to time, and whoever gets one
reads the store for the truth. Topics: ``runs`` (something to claim), ``controls`` (people want something of running
runs), ``schedules``, ``events`` (the timeline moved), ``run:<id>``, and ``run:*`` for any run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from runwright.model import TaskProgress

EVERY_RUN = "run:*"
"""A hint that any run may have changed, for those who follow single ones."""


class Wakeup:
    """A subscription: ``wait`` returns when one of its topics was published, or when the time is over."""

    def __init__(self, bus: LocalBus, topics: Collection[str]) -> None:
        self._bus = bus
        self._topics = tuple(topics)
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the waiter; must be called on its event loop."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; True if there was a hint since the last wait."""
        if not self._event.is_set():
            if self._topics:
                self._bus.awaited()
            timer = asyncio.get_running_loop().call_later(seconds, self._event.set)
            try:
                await self._event.wait()
                hinted = timer.when() > asyncio.get_running_loop().time()
            finally:
                timer.cancel()
        else:
            hinted = True
        self._event.clear()
        return hinted

    def close(self) -> None:
        """End the subscription."""
        self._bus.unsubscribe(self, self._topics)


class Bus(Protocol):
    """Wake-ups, and the latest progress of runs, which is shown but only saved now and then."""

    def publish(self, topics: Iterable[str]) -> None:
        """Wake everybody who waits for one of the topics. Called on the home loop, after the commit."""
        ...

    def subscribe(self, *topics: str) -> Wakeup:
        """Begin to listen. Listen first, then read the store, then wait."""
        ...

    def publish_progress(self, run: str, progress: TaskProgress | None) -> None:
        """Make a run's latest progress known; None when the run is over."""
        ...

    def progress(self, run: str) -> TaskProgress | None:
        """The latest progress that was made known, if any."""
        ...


class LocalBus:
    """The bus of one process and one event loop."""

    def __init__(self) -> None:
        self.awaited: Callable[[], None] = lambda: None
        """Called when somebody waits for a topic: whoever brings hints from elsewhere need not begin before."""
        self._waiting: dict[str, dict[Wakeup, None]] = {}  # in the order of their coming, so that a seed replays
        self._progress: dict[str, TaskProgress] = {}

    def publish(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for wakeup in self._followers() if topic == EVERY_RUN else self._waiting.get(topic, ()):
                wakeup.set()

    def _followers(self) -> list[Wakeup]:
        return [wakeup for topic, waiting in self._waiting.items() if topic.startswith("run:") for wakeup in waiting]

    def subscribe(self, *topics: str) -> Wakeup:
        wakeup = Wakeup(self, topics)
        for topic in topics:
            self._waiting.setdefault(topic, {})[wakeup] = None
        return wakeup

    def unsubscribe(self, wakeup: Wakeup, topics: Iterable[str]) -> None:
        """Forget a subscription; the end of ``Wakeup.close``."""
        for topic in topics:
            waiting = self._waiting.get(topic)
            if waiting is not None:
                waiting.pop(wakeup, None)
                if not waiting:
                    del self._waiting[topic]

    def publish_progress(self, run: str, progress: TaskProgress | None) -> None:
        if progress is None:
            self._progress.pop(run, None)
            return
        self._progress[run] = progress
        self.publish((f"run:{run}",))

    def progress(self, run: str) -> TaskProgress | None:
        return self._progress.get(run)
