"""Where user code runs: the Exec port. Each lane has slots, a short queue in front of them, and a way to stop code.

A lane starts a queued job the moment a slot is free, without asking anybody, and reports endings in batches: one
wake-up of the home loop for all that ended since the last. Nothing here touches the store, or decides what an ending
means.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVarTuple, Unpack

from runwright.worker.job import Job

Ts = TypeVarTuple("Ts")

AT_ONCE = 5
"""So many coroutines begin in one round of their loop. Between rounds it hears what others have to say: were it more, a
crowd of short runs would go by while the store waits for its next statement, and nothing be left for when it works."""

logger = logging.getLogger("runwright.worker")


class LaneSlots(Protocol):
    """A lane as the executor sees it. All methods are called on the home loop."""

    capacity: int

    def submit(self, jobs: Sequence[Job]) -> None:
        """Start the jobs as slots become free, in this order."""
        ...

    def withdraw(self, jobs: Sequence[Job]) -> None:
        """Take back those of the jobs that have not begun; each is reported as ended, without an outcome."""
        ...

    def stop_code(self, job: Job) -> bool:
        """Make the job's code end, beyond its flag. False if this lane has no such means (a thread)."""
        ...

    def tell(self, job: Job) -> None:
        """What people want of the job has changed; for code that does not see its flags."""
        ...

    def lend(self, job: Job) -> None:
        """The job waits for something: its slot is free for others until it is taken back."""
        ...

    def take_back(self, job: Job, back: Callable[[], object]) -> None:
        """The job goes on: call ``back``, from any thread, when it has a slot again. It goes before those that wait."""
        ...

    def close(self) -> None:
        """Take no more jobs."""
        ...


class Endings:
    """Jobs that ended, handed to the home loop in batches."""

    def __init__(self, home: asyncio.AbstractEventLoop, collect: Callable[[list[Job]], None]) -> None:
        self._home = home
        self._collect = collect
        self._ended: deque[Job] = deque()
        self._told = False

    def add(self, job: Job) -> None:
        """Report an ended job; from any thread."""
        self._ended.append(job)
        self.tell()

    def tell(self) -> None:
        """Make the home loop look, once for all that happens until it does; from any thread."""
        if not self._told:
            self._told = True
            self._home.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        self._told = False  # before the look, so that what comes during it is told again
        ended = []
        while self._ended:
            ended.append(self._ended.popleft())
        self._collect(ended)


class AsyncLane:
    """Coroutines on an event loop: the home loop, or one of its own, so that user code cannot block the engine."""

    def __init__(
        self,
        capacity: int,
        loop: asyncio.AbstractEventLoop,
        run: Callable[[Job], Coroutine[Any, Any, None]],
        endings: Endings,
    ) -> None:
        self.capacity = capacity
        self._loop = loop
        self._home = asyncio.get_running_loop()
        self._run = run
        self._endings = endings
        self._queue: deque[Job] = deque()
        self._free = capacity
        self._may_begin = AT_ONCE
        self._lent: set[Job] = set()
        self._returning: deque[tuple[Job, Callable[[], object]]] = deque()

    def submit(self, jobs: Sequence[Job]) -> None:
        self._do(self._take, jobs)

    def withdraw(self, jobs: Sequence[Job]) -> None:
        self._do(self._withdraw, set(jobs))

    def _do(self, step: Callable[[Unpack[Ts]], object], *given: *Ts) -> None:
        if self._loop is self._home:
            step(*given)
        else:
            self._loop.call_soon_threadsafe(step, *given)

    def _withdraw(self, jobs: set[Job]) -> None:
        for job in jobs.intersection(self._queue):
            self._queue.remove(job)
            self._endings.add(job)

    def stop_code(self, job: Job) -> bool:
        self._do(self._cancel, job)
        return True

    def lend(self, job: Job) -> None:
        self._do(self._lend, job)

    def take_back(self, job: Job, back: Callable[[], object]) -> None:
        self._do(self._take_back, job, back)

    def tell(self, job: Job) -> None:
        """Nothing to do: the code looks at the job itself."""

    def close(self) -> None:
        """Nothing to do: the loop belongs to whoever made it."""

    def _take(self, jobs: Sequence[Job]) -> None:
        self._queue.extend(jobs)
        self._fill()

    def _fill(self) -> None:
        waiting = self._queue
        while self._returning and self._free > 0:
            job, back = self._returning.popleft()
            if job in self._lent:
                self._lent.discard(job)
                self._free -= 1
                back()
        while self._free > 0 and waiting and self._may_begin > 0:
            if self._may_begin == AT_ONCE:
                self._loop.call_soon(self._next_round)
            self._may_begin -= 1
            job = waiting.popleft()
            self._free -= 1
            job.begun()
            job.handle = task = self._loop.create_task(self._run(job))
            task.add_done_callback(lambda _, job=job: self._done(job))  # type: ignore[misc]  # a default argument binds
            if not job.reported:
                self._endings.tell()

    def _next_round(self) -> None:
        self._may_begin = AT_ONCE
        self._fill()

    def _done(self, job: Job) -> None:
        if job in self._lent:
            self._lent.discard(job)
        else:
            self._free += 1
        job.handle = None
        self._endings.add(job)
        if self._queue or self._returning:
            self._fill()

    def _lend(self, job: Job) -> None:
        if job.handle is not None:
            self._lent.add(job)
            self._free += 1
            self._fill()

    def _take_back(self, job: Job, back: Callable[[], object]) -> None:
        if job in self._lent:
            self._returning.append((job, back))
            self._fill()
        else:
            back()

    def _cancel(self, job: Job) -> None:
        if job.handle is not None:
            job.handle.cancel()


