"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runwright.duration import parse_duration
from runwright.errors import InvalidInput


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (1.5, 1.5),
        ("90", 90),
        (" 2.5 ", 2.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("250ms", 0.25),
        ("2D", 172800),
        ("1w", 604800),
        (timedelta(minutes=2), 120),
    ],
)
def test_a_length_of_time(written: float | str | timedelta, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "m",
        "5x",
        "5 minutes",
        "-5",
        -1,
        "1h-5m",
        float("nan"),
        float("inf"),
        10**400,
        True,
        None,
        "1e5",
        "٣s",
        "9" * 99,
    ],
)
def test_what_is_none_is_refused_and_quoted(written: object) -> None:
    with pytest.raises(InvalidInput, match="is not a length of time: give seconds"):
        parse_duration(written)  # type: ignore[arg-type]  # the point of the test
