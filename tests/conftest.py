"""What every test shares: a check that none of them leaves anything running behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

pytest_plugins = ("tests.postgres", "tests.program")

OURS = "runwright-"


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail a test after which a thread of the engine still lives."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith(OURS)]
    for thread in left:
        thread.join(timeout=2)
    alive = sorted(thread.name for thread in left if thread.is_alive())
    assert not alive, f"threads were left behind: {alive}"
