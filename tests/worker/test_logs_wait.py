"""Log lines while the store is away: none is lost within a log's own limit, and the log says what is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from runwright import RunContext, TaskManager, task
from runwright.errors import StoreUnavailable
from runwright.testing import memory_manager


class Away:
    """A store that takes no log lines until it is ``back``."""

    def __init__(self, manager: TaskManager, monkeypatch: pytest.MonkeyPatch) -> None:
        self.back, self._refused = asyncio.Event(), asyncio.Event()
        self._count, self._really = 0, manager.store.append_logs
        monkeypatch.setattr(manager.store, "append_logs", self._append)

    async def seen(self) -> None:
        """Wait until it has refused some twice."""
        async with asyncio.timeout(20):
            await self._refused.wait()

    async def _append(self, session: str, chunks: Sequence[Any]) -> Any:
        if self.back.is_set():
            return await self._really(session, chunks)
        self._count += 1
        if self._count == 2:
            self._refused.set()
        raise StoreUnavailable("it is away")


async def texts(manager: TaskManager, run: str) -> list[str]:
    await manager.wait(run, timeout=20)
    return [line.text for line in await manager.store.log(run, limit=100_000)]


async def test_lines_of_a_run_that_goes_on_are_stored_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said = asyncio.Event()

    @task
    async def talk(run: RunContext) -> None:
        run.log.info("before")
        await said.wait()
        run.log.info("after")

    async with memory_manager(talk) as manager:
        away = Away(manager, monkeypatch)
        run = await manager.start(talk)
        await away.seen()
        away.back.set()
        said.set()

        assert await texts(manager, run.id) == ["before", "after"]


async def test_a_run_that_ends_meanwhile_has_its_whole_log_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    @task
    async def talk(run: RunContext) -> None:
        run.log.info("only line")

    async with memory_manager(talk) as manager:
        away = Away(manager, monkeypatch)
        run = await manager.start(talk)
        await away.seen()
        assert not (await manager.get(run.id)).status.terminal
        away.back.set()

        assert await texts(manager, run.id) == ["only line"]


async def test_what_waits_is_bounded_by_the_limit_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    said, ended = asyncio.Event(), asyncio.Event()

    @task
    async def talk(run: RunContext) -> None:
        run.log.info("first")
        await said.wait()
        for number in range(40_000):
            run.log.info("line %d", number)
        ended.set()

    async with memory_manager(talk, log_limit_bytes=10_000) as manager:
        away = Away(manager, monkeypatch)
        run = await manager.start(talk)
        await away.seen()
        said.set()
        await ended.wait()
        away.back.set()
        found = await texts(manager, run.id)

    assert found[:2] == ["first", "line 0"]
    assert found[-1] == "line 39999"
    marks = [text for text in found if text.startswith("…")]
    left_out = 40_001 - (len(found) - len(marks))
    assert marks[-1] == f"… {left_out} lines left out …"
