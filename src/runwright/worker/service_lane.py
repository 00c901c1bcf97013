"""The lane of services: as many as there are, each where its task's mode says, and never for want of a slot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from runwright.worker.job import Job
from runwright.worker.lanes import LaneSlots
from runwright.worker.outcome import UserCode

MOST_SERVICES = 1000


class ServiceLane:
    """A lane for each mode, none of them shared with other runs: a service has its thread or process for itself."""

    capacity = MOST_SERVICES

    def __init__(self, lanes: Mapping[str, LaneSlots]) -> None:
        self._lanes = lanes

    def submit(self, jobs: Sequence[Job]) -> None:
        for lane, mine in self._sorted(jobs):
            lane.submit(mine)

    def withdraw(self, jobs: Sequence[Job]) -> None:
        for lane, mine in self._sorted(jobs):
            lane.withdraw(mine)

    def stop_code(self, job: Job) -> bool:
        return self._lanes[job.task.mode].stop_code(job)

    def tell(self, job: Job) -> None:
        self._lanes[job.task.mode].tell(job)

    def lend(self, job: Job) -> None:
        self._lanes[job.task.mode].lend(job)

    def take_back(self, job: Job, back: Callable[[], object]) -> None:
        self._lanes[job.task.mode].take_back(job, back)

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.close()

    def _sorted(self, jobs: Sequence[Job]) -> Iterable[tuple[LaneSlots, list[Job]]]:
        for mode, lane in self._lanes.items():
            if mine := [job for job in jobs if job.task.mode == mode]:
                yield lane, mine


def in_own_thread(code: UserCode) -> Callable[[Job], None]:
    """What executes a service in its thread: as any other run, and its CPU time can be read from outside."""

    def run(job: Job) -> None:
        before = time.thread_time()
        job.cpu_clock = _clock_of_this_thread(before)
        try:
            code.run_thread(job)
        finally:
            job.cpu_seconds = time.thread_time() - before

    return run


def _clock_of_this_thread(before: float) -> Callable[[], float] | None:
    if not hasattr(time, "pthread_getcpuclockid"):
        return None
    clock = time.pthread_getcpuclockid(threading.get_ident())  # it stays readable, or fails, when the thread is gone
    return lambda: time.clock_gettime(clock) - before
