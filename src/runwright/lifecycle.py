"""The lifecycle of a run: one table, and the pure decisions that pick an event of it. No I/O.

Rules of this room
- Everything that changes a run's status goes through TRANSITIONS; an illegal move is a missing row.
- Verbs of the store pass *events*; the status that follows is looked up in a copy of this table inside the same
  statement that checks the fencing token (``store.sql`` writes that copy when a store is opened).
- A cancel that was accepted wins: a run that is cancelling ends as cancelled, whatever its code still returns.
- A run that is cancelled while a worker has it in reserve counts as begun, until the worker says that it was not.
- A timeout is not a cancel: ``expiring`` shows the run as cancelling while its code is being stopped, and ``expire``
  ends it as an error of kind ``timeout``, which may be retried.
- The attempt and the run are two things: an interrupted attempt usually leaves a pending run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runwright.clock import Micros
from runwright.duration import LONGEST_SECONDS
from runwright.model import ACTIVE, AttemptStatus, OnInterrupt, RunError, RunStatus

CRASH_LIMIT = 3
"""So many deaths of a worker under one run, and the run is condemned as a crash loop."""


class RunEvent(StrEnum):
    """What can happen to a run."""

    START = "start"  # its worker began its code
    PAUSE = "pause"  # it reached a checkpoint after a pause was requested
    RESUME = "resume"  # somebody lets it go on
    CANCEL = "cancel"  # somebody wants it stopped
    CANCEL_RESERVED = "cancel_reserved"  # the same, while a worker has it in reserve: its code may have begun
    EXPIRING = "expiring"  # its time is over; its code is being stopped
    LEND = "lend"  # its code waits for another run, and does nothing meanwhile
    TAKE_BACK = "take_back"  # its code would go on after such a wait
    COMPLETE = "complete"  # its code returned
    FAIL = "fail"  # its code raised, and there is no retry
    RETRY = "retry"  # its code raised, and will be tried again
    EXPIRE = "expire"  # its code was stopped for time, and there is no retry
    EXPIRE_RETRY = "expire_retry"  # its code was stopped for time, and will be tried again
    SNOOZE = "snooze"  # its code asked to be run later
    STOPPED = "stopped"  # its code ended because of the cancel
    RELEASE = "release"  # its worker shuts down in good order
    CRASH = "crash"  # its worker died
    CRASH_HOLD = "crash_hold"  # its worker died, and a person shall decide
    CRASH_LOOP = "crash_loop"  # its worker died, once too often
    SKIP = "skip"  # a dependency failed: it will not run in this cycle
    RESTART = "restart"  # somebody runs it again


_S, _E = RunStatus, RunEvent
TRANSITIONS: dict[tuple[RunStatus, RunEvent], RunStatus] = {
    **{(status, event): status for status in ACTIVE for event in (_E.LEND, _E.TAKE_BACK)},
    (_S.PENDING, _E.START): _S.RUNNING,
    (_S.PENDING, _E.CANCEL): _S.CANCELLED,
    (_S.PENDING, _E.CANCEL_RESERVED): _S.CANCELLING,
    (_S.PENDING, _E.SKIP): _S.SKIPPED,
    (_S.RETRYING, _E.START): _S.RUNNING,
    (_S.RETRYING, _E.CANCEL): _S.CANCELLED,
    (_S.RETRYING, _E.CANCEL_RESERVED): _S.CANCELLING,
    (_S.RUNNING, _E.PAUSE): _S.PAUSED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLING,
    (_S.RUNNING, _E.EXPIRING): _S.CANCELLING,
    (_S.RUNNING, _E.COMPLETE): _S.COMPLETED,
    (_S.RUNNING, _E.FAIL): _S.ERROR,
    (_S.RUNNING, _E.RETRY): _S.RETRYING,
    (_S.RUNNING, _E.EXPIRE): _S.ERROR,
    (_S.RUNNING, _E.EXPIRE_RETRY): _S.RETRYING,
    (_S.RUNNING, _E.SNOOZE): _S.PENDING,
    (_S.RUNNING, _E.RELEASE): _S.PENDING,
    (_S.RUNNING, _E.CRASH): _S.PENDING,
    (_S.RUNNING, _E.CRASH_HOLD): _S.INTERRUPTED,
    (_S.RUNNING, _E.CRASH_LOOP): _S.ERROR,
    (_S.PAUSED, _E.RESUME): _S.RUNNING,
    (_S.PAUSED, _E.CANCEL): _S.CANCELLING,
    (_S.PAUSED, _E.RELEASE): _S.PENDING,
    (_S.PAUSED, _E.CRASH): _S.PENDING,
    (_S.PAUSED, _E.CRASH_HOLD): _S.INTERRUPTED,
    (_S.PAUSED, _E.CRASH_LOOP): _S.ERROR,
    (_S.CANCELLING, _E.START): _S.CANCELLING,  # it was cancelled before its start was told
    (_S.CANCELLING, _E.CANCEL): _S.CANCELLING,
    (_S.CANCELLING, _E.EXPIRING): _S.CANCELLING,
    (_S.CANCELLING, _E.EXPIRE): _S.ERROR,
    (_S.CANCELLING, _E.EXPIRE_RETRY): _S.RETRYING,
    (_S.CANCELLING, _E.COMPLETE): _S.CANCELLED,
    (_S.CANCELLING, _E.FAIL): _S.CANCELLED,
    (_S.CANCELLING, _E.RETRY): _S.CANCELLED,
    (_S.CANCELLING, _E.SNOOZE): _S.CANCELLED,
    (_S.CANCELLING, _E.STOPPED): _S.CANCELLED,
    (_S.CANCELLING, _E.RELEASE): _S.CANCELLED,
    (_S.CANCELLING, _E.CRASH): _S.CANCELLED,
    (_S.CANCELLING, _E.CRASH_HOLD): _S.CANCELLED,
    (_S.CANCELLING, _E.CRASH_LOOP): _S.CANCELLED,
    (_S.COMPLETED, _E.RESTART): _S.PENDING,
    (_S.ERROR, _E.RESTART): _S.PENDING,
    (_S.CANCELLED, _E.RESTART): _S.PENDING,
    (_S.INTERRUPTED, _E.RESTART): _S.PENDING,
    (_S.SKIPPED, _E.RESTART): _S.PENDING,
}

ACTION_EVENTS = {"cancel": _E.CANCEL, "resume": _E.RESUME, "restart": _E.RESTART}


def next_status(status: RunStatus, event: RunEvent) -> RunStatus | None:
    """The status that follows, or None if the event is not possible in this status."""
    return TRANSITIONS.get((status, event))


def actions(status: RunStatus, *, pausable: bool, pause_requested: bool) -> tuple[str, ...]:
    """The commands that people may give to a run now: what the page offers and the API takes."""
    possible = [name for name, event in ACTION_EVENTS.items() if (status, event) in TRANSITIONS]
    if pause_requested and status is _S.RUNNING:
        possible.append("resume")
    elif pausable and status is _S.RUNNING:
        possible.append("pause")
    if status.terminal:
        possible.append("delete")
    return tuple(possible)


class Ending(StrEnum):
    """How user code ended, before anything is decided about it."""

    RETURNED = "returned"
    RAISED = "raised"
    EXPIRED = "expired"
    STOPPED = "stopped"
    SNOOZED = "snoozed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the executor saw. ``retryable`` is False for a Discard and for exceptions that the policy leaves out.

    ``wait_seconds`` is the policy's wait after this failure (None: no retry left), or what the task asked for.
    """

    ending: Ending
    result: str | None = None
    error: RunError | None = None
    retryable: bool = True
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The event for the store, how the attempt ended, and when a run that goes on is due."""

    event: RunEvent
    attempt: AttemptStatus
    due_at: Micros | None = None
    failed: bool = False


def decide(outcome: Outcome, now: Micros) -> Decision:
    """What follows from the end of an attempt."""
    again = outcome.retryable and outcome.wait_seconds is not None
    wait_seconds = min(max(0.0, outcome.wait_seconds or 0.0), LONGEST_SECONDS)  # in this order, NaN is 0
    due = now + round(wait_seconds * 1_000_000)
    match outcome.ending:
        case Ending.RETURNED:
            return Decision(_E.COMPLETE, AttemptStatus.COMPLETED)
        case Ending.STOPPED:
            return Decision(_E.STOPPED, AttemptStatus.CANCELLED)
        case Ending.SNOOZED:
            return Decision(_E.SNOOZE, AttemptStatus.SNOOZED, due)
        case Ending.RELEASED:
            return Decision(_E.RELEASE, AttemptStatus.INTERRUPTED, now)
        case Ending.EXPIRED if again:
            return Decision(_E.EXPIRE_RETRY, AttemptStatus.ERROR, due, failed=True)
        case Ending.EXPIRED:
            return Decision(_E.EXPIRE, AttemptStatus.ERROR, failed=True)
        case Ending.RAISED if again:
            return Decision(_E.RETRY, AttemptStatus.ERROR, due, failed=True)
        case Ending.RAISED:
            return Decision(_E.FAIL, AttemptStatus.ERROR, failed=True)


def decide_crash(crashes: int, on_interrupt: OnInterrupt, *, lost: bool) -> RunEvent:
    """What follows when a run's worker is gone, and ``crashes`` had died under it before.

    Args:
        lost: this one has died, too. One that stopped in order leaves a run that starts again, whatever its policy.
    """
    if not lost:
        return _E.CRASH
    if crashes + 1 >= CRASH_LIMIT:
        return _E.CRASH_LOOP
    return _E.CRASH_HOLD if on_interrupt is OnInterrupt.HOLD else _E.CRASH
