"""Deals out the places that all lanes of one worker share (``max_total``). Pure bookkeeping; it knows no store.

While there are fewer places than free slots, one lane at a time is asked to fill them: the one that was not asked for
the longest time, and at once the next if it has too little work. So no lane is starved by another, and none holds
places that it cannot use.
"""

from __future__ import annotations

from collections.abc import Mapping

from runwright.model import Lane


class Places:
    """``unasked``: lanes with free slots were passed over in the last deal, and shall be asked at once."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.unasked = False
        self._asked: set[Lane] = set()
        self._last: dict[Lane, int] = {}
        self._deals = 0

    def deal(self, free: Mapping[Lane, int], held: int) -> Mapping[Lane, int]:
        """How many of its free slots each lane may fill now, when so many runs are held in all."""
        if self.total is None:
            return free
        places = max(0, self.total - held)
        if places >= sum(free.values()):
            self._asked.clear()
            self.unasked = False
            return free
        lanes = [lane for lane in free if free[lane] and lane not in self._asked] if places else []
        self.unasked = len(lanes) > 1
        if not self.unasked:
            self._asked.clear()
        if not lanes:
            return dict.fromkeys(free, 0)
        chosen = min(lanes, key=lambda lane: self._last.get(lane, 0))
        self._deals += 1
        self._last[chosen] = self._deals
        if self.unasked:
            self._asked.add(chosen)
        return {lane: min(places, free[lane]) if lane is chosen else 0 for lane in free}
