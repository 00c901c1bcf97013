"""Bench: the shared record of what really ran, so that no peer is believed about its own work.

One file is mapped by the measuring process and by every worker. A job calls `hit(number)`: its counter goes up, and its
first start is kept (CLOCK_MONOTONIC, one clock for all processes of a machine). It does not judge speed.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

SLOTS = 1 << 16
WARM = SLOTS - 1
"""The slot of the job that only shows that a worker is up."""
REGIONS = 2
"""Worker processes with counters of their own: a job run by two of them is always seen."""

_CALLED = 0
_COUNT = _CALLED + 8 * SLOTS
_START = _COUNT + REGIONS * SLOTS
_SIZE = _START + REGIONS * 8 * SLOTS
_DOUBLE = struct.Struct("<d")
_FIRE = struct.Struct("<Idd")


@dataclass(frozen=True, slots=True)
class Fire:
    """One fire of a schedule: when it ran and, if the peer says it, when it should have (wall time, seconds)."""

    schedule: int
    ran: float
    due: float


class Recorder:
    """The mapped file. `create` empties it; a worker process attaches with a region of its own."""

    def __init__(self, path: Path, region: int = 0, create: bool = False) -> None:
        self.path = path
        self._fires_path = path.with_suffix(".fires")
        if create:
            self._fires_path.unlink(missing_ok=True)
            path.write_bytes(b"")
            os.truncate(path, _SIZE)
        self._file = os.open(path, os.O_RDWR)
        self._map = mmap.mmap(self._file, _SIZE)
        self._count = _COUNT + region * SLOTS
        self._start = _START + region * 8 * SLOTS
        self._fires = os.open(self._fires_path, os.O_CREAT | os.O_APPEND | os.O_RDWR)

    @staticmethod
    def places(region: int) -> dict[str, int]:
        """For a worker that is no Python: how many slots there are, and where a region's counts and starts begin."""
        return {"slots": SLOTS, "counts": _COUNT + region * SLOTS, "starts": _START + 8 * region * SLOTS}

    def hit(self, number: int) -> None:
        """A job's first statement."""
        now = time.monotonic()
        count = self._map[self._count + number]
        if count == 0:
            _DOUBLE.pack_into(self._map, self._start + 8 * number, now)
        if count < 255:
            self._map[self._count + number] = count + 1

    def fire(self, schedule: int, due: float = 0.0) -> None:
        """A schedule's job's first statement."""
        os.write(self._fires, _FIRE.pack(schedule, time.time(), due))

    def called(self, number: int) -> None:
        """Just before the call that stores the job."""
        _DOUBLE.pack_into(self._map, _CALLED + 8 * number, time.monotonic())

    def executed(self, count: int) -> int:
        """How many of the first `count` jobs have run; a job run in two processes counts twice."""
        return sum(count - self._counts(region, count).count(0) for region in range(REGIONS))

    def faults(self, count: int) -> tuple[int, int]:
        """Missing and doubled executions among the first `count` jobs."""
        totals = [sum(pair) for pair in zip(*(self._counts(region, count) for region in range(REGIONS)), strict=True)]
        return totals.count(0), sum(total - 1 for total in totals if total > 1)

    def starts(self, count: int) -> list[float]:
        """Start times of the first `count` jobs, as far as they ran."""
        found: list[float] = []
        for region in range(REGIONS):
            found += [start for start in self._doubles(_START + 8 * region * SLOTS, count) if start]
        return found

    def latencies(self, count: int) -> list[float]:
        """Seconds from call to first start, for each job that ran."""
        called = self._doubles(_CALLED, count)
        columns = [self._doubles(_START + 8 * region * SLOTS, count) for region in range(REGIONS)]
        firsts = [min((start for start in starts if start), default=0.0) for starts in zip(*columns, strict=True)]
        return [first - call for first, call in zip(firsts, called, strict=True) if first]

    def has_run(self, number: int) -> bool:
        """Whether one job has run."""
        return any(self._map[_COUNT + region * SLOTS + number] for region in range(REGIONS))

    def fires(self) -> list[Fire]:
        """All fires so far."""
        data = self._fires_path.read_bytes()
        return [Fire(*fields) for fields in _FIRE.iter_unpack(data[: len(data) // _FIRE.size * _FIRE.size])]

    def clear(self) -> None:
        """Forget everything."""
        self._map[:] = b"\0" * _SIZE
        os.ftruncate(self._fires, 0)

    def _counts(self, region: int, count: int) -> bytes:
        begin = _COUNT + region * SLOTS
        return self._map[begin : begin + count]

    def _doubles(self, begin: int, count: int) -> list[float]:
        return [value for (value,) in _DOUBLE.iter_unpack(self._map[begin : begin + 8 * count])]


def attach() -> Recorder:
    """The recorder that the measuring process announced in the environment."""
    return Recorder(Path(os.environ["BENCH_RECORD"]), int(os.environ.get("BENCH_REGION", "0")))
