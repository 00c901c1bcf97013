"""Tells an application's hooks what became of the runs of this worker: after the commit, and never in the way of a run.

It hears of every turn of the wheel, reads the runs back from the store, and calls the hooks one run beside another; the
hooks of one run are called in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from runwright.bus import Bus
from runwright.lifecycle import RunEvent
from runwright.model import Change, Finish, Run, RunStatus, Turn
from runwright.store.base import Store
from runwright.tasks.hooks import Hooks, call_hook
from runwright.worker.service import LONGEST_SLEEP_SECONDS, Service

PATIENCE_SECONDS = 30.0
BATCH = 100
ENDINGS = {RunStatus.COMPLETED: "on_success", RunStatus.ERROR: "on_error", RunStatus.CANCELLED: "on_cancel"}

logger = logging.getLogger("runwright.hooks")


class HookCalls(Service):
    """The loop that calls them. A hook that takes longer than half a minute is left behind."""

    name = "hooks"

    def __init__(self, store: Store, bus: Bus, hooks: Callable[[], Sequence[Hooks]]) -> None:
        super().__init__(bus)
        self._store, self._hooks = store, hooks  # asked at each turn: files with hooks come and go
        self._runs: dict[int, str] = {}  # by the token of their claim
        self._begun: set[int] = set()
        self._waiting: list[tuple[str, int]] = []  # a run, and which attempt has ended; 0 for a start

    def committed(self, turn: Turn, changes: Sequence[Change], finished: Sequence[Finish]) -> None:
        """Take what one turn has written and claimed."""
        if not (self._runs or self._hooks()):
            return
        for change in changes:
            if change.event == RunEvent.START and change.token not in turn.lost:
                self._start(change.token)
        for finish in finished:
            if finish.token not in turn.lost:
                self._start(finish.token)
                self._begun.discard(finish.token)
                if (run := self._runs.pop(finish.token, None)) is not None:
                    self._waiting.append((run, finish.attempt))
        for token in turn.lost:
            self._runs.pop(token, None)
            self._begun.discard(token)
        for claim in turn.claims:
            self._runs[claim.token] = claim.run_id
            if not claim.reserved:
                self._start(claim.token)
        if self._waiting:
            self.wake()

    async def run_once(self) -> float:
        while batch := self._waiting[:BATCH]:
            found = {run.id: run for run in await self._store.runs_by_id(list({run for run, _ in batch}))}
            del self._waiting[: len(batch)]
            by_run: dict[str, list[int]] = {}
            for run_id, attempt in batch:
                by_run.setdefault(run_id, []).append(attempt)
            await asyncio.gather(*(self._tell(found[run], steps) for run, steps in by_run.items() if run in found))
        return LONGEST_SLEEP_SECONDS

    async def stop(self) -> None:
        """End the loop when everything was told, or when that takes too long."""
        await super().stop()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.run_once()
        except TimeoutError:
            logger.warning("%d runs were not told to the hooks any more", len(self._waiting))

    def _start(self, token: int) -> None:
        if token not in self._begun and (run := self._runs.get(token)) is not None:
            self._begun.add(token)
            self._waiting.append((run, 0))

    async def _tell(self, run: Run, attempts: Sequence[int]) -> None:
        for attempt in attempts:
            if attempt not in (0, run.attempt):  # it was tried again meanwhile: another attempt's ending counts
                continue
            name = "on_start" if attempt == 0 else ENDINGS.get(run.status)
            for hook in [each for hooks in self._hooks() for each in hooks.of(name)] if name is not None else ():
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await call_hook(hook, logger, run)
                except TimeoutError:
                    logger.warning("the hook %r took longer than %g s for run %s", hook, PATIENCE_SECONDS, run.id)
