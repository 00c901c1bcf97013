"""What a task may not do to its worker: drown it in log lines, return too much, or take it down."""

from __future__ import annotations

import asyncio

from runwright import RunContext, RunStatus, Settings, TaskManager, task
from runwright.model import LogLine

MEMORY = "sqlite:///:memory:"


async def test_a_long_log_keeps_its_head_and_its_tail() -> None:
    @task
    async def chatter(run: RunContext) -> None:
        for number in range(50_000):
            run.log.info("line %d %s", number, "x" * 100)

    async with TaskManager(Settings(store=MEMORY, log_limit_bytes=100_000), tasks=[chatter]) as manager:
        run = await manager.wait((await manager.start(chatter)).id, timeout=20)
        lines: list[LogLine] = []
        after = 0
        while page := await manager.store.log(run.id, after):
            lines += page
            after = page[-1].seq

    texts = [line.text.partition(" xxx")[0] for line in lines]
    assert run.status is RunStatus.COMPLETED
    assert texts[0] == "line 0"
    assert texts[-1] == "line 49999"
    assert any("lines left out" in text for text in texts)
    assert len(lines) < 15_000
    assert [line.seq for line in lines] == sorted({line.seq for line in lines})


async def test_one_endless_line_is_cut() -> None:
    @task
    async def monster() -> None:
        print("y" * 5_000_000)

    async with TaskManager(Settings(store=MEMORY), tasks=[monster]) as manager:
        run = await manager.wait((await manager.start(monster)).id, timeout=20)
        (line,) = await manager.store.log(run.id)

    assert len(line.text) < 20_000
    assert "characters left out" in line.text


async def test_a_result_that_is_too_large_is_refused_and_says_so() -> None:
    @task
    async def large() -> str:
        return "z" * 2_000_000

    async with TaskManager(Settings(store=MEMORY), tasks=[large]) as manager:
        run = await manager.wait((await manager.start(large)).id, timeout=20)

    assert run.error is not None
    assert (run.status, run.error.kind) == (RunStatus.ERROR, "result")


async def test_text_that_no_page_can_hold_is_mended() -> None:
    @task
    async def odd() -> str:
        print("nul \x00 and surrogate \ud800")
        return "fine \ud800"

    async with TaskManager(Settings(store=MEMORY), tasks=[odd]) as manager:
        run = await manager.wait((await manager.start(odd)).id, timeout=20)
        (line,) = await manager.store.log(run.id)

    assert "\x00" not in line.text and "\ud800" not in line.text
    assert run.status in (RunStatus.COMPLETED, RunStatus.ERROR)  # recorded either way; the slot is free


async def test_a_time_limit_holds_on_a_worker_that_was_idle() -> None:
    @task(timeout=0.02)
    async def sleeper() -> None:
        await asyncio.sleep(600)

    async with TaskManager(Settings(store=MEMORY, poll_seconds=300), tasks=[sleeper]) as manager:
        for _ in range(2):  # the second begins while the claimer has nothing else to wait for
            run = await manager.wait((await manager.start(sleeper)).id, timeout=5)
            assert run.error is not None
            assert run.error.kind == "timeout"
