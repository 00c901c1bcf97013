"""The arithmetic of retries."""

from __future__ import annotations

import pytest

from runwright.errors import DefinitionError
from runwright.retry import Retry, RetryLater


def test_exponential_waits_grow_by_the_factor_until_the_retries_are_used_up() -> None:
    policy = Retry(max_retries=3, delay=5, factor=2)

    assert [5, 10, 20, None] == [policy.wait_seconds(n) for n in (1, 2, 3, 4)]


def test_constant_waits_and_the_longest_wait() -> None:
    assert [5, 5] == [Retry(delay=5, backoff="constant").wait_seconds(n) for n in (1, 2)]
    assert [5, 7, 7] == [Retry(delay=5, max_delay=7).wait_seconds(n) for n in (1, 2, 3)]


def test_no_retries_means_none() -> None:
    assert Retry(max_retries=0).wait_seconds(1) is None


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 5.0), (0.5, 10.0), (1.0, 15.0)])
def test_jitter_spreads_either_way(chance: float, wait: float) -> None:
    assert wait == Retry(delay=10, jitter=0.5).wait_seconds(1, chance)


def test_a_thousand_failures_do_not_overflow() -> None:
    wait = Retry(max_retries=5000, delay=1, factor=10, max_delay=3600).wait_seconds(4000)

    assert wait == 3600


def test_types_decide_what_is_retried() -> None:
    policy = Retry(on=(OSError,), not_on=(FileNotFoundError,))

    assert policy.covers(TimeoutError())
    assert not policy.covers(FileNotFoundError())
    assert not policy.covers(ValueError())


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        Retry(max_retries=-1, delay=-1, backoff="linear", jitter=2)  # type: ignore[arg-type]  # the point of the test

    assert {"/retry/max_retries", "/retry/delay", "/retry/backoff", "/retry/jitter"} == {
        error.pointer for error in caught.value.errors
    }


def test_a_policy_survives_the_store() -> None:
    policy = Retry(max_retries=7, delay=1.5, backoff="constant", max_delay=9, jitter=0.1)

    assert policy == Retry.from_json(policy.to_json())


def test_later_is_an_exception_to_raise() -> None:
    assert isinstance(Retry.later(60), RetryLater)
    assert Retry.later(60).seconds == 60
