"""Vocabulary: when a failed attempt is tried again, and the exceptions by which a task decides it from inside.

Arithmetic only: what is retried is decided by ``lifecycle``, what was raised is known to the executor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

from runwright.duration import LONGEST_SECONDS, parse_duration
from runwright.errors import DefinitionError, FieldError, InvalidInput

MOST_RETRIES = 2**31


class _Postponed(Exception):
    """A task's word that it is to be run again after ``seconds``, and why."""

    _named: ClassVar[str]
    _told: ClassVar[str]

    def __init__(self, seconds: float | str | timedelta, reason: str = "") -> None:
        try:
            self.seconds = parse_duration(seconds)
        except InvalidInput as error:
            raise InvalidInput(f"{self._named}: {error}") from None
        super().__init__(reason or f"{self._told} {self.seconds:g} s")


class RetryLater(_Postponed):
    """Raised by a task (``raise Retry.later(60)``): try again after ``seconds``; the failure counts.

    Args:
        seconds: 0 to 100 years, as a number, a timedelta or a text such as ``"5m"``.

    Raises:
        InvalidInput: ``seconds`` is something else.
    """

    _named, _told = "Retry.later", "retry in"


class Snooze(_Postponed):
    """Raised by a task: there is nothing to do yet; run again after ``seconds``. Not a failure, not a retry.

    Args:
        seconds: 0 to 100 years, as a number, a timedelta or a text such as ``"5m"``.

    Raises:
        InvalidInput: ``seconds`` is something else.
    """

    _named, _told = "Snooze", "snoozed for"


class Discard(Exception):
    """Raised by a task: this run has failed for good, whatever its retry policy says."""


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """How often and when a failed run is tried again. Durations may be given as timedeltas or texts such as ``"5m"``.

    Args:
        max_retries: retries after the first attempt; 0 means none.
        delay: the wait before the first retry, at most 100 years.
        backoff: ``"exponential"`` multiplies the delay by ``factor`` each time, ``"constant"`` keeps it.
        factor: the multiplier of exponential backoff, at least 1.
        max_delay: the longest wait, before jitter; None means 100 years.
        jitter: the share of the delay by which it varies either way, 0 to 1; 0.5 gives 0.5 to 1.5 times the delay.
        on: retry only exceptions of these types, one or several; empty means all.
        not_on: never retry exceptions of these types.

    Raises:
        DefinitionError: with one FieldError for each argument that is something else.
    """

    max_retries: int
    delay: float
    backoff: Literal["exponential", "constant"]
    factor: float
    max_delay: float | None
    jitter: float
    on: tuple[type[BaseException], ...]
    not_on: tuple[type[BaseException], ...]

    def __init__(
        self,
        max_retries: int = 3,
        delay: float | str | timedelta = 5.0,
        backoff: Literal["exponential", "constant"] = "exponential",
        factor: float = 2.0,
        max_delay: float | str | timedelta | None = None,
        jitter: float = 0.0,
        on: type[BaseException] | tuple[type[BaseException], ...] = (),
        not_on: type[BaseException] | tuple[type[BaseException], ...] = (),
    ) -> None:
        given = (max_retries, delay, backoff, factor, max_delay, jitter, on, not_on)
        faults = []
        for (name, check), value in zip(_CHECKS.items(), given, strict=True):
            try:
                object.__setattr__(self, name, check(value))
            except (InvalidInput, ValueError) as error:
                faults.append(FieldError(f"/retry/{name}", f"{name} {error}"))
        if faults:
            raise DefinitionError("; ".join(fault.message for fault in faults), faults)

    @staticmethod
    def later(seconds: float | str | timedelta, reason: str = "") -> RetryLater:
        """The exception that a task raises to be tried again after ``seconds``."""
        return RetryLater(seconds, reason)

    def covers(self, error: BaseException) -> bool:
        """Whether an exception of this type is retried at all."""
        if self.not_on and isinstance(error, self.not_on):
            return False
        return not self.on or isinstance(error, self.on)

    def wait_seconds(self, failures: int, chance: float = 0.5) -> float | None:
        """Seconds to wait after the ``failures``-th failure (1 = the first), or None if there is no retry left.

        ``chance`` is a random number in [0, 1) that jitter spreads over; 0.5 gives the delay itself.
        """
        if failures > self.max_retries:
            return None
        try:
            growth = self.factor ** (failures - 1) if self.backoff == "exponential" else 1.0
        except OverflowError:
            growth = LONGEST_SECONDS
        longest = LONGEST_SECONDS if self.max_delay is None else self.max_delay
        wait = min(self.delay * min(growth, 1e12), longest)
        return min(wait * (1 + self.jitter * (2 * chance - 1)), LONGEST_SECONDS)

    def to_json(self) -> dict[str, int | float | str | None]:
        """The numbers of the policy, for the store; the exception types stay with the code."""
        return {
            "max_retries": self.max_retries,
            "delay": self.delay,
            "backoff": self.backoff,
            "factor": self.factor,
            "max_delay": self.max_delay,
            "jitter": self.jitter,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Self:
        """The policy that ``to_json`` wrote."""
        return cls(**value)  # type: ignore[arg-type]  # written by to_json, and checked again by __init__


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST_RETRIES:
        raise ValueError(f"must be a whole number of 0 or more, not {value!r}")
    return value


def _backoff(value: object) -> str:
    if value not in ("exponential", "constant"):
        raise ValueError(f"must be 'exponential' or 'constant', not {value!r}")
    return str(value)


def _number(least: float, most: float, rule: str) -> Callable[[Any], float]:
    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"must be {rule}, not {value!r}")
        return float(value)

    return check


def _types(value: object) -> tuple[type[BaseException], ...]:
    types = tuple(value) if isinstance(value, (tuple, list, set, frozenset)) else (value,)
    for each in types:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise ValueError(f"must be a type of exception, or several, not {each!r}")
    return types


_CHECKS: dict[str, Callable[[Any], object]] = {  # in the order of the parameters
    "max_retries": _count,
    "delay": parse_duration,
    "backoff": _backoff,
    "factor": _number(1, 1e6, "a number between 1 and 1,000,000"),
    "max_delay": lambda value: None if value is None else parse_duration(value),
    "jitter": _number(0, 1, "a number between 0 and 1"),
    "on": _types,
    "not_on": _types,
}

NO_RETRY = Retry(max_retries=0)
