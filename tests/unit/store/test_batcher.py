"""Callers that come together share one transaction, and each hears only of his own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from runwright.store.batcher import AT_ONCE, MOST_ITEMS, Batcher


class Database:
    """Notes the groups; refuses those with a bad item; each store waits until it is let go on."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def store(self, items: Sequence[int]) -> Sequence[str]:
        self.groups.append(list(items))
        await self.gate.wait()
        if -1 in items:
            raise ValueError("bad item")
        return [f"stored {item}" for item in items]


async def test_the_first_goes_at_once_and_those_of_one_turn_of_the_loop_behind_him_together() -> None:
    database = Database()
    batcher = Batcher(database.store)
    database.gate.clear()
    waiting = asyncio.gather(batcher.do([0]), batcher.do([1, 2]), batcher.do([3]), batcher.do([]))
    while len(database.groups) < AT_ONCE:
        await asyncio.sleep(0)
    database.gate.set()
    answers = await waiting
    assert list(answers) == [["stored 0"], ["stored 1", "stored 2"], ["stored 3"], []]
    assert database.groups == [[0], [1, 2, 3]]


async def test_a_lone_caller_is_his_own_group_and_takes_it_along_when_he_is_cancelled() -> None:
    database = Database()
    batcher = Batcher(database.store)
    database.gate.clear()
    lone = asyncio.ensure_future(batcher.do([1]))
    await asyncio.sleep(0)
    assert database.groups == [[1]]
    lone.cancel()
    closing = asyncio.ensure_future(batcher.close())
    with pytest.raises(asyncio.CancelledError):
        await lone
    await closing
    database.gate.set()
    assert await batcher.do([2]) == ["stored 2"]


async def test_what_comes_while_enough_groups_are_under_way_is_the_next_group() -> None:
    database = Database()
    batcher = Batcher(database.store)
    database.gate.clear()
    waiting = []
    for number in range(AT_ONCE + 3):
        waiting.append(asyncio.ensure_future(batcher.do([number])))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert database.groups == [[number] for number in range(AT_ONCE)]
    database.gate.set()
    assert await asyncio.gather(*waiting) == [[f"stored {number}"] for number in range(AT_ONCE + 3)]
    assert database.groups[AT_ONCE] == [AT_ONCE, AT_ONCE + 1, AT_ONCE + 2]


async def test_a_bad_one_fails_alone() -> None:
    database = Database()
    batcher = Batcher(database.store)
    answers = await asyncio.gather(batcher.do([1]), batcher.do([-1]), batcher.do([2]), return_exceptions=True)
    assert [answers[0], answers[2]] == [["stored 1"], ["stored 2"]]
    assert isinstance(answers[1], ValueError)
    with pytest.raises(ValueError, match="bad item"):
        await batcher.do([-1])


async def test_a_group_is_bounded_and_a_large_call_is_never_torn() -> None:
    database = Database()
    batcher = Batcher(database.store)
    await asyncio.gather(*(batcher.do([7] * (MOST_ITEMS // 2 + 1)) for _ in range(3)), batcher.do([7] * 2 * MOST_ITEMS))
    half = MOST_ITEMS // 2 + 1
    assert [len(group) for group in database.groups] == [half, half, half, 2 * MOST_ITEMS]


async def test_closing_waits_for_what_was_accepted_and_a_caller_that_left_disturbs_nobody() -> None:
    database = Database()
    batcher = Batcher(database.store)
    database.gate.clear()
    lone, leaving, staying = (asyncio.ensure_future(batcher.do([number])) for number in range(3))
    while len(database.groups) < AT_ONCE:
        await asyncio.sleep(0)
    leaving.cancel()
    closing = asyncio.ensure_future(batcher.close())
    database.gate.set()
    await closing
    assert database.groups == [[0], [1, 2]]
    assert (lone.result(), staying.result()) == (["stored 0"], ["stored 2"])
    assert leaving.cancelled()
