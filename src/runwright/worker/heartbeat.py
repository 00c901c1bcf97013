"""Keeps a worker session's lease alive, from outside of every event loop, and watches that those loops turn.

It has its own thread and, through ``Store.beat``, its own connection: user code that blocks a loop cannot cost the
lease. A session that cannot renew stops its runs before the lease ends, whatever keeps it from renewing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from runwright.clock import Clock
from runwright.errors import StoreUnavailable
from runwright.store.base import Store

BLOCKED_SECONDS = 5.0
AGAIN_SECONDS = 1.0
"""How soon a beat that failed is tried again: two short outages, each at a beat, must not cost the lease."""

logger = logging.getLogger("runwright.worker")


class Heartbeat:
    """Renews a lease; calls ``lost`` (on the home loop) once it is lost, or about to end unrenewed."""

    def __init__(
        self,
        store: Store,
        session: str,
        clock: Clock,
        *,
        lease_seconds: float,
        beat_seconds: float,
        lost: Callable[[], None],
        user_loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._store = store
        self._session = session
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._beat_seconds = beat_seconds
        self._lost = lost
        self._home = asyncio.get_running_loop()
        self._user_loop = user_loop
        self._renewed_at = clock.monotonic()
        self.pause = beat_seconds
        """Seconds until the next beat."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name="runwright-heartbeat", daemon=True)
        self._heard = 0.0
        self._asked = 0.0
        self._blamed = False

    def start(self) -> None:
        """Begin to beat in a thread."""
        self._heard = self._clock.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the lease is left as it is."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def beat(self) -> bool:
        """Renew the lease once. False if it is lost, or so old that others may take the runs any moment."""
        began = self._clock.monotonic()
        try:  # a process that was frozen for longer than it has left may still hold its lease: it has one more try
            within = max(self._left(began), min(self._beat_seconds, AGAIN_SECONDS))
            if not self._store.beat(self._session, self._lease_seconds, within_seconds=within):
                return False
            self._renewed_at = began
            # one that took long leaves less than a beat: the next begins before the lease would be given up
            self.pause = min(self._beat_seconds, max(self._left(self._clock.monotonic()), 0.0))
            return True
        except StoreUnavailable as unavailable:
            logger.warning("the lease could not be renewed: %s", unavailable)
        except Exception:  # whatever it is, without this thread the lease would end and nobody be told
            logger.exception("the lease could not be renewed")
        left = self._left(self._clock.monotonic())
        self.pause = min(self._beat_seconds, AGAIN_SECONDS, max(left, 0.0))
        return left > 0

    def _left(self, now: float) -> float:
        """Seconds until the lease is given up: a beat's length before its end, when the runs must have stopped."""
        return self._renewed_at + self._lease_seconds - self._beat_seconds - now

    def _main(self) -> None:
        while not self._stop.wait(self.pause):
            self._watch()
            if not self.beat():
                self._home.call_soon_threadsafe(self._lost)
                return

    def _watch(self) -> None:
        """Name the run that blocks the loop of the tasks, once for each time that it blocks."""
        loop, now = self._user_loop, self._clock.monotonic()
        if loop is None or loop.is_closed():
            return
        if self._heard < self._asked and now - self._asked > BLOCKED_SECONDS:
            task = asyncio.current_task(loop)
            if not self._blamed:
                self._blamed = True
                logger.warning(
                    "%s has blocked the event loop of the tasks for more than %d s; use a plain def for blocking work",
                    task.get_name() if task is not None else "something", BLOCKED_SECONDS,
                )  # fmt: skip
            return
        if self._heard >= self._asked:
            self._blamed = False
            self._asked = now
            with suppress(RuntimeError):  # it was closed just now; a lease must not end with it
                loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        self._heard = self._clock.monotonic()