class ThreadLane:
    """Threads of the lane's own, started when they are first needed. A thread cannot be killed, only asked."""

    def __init__(self, capacity: int, run: Callable[[Job], None], endings: Endings, name: str = "thread") -> None:
        self.capacity = capacity
        self._name = name
        self._alive: set[threading.Thread] = set()
        self._run = run
        self._endings = endings
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = self._started = 0  # those that have a slot or look for work; all that there were
        self._idle = self._pending = 0  # threads that look for work, and jobs that no thread has looked at
        self._lent: set[Job] = set()
        self._returning: deque[tuple[Job, Callable[[], object]]] = deque()
        self._lock = threading.Lock()

    def submit(self, jobs: Sequence[Job]) -> None:
        with self._lock:
            self._pending += len(jobs)
        for job in jobs:
            self._queue.put(job)
        self._grow()

    def _grow(self) -> None:
        with self._lock:
            new = max(0, min(self.capacity - self._threads, self._pending - self._idle))
            numbers = range(self._started, self._started + new)
            self._started += new
            self._threads += new
            self._idle += new
        for number in numbers:
            # daemons: an interpreter that ends must not wait for user code that never returns
            threading.Thread(target=self._work, name=f"runwright-{self._name}-{number}", daemon=True).start()

    def withdraw(self, jobs: Sequence[Job]) -> None:
        with self._lock:  # a thread begins a job under the same lock: it is either begun or withdrawn
            for job in jobs:
                if not job.started_at and not job.withdrawn:
                    job.withdrawn = True
                    self._endings.add(job)

    def stop_code(self, job: Job) -> bool:
        return False

    def tell(self, job: Job) -> None:
        """Nothing to do: the code looks at the job itself."""

    def close(self) -> None:
        for _ in range(self._threads):
            self._queue.put(None)

    def lend(self, job: Job) -> None:
        with self._lock:
            if job.outcome is not None:
                return
            self._lent.add(job)
            self._threads -= 1  # the job's thread waits, and ends after it unless the slot is taken back
        self._grow()

    def take_back(self, job: Job, back: Callable[[], object]) -> None:
        with self._lock:
            if job not in self._lent:
                pass  # it has ended
            elif self._threads < self.capacity:
                self._threads += 1
            elif self._idle > self._pending:
                self._idle -= 1
                self._queue.put(None)  # one that has nothing to do ends for it
            else:
                self._returning.append((job, back))
                return
            self._lent.discard(job)
        back()

    def join(self, seconds: float) -> None:
        """Wait for the threads of a closed lane, so many seconds for each at most; it blocks."""
        for thread in list(self._alive):
            thread.join(seconds)

    def _work(self) -> None:
        self._alive.add(threading.current_thread())
        try:
            self._work_on()
        finally:
            self._alive.discard(threading.current_thread())

    def _work_on(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                self._pending -= 1
                if job.withdrawn:
                    continue
                self._idle -= 1
                job.begun()
            if not job.reported:
                self._endings.tell()
            self._run(job)
            with self._lock:
                over = job in self._lent
                self._lent.discard(job)
                back = None if over else self._next_back()
                if not over and back is None:
                    self._idle += 1
            self._endings.add(job)
            if back is not None:
                back()
            if over or back is not None:  # another thread has this one's slot
                return

    def _next_back(self) -> Callable[[], object] | None:
        """Who waits to have a slot back, if anybody does; under the lock."""
        while self._returning:
            job, back = self._returning.popleft()
            if job in self._lent:
                self._lent.discard(job)
                return back
        return None


class UserLoop:
    """An event loop in a thread of its own, for the coroutines of tasks."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="runwright-user-loop", daemon=True)

    def start(self) -> None:
        """Begin to turn the loop."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel what is left on the loop and end it; waits a second, then leaves a blocked loop behind."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=1)
        if self._thread.is_alive():
            logger.warning("a task blocks the event loop of the tasks; the loop is left behind")

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self.loop.run_until_complete(asyncio.wait(left, timeout=0.5))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()
