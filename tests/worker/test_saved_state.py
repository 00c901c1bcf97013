"""What a run saves for later attempts: bounded in every lane; what is refused leaves the last one."""

from __future__ import annotations

from typing import Any

import pytest

from runwright import InvalidInput, RunContext, task
from runwright.tasks.context import STATE_BYTES
from runwright.testing import memory_manager

MOST = STATE_BYTES - 2  # as JSON a text has two quotes more


@task
async def saves(run: RunContext) -> str:
    await run.save("a" * MOST)
    try:
        await run.save("a" * MOST + "b")
    except InvalidInput as refused:
        return f"{len(run.state)} {refused}"  # type: ignore[arg-type]  # a text
    return "was saved"


@task
def saves_in_a_thread(run: RunContext) -> str:
    run.save_sync("ä" * (MOST // 2))
    try:
        run.save_sync("ä" * (MOST // 2) + "b")
    except InvalidInput as refused:
        return f"{len(run.state)} {refused}"  # type: ignore[arg-type]  # a text
    return "was saved"


@pytest.mark.parametrize("definition", [saves, saves_in_a_thread], ids=["async", "thread"])
async def test_a_state_that_is_too_large_is_refused(definition: Any) -> None:
    async with memory_manager(definition) as manager:
        told = await manager.run(definition)
        kept = MOST if definition is saves else MOST // 2

        assert told == (
            f"{kept} state cannot be saved: it has {STATE_BYTES + 1} bytes; at most {STATE_BYTES} are kept: "
            "write it to a file"
        )
