"""What tasks ask of the engine while they run: state saved, children started, other runs waited for.

All of it happens on the home loop, wherever the task runs. A run that waits for another one lends its slot meanwhile,
so that a parent and its child cannot wait for each other, however small their lane is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from runwright.admission import PRIORITY_LIMIT, Admission, RunRequest
from runwright.bus import Bus
from runwright.clock import Clock
from runwright.errors import NotFound
from runwright.model import SYSTEM, Actor, JSONObject, Lane, Role, Run
from runwright.store.base import Store
from runwright.tasks.context import RunCancelled
from runwright.worker.job import Job
from runwright.worker.lanes import LaneSlots
from runwright.worker.places import Places

POLL_SECONDS = 2.0

T = TypeVar("T")


class Requests:
    """Answers jobs. ``held`` says how many runs the worker has in hand; ``changed`` is called when a slot was lent."""

    def __init__(
        self,
        *,
        session: str,
        store: Store,
        admission: Admission,
        clock: Clock,
        bus: Bus,
        lanes: Mapping[Lane, LaneSlots],
        places: Places,
        held: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._store = store
        self._admission = admission
        self._clock = clock
        self._bus = bus
        self._lanes = lanes
        self._places = places
        self._held = held
        self._changed = changed
        self._home = asyncio.get_running_loop()
        self._waits: dict[Job, int] = {}
        self._lenders: set[Job] = set()
        self._returning: deque[tuple[Job, Callable[[], object]]] = deque()

    # ----- from the place where user code runs ----------------------------------------------------------------------

    def on_home(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do something on the home loop; from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._home)

    async def done(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the home loop, and wait for it on any loop."""
        if asyncio.get_running_loop() is self._home:
            return await work
        return await asyncio.wrap_future(self.on_home(work))

    # ----- on the home loop -----------------------------------------------------------------------------------------

    async def save_state(self, job: Job, state: str) -> None:
        """Store a job's state; RunCancelled if the run is not this worker's any more."""
        if not await self._store.save_state(self._session, job.claim.key, job.claim.token, state):
            job.lost = True
            raise RunCancelled

    async def start_child(self, job: Job, task: object, arguments: JSONObject) -> str:
        """Let a child run in, as the user whom the job works for.

        It goes before its parent's peers: else all of them could begin, and wait, before the first child has its turn.
        """
        name = task if isinstance(task, str) else getattr(task, "name", str(task))
        claim = job.claim
        request = RunRequest(
            name, arguments, Actor(claim.user or SYSTEM.name, Role.OPERATOR), confirmed=True, parent=claim.run_id,
            priority=min(claim.priority + 1, PRIORITY_LIMIT - 1),
        )  # fmt: skip
        (answer,) = await self._store.enqueue([self._admission.admit(request, self._clock.now())])
        return answer.run_id

    async def wait_for(self, job: Job, run_id: str) -> Run:
        """Wait until a run has ended; the job's slot is lent meanwhile. Raises NotFound."""
        wakeup = self._bus.subscribe(f"run:{run_id}")
        try:
            if (run := await self._existing(run_id)).status.terminal:
                return run
            self.lend(job)
            try:
                while not (run := await self._existing(run_id)).status.terminal:
                    await wakeup.wait(POLL_SECONDS)
            except BaseException:
                self._ask_back(job, lambda: None)  # it goes on with something else, or ends: nobody waits for the slot
                raise
        finally:
            wakeup.close()
        await self.take_back(job)
        return run

    def lend(self, job: Job) -> None:
        """The job waits for something: others may have its slot. May be nested."""
        self._waits[job] = self._waits.get(job, 0) + 1
        if self._waits[job] == 1 and job.outcome is None:
            self._lenders.add(job)
            self._lanes[job.claim.lane].lend(job)
            self._serve()
            self._changed()

    async def take_back(self, job: Job) -> None:
        """The job goes on, once it has a slot again."""
        there: asyncio.Future[None] = self._home.create_future()
        if self._ask_back(job, lambda: self._home.call_soon_threadsafe(_settle, there)):
            await there

    def _ask_back(self, job: Job, then: Callable[[], object]) -> bool:
        """Ask for a job's slot; False if it has one."""
        self._waits[job] = waits = self._waits.get(job, 1) - 1
        if waits:
            return False  # it waits for something else, too
        del self._waits[job]
        if job not in self._lenders:
            return False
        self._returning.append((job, then))
        self._serve()
        return True

    def _serve(self) -> None:
        """Let those go on who want to, as far as all lanes together have places."""
        total = self._places.total
        while self._returning and (total is None or self._held() - len(self._lenders) < total):
            job, then = self._returning.popleft()
            if job in self._lenders:
                self._lenders.discard(job)  # from here on its slot is not for new claims
                self._lanes[job.claim.lane].take_back(job, then)

    def lent(self, lane: Lane) -> int:
        """How many slots of a lane are lent by those who hold them."""
        return sum(job.claim.lane is lane for job in self._lenders) if self._lenders else 0

    @property
    def returning(self) -> int:
        """How many wait for a place to go on with; they go before new claims."""
        return len(self._returning)

    def forget(self, job: Job) -> None:
        """The job has ended, and its place is free."""
        if self._lenders or self._waits:
            self._lenders.discard(job)
            self._waits.pop(job, None)
        if self._returning:
            self._serve()

    async def _existing(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
