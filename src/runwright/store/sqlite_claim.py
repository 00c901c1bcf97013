"""The store on SQLite: which runs a session is given. The order of the queue, the exclusive barrier, concurrency keys.

The queue is read task by task (one seek for each task that waits in a lane, then as many rows as are wanted), so that
runs of tasks that this session does not know cost it one seek, however many they are. See docs/design/store.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from runwright.model import Claim, Lane
from runwright.store import sql
from runwright.store.actions import Action
from runwright.store.base import Wanted
from runwright.store.rows import Row, claim_of
from runwright.store.sqlite_journal import Journal
from runwright.store.sqlite_writer import Work

SQL = sql.load("sqlite")
KEY, ID, TASK, LANE, CRASHES, DUE, PRIORITY, PARENT, CONCURRENCY_KEY, CONCURRENCY_LIMIT = (
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    17,
    18,
)
KNOWN, CHILD = 20, 21
_ROUNDS, _ROUND_ROWS = 6, 1000


def _place(row: Row) -> tuple[int, int, int]:
    """Where a run stands in the queue: priority descending, due time, arrival."""
    return -row[PRIORITY], row[DUE], row[KEY]


def unpark(work: Work, freed: Iterable[str | None]) -> None:
    """Places at these concurrency keys (None: no key) have become free: whoever waits for one is ready again."""
    for name in freed:
        if name is not None:
            work.connection.execute(SQL["unpark"], (name,))
            work.topics.add("runs")


class Claimer:
    """Claims for one session in one turn, lane by lane; ``write`` stores the claims."""

    def __init__(self, work: Work, journal: Journal, worker: int) -> None:
        self.claims: list[Claim] = []
        self.backlog = False
        self._work = work
        self._journal = journal
        self._worker = worker
        self._starts: list[tuple[int, int, int, int]] = []
        self._reserves: list[tuple[int, int, int]] = []
        self._held: dict[str, int] = {}
        connection = work.connection
        self._shut = connection.execute(SQL["claim_exclusive_held"]).fetchone() is not None
        self._waiting: list[Row] = list(connection.execute(SQL["claim_exclusive"], (work.now, worker)))
        self._exclusive_claimed = False

    def claim(self, wanted: Wanted) -> None:
        """Claim for one lane at most what is wanted."""
        connection, lane = self._work.connection, wanted.lane.value
        connection.execute(SQL["claim_due"], (lane, self._work.now))
        need = wanted.now + wanted.ahead
        if need <= 0 or (self._exclusive_claimed and wanted.lane is not Lane.SERVICE):
            return
        taken, more = 0, False
        for attempt in range(_ROUNDS):
            # A round may find runs whose concurrency key is full; they are parked, and the next one looks further.
            rows, more = self._candidates(wanted.lane, min((need - taken) << (2 * attempt), need + _ROUND_ROWS))
            parked, before = 0, taken
            for row in rows:
                if taken == need:
                    more = True
                    break
                if not self._key_free(row):
                    connection.execute(SQL["claim_park"], (row[KEY],))
                    parked += 1
                elif taken < wanted.now:
                    self._take(row, reserved=False)
                    taken += 1
                elif not row[CRASHES]:  # one that crashed its worker before is never reserved ahead
                    self._take(row, reserved=True)
                    taken += 1
            self.write()
            if taken == need or not more or (not parked and taken == before):
                break
        self.backlog = self.backlog or taken == need or more
        if self._waiting and wanted.now > taken:
            self._claim_exclusive(lane)

    def write(self) -> None:
        """Store the claims that were chosen."""
        connection = self._work.connection
        if self._starts:
            connection.executemany(SQL["claim_start"], self._starts)
            self._starts.clear()
        if self._reserves:
            connection.executemany(SQL["claim_reserve"], self._reserves)
            self._reserves.clear()

    def _take(self, row: Row, *, reserved: bool) -> None:
        token = self._work.rng.token()
        if row[CONCURRENCY_KEY] is not None:
            self._held[row[CONCURRENCY_KEY]] += 1
        if reserved:
            self._reserves.append((row[KEY], token, self._worker))
        else:
            self._starts.append((row[KEY], token, self._worker, self._work.now))
            self._journal.run(Action.RUN_STARTED, row[ID], row[TASK])
        self.claims.append(claim_of(row, token, reserved))

    def _key_free(self, row: Row) -> bool:
        name = row[CONCURRENCY_KEY]
        if name is None:
            return True
        if name not in self._held:
            self._held[name] = self._work.connection.execute(SQL["claim_key_held"], (name,)).get
        return self._held[name] < int(row[CONCURRENCY_LIMIT])

    # ----- the queue -------------------------------------------------------------------------------------------

    def _candidates(self, lane: Lane, need: int) -> tuple[list[Row], bool]:
        """The next runs of a lane in the order of the queue, and whether there are more behind them."""
        if lane is Lane.SERVICE or not (self._shut or self._waiting):
            return self._queue(lane.value, need)
        children = list(self._work.connection.execute(SQL["claim_children"], (lane.value, self._worker, need)))
        before: list[Row] = [] if self._shut else self._queue_before(lane.value, need)
        rows = sorted({row[KEY]: row for row in (*children, *before)}.values(), key=_place)
        return rows[:need], len(rows) >= need

    def _tasks(self, lane: str) -> list[str]:
        return [row[0] for row in self._work.connection.execute(SQL["claim_tasks"], (lane, self._worker))]

    def _queue(self, lane: str, need: int) -> tuple[list[Row], bool]:
        connection, tasks = self._work.connection, self._tasks(lane)
        if not tasks:
            return [], False
        if len(tasks) == 1:
            rows = list(connection.execute(SQL["claim_read"], (lane, tasks[0], need)))
            return rows, len(rows) == need
        more = False
        if len(tasks) > need:
            # Only the tasks whose first run is among the first ones can be served now.
            heads = sorted(
                (*row, task) for task in tasks for row in connection.execute(SQL["claim_head"], (lane, task))
            )
            tasks, more = [head[-1] for head in heads[:need]], True
        share = max(2, 2 * need // len(tasks))
        found: list[Row] = []
        horizon: tuple[int, int, int] | None = None
        for task in tasks:
            rows = list(connection.execute(SQL["claim_read"], (lane, task, share)))
            found += rows
            if len(rows) == share:  # the task may have more behind its last row: nothing behind that is in order
                last = _place(rows[-1])
                horizon = last if horizon is None or last < horizon else horizon
        found.sort(key=_place)
        if horizon is not None:
            more = True
            found = [row for row in found if _place(row) <= horizon]
        return found[:need], more or len(found) > need

    def _queue_before(self, lane: str, need: int) -> list[Row]:
        """The runs that became due before the barrier."""
        connection, barrier = self._work.connection, self._waiting[0]
        found: list[Row] = []
        for task in self._tasks(lane):
            room = need
            for (priority,) in connection.execute(SQL["claim_priorities"], (lane, task)).fetchall():
                rows = list(
                    connection.execute(
                        SQL["claim_read_before"], (lane, task, priority, barrier[DUE], barrier[KEY], room)
                    )
                )
                found += rows
                room -= len(rows)
                if room <= 0:
                    break
        return found

    # ----- the barrier -----------------------------------------------------------------------------------------

    def _claim_exclusive(self, lane: str) -> None:
        """Claim an exclusive run of this lane if nothing else is claimed: the barrier, or a child of a claimed run."""
        self.write()
        for index, row in enumerate(self._waiting):
            if not row[CHILD] and (index or self._shut):
                continue
            if row[LANE] != lane or not row[KNOWN] or not self._key_free(row):
                continue
            if self._work.connection.execute(SQL["claim_others"], (row[PARENT], 1)).fetchone() is None:
                self._take(row, reserved=False)
                self.write()
                del self._waiting[index]
                self._shut = self._exclusive_claimed = True
                return
