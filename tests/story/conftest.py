"""What the story needs: a manager that lives as long as one test, on a store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runwright import Settings, TaskManager

Open = Callable[..., Any]


@pytest.fixture
def opened() -> Open:
    """``async with opened(task, ..., setting=value) as manager``."""

    @asynccontextmanager
    async def open_manager(*tasks: Any, **settings: Any) -> AsyncIterator[TaskManager]:
        settings = {"store": "sqlite:///:memory:", "shutdown_grace": 1, **settings}
        async with TaskManager(Settings(**settings), tasks=tasks) as manager:
            yield manager

    return open_manager
