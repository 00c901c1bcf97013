"""The runs in this worker's hands, from claim to outcome. It starts them in their lanes, obeys pause and cancel,
watches their time, and turns each ending into the Finish that the claimer carries to the store.

Lives on the home loop. User code runs in the lanes; the two methods that run there say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from runwright.admission import Admission
from runwright.bus import Bus
from runwright.clock import Clock, Rng
from runwright.lifecycle import RunEvent
from runwright.model import Change, Claim, Control, Finish, Lane, LogChunk, Turn
from runwright.store.base import Store, Wanted
from runwright.tasks.registry import Registry
from runwright.worker.ending import raised
from runwright.worker.finish import failed, finish_of, refused, released
from runwright.worker.job import Job
from runwright.worker.lanes import LaneSlots
from runwright.worker.notes import Notes
from runwright.worker.outcome import Limits, UserCode
from runwright.worker.places import Places
from runwright.worker.requests import Requests

MOST_AHEAD = 1024
RESERVE_TURNS = 4
FIRST_AHEAD = 128
SERVICES_AT_ONCE = 32
START_SECONDS = 0.005
"""So old becomes the start of a reserved run before it is told: most have ended by then, and their ending tells it."""
RECALL_SECONDS = 1.0  # until it is looked again whether one who is out of time, and only waits, may be told so

logger = logging.getLogger("runwright.worker")


class Executor:
    """Holds claimed runs until they have ended, and says how many more it can take."""

    def __init__(
        self,
        *,
        session: str,
        store: Store,
        registry: Registry,
        admission: Admission,
        clock: Clock,
        rng: Rng,
        bus: Bus,
        limits: Limits,
    ) -> None:
        self.session = session
        self._registry = registry
        self._clock = clock
        self.code = UserCode(admission, rng, limits)
        self._bus = bus
        self._limits = limits
        self._home = asyncio.get_running_loop()
        self.notes = Notes(clock, bus)
        self.places = Places(limits.max_total)
        self._lanes: dict[Lane, LaneSlots] = {}
        self.requests = Requests(
            session=session, store=store, admission=admission, clock=clock, bus=bus, lanes=self._lanes,
            places=self.places, held=lambda: _placed(self._held), changed=lambda: self.signal(),
        )  # fmt: skip
        self._held: dict[Lane, dict[int, Job]] = {}
        self._unreported: dict[int, Job] = {}
        self._ended: list[tuple[Job, Finish]] = []
        self._again: list[Finish] = []
        self._given_up: list[tuple[int, int]] = []
        self._changes: list[Change] = []
        self._mean_seconds: dict[Lane, float] = {}
        self.last_begun = 0.0  # when one that has ended began last, on the steady clock
        self._next_look = float("inf")
        self.signal: Callable[[], None] = lambda: None  # the claimer's wake

    def add_lane(self, lane: Lane, slots: LaneSlots) -> None:
        """Give the executor a place to run code in."""
        self._lanes[lane] = slots
        self._held[lane] = {}

    # ----- what it holds ----------------------------------------------------------------------------------------

    @property
    def jobs(self) -> Iterable[Job]:
        """Everything that was claimed and has not ended."""
        return (job for held in self._held.values() for job in held.values())

    @property
    def busy(self) -> int:
        """How many claims are held."""
        return sum(len(held) for held in self._held.values())

    @property
    def reserve(self) -> int:
        """How many reservations have not begun."""
        return sum(not job.started_at for job in self._unreported.values())

    @property
    def outbox(self) -> bool:
        """Whether there is something to tell the store."""
        told = self._ended or self._again or self._changes or self._given_up or self.requests.untold
        return bool(told) or self.until_start() <= 0

    def until_start(self) -> float:
        """Seconds until a start has to be told; infinite if there is none."""
        begun = min((job.begun_at for job in self._unreported.values() if job.started_at), default=float("inf"))
        return begun + START_SECONDS - self._clock.monotonic()

    @property
    def pausing(self) -> bool:
        """Whether a run is paused or is to pause: it goes on when nobody wants it any more."""
        return any(job.pause_wanted for job in self.jobs)

    def capacities(self) -> Mapping[str, int]:
        """Slots by lane, save that of services, which has no end."""
        return {lane.value: slots.capacity for lane, slots in self._lanes.items() if lane is not Lane.SERVICE}

    def wanted(self, turn_seconds: float) -> list[Wanted]:
        """What each lane can take: free slots, and a reserve that lasts a few turns of the wheel."""
        wants = []
        held_by = {lane: len(held) - self.requests.lent(lane) for lane, held in self._held.items()}
        free = {lane: max(0, slots.capacity - held_by[lane]) for lane, slots in self._lanes.items()}
        if free.pop(Lane.SERVICE, 0):  # never reserved ahead, nor counted with the others
            wants.append(Wanted(Lane.SERVICE, SERVICES_AT_ONCE))
        if self.places.total is not None:  # a reserve starts by itself, past any count
            held = sum(number for lane, number in held_by.items() if lane in free)
            dealt = self.places.deal(free, held + self.requests.returning)
            return wants + ([Wanted(lane, now) for lane, now in dealt.items()] if any(dealt.values()) else [])
        for lane, now in free.items():
            slots, held = self._lanes[lane], held_by[lane]
            mean = self._mean_seconds.get(lane)
            # Nothing known yet: a burst that finds free slots is taken whole, and handed back if its runs prove long.
            known = 0 if mean is None else int(slots.capacity * RESERVE_TURNS * turn_seconds / max(mean, 1e-5))
            ahead = min(MOST_AHEAD, known) if mean is not None else FIRST_AHEAD if now else 0
            reserve = max(0, slots.capacity + ahead - max(held, slots.capacity))
            if now or 4 * reserve >= ahead:  # a reserve is topped up when a quarter of it is gone
                # Half of it at most in one turn, so that one half is worked off while the store gives out the other.
                wants.append(Wanted(lane, now, min(reserve, max(FIRST_AHEAD, ahead // 2))))
        return wants

    # ----- from the store ---------------------------------------------------------------------------------------

    def take(self, turn: Turn) -> None:
        """Start what a turn has claimed."""
        by_lane: dict[Lane, list[Job]] = {}
        for claim in turn.claims:
            if (job := self._job(claim)) is None:
                continue
            self._held[claim.lane][claim.key] = job
            if claim.reserved:
                self._unreported[claim.key] = job
            by_lane.setdefault(claim.lane, []).append(job)
            if job.timeout is not None:
                self._next_look = min(self._next_look, self._clock.monotonic() + job.timeout)
        for lane, jobs in by_lane.items():
            self._lanes[lane].submit(jobs)

    def lose(self, tokens: Collection[int]) -> None:
        """These claims are gone: stop what runs under them."""
        for job in [job for job in self.jobs if job.claim.token in tokens]:
            self._lose(job)

    def adopt(self, claims: Sequence[Claim]) -> None:
        """Start those of the session's claims that are not in hand and have not just ended here."""
        known = {job.claim.token for job in self.jobs} | {finish.token for _, finish in self._ended}
        known |= {finish.token for finish in self._again} | {token for _, token in self._given_up}
        self.take(Turn(claims=tuple(claim for claim in claims if claim.token not in known)))

    def _job(self, claim: Claim) -> Job | None:
        """The job of a claim; None if its task has gone from here meanwhile, and the claim with it."""
        task = self._registry.find(claim.task)
        if task is None:
            if claim.reserved:
                self._given_up.append((claim.key, claim.token))
            else:
                self._again.append(released(claim, self._clock.now()))
            return None
        timeout = self._limits.timeout if task.timeout_unset else task.timeout
        return Job(
            claim, task, self, self._clock, None if claim.lane is Lane.SERVICE else timeout,
            self._limits.log_bytes, self._limits.log_level,
        )  # fmt: skip

    def obey(self, controls: Sequence[Control]) -> None:
        """Do what people want of the held runs; what is not in the list shall simply run."""
        wanted = {control.key: control for control in controls}
        for job in self.jobs:
            control = wanted.get(job.claim.key)
            if control is not None and control.token != job.claim.token:
                continue
            pause = control is not None and control.pause
            if job.pause_wanted != pause:
                job.pause_wanted = pause
                self._lanes[job.claim.lane].tell(job)
            if control is not None and control.cancel and not job.cancel_wanted and self.requests.recall(job):
                job.cancel_wanted = True
                if not job.reported:
                    self._lanes[job.claim.lane].withdraw([job])  # unless it has begun
                self._stop(job)
            if job.paused_at is not None and not job.pause_wanted:
                self._resume(job)

    def fence(self) -> None:
        """The session lost its lease: all its runs belong to others now. Stop them; nothing of theirs is told."""
        for job in list(self.jobs):
            self._lose(job)
        self._changes.clear()

    def release(self, lanes: Collection[Lane] = frozenset(Lane)) -> None:
        """The worker's patience is over: stop what runs, and what waits once it may go on; until all have ended."""
        for job in list(self.jobs):
            if not job.released and job.claim.lane in lanes and self.requests.recall(job):
                job.released = True
                self._stop(job)

    def give_up(self, older_than_seconds: float = 0.0) -> None:
        """Give up reservations that have waited so long; ``drain_given_up`` has them once their lane let go."""
        before = self._clock.monotonic() - older_than_seconds
        stale: dict[Lane, list[Job]] = {}
        for job in self._unreported.values():
            if job.taken_at > before:
                break  # in the order in which they were taken
            if not job.started_at:
                stale.setdefault(job.claim.lane, []).append(job)
        for lane, jobs in stale.items():
            self._lanes[lane].withdraw(jobs)

    def drain_given_up(self) -> list[tuple[int, int]]:
        """Take the reservations that are to be handed back: (key, token) of each."""
        given_up, self._given_up = self._given_up, []
        return given_up

    def keep_given_up(self, given_up: Sequence[tuple[int, int]]) -> None:
        """The store could not take them back: they are handed back the next time."""
        self._given_up.extend(given_up)

    def _lose(self, job: Job) -> None:
        """The claim is somebody else's now: stop its code, and tell nothing of it."""
        job.lost = True
        self.requests.release(job)
        self._unreported.pop(job.claim.key, None)
        if job.started_at:
            self._stop(job)
        else:
            self._lanes[job.claim.lane].withdraw([job])

    def _stop(self, job: Job) -> None:
        job.open_gate()
        if self._lanes[job.claim.lane].stop_code(job):
            job.stop_again_at = self._clock.monotonic() + self._limits.cancel_grace
            self._next_look = min(self._next_look, job.stop_again_at)

    def _resume(self, job: Job) -> None:
        if job.paused_at is not None and job.deadline is not None:
            job.deadline += self._clock.monotonic() - job.paused_at  # a paused run's time stands still
            self._next_look = min(self._next_look, job.deadline)
        job.paused_at = None
        job.open_gate()

    # ----- time -------------------------------------------------------------------------------------------------

    def watch_time(self) -> float:
        """Stop what has run too long, and stop again what did not listen; seconds until the next look."""
        now = self._clock.monotonic()
        if now < self._next_look:
            return self._next_look - now
        upcoming = [float("inf")]
        for job in self.jobs:
            if not job.started_at:
                if job.timeout is not None:
                    upcoming.append(now + job.timeout)
                continue
            if job.deadline is not None and job.paused_at is None and not job.expired:
                if job.deadline <= now and not self.requests.recall(job):
                    upcoming.append(now + RECALL_SECONDS)
                elif job.deadline <= now:
                    job.expired = True
                    self._changes.append(Change(job.claim.key, job.claim.token, RunEvent.EXPIRING, self._clock.now()))
                    self._stop(job)
                else:
                    upcoming.append(job.deadline)
            if job.stop_again_at is not None:
                if job.stop_again_at <= now:
                    self._stop(job)
                upcoming.append(job.stop_again_at or now)
        self._next_look = min(upcoming)
        return max(0.0, self._next_look - now)

    # ----- to the store -----------------------------------------------------------------------------------------

    def drain(self) -> tuple[list[Change], list[Finish], list[LogChunk]]:
        """Take what the store must be told: changes, endings, and the last log lines of what ended."""
        changes, self._changes = self._changes, []
        ended, self._ended = self._ended, []
        chunks: list[LogChunk] = []
        finishes, self._again = self._again, []
        for job, finish in ended:
            self.notes.forget(job)
            chunks.extend(job.chunks(final=True))
            finishes.append(finish)
        changes += self.requests.drain()
        return self._starts(changes) + changes, finishes, chunks

    def _starts(self, changes: Sequence[Change]) -> list[Change]:
        """Take the starts that must be told now: those that are old enough, or of which something else is told."""
        changed = {change.key for change in changes}
        before = self._clock.monotonic() - START_SECONDS
        due = [
            (key, job)
            for key, job in self._unreported.items()
            if job.started_at and (job.begun_at <= before or key in changed)
        ]
        for key, job in due:
            del self._unreported[key]
            job.reported = True
        return [Change(key, job.claim.token, RunEvent.START, job.started_at) for key, job in due]

    def answered(self, changes: Sequence[Change], turn: Turn) -> None:
        """These changes were committed; who only waited, and may, goes on."""
        if self.requests.asking and self.requests.answered(changes, turn.refused | turn.lost):
            self._next_look = 0.0  # some may be out of time

    def put_back(self, changes: Sequence[Change], finishes: Sequence[Finish]) -> None:
        """The store could not take them: keep them for the next turn. A start is told again with its ending."""
        self._changes[:0] = [change for change in changes if change.event != RunEvent.TAKE_BACK]  # told in each turn
        self._again = [*finishes, *self._again]

    def condemn(self, told: Change | Finish, fault: Exception) -> None:
        """The store refuses, for this run alone, what it is told: the run ends as an error of the engine instead.

        Its code, if it has not ended, is stopped. Not even that being taken, it is told no more: the run stays as the
        store has it until another worker takes it over.
        """
        logger.error("the store refuses what run with key %d has come to: %s", told.key, told, exc_info=fault)
        if isinstance(told, Finish):
            finish = refused(told, fault)
        else:
            job = next((job for job in self.jobs if job.claim.token == told.token), None)
            if job is None:
                return  # it has ended, and its ending says what counts
            self.lose({told.token})
            finish = failed(job.claim, job.started_at, self._clock.now(), fault)
        if finish is not None:
            self._again.append(finish)

    def collect(self, ended: list[Job]) -> None:
        """Endings (and news of starts) from the lanes, in a batch; on the home loop."""
        sums: dict[Lane, list[float]] = {}
        for job in ended:
            self.last_begun = max(self.last_begun, job.begun_at)
            lane = job.claim.lane
            if self._held[lane].get(job.claim.key) is job:
                del self._held[lane][job.claim.key]
            if self._unreported.get(job.claim.key) is job:
                del self._unreported[job.claim.key]  # its ending tells its start
            self.requests.forget(job)
            if not job.started_at:
                if not job.lost:
                    self._given_up.append((job.claim.key, job.claim.token))
            else:
                if job.outcome is None:  # a coroutine that was cancelled before its first step has concluded nothing
                    self.code.conclude(job, raised(asyncio.CancelledError(), None))
                if not job.lost:
                    self._ended.append((job, finish_of(job)))
                sums.setdefault(lane, []).append((job.ended_at - job.started_at) / 1e6)
            self._bus.publish_progress(job.claim.run_id, None)
        for lane, seconds in sums.items():
            mean = sum(seconds) / len(seconds)
            self._mean_seconds[lane] = 0.7 * self._mean_seconds.get(lane, mean) + 0.3 * mean
        self.signal()

    # ----- Host: what a job asks for, from the place where user code runs -----------------------------------------

    def touched(self, job: Job) -> None:
        """There is something to store of the job; from any thread."""
        self.notes.touched(job)

    def paused(self, job: Job) -> None:
        """The job waits at a checkpoint: tell the store that it is paused."""
        self._home.call_soon_threadsafe(self._note_pause, job)

    def _note_pause(self, job: Job) -> None:
        if not job.pause_wanted or job.cancelled:  # taken back meanwhile
            job.open_gate()
            return
        job.paused_at = self._clock.monotonic()
        self._changes.append(Change(job.claim.key, job.claim.token, RunEvent.PAUSE, self._clock.now()))
        self.signal()


def _placed(held: Mapping[Lane, Collection[int]]) -> int:
    """How many runs are held that take a place of those that all lanes share: services have none of them."""
    return sum(len(jobs) for lane, jobs in held.items() if lane is not Lane.SERVICE)
