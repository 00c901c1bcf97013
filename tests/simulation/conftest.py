"""What all tests of simulated worlds share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The core reports the trouble that it is given; that is not what these tests are about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
