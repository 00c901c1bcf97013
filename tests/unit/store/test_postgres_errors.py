"""What a driver's error means: that the store is away, or that this program is at fault."""

from __future__ import annotations

import asyncpg
import pytest
from asyncpg.exceptions._base import DataError  # what the driver raises before it sends anything

from runwright.errors import StoreRefused, StoreUnavailable
from runwright.store.postgres_errors import translate


@pytest.mark.parametrize("error", [DataError("invalid input for query argument $1"), asyncpg.CheckViolationError("x")])
def test_a_value_that_cannot_be_stored_is_not_for_trying_again(error: Exception) -> None:
    assert translate(error, "here") is None


@pytest.mark.parametrize("error", [asyncpg.InterfaceError("connection is closed"), TimeoutError(), OSError("gone")])
def test_a_store_that_is_away_is(error: Exception) -> None:
    assert isinstance(translate(error, "here"), StoreUnavailable)


def test_a_server_that_refuses_is_a_mistake_at_the_opening_and_away_for_whoever_was_let_in_before() -> None:
    refused = asyncpg.InvalidAuthorizationSpecificationError("role app is not permitted to log in")
    assert isinstance(translate(refused, "here", opening=True), StoreRefused)
    assert isinstance(translate(refused, "here"), StoreUnavailable)
