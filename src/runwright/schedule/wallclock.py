"""Schedule: between the clock on a wall and the instants of UTC, in zones whose clocks jump.

A *wall* is a naive datetime, what a clock in the zone shows; an *instant* is an aware datetime in UTC. One wall is no
instant at all (in a gap), one, or two (in a fold). All arithmetic is done on instants or walls, never on local times.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runwright.errors import ScheduleRefused

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


@lru_cache(1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone with this IANA name; ScheduleRefused names the field ``timezone`` if there is none."""
    if len(name) > 64 or not _NAME.fullmatch(name):
        raise ScheduleRefused("timezone", f"{name!r:.80} is not the name of a time zone, such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder, such as "America"
        raise ScheduleRefused("timezone", _why_unknown(name)) from error


def _why_unknown(name: str) -> str:
    try:
        ZoneInfo.no_cache("Europe/London")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{name!r} cannot be looked up: this machine has no time zone data; pip install tzdata"
    return f"there is no time zone {name!r}; use a name such as Europe/Berlin"


def forget_zones() -> None:
    """Read the zones anew when they are asked for: their rules have changed."""
    zone_of.cache_clear()
    ZoneInfo.clear_cache()


def wall_of(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at ``instant``."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def offset_at(instant: datetime, zone: ZoneInfo) -> timedelta:
    """How far the wall is ahead of UTC at ``instant``."""
    return wall_of(instant, zone) - instant.replace(tzinfo=None)


def instants_of(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants at which the clock shows ``wall``, in order: none, one or two."""
    early = wall.replace(tzinfo=zone)
    late = early.replace(fold=1)
    if early.utcoffset() == late.utcoffset():
        return (early.astimezone(UTC),)
    first, second = early.astimezone(UTC), late.astimezone(UTC)
    return (first, second) if first < second else ()  # in a gap each is read with the offset of the other side


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant that shows ``wall``; for a wall in a gap, the end of the gap."""
    found = instants_of(wall, zone)
    return found[0] if found else gap_end(wall, zone)


def gap_end(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after the gap in which ``wall`` lies."""
    after = wall.replace(tzinfo=zone, fold=1).astimezone(
        UTC
    )  # read with the offset of the other side, as PEP 495 has it
    before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return jump_between(after, before, zone)


def jump_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after ``low`` with another offset than it has; ``high`` must have another one."""
    offset = offset_at(low, zone)
    start, reach = low, int((high - low).total_seconds())
    below = 0
    while reach - below > 1:
        middle = (below + reach) // 2
        if offset_at(start + middle * SECOND, zone) == offset:
            below = middle
        else:
            reach = middle
    return start + reach * SECOND


def fold_at(shown: datetime, zone: ZoneInfo) -> tuple[datetime, bool] | None:
    """If the clock shows the wall of ``shown``, an instant in the zone's time, twice: when it is put back, and whether
    that is still to come.
    """
    again = shown.replace(fold=1 - shown.fold)
    if shown.utcoffset() == again.utcoffset():
        return None
    first, second = sorted((shown.astimezone(UTC), again.astimezone(UTC)))
    return jump_between(first, second, zone), shown.fold == 0


def jumps_between(start: datetime, stop: datetime, zone: ZoneInfo) -> list[datetime]:
    """Every instant in (start, stop] at which the offset changes; two changes that cancel within a day are missed."""
    found: list[datetime] = []
    if zone.utcoffset(None) is not None:  # its clocks never jump
        return found
    low = start
    while low < stop:
        high = min(low + DAY, stop)
        while offset_at(low, zone) != offset_at(high, zone):
            low = jump_between(low, high, zone)
            found.append(low)
        low = high
    return found


def segments(start: datetime, stop: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime, timedelta]]:
    """The stretches of [start, stop) in which the clocks go on evenly, each with how far the wall is ahead of UTC."""
    edges = [start, *jumps_between(start, stop, zone), stop]
    return [(low, high, offset_at(low, zone)) for low, high in pairwise(edges) if low < high]
