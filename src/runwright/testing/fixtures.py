"""For users' tests: fixtures for pytest. Put ``pytest_plugins = ["runwright.testing.fixtures"]`` into conftest.py.

They need no plugin for asynchronous tests: ``open_manager`` works with any, ``blocking_manager`` with none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from runwright.manager.bridge import Blocking
from runwright.testing.clock import ManualClock
from runwright.testing.kit import in_memory, memory_manager


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that stands still until the test advances it."""
    return ManualClock()


@pytest.fixture
def open_manager() -> Callable[..., Any]:
    """``async with open_manager(task, ..., clock=manual_clock) as manager``; see ``memory_manager``."""
    return memory_manager


@pytest.fixture
def blocking_manager() -> Iterator[Callable[..., Blocking]]:
    """``blocking = blocking_manager(task, ...)`` for synchronous tests; it is closed after the test."""
    with ExitStack() as stack:
        yield lambda *tasks, **options: stack.enter_context(in_memory(*tasks, **options).in_thread())
