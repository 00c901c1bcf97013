"""A virtual event loop: waiting advances the time, and the order of ready callbacks is drawn from a seed.

Nothing in it looks at the machine's clock, so an hour takes as long as its callbacks, and a seed replays exactly.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from typing import Any


class Deadlock(AssertionError):
    """Nothing is scheduled and nothing is ready: the system under test would wait for ever."""


class VirtualSelector:
    """Stands in for the selector: to wait is to move the time."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is scheduled any more")
        if timeout > 0:
            self._loop.seconds += timeout
        return []


class SimulatedLoop(asyncio.base_events.BaseEventLoop):
    """The loop; ``seconds`` is its time."""

    def __init__(self, seed: int) -> None:
        self.seconds = 0.0
        self.rng = random.Random(seed)
        super().__init__()
        self._selector = VirtualSelector(self)

    def time(self) -> float:
        return self.seconds

    def _process_events(self, event_list: Any) -> None:
        """There are none: no sockets here."""

    def _write_to_self(self) -> None:
        """There is no other thread to be woken by."""

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]  # asyncio's own queue; shuffling it is the point
        if len(ready) > 1:
            shuffled = list(ready)
            self.rng.shuffle(shuffled)
            ready.clear()
            ready.extend(shuffled)
        super()._run_once()  # type: ignore[misc]  # asyncio's own step

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # it never returns
        raise AssertionError(f"the core used a thread for {func!r}; under simulation it must not")
