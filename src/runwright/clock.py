"""Vocabulary: two of the five ports, time and chance, through which both enter the engine.

Core rooms take a Clock and an Rng; they never call ``time``, ``datetime.now``, ``random`` or ``uuid`` themselves
(a test walks the syntax trees), so that the same code runs under a manual clock and under simulation.
Times inside the engine are integers: microseconds since 1970-01-01 UTC, the type ``Micros``.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from array import array
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeGuard

Micros = int  # a plain alias: arithmetic on times happens in hot loops

SECOND: Micros = 1_000_000
YEARS = range(1970, 9001)
"""The years of the moments that are taken; another one is a mistake, and some have no place in UTC."""
MOMENT = f"with an offset and a year from {YEARS[0]} to {YEARS[-1]}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> Micros:
    """The aware ``moment`` as microseconds since 1970 UTC, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def is_moment(value: object) -> TypeGuard[datetime]:
    """Whether a value is a moment that the engine takes: aware of its zone, and in one of YEARS."""
    return isinstance(value, datetime) and value.utcoffset() is not None and value.year in YEARS


def moment_of(value: object) -> datetime:
    """The moment, in UTC, that an ISO 8601 text with an offset names. ValueError says what it must be."""
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # what is no text is a TypeError
    except (TypeError, ValueError):
        raise ValueError("must be a time such as 2027-01-31T02:00:00Z") from None
    if not is_moment(moment):
        raise ValueError(f"must be a time such as 2027-01-31T02:00:00Z, {MOMENT}")
    return moment.astimezone(UTC)


def moment_text(moment: datetime) -> str:
    """The moment as ISO 8601 text, with ``Z`` for UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def to_datetime(moment: Micros) -> datetime:
    """Microseconds since 1970 UTC as an aware datetime in UTC, exact."""
    return _EPOCH + timedelta(microseconds=moment)


class Clock(Protocol):
    """Time as the engine sees it: a wall clock that may step, a monotonic one that may not, and sleep."""

    def now(self) -> Micros:
        """The wall clock, in microseconds since 1970 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` on the monotonic clock."""
        ...


class Rng(Protocol):
    """Chance as the engine sees it: identifiers, tokens and jitter."""

    def run_id(self, now: Micros) -> str:
        """A new identifier: UUIDv7 text, ascending in the order of the calls of one process."""
        ...

    def token(self) -> int:
        """A random positive 62-bit integer, for a claim."""
        ...

    def secret(self) -> str:
        """256 unguessable bits as URL-safe text."""
        ...

    def random(self) -> float:
        """A float in [0, 1)."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Micros:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SharedClock:
    """A machine's clocks, save that the wall clock is the store's, so that all machines of a store have the same."""

    def __init__(self, clock: Clock, now: Callable[[], Micros]) -> None:
        self._clock = clock
        self._now = now

    def now(self) -> Micros:
        return self._now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def uuid7_text(milliseconds: int, counter: int, tail: int) -> str:
    """UUIDv7 (RFC 9562 §5.7): 48 bits of time, a 12-bit and 18-bit counter, 44 random bits.

    ``counter`` is 30 bits and ascends within one millisecond (method 1 of §6.2), ``tail`` is 44 bits.
    """
    value = (milliseconds << 80) | (0x7 << 76) | ((counter >> 18) << 64) | (0x2 << 62)
    text = f"{value | ((counter & 0x3FFFF) << 44) | tail:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class SystemRng:
    """Identifiers that ascend within the process, and the operating system's randomness."""

    def __init__(self) -> None:
        self._milliseconds = 0
        self._counter = 0
        self._random = secrets.SystemRandom()
        self._bits = array("Q")

    def run_id(self, now: Micros) -> str:
        milliseconds = now // 1000
        if milliseconds > self._milliseconds:
            self._milliseconds, self._counter = milliseconds, self._next_bits() >> 35  # 29 bits: it never overflows
        else:  # the same millisecond, or a clock that stepped back: stay on the highest one seen
            self._counter += 1
        return uuid7_text(self._milliseconds, self._counter, self._next_bits() >> 20)

    def token(self) -> int:
        return self._next_bits() >> 2 | 1

    def _next_bits(self) -> int:
        """64 random bits. Many at once: asking the system for each costs as much as the rest of an identifier."""
        if not self._bits:
            self._bits = array("Q", os.urandom(8 * 256))
        return self._bits.pop()

    def secret(self) -> str:
        return secrets.token_urlsafe(32)

    def random(self) -> float:
        return self._random.random()
