"""Schedule: whether a service is started again when it has ended, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from runwright.duration import parse_duration
from runwright.model import RunStatus
from runwright.retry import Retry

HEALTHY_SECONDS = 60.0
"""A service that ran so long was well: what failed before does not count any more."""


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows the end of a service's run.

    ``wait_seconds`` is None if it stays stopped. ``restarts`` counts the failures in a row, none of which had run for a
    healthy minute; ``reason`` is for people, ``gave_up`` says that there were too many.
    """

    wait_seconds: float | None
    restarts: int
    reason: str
    gave_up: bool = False


def after_end(
    status: RunStatus, seconds: float, policy: str, retry: Retry, restarts: int, *, final: bool = False,
    chance: float = 0.5,
) -> Restart:  # fmt: skip
    """What follows the end of a service's run.

    Args:
        status: how it ended. Cancelled is on purpose, and stays so; so does interrupted, for a person is to decide
            where ``on_interrupt`` is ``"hold"``.
        seconds: how long it ran.
        policy: ``never``, ``on_failure`` or ``always``.
        retry: how many failures in a row are followed by a restart, and how long each waits.
        restarts: the failures in a row before this end.
        final: it said itself that it has failed for good.
        chance: a number in [0, 1) that jitter spreads over.
    """
    if status is RunStatus.CANCELLED:
        return Restart(None, 0, "its run was cancelled")
    if status is RunStatus.COMPLETED:
        if policy != "always":
            return Restart(None, 0, "it has returned")
        return Restart(parse_duration(retry.delay), 0, "it has returned")
    if status is RunStatus.INTERRUPTED:
        return Restart(None, 0, "its worker was lost, and its task is held for a person then")
    failures = 1 if seconds >= HEALTHY_SECONDS else restarts + 1
    if final:
        return Restart(None, failures, "it has failed for good, as it says itself", gave_up=True)
    if policy == "never":
        return Restart(None, failures, "it has failed")
    wait = retry.wait_seconds(failures, chance)
    if wait is None:
        return Restart(None, failures, f"it has failed {failures} times in a row", gave_up=True)
    return Restart(wait, failures, "it has failed")
