"""What tasks ask of the engine while they run: state saved, children started, other runs waited for.

All of it happens on the home loop, wherever the task runs. A run that waits for another one lends its slot meanwhile,
and its place in the store, so that a parent and its child cannot wait for each other, whatever they are. Its code goes
on only when the store allows it: an exclusive run may have begun. See docs/design/engine.md.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from runwright.admission import PRIORITY_LIMIT, Admission, RunRequest
from runwright.bus import Bus
from runwright.clock import Clock
from runwright.errors import Conflict, NotFound, StoreUnavailable
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, Actor, Change, JSONObject, Lane, Role, Run
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
        self._lenders: set[Job] = set()  # whose slots are lent
        self._returning: deque[tuple[Job, Callable[[], object]]] = deque()
        self._untold: dict[Job, None] = {}  # of whom the store is to be told that they only wait
        self._waiting: set[Job] = set()  # of whom it was told: they go on when it allows it
        self._asking: dict[Job, asyncio.Future[None]] = {}  # who of them would go on
        self._coming: set[Job] = set()  # who asks for the first time, or was just allowed: they will want a place
        self._unasked = False  # whether somebody has begun to ask since the last turn

    # ----- from the place where user code runs ----------------------------------------------------------------------

    def on_home(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do something on the home loop; from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._home)

    async def done(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the home loop, and wait for it on any loop; for its end, too, if this is cancelled."""
        if asyncio.get_running_loop() is self._home:
            return await work
        begun: list[asyncio.Task[Any]] = []
        stopped = False

        async def here() -> T:
            begun.append(asyncio.current_task())  # type: ignore[arg-type]  # a coroutine is run by a task
            if stopped:
                raise asyncio.CancelledError
            return await work

        def stop() -> None:
            nonlocal stopped
            stopped = True
            for task in begun:
                task.cancel()

        answer = asyncio.wrap_future(self.on_home(here()))
        await _uninterrupted(answer, lambda: self._home.call_soon_threadsafe(stop))
        return answer.result()

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
        """Wait until a run has ended; the job's slot is lent meanwhile.

        Whatever ends the wait, it is over only when the store lets the job's code go on.

        Raises:
            NotFound: there is no such run.
            Conflict: it is the job's own run, or one that this is part of, which cannot end before the wait does.
        """
        wakeup = self._bus.subscribe(f"run:{run_id}")
        try:
            if (run := await self._existing(run_id)).status.terminal:
                return run
            if run_id == job.claim.run_id or await self._is_part_of(job, run_id):
                whom = "itself" if run_id == job.claim.run_id else f"run {run_id}, which it is part of"
                raise Conflict(f"run {job.claim.run_id} would wait for {whom}: neither could ever end", run_id)
            self.lend(job)
            try:
                while not (run := await self._existing(run_id)).status.terminal:
                    await wakeup.wait(POLL_SECONDS)
            except BaseException:
                if self._was_last(job):
                    await self._go_on(job, lambda: None)  # with something else, or ends: nobody waits for the slot
                raise
        finally:
            wakeup.close()
        await self.take_back(job)
        return run

    def lend(self, job: Job) -> None:
        """The job waits for something: others may have its slot. May be nested; it waits until the last has ended."""
        self._waits[job] = self._waits.get(job, 0) + 1
        if self._waits[job] == 1:
            self._lend(job)

    def _lend(self, job: Job) -> None:
        if job.outcome is not None or job in self._lenders:
            return
        self._lenders.add(job)
        self._lanes[job.claim.lane].lend(job)
        if not job.cancelled:  # else it ends its wait at once
            self._untold[job] = None
        self._serve()
        self._changed()

    async def take_back(self, job: Job) -> None:
        """The job goes on, once the store allows it and it has a slot again."""
        if not self._was_last(job):
            return
        there: asyncio.Future[None] = self._home.create_future()
        if await self._go_on(job, lambda: self._home.call_soon_threadsafe(_settle, there)):
            await there
        if job in self._waits:  # for something else, since then
            self._lend(job)

    def _was_last(self, job: Job) -> bool:
        """One thing that the job waited for is over; whether it waits for nothing else."""
        self._waits[job] = waits = self._waits.get(job, 1) - 1
        if not waits:
            del self._waits[job]
        return not waits

    async def _go_on(self, job: Job, then: Callable[[], object]) -> bool:
        """Wait until the store lets a job go on, then ask for its slot; False if it has one."""
        try:
            if not self.recall(job):
                self._coming.add(job)
                await _uninterrupted(self._asking[job])
        finally:
            self._coming.discard(job)
            lent = job in self._lenders
            if lent:
                self._returning.append((job, then))
                self._serve()
        return lent

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
        return len(self._returning) + len(self._coming)

    def forget(self, job: Job) -> None:
        """The job has ended, and its place is free."""
        if self._lenders or self._waits:
            self._lenders.discard(job)
            self._waits.pop(job, None)
            self.release(job)
        if self._returning:
            self._serve()

    # ----- with the store, by the claimer's turns -------------------------------------------------------------------

    def recall(self, job: Job) -> bool:
        """Whether a job's code may go on now, or be told to stop. If the store has to allow it first, it is asked."""
        self._untold.pop(job, None)
        if job not in self._waiting:
            return True
        if job not in self._asking:
            self._asking[job] = self._home.create_future()
            self._unasked = True
            self._changed()
        return False

    @property
    def untold(self) -> bool:
        """Whether the store is to be told something at once."""
        return bool(self._untold) or self._unasked

    @property
    def asking(self) -> bool:
        """Whether somebody would go on, and asks in each turn."""
        return bool(self._asking)

    def drain(self) -> list[Change]:
        """Take what the store must be told of those who wait; who asks is told until it is answered."""
        waiting = self._untold or self._asking
        if not waiting:
            return []
        now = self._clock.now()
        told = [Change(job.claim.key, job.claim.token, RunEvent.LEND, now) for job in self._untold]
        self._waiting.update(self._untold)
        self._untold.clear()
        self._unasked = False
        return told + [Change(job.claim.key, job.claim.token, RunEvent.TAKE_BACK, now) for job in self._asking]

    def answered(self, changes: Sequence[Change], refused: Collection[int]) -> bool:
        """A turn with these changes was committed: let go on who asked and may; whether anybody did."""
        asked = {change.token for change in changes if change.event == RunEvent.TAKE_BACK}
        answered = [job for job in self._asking if job.claim.token in asked]
        allowed = [job for job in answered if job.claim.token not in refused]
        self._coming.difference_update(answered)  # it may be long: their places are for others
        self._coming.update(job for job in allowed if job in self._lenders and job not in self._waits)
        for job in allowed:
            self.release(job)
        if allowed:
            self._changed()  # some are to be told to stop
        return bool(allowed)

    def release(self, job: Job) -> None:
        """The job's code goes on by no leave of the store any more: it may, it has ended, or its claim is gone."""
        self._untold.pop(job, None)
        self._waiting.discard(job)
        if (asked := self._asking.pop(job, None)) is not None:
            _settle(asked)

    async def _is_part_of(self, job: Job, run_id: str) -> bool:
        """Whether a job's run is a child of another one, or a child of its child, and so on."""
        above = job.claim.parent
        while above is not None and above != run_id:
            run = await self._find(above)
            above = None if run is None else run.parent
        return above is not None

    async def _existing(self, run_id: str) -> Run:
        run = await self._find(run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run

    async def _find(self, run_id: str) -> Run | None:
        """The run; None if there is none. A store that is away ends no wait: it is asked again."""
        while True:
            try:
                return await self._store.run(run_id)
            except StoreUnavailable:
                await self._clock.sleep(POLL_SECONDS)


async def _uninterrupted(future: asyncio.Future[Any], stop: Callable[[], object] = lambda: None) -> None:
    """Wait for a future whatever happens. A cancel that comes meanwhile calls ``stop``, and is raised at the end."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
            stop()
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # nobody will ask for it
        raise cancelled


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
