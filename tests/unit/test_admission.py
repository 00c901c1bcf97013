"""Admission: keys that are made of arguments."""

from __future__ import annotations

import asyncio

import pytest

from runwright import Conflict, InvalidInput, RunContext, task
from runwright.testing import memory_manager


@task(unique="{tenant}", concurrency_key="{tenant}")
async def bill(tenant: str, run: RunContext) -> None:
    while True:
        await run.checkpoint()
        await asyncio.sleep(0.005)


@task(unique="{tenant}")
async def open_ended(**more: str) -> None: ...


async def test_arguments_that_do_not_fill_a_key_are_refused() -> None:
    async with memory_manager(open_ended) as manager:
        with pytest.raises(InvalidInput, match=r"must have 'tenant': the task's runs are told apart by '\{tenant\}'"):
            await manager.start(open_ended, {"customer": "x"})
        assert (await manager.runs()).items == ()


async def test_keys_of_any_length_tell_runs_apart() -> None:
    async with memory_manager(bill) as manager:
        long = "x" * 100_000
        first = await manager.start(bill, {"tenant": long})
        with pytest.raises(Conflict) as refused:
            await manager.start(bill, {"tenant": long})
        assert refused.value.existing == first.id
        await manager.start(bill, {"tenant": f"{long}y"})
