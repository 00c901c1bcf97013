"""What a schedule's ledger says of its due times, for schedules that are due each second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

SECOND = 1_000_000


def coverage(fires: Iterable[tuple[int, int]], first: int, last: int) -> tuple[list[int], list[int]]:
    """The seconds from ``first`` to ``last`` that no row covers, and those that more than one row does.

    A row is its first due time, in microseconds as ``first`` and ``last`` are, and how many due times it stands for.
    """
    seconds: Counter[int] = Counter()
    for due, count in fires:
        seconds.update(range(due, due + count * SECOND, SECOND))
    missed = [second for second in range(first, last + 1, SECOND) if not seconds[second]]
    return missed, [second for second, count in seconds.items() if count > 1]
