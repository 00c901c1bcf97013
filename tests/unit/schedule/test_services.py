"""Whether a service is started again when it has ended, and when."""

from __future__ import annotations

import pytest

from runwright.model import RunStatus
from runwright.retry import NO_RETRY, Retry
from runwright.schedule.services import HEALTHY_SECONDS, Restart, after_end

RETRY = Retry(max_retries=2, delay=5)
DONE, FAILED, LOST = RunStatus.COMPLETED, RunStatus.ERROR, RunStatus.INTERRUPTED


@pytest.mark.parametrize(
    ("policy", "status", "wait", "restarts"),
    [
        ("never", DONE, None, 0),
        ("never", FAILED, None, 1),
        ("on_failure", DONE, None, 0),
        ("on_failure", FAILED, 5, 1),
        ("always", LOST, None, 0),
        ("always", DONE, 5, 0),
        ("always", FAILED, 5, 1),
    ],
)
def test_the_policy_decides(policy: str, status: RunStatus, wait: float | None, restarts: int) -> None:
    what = after_end(status, 1, policy, RETRY, 0)
    assert (what.wait_seconds, what.restarts, what.gave_up) == (wait, restarts, False)


@pytest.mark.parametrize("policy", ["never", "on_failure", "always"])
def test_what_was_cancelled_stays_stopped(policy: str) -> None:
    assert after_end(RunStatus.CANCELLED, 1e6, policy, RETRY, 1) == Restart(None, 0, "its run was cancelled")


def test_failures_in_a_row_wait_longer_and_are_bounded() -> None:
    ends = [after_end(FAILED, 59.9, "on_failure", RETRY, restarts) for restarts in range(3)]
    assert [(what.wait_seconds, what.restarts) for what in ends] == [(5, 1), (10, 2), (None, 3)]
    assert (ends[2].gave_up, ends[2].reason) == (True, "it has failed 3 times in a row")


def test_a_healthy_minute_makes_the_budget_whole() -> None:
    what = after_end(FAILED, HEALTHY_SECONDS, "always", RETRY, 2)
    assert (what.wait_seconds, what.restarts) == (5, 1)
    assert after_end(DONE, 1, "always", RETRY, 2).restarts == 0


def test_what_has_failed_for_good_is_not_tried_again() -> None:
    what = after_end(FAILED, 1e6, "always", RETRY, 0, final=True)
    assert (what.wait_seconds, what.gave_up) == (None, True)
    assert after_end(FAILED, 1e6, "always", NO_RETRY, 0).gave_up


def test_jitter_spreads_the_waits() -> None:
    spread = Retry(max_retries=1, delay=10, jitter=0.5)
    assert [after_end(FAILED, 1, "always", spread, 0, chance=chance).wait_seconds for chance in (0, 0.5)] == [5, 10]
