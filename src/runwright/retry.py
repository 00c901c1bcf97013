"""Vocabulary: when a failed attempt is tried again, and the exceptions by which a task decides it from inside.

Arithmetic only: what is retried is decided by ``lifecycle``, what was raised is known to the executor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from runwright.errors import DefinitionError, FieldError


class RetryLater(Exception):
    """Raised by a task (``raise Retry.later(60)``): try again after ``seconds``; the failure counts."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"retry in {seconds:g} s")
        self.seconds = seconds


class Discard(Exception):
    """Raised by a task: this run has failed for good, whatever its retry policy says."""


class Snooze(Exception):
    """Raised by a task: there is nothing to do yet; run again after ``seconds``. Not a failure, not a retry."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"snoozed for {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed run is tried again.

    Args:
        max_retries: retries after the first attempt; 0 means none.
        delay: seconds before the first retry.
        backoff: ``"exponential"`` multiplies the delay by ``factor`` each time, ``"constant"`` keeps it.
        factor: the multiplier of exponential backoff, at least 1.
        max_delay: the longest wait in seconds, before jitter; None means no bound.
        jitter: the share of the delay by which it varies either way, 0 to 1; 0.5 gives 0.5 to 1.5 times the delay.
        on: retry only exceptions of these types; empty means all.
        not_on: never retry exceptions of these types.
    """

    max_retries: int = 3
    delay: float = 5.0
    backoff: Literal["exponential", "constant"] = "exponential"
    factor: float = 2.0
    max_delay: float | None = None
    jitter: float = 0.0
    on: tuple[type[BaseException], ...] = ()
    not_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        faults = [
            FieldError(f"/retry/{name}", f"must be {rule}, not {value!r}")
            for name, value, good, rule in (
                ("max_retries", self.max_retries, self.max_retries >= 0, "0 or more"),
                ("delay", self.delay, self.delay >= 0, "0 or more seconds"),
                ("backoff", self.backoff, self.backoff in ("exponential", "constant"), "'exponential' or 'constant'"),
                ("factor", self.factor, self.factor >= 1, "1 or more"),
                ("max_delay", self.max_delay, self.max_delay is None or self.max_delay >= 0, "0 or more seconds"),
                ("jitter", self.jitter, 0 <= self.jitter <= 1, "between 0 and 1"),
            )
            if not good
        ]
        if faults:
            raise DefinitionError(
                "; ".join(f"retry {f.pointer.rpartition('/')[2]} {f.message}" for f in faults), faults
            )

    @staticmethod
    def later(seconds: float, reason: str = "") -> RetryLater:
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
        growth = self.factor ** min(failures - 1, 1000) if self.backoff == "exponential" else 1.0
        wait = self.delay * min(growth, 1e12)
        if self.max_delay is not None:
            wait = min(wait, self.max_delay)
        return wait * (1 + self.jitter * (2 * chance - 1))

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
        return cls(**value)  # type: ignore[arg-type]  # written by to_json, and checked again by __post_init__
