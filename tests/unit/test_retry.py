"""The arithmetic of retries."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from runwright.errors import DefinitionError, InvalidInput
from runwright.retry import Retry, RetryLater, Snooze


def test_exponential_waits_grow_by_the_factor_until_the_retries_are_used_up() -> None:
    policy = Retry(max_retries=3, delay=5, factor=2)

    assert [5, 10, 20, None] == [policy.wait_seconds(n) for n in (1, 2, 3, 4)]


def test_constant_waits_and_the_longest_wait() -> None:
    assert [5, 5] == [Retry(delay=5, backoff="constant").wait_seconds(n) for n in (1, 2)]
    assert [5, 7, 7] == [Retry(delay=5, max_delay=7).wait_seconds(n) for n in (1, 2, 3)]


def test_lengths_of_time_are_seconds_from_then_on() -> None:
    policy = Retry(delay="1m", max_delay=timedelta(minutes=5))

    with mock.patch("runwright.retry.parse_duration", side_effect=AssertionError("they were parsed already")):
        assert policy.wait_seconds(2) == 120
        assert policy.to_json()["max_delay"] == 300


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


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_retries": 1.5}, "max_retries must be a whole number of 0 or more, not 1.5"),
        ({"max_retries": True}, "max_retries must be a whole number of 0 or more, not True"),
        ({"max_retries": 2**40}, "max_retries must be a whole number of 0 or more, not 1099511627776"),
        ({"delay": math.inf}, "delay inf is not a length of time"),
        ({"delay": 1e300}, "delay 1e+300 is not a length of time"),
        ({"delay": "soon"}, "delay 'soon' is not a length of time"),
        ({"max_delay": -1}, "max_delay -1 is not a length of time"),
        ({"factor": math.nan}, "factor must be a number between 1 and 1,000,000, not nan"),
        ({"factor": "2"}, "factor must be a number between 1 and 1,000,000, not '2'"),
        ({"jitter": None}, "jitter must be a number between 0 and 1, not None"),
        ({"on": "ValueError"}, "on must be a type of exception, or several, not 'ValueError'"),
        ({"not_on": (OSError, int)}, "not_on must be a type of exception, or several, not <class 'int'>"),
    ],
)
def test_a_policy_that_could_not_be_followed_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Retry(**wrong)

    assert str(caught.value).startswith(words)
    assert [error.pointer for error in caught.value.errors] == [f"/retry/{next(iter(wrong))}"]


def test_durations_may_be_texts_and_types_may_be_one() -> None:
    policy = Retry(delay="5m", max_delay=timedelta(hours=1), on=OSError, not_on=[TimeoutError])  # type: ignore[arg-type]  # a list will do

    assert policy == Retry(delay=300, max_delay=3600, on=(OSError,), not_on=(TimeoutError,))
    assert policy == replace(Retry.from_json(policy.to_json()), on=policy.on, not_on=policy.not_on)
    assert [policy.wait_seconds(n) for n in (1, 3)] == [300, 1200]


@pytest.mark.parametrize("factor", [1, 1.5, 3, 1e6])
@pytest.mark.parametrize("failures", [1, 700, 2**31 - 1])
def test_no_wait_is_longer_than_a_hundred_years(factor: float, failures: int) -> None:
    policy = Retry(max_retries=2**31 - 1, delay="100 d", factor=factor, jitter=1)

    wait = policy.wait_seconds(failures, 0.999)

    assert wait is not None and 0 < wait <= 100 * 366 * 86400


@pytest.mark.parametrize("make", [Snooze, Retry.later])
@pytest.mark.parametrize("seconds", [math.nan, math.inf, -5, 1e12, 2**1100, "soon", None, True])
def test_a_wait_that_makes_no_sense_is_an_error_where_it_is_asked_for(make: Any, seconds: Any) -> None:
    with pytest.raises(InvalidInput, match="is not a length of time"):
        make(seconds)


def test_a_wait_may_be_a_text() -> None:
    assert [Snooze("5m").seconds, Retry.later(timedelta(minutes=5)).seconds] == [300, 300]
