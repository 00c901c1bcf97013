"""The table of the lifecycle, and the pure decisions over it."""

from __future__ import annotations

import pytest

from runwright.lifecycle import (
    CRASH_LIMIT,
    TRANSITIONS,
    Ending,
    Outcome,
    RunEvent,
    actions,
    decide,
    decide_crash,
    next_status,
)
from runwright.model import ACTIVE, TERMINAL, WAITING, AttemptStatus, OnInterrupt, RunStatus


def test_terminal_runs_only_restart() -> None:
    """Nothing but a restart leads out of a terminal status, and every one of them allows it."""
    out_of_terminal = {(s, e) for s, e in TRANSITIONS if s in TERMINAL}

    assert {(s, RunEvent.RESTART) for s in TERMINAL} == out_of_terminal


def test_every_status_is_waiting_active_or_terminal() -> None:
    assert set(RunStatus) == WAITING | ACTIVE | TERMINAL
    assert not WAITING & ACTIVE and not ACTIVE & TERMINAL


def test_every_event_and_status_is_used() -> None:
    assert {event for _, event in TRANSITIONS} == set(RunEvent)
    assert set(TRANSITIONS.values()) == set(RunStatus)


def test_an_accepted_cancel_wins() -> None:
    """However the code of a cancelled run ends, the run ends as cancelled; only the end of its time is an error."""
    ends = {
        RunEvent.COMPLETE, RunEvent.FAIL, RunEvent.RETRY, RunEvent.SNOOZE, RunEvent.STOPPED, RunEvent.RELEASE,
        RunEvent.CRASH, RunEvent.CRASH_HOLD, RunEvent.CRASH_LOOP,
    }  # fmt: skip

    assert {next_status(RunStatus.CANCELLING, event) for event in ends} == {RunStatus.CANCELLED}


def test_a_waiting_run_is_cancelled_at_once() -> None:
    assert {next_status(status, RunEvent.CANCEL) for status in WAITING} == {RunStatus.CANCELLED}


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_a_crash_never_leaves_a_run_active(status: RunStatus) -> None:
    for event in (RunEvent.CRASH, RunEvent.CRASH_HOLD, RunEvent.CRASH_LOOP, RunEvent.RELEASE):
        assert next_status(status, event) not in ACTIVE


def test_crashes_are_retried_held_and_condemned() -> None:
    assert decide_crash(0, OnInterrupt.RETRY, lost=True) is RunEvent.CRASH
    assert decide_crash(0, OnInterrupt.HOLD, lost=True) is RunEvent.CRASH_HOLD
    assert decide_crash(CRASH_LIMIT - 2, OnInterrupt.RETRY, lost=True) is RunEvent.CRASH
    assert {decide_crash(CRASH_LIMIT - 1, each, lost=True) for each in OnInterrupt} == {RunEvent.CRASH_LOOP}
    assert {decide_crash(CRASH_LIMIT - 1, each, lost=False) for each in OnInterrupt} == {RunEvent.CRASH}


@pytest.mark.parametrize(
    ("outcome", "event", "attempt", "due"),
    [
        (Outcome(Ending.RETURNED, result="1"), RunEvent.COMPLETE, AttemptStatus.COMPLETED, None),
        (Outcome(Ending.RAISED), RunEvent.FAIL, AttemptStatus.ERROR, None),
        (Outcome(Ending.RAISED, wait_seconds=2.5), RunEvent.RETRY, AttemptStatus.ERROR, 2_500_100),
        (Outcome(Ending.RAISED, wait_seconds=2.5, retryable=False), RunEvent.FAIL, AttemptStatus.ERROR, None),
        (Outcome(Ending.EXPIRED), RunEvent.EXPIRE, AttemptStatus.ERROR, None),
        (Outcome(Ending.EXPIRED, wait_seconds=1), RunEvent.EXPIRE_RETRY, AttemptStatus.ERROR, 1_000_100),
        (Outcome(Ending.STOPPED), RunEvent.STOPPED, AttemptStatus.CANCELLED, None),
        (Outcome(Ending.SNOOZED, wait_seconds=60), RunEvent.SNOOZE, AttemptStatus.SNOOZED, 60_000_100),
        (Outcome(Ending.RELEASED), RunEvent.RELEASE, AttemptStatus.INTERRUPTED, 100),
    ],
)
def test_decide(outcome: Outcome, event: RunEvent, attempt: AttemptStatus, due: int | None) -> None:
    decision = decide(outcome, now=100)

    assert (event, attempt) == (decision.event, decision.attempt)
    if due is not None or event in (RunEvent.RETRY, RunEvent.EXPIRE_RETRY, RunEvent.SNOOZE, RunEvent.RELEASE):
        assert due == decision.due_at


def test_only_failures_count_as_failures() -> None:
    failed = {ending for ending in Ending if decide(Outcome(ending), 0).failed}

    assert {Ending.RAISED, Ending.EXPIRED} == failed


def test_actions_follow_the_table() -> None:
    assert ("cancel", "pause") == actions(RunStatus.RUNNING, pausable=True, pause_requested=False)
    assert ("cancel", "resume") == actions(RunStatus.RUNNING, pausable=True, pause_requested=True)
    assert ("cancel",) == actions(RunStatus.RUNNING, pausable=False, pause_requested=False)
    assert ("cancel", "resume") == actions(RunStatus.PAUSED, pausable=True, pause_requested=True)
    assert ("restart", "delete") == actions(RunStatus.COMPLETED, pausable=True, pause_requested=False)
    assert ("cancel",) == actions(RunStatus.PENDING, pausable=True, pause_requested=False)
