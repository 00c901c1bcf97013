"""Log chunks on their way to the store, in their order, kept while it cannot take them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from runwright.errors import StoreUnavailable
from runwright.model import LogChunk
from runwright.store.base import Store

T = TypeVar("T")

logger = logging.getLogger("runwright.worker")


class LogQueue:
    """What was taken of the jobs' logs and is not stored yet.

    It holds little: while something is left in it nothing more is taken of a run that goes on, and its lines wait in
    the run's own log, whose cap bounds them and says what it leaves out.
    """

    def __init__(self, store: Store, session: str) -> None:
        self._store = store
        self._session = session
        self._waiting: list[LogChunk] = []
        self._one_at_a_time = asyncio.Lock()

    async def write(self, chunks: Sequence[LogChunk] = ()) -> None:
        """Store what has waited, then these; what the store cannot take now waits for the next call.

        When it returns, nothing that was taken before is under way any more: a run's ending may follow.

        Raises:
            StoreUnavailable: it was not stored.
        """
        self._waiting += chunks
        async with self._one_at_a_time:
            taken, self._waiting = self._waiting, []
            if not taken:
                return
            try:
                await written(partial(self._store.append_logs, self._session), taken)
            except BaseException:
                self._waiting = taken + self._waiting
                raise


async def written(write: Callable[[Sequence[T]], Awaitable[object]], items: Sequence[T]) -> None:
    """Write a batch. If the store refuses it, each item by itself: what is refused even then is left out and reported.

    Raises:
        StoreUnavailable: nothing is wrong with the items.
    """
    try:
        await write(items)
    except StoreUnavailable:
        raise
    except Exception as error:
        if len(items) == 1:
            logger.exception("the store refuses this, and it is left out: %.200r", items[0], exc_info=error)
        else:
            for item in items:
                await written(write, [item])
