"""For users' tests: a clock that moves only when the test says so. It must not look at the machine's time."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from runwright.clock import SECOND, Micros, SystemClock

NOON: Micros = 1_767_268_800 * SECOND
"""2026-01-01 12:00 UTC, where a manual clock starts unless told otherwise."""


class ManualClock:
    """A Clock for tests: ``now`` and ``monotonic`` stand still until ``advance``, and ``sleep`` waits for it.

    Args:
        start: the wall clock's first value, in microseconds since 1970 UTC.
    """

    def __init__(self, start: Micros = NOON) -> None:
        self._wall = start
        self._elapsed: Micros = 0
        self._order = count()
        self._sleepers: list[tuple[Micros, int, asyncio.Future[None]]] = []

    def now(self) -> Micros:
        return self._wall

    def monotonic(self) -> float:
        return self._elapsed / SECOND

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + round(seconds * SECOND), next(self._order), woken))
        await woken

    def advance(self, seconds: float) -> None:
        """Move both clocks on, and wake the sleepers whose time has come, in the order of their times.

        The woken coroutines run when the test next awaits something.
        """
        if seconds < 0:
            raise ValueError("time only advances; use step() to move the wall clock back")
        self._wall += round(seconds * SECOND)
        self._elapsed += round(seconds * SECOND)
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                # A sleeper may belong to another loop than the test's.
                woken.get_loop().call_soon_threadsafe(_wake, woken)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back without time passing, as an administrator or NTP does."""
        self._wall += round(seconds * SECOND)

    @property
    def sleepers(self) -> int:
        """How many coroutines wait for this clock."""
        return sum(1 for sleeper in self._sleepers if not sleeper[2].done())


class PacedClock:
    """A ManualClock for a whole manager: the time of day is the manual one and only moves by ``advance``, while the
    engine's own short pauses, and the time limits of what runs, pass by themselves as well.
    """

    def __init__(self, manual: ManualClock) -> None:
        self._manual, self._real = manual, SystemClock()
        self._began = self._real.monotonic()

    def now(self) -> Micros:
        return self._manual.now()

    def monotonic(self) -> float:
        return self._manual.monotonic() + self._real.monotonic() - self._began

    async def sleep(self, seconds: float) -> None:
        jump = asyncio.ensure_future(self._manual.sleep(seconds))
        try:
            await asyncio.wait({jump}, timeout=seconds)
        finally:
            jump.cancel()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
