"""The store's verbs: which runs a session is given. The order of the queue, the exclusive barrier, concurrency keys.

The queue is read task by task (one seek for each task that waits in a lane, then as many rows as are wanted), so that
runs of tasks that this session does not know cost it one seek, however many they are. See docs/design/store.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runwright.clock import Micros
from runwright.model import Claim, Lane, Turn
from runwright.store import actions
from runwright.store.actions import Action
from runwright.store.base import Wanted
from runwright.store.rows import claim_of
from runwright.store.transaction import FIRST_ROWS, MOST_ROWS, Row, Transaction, first_value
from runwright.store.verbs.journal import Journal

KEY, ID, TASK, LANE, CRASHES, DUE, PRIORITY, PARENT = 0, 1, 2, 3, 7, 8, 9, 15
CONCURRENCY_KEY, CONCURRENCY_LIMIT = 16, 17
RANK, TOKEN = 20, 21
KNOWN, CHILD, HELD = 20, 21, 22
_ROUNDS, _ROUND_ROWS = 6, 1000
AT_ONCE = 16
"""So many runs of a lane are claimed by one statement at most."""


def _place(row: Row) -> tuple[int, int, int]:
    """Where a run stands in the queue: rank descending, due time, arrival."""
    return -row[RANK], row[DUE], row[KEY]


def lanes_of(wanted: Sequence[Wanted]) -> list[str]:
    """The names of the lanes of which something is wanted."""
    return [lane.lane.value for lane in wanted]


async def unpark(tx: Transaction, freed: Iterable[str | None]) -> None:
    """Places at these concurrency keys (None: no key) have become free: whoever waits for one is ready again.

    Once in a transaction, after all its runs: who holds a key's lock must not wait for a run any more.
    """
    names = [name for name in freed if name is not None]
    if not names:
        return
    await tx.lock_keys(names)
    for name in names:
        await tx.do("unpark", name)
    tx.topics.add("runs")


@dataclass(slots=True)
class _Rated:
    """The starts of a task that count now, oldest first; ``known`` of them were there before this turn."""

    count: int
    micros: Micros
    starts: list[Micros]
    known: int = field(init=False)

    def __post_init__(self) -> None:
        self.known = len(self.starts)

    @property
    def free(self) -> int:
        """How many more may start now."""
        return max(0, self.count - len(self.starts))

    @property
    def next_at(self) -> Micros:
        """When the next may start, if none may now."""
        return self.starts[-self.count] + self.micros


async def claim_at_once(tx: Transaction, session: str, wanted: Sequence[Wanted]) -> Turn | None:
    """The turn of a session that has nothing to tell, as one statement; None if it takes more, and nothing was written.

    One statement is enough if all that is ready is simple and finds a place, as it does at a worker that was idle.
    """
    if tx.leases.over(session):
        return Turn(fenced=True)
    most = [min(lane.now, AT_ONCE) for lane in wanted]
    started = (tx.now, actions.TASK, Action.RUN_STARTED.value)
    rows = await tx.all("claim_at_once", lanes_of(wanted), most, session, tx.rng.token(), *started)
    if not rows:
        return Turn(fenced=True)
    simple, wishes, next_due = rows[0][:3]
    claimed = sorted((row[3:] for row in rows if row[3] is not None), key=_place)
    if claimed:
        tx.topics.update(("events", *(f"run:{row[ID]}" for row in claimed)))
    elif not simple or (next_due is not None and next_due <= tx.now):
        return None
    claims = tuple(claim_of(row, row[TOKEN], begun=True) for row in claimed)
    return Turn(claims, next_due=next_due, wishes=bool(wishes))


class Claimer:
    """Claims for one session in one turn, lane by lane."""

    def __init__(self, tx: Transaction, journal: Journal, worker: int) -> None:
        self.claims: list[Claim] = []
        self.backlog = False
        self.next_due: Micros | None = None
        self._tx = tx
        self._journal = journal
        self._worker = worker
        self._starts: list[tuple[int, int, int, int]] = []
        self._reserves: list[tuple[int, int, int]] = []
        self._piece = FIRST_ROWS
        self._held: dict[str, int] = {}
        self._lent: set[str] = set()
        self._tasks: dict[str, list[str]] = {}
        self._rates: dict[str, _Rated] = {}
        self._waiting: list[Row] = []
        self._shut: str | None = None
        self._alone = self._exclusive_claimed = False

    async def claim(self, wanted: Sequence[Wanted], *, alone: bool) -> None:
        """Claim for each lane at most what is wanted.

        Args:
            alone: an exclusive run waits, so that this turn may have to claim it, and keeps other claims out for that.
        """
        tx, self._alone = self._tx, alone
        lanes = lanes_of(wanted)
        await tx.lock_claims(alone=alone)
        found = await self._look(lanes)
        if self.next_due is not None and self.next_due <= tx.now:
            await tx.do("claim_due", lanes, tx.now)
            found = await self._look(lanes)
        for lane, task, count, micros in found:
            if task is not None and (count is None or await self._may_start(task, count, micros)):
                self._tasks.setdefault(lane, []).append(task)
        for lane in wanted:
            await self._claim(lane)
        await self._write()
        await self._write_rates()

    async def _look(self, lanes: Sequence[str]) -> list[Row]:
        """Learn what holds for all lanes; the lane, task and rate limit of what is ready."""
        look = await self._tx.all("claim_look", lanes, self._worker)
        self.next_due, is_there = look[0][:2]
        exclusive = await self._tx.all("claim_exclusive", self._tx.now, self._worker) if is_there else []
        self._shut = next((row[ID] for row in exclusive if row[HELD]), None)
        self._waiting = [row for row in exclusive if not row[HELD]]
        return [row[2:] for row in look]

    async def _claim(self, wanted: Wanted) -> None:
        need = wanted.now + wanted.ahead
        if need <= 0 or (self._exclusive_claimed and wanted.lane is not Lane.SERVICE):
            return
        taken, more = 0, False
        for attempt in range(_ROUNDS):
            # A round may find runs whose concurrency key is full; they are parked, and the next one looks further.
            rows, more = await self._candidates(wanted.lane, min((need - taken) << (2 * attempt), need + _ROUND_ROWS))
            busy = await self._count_keys(rows)
            parked, before = 0, taken
            for row in rows:
                name = row[CONCURRENCY_KEY]
                if taken == need:
                    more = True
                    break
                if name in busy:
                    more = True  # another worker counts this key now: the next turn looks again
                elif self._full(row) and not await self._passes(row):
                    await self._tx.do("claim_park", row[KEY])
                    parked += 1
                elif (rate := self._rates.get(row[TASK])) is not None and not (rate.free and taken < wanted.now):
                    continue  # one whose starts are counted is never reserved ahead
                elif taken < wanted.now:
                    self._take(row, reserved=False)
                    taken += 1
                elif row[CRASHES]:
                    continue  # never reserved ahead, see docs/design/engine.md
                else:
                    self._take(row, reserved=True)
                    taken += 1
                if len(self._starts) + len(self._reserves) == self._piece:
                    await self._write()
                    self._piece = MOST_ROWS
            if taken == need or not more or (not parked and taken == before):
                break
            await self._write()
        self.backlog = self.backlog or taken == need or more
        if self._waiting and wanted.now > taken:
            await self._claim_exclusive(wanted.lane.value)

    async def _write(self) -> None:
        """Store the claims that were chosen."""
        starts, reserves = ("claim_start", self._starts), ("claim_reserve", self._reserves)
        await self._tx.together(starts, reserves, *self._journal.batches())
        self._starts, self._reserves = [], []

    def _take(self, row: Row, *, reserved: bool) -> None:
        token = self._tx.rng.token()
        if row[CONCURRENCY_KEY] is not None:
            self._held[row[CONCURRENCY_KEY]] += 1
        if reserved:
            self._reserves.append((row[KEY], token, self._worker))
        else:
            self._starts.append((row[KEY], token, self._worker, self._tx.now))
            self._journal.run(Action.RUN_STARTED, row[ID], row[TASK])
            if row[TASK] in self._rates:
                self._rates[row[TASK]].starts.append(self._tx.now)
        self.claims.append(claim_of(row, token, begun=False, reserved=reserved))

    async def _count_keys(self, rows: Sequence[Row]) -> frozenset[str]:
        """Learn how many runs hold the rows' concurrency keys; the keys that another worker counts now."""
        keys = dict.fromkeys(row[CONCURRENCY_KEY] for row in rows)
        names = [name for name in keys if name is not None and name not in self._held]
        if not names:
            return frozenset()
        had = list(await self._tx.try_keys(names))
        self._held.update(dict.fromkeys(had, 0))
        for name, count, lent in await self._tx.all("claim_keys_held", had):
            self._held[name] = count
            if lent:
                self._lent.add(name)
        return frozenset(names).difference(had)

    def _full(self, row: Row) -> bool:
        name = row[CONCURRENCY_KEY]
        return name is not None and self._held[name] >= int(row[CONCURRENCY_LIMIT])

    async def _passes(self, row: Row) -> bool:
        """Whether a run has a place at its key that seems full, because a run that it is part of only waits."""
        if row[PARENT] is None or row[CONCURRENCY_KEY] not in self._lent:
            return False
        await self._write()
        return int(await first_value(self._tx, "places_free", row[KEY])) > 0

    # ----- rates -----------------------------------------------------------------------------------------------

    async def _may_start(self, task: str, count: int, micros: Micros) -> bool:
        """Learn how many runs of a task with a rate limit may start now; False if there are none."""
        if not await self._tx.try_keys([f"rate:{task}"]):
            self.backlog = True  # another worker counts this task's starts now: the next turn looks again
            return False
        starts = await self._tx.all("rate_read", task, self._tx.now - micros, self._tx.now, count)
        rate = self._rates[task] = _Rated(count, micros, [at for (at,) in reversed(starts)])
        if not rate.free:
            self._wait_until(rate.next_at)
        return rate.free > 0

    def _most(self, task: str, need: int) -> int:
        """How many rows of a task are worth reading."""
        rate = self._rates.get(task)
        return need if rate is None else min(need, rate.free)

    async def _write_rates(self) -> None:
        """Store which starts were taken, and come again when the next is free."""
        now = self._tx.now
        taken = [(task, at) for task, rate in self._rates.items() for at in rate.starts[rate.known :]]
        if not taken:
            return
        await self._tx.many("rate_insert", taken)
        for task in {task for task, _ in taken}:
            rate = self._rates[task]
            await self._tx.do("rate_delete", task, now - rate.micros)
            if not rate.free:
                self._wait_until(rate.next_at)

    def _wait_until(self, at: Micros) -> None:
        self.next_due = at if self.next_due is None else min(self.next_due, at)

    # ----- the queue -------------------------------------------------------------------------------------------

    async def _candidates(self, lane: Lane, need: int) -> tuple[list[Row], bool]:
        """The next runs of a lane in the order of the queue, and whether there are more behind them."""
        if lane is Lane.SERVICE or not (self._shut or self._waiting):
            return await self._queue(lane.value, need)
        children = await self._tx.all("claim_children", lane.value, self._tasks.get(lane.value, []), need, self._shut)
        before: list[Row] = [] if self._shut else await self._queue_before(lane.value, need)
        rows = sorted({row[KEY]: row for row in (*children, *before)}.values(), key=_place)
        return rows[:need], len(rows) >= need

    async def _queue(self, lane: str, need: int) -> tuple[list[Row], bool]:
        tx, tasks = self._tx, self._tasks.get(lane, [])
        if not tasks:
            return [], False
        if len(tasks) == 1:
            rows = await tx.all("claim_read", lane, tasks[0], self._most(tasks[0], need))
            return rows, len(rows) == need
        more = False
        if len(tasks) > need:
            # Only the tasks whose first run is among the first ones can be served now.
            heads = sorted([(*row, task) for task in tasks for row in await tx.all("claim_head", lane, task)])
            tasks, more = [head[-1] for head in heads[:need]], True
        share = max(2, 2 * need // len(tasks))
        found: list[Row] = []
        horizon: tuple[int, int, int] | None = None
        for task in tasks:
            rows = await tx.all("claim_read", lane, task, self._most(task, share))
            found += rows
            if len(rows) == share:  # the task may have more behind its last row: nothing behind that is in order
                last = _place(rows[-1])
                horizon = last if horizon is None or last < horizon else horizon
        found.sort(key=_place)
        if horizon is not None:
            more = True
            found = [row for row in found if _place(row) <= horizon]
        return found[:need], more or len(found) > need

    async def _queue_before(self, lane: str, need: int) -> list[Row]:
        """The runs that became due before the barrier."""
        tx, barrier = self._tx, self._waiting[0]
        found: list[Row] = []
        for task in self._tasks.get(lane, []):
            room = need
            for (rank,) in await tx.all("claim_ranks", lane, task):
                rows = await tx.all("claim_read_before", lane, task, rank, barrier[DUE], barrier[KEY], room)
                found += rows
                room -= len(rows)
                if room <= 0:
                    break
        return found

    # ----- the barrier -----------------------------------------------------------------------------------------

    async def _claim_exclusive(self, lane: str) -> None:
        """Claim an exclusive run of this lane if all others only wait: the barrier, or a child of a claimed run."""
        if not self._alone:
            self.backlog = True  # it came after this turn had begun: the next one keeps the others out, and takes it
            return
        await self._write()
        for index, row in enumerate(self._waiting):
            if index and not row[CHILD] and self._shut is None:
                continue
            if row[LANE] != lane or not row[KNOWN]:
                continue
            if await self._count_keys([row]) or (self._full(row) and not await self._passes(row)):
                continue
            if await self._tx.one("claim_others", row[KEY], 0 if self._shut else 1, 1) is None:
                if await self._tx.one("claim_lock", row[KEY]) is None:
                    self.backlog = True  # somebody cancels it now: the next turn sees what has become of it
                    return
                self._take(row, reserved=False)
                del self._waiting[index]
                self._exclusive_claimed = True
                return
