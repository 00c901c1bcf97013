"""The store: callers that come at the same time share one transaction, where a dialect has no writer that groups them.

It must not know what is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
MOST_ITEMS = 5000
AT_ONCE = 2
"""How many groups may be under way: while one waits for its commit, the next is sent."""


class Batcher(Generic[A, B]):
    """Collects the items of one turn of the event loop, and of the time while enough groups are under way."""

    def __init__(self, store: Callable[[Sequence[A]], Awaitable[Sequence[B]]]) -> None:
        self._store = store
        self._waiting: list[tuple[Sequence[A], asyncio.Future[Sequence[B]]]] = []
        self._next: asyncio.Task[None] | None = None
        self._groups: set[asyncio.Future[None]] = set()

    async def do(self, items: Sequence[A]) -> Sequence[B]:
        """Store the items; the answers in the same order. If their group fails, they are stored by themselves."""
        if not self._groups:
            return await self._lone(items)
        answer: asyncio.Future[Sequence[B]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, answer))
        self._begin()
        return await answer

    async def _lone(self, items: Sequence[A]) -> Sequence[B]:
        """Nobody is there to share with: the caller's own task is the group, and nothing begins for it."""
        group: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._groups.add(group)
        try:
            return await self._store(items)
        finally:
            group.set_result(None)
            self._ended(group)

    async def close(self) -> None:
        """Wait for what was accepted."""
        while self._groups:
            await asyncio.wait(self._groups)

    def _begin(self) -> None:
        """See to it that a group takes what waits, as soon as one may; it looks when its task has its turn."""
        if self._waiting and self._next is None and len(self._groups) < AT_ONCE:
            self._next = asyncio.get_running_loop().create_task(self._carry_out())
            self._groups.add(self._next)
            self._next.add_done_callback(self._ended)

    def _ended(self, group: asyncio.Future[None]) -> None:
        self._groups.discard(group)
        self._begin()

    def _take(self) -> Sequence[tuple[Sequence[A], asyncio.Future[Sequence[B]]]]:
        group: list[tuple[Sequence[A], asyncio.Future[Sequence[B]]]] = []
        count = 0
        for items, answer in self._waiting:
            if group and count + len(items) > MOST_ITEMS:
                break
            group.append((items, answer))
            count += len(items)
        del self._waiting[: len(group)]
        return group

    async def _carry_out(self) -> None:
        self._next = None
        group = self._take()
        self._begin()
        if len(group) > 1:
            try:
                answers = await self._store([item for items, _ in group for item in items])
            except Exception:  # noqa: BLE001  # each caller hears below what became of his own
                each = iter(group)
                await asyncio.gather(*(self._each_alone(each) for _ in range(AT_ONCE)))
                return
            place = 0
            for items, answer in group:
                if not answer.done():  # its caller has gone; what was stored stays stored
                    answer.set_result(answers[place : place + len(items)])
                place += len(items)
            return
        await self._alone(*group[0])

    async def _each_alone(self, group: Iterator[tuple[Sequence[A], asyncio.Future[Sequence[B]]]]) -> None:
        for items, answer in group:
            await self._alone(items, answer)

    async def _alone(self, items: Sequence[A], answer: asyncio.Future[Sequence[B]]) -> None:
        try:
            stored = await self._store(items)
        except BaseException as error:  # it becomes the answer of the caller
            if not answer.done():
                answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        if not answer.done():
            answer.set_result(stored)
