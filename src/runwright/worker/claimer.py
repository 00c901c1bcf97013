"""Turns the wheel: tells the store what has happened to the runs in hand, and claims the next that fit.

One turn at a time, so that all that happens during one becomes one batch in the next. The queue in the store is the
only buffer: nothing is claimed that does not fit into a free slot, save a reserve that lasts about one turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from runwright.bus import Bus
from runwright.clock import SECOND, Clock, Micros
from runwright.errors import StoreUnavailable
from runwright.model import Change, Finish, Turn
from runwright.store.base import Store
from runwright.worker.executor import Executor
from runwright.worker.log_queue import LogQueue
from runwright.worker.service import Service

FIRST_TURN_SECONDS = 0.001
TURNS_APART = 2.0
RESERVE_SECONDS = 0.25
EARLY_SECONDS = 0.0015
Committed = Callable[[Turn, Sequence[Change], Sequence[Finish]], None]

logger = logging.getLogger("runwright.worker")


class Claimer(Service):
    """The loop between the store and the executor."""

    name = "claimer"
    topics = ("runs", "controls")

    def __init__(
        self, store: Store, executor: Executor, logs: LogQueue, clock: Clock, bus: Bus, poll_seconds: float
    ) -> None:
        super().__init__(bus)
        self._store = store
        self._logs = logs
        self._executor = executor
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._turn_seconds = FIRST_TURN_SECONDS
        self._turned_at = 0.0
        self._pace = 0.0
        self._reserved = 0
        self.claiming = True
        self.fenced = False
        self._unsure = False
        self._next_due: Micros | None = None
        self.committed: Committed = lambda turn, changes, finished: None  # the hooks' ear
        executor.signal = self.wake

    async def run_once(self) -> float:
        executor = self._executor
        await self._meet_due()
        if self._unsure:  # a turn failed, perhaps after its commit: start what it may have claimed
            claims = await self._store.claims(executor.session)
            executor.adopt(claims)
            self.committed(Turn(claims=tuple(claims)), (), ())
            self._unsure = False
        look = executor.watch_time()
        await self._hand_back()
        if reserve := executor.reserve:  # the slots have work without us: let endings come together, in batches
            pause = self._spare(reserve)
            if pause > 0:
                return pause
            executor.give_up(RESERVE_SECONDS)  # the slots are taken by long runs: others may have these
        wanted = executor.wanted(self._turn_seconds) if self.claiming and not self.fenced else []
        if not wanted and not executor.outbox and not executor.requests.asking:
            await self._obey(wishes=True)
            return min(self._poll_seconds, look, executor.until_start())  # a slot that becomes free wakes us

        changes, finished, chunks = executor.drain()
        began = self._clock.monotonic()
        try:
            if finished:  # before the ending, so that an ended run's log is complete
                await self._logs.write(chunks)
            turn = await self._store.turn(executor.session, wanted, changes, finished)
        except BaseException as error:
            self._unsure = True
            if isinstance(error, StoreUnavailable) or not isinstance(error, Exception):
                executor.put_back(changes, finished)
            else:
                await self._one_by_one(changes, finished)
            raise
        self._turned_at = self._clock.monotonic()
        self._turn_seconds = (self._turn_seconds + self._turned_at - began) / 2
        self._learn_pace(reserve, began)
        if not await self._follow(turn, changes, finished):
            return self._poll_seconds
        await asyncio.sleep(0)  # what was claimed begins first
        await self._obey(turn.wishes)
        look = min(look, executor.watch_time())  # what was just taken has its own times
        self._next_due = turn.next_due
        if executor.outbox or executor.places.unasked:
            return 0
        look = min(look, executor.until_start())
        if executor.reserve:
            look = min(look, RESERVE_SECONDS)
        return min(self._poll_seconds, look, self._until_due() - EARLY_SECONDS)

    async def _obey(self, wishes: bool) -> None:
        """Let the executor do what people want of the runs in hand; ``wishes``: there may be something."""
        executor = self._executor
        if executor.busy and (wishes or executor.pausing):
            executor.obey(await self._store.controls(executor.session))

    def _spare(self, reserve: int) -> float:
        """Seconds for which the next turn may wait: it must be back before the reserve is gone.

        At the pace at which the slots empty it, not at that of the turns: where the store is the slower one, theirs is
        the store's own, and there would be nothing to do while it works on one.
        """
        now = self._clock.monotonic()
        known = self._turn_seconds if self._pace else 0.0  # what the turn has shown weighs as much as it took
        begun, seconds = known * self._pace + self._reserved - reserve, known + now - self._turned_at
        lasts = reserve * seconds / begun if begun > 0 else float("inf")
        return min(self._turned_at + TURNS_APART * self._turn_seconds - now, lasts - self._turn_seconds)

    def _learn_pace(self, reserve: int, began: float) -> None:
        """How quickly the slots have emptied the reserve since the turn began: until now, or until none was left."""
        left = self._executor.reserve
        until = self._turned_at if left else self._executor.last_begun
        if reserve and until > began:
            self._pace = (reserve - left) / (until - began)

    async def _follow(self, turn: Turn, changes: Sequence[Change], finished: Sequence[Finish]) -> bool:
        """Do with the runs in hand what a committed turn says; False if the session has lost its lease."""
        executor = self._executor
        if turn.fenced:
            logger.error("session %s lost its lease; its runs are stopped", executor.session)
            self.fenced = True
            executor.fence()
            return False
        executor.take(turn)
        self._reserved = executor.reserve
        executor.answered(changes, turn)
        self.committed(turn, changes, finished)
        if turn.lost:
            # A change is refused, too, if it was told before (its turn was committed without our knowing), or if people
            # were quicker (a resume before the pause): only a claim that is gone is lost.
            executor.lose(turn.lost - {claim.token for claim in await self._store.claims(executor.session)})
        return True

    async def _one_by_one(self, changes: Sequence[Change], finished: Sequence[Finish]) -> None:
        """The store refuses a turn, which is a fault of ours: tell it everything alone, so that one run pays for it.

        A batch that is put back as it is would be refused for ever, and nobody else's ending would be stored.
        """
        rest: deque[Change | Finish] = deque([*changes, *finished])
        try:
            while rest:
                told = rest[0]
                alone = ([told], []) if isinstance(told, Change) else ([], [told])
                try:
                    if not await self._follow(await self._store.turn(self._executor.session, (), *alone), *alone):
                        return
                except StoreUnavailable:
                    raise
                except Exception as fault:  # noqa: BLE001 - whatever it is, it is this run's
                    self._executor.condemn(told, fault)
                rest.popleft()
        except BaseException:
            self._executor.put_back(
                [told for told in rest if isinstance(told, Change)], [told for told in rest if isinstance(told, Finish)]
            )
            raise

    async def _loop(self) -> None:
        try:
            await super()._loop()
        except asyncio.CancelledError:
            self._executor.fence()  # nobody asks the store any more: whoever waits for its leave would wait for ever
            raise

    async def _hand_back(self) -> None:
        """Give back what the executor has given up; if the store cannot take it now, it is kept for the next time."""
        given_up = self._executor.drain_given_up()
        if not given_up:
            return
        try:
            await self._store.hand_back(self._executor.session, given_up)
        except BaseException:
            self._executor.keep_given_up(given_up)
            raise

    def _until_due(self) -> float:
        """Seconds until the next waiting run is due, as the last turn knew it."""
        return float("inf") if self._next_due is None else max(0.0, (self._next_due - self._store.now()) / SECOND)

    async def _meet_due(self) -> None:
        """Meet the next due time to the instant: timers come up to 1 ms late, so the last stretch is a short spin."""
        while 0 < self._until_due() <= EARLY_SECONDS and not self.stopping:
            await self._clock.sleep(0)
