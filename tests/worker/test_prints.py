"""What a task prints is in its log, from its own threads where they have its context."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from runwright import current_run, task
from runwright.testing import memory_manager


@task
def threads() -> None:
    context = contextvars.copy_context()
    for call in (lambda: context.run(told, "with the context"), lambda: print("without it")):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    print("its own")


@task
async def to_thread() -> None:
    await asyncio.to_thread(told, "with the context")
    print("its own")


def told(text: str) -> None:
    print(text, "of", current_run().task_name)


@pytest.mark.parametrize("name", ["threads", "to_thread"])
async def test_threads_of_a_task_print_into_its_log_if_they_have_its_context(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with memory_manager(threads, to_thread) as manager:
        run = await manager.start(name)
        await manager.wait(run.id, timeout=5)
        assert [line.text for line in await manager.store.log(run.id)] == [f"with the context of {name}", "its own"]
    assert capsys.readouterr().out == ("without it\n" if name == "threads" else "")
