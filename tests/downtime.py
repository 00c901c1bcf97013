"""What becomes of due times that have passed while nobody was there, from plain lists of them, without the product."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta

Row = tuple[str, datetime, datetime, int]
"""Outcome, first and last due time, and their number."""


def expected(dues: list[datetime], catch_up: str, most: int, grace: float | None, now: datetime) -> list[Row]:
    """The rows for these due times, after a downtime: the policies, in words of lists."""
    if not dues:
        return []
    border = now - timedelta(seconds=60 if grace is None else grace)
    on_time = dues[bisect_left(dues, border) :]

    def run(due: datetime) -> Row:
        return ("fired" if due >= border else "late", due, due, 1)

    def span(outcome: str, some: list[datetime]) -> list[Row]:
        return [(outcome, some[0], some[-1], len(some))] if some else []

    if catch_up == "all":
        kept = dues[-most:]
        return span("missed", dues[:-most]) + [run(due) for due in kept]
    if catch_up == "skip":
        rows = span("missed", dues[: len(dues) - len(on_time)]) + span("merged", on_time[:-1])
        return rows + [run(due) for due in on_time[-1:]]
    return [*span("merged", dues[:-1]), run(dues[-1])]
