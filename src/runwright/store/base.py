"""The store's contract: what survives, in the engine's own words. One verb is one transaction.

Rules for every verb
- It returns after its commit; what it returns is true then. If it raises, nothing of it was written.
- It takes and gives batches where the hot path needs them.
- A verb that loses a race says so in its answer and does not raise. It raises StoreUnavailable if the store cannot take
  the write now (disk full, held by another process, gone); the caller may try again.
- Statuses move only by ``lifecycle.TRANSITIONS``, looked up in the same statement that checks status and fencing token.
- Every change of a run's status writes its event to the timeline in the same transaction.
- Lease arithmetic is the store's own, on a clock that does not step with the wall clock.

``testing.store_contract`` is the executable form of this page; every store passes it. What concerns sessions is in
``base_sessions``, what concerns schedules in ``base_schedules``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from runwright.clock import Micros
from runwright.lifecycle import RunEvent
from runwright.model import (
    Attempt,
    Change,
    Claim,
    Control,
    Credential,
    Cursor,
    Enqueued,
    Event,
    Finish,
    LogChunk,
    LogLine,
    NewArguments,
    NewEvent,
    NewRun,
    Page,
    ProgressUpdate,
    Rescue,
    Run,
    RunStatus,
    Statistics,
    TaskHistory,
    Turn,
)
from runwright.store.asked import Definition, EventFilter, Guard, NewWorker, Rate, RunQuery, Wanted
from runwright.store.base_schedules import ScheduleVerbs
from runwright.store.base_sessions import SessionVerbs


class Store(SessionVerbs, ScheduleVerbs, Protocol):
    """What survives. Opened by the composition root, which passes it on."""

    # ----- life ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Finish the writes that were accepted, then close. Closing twice is allowed."""
        ...

    def now(self) -> Micros:
        """The store's clock."""
        ...

    async def check(self) -> None:
        """Write and take back a row. Raises StoreUnavailable if writes are refused now."""
        ...

    # ----- runs: in --------------------------------------------------------------------------------------------

    async def enqueue(self, runs: Sequence[NewRun], connection: object | None = None) -> Sequence[Enqueued]:
        """Insert the runs as pending, each with its event ``run.created``; the answers are in the same order.

        With ``connection``, an open transaction of the caller on the same PostgreSQL database, they are part of it:
        they are there once it is committed, and never if it is not. A store that has no such thing refuses it.

        A run whose ``unique_key`` is held by a live run, or whose (``created_by``, ``idempotency_key``) was used
        before, is not inserted: its answer names the run that is there. Ids that exist already are the same run, sent
        again.

        ``runs`` may make each run as it is first read, which is done on the caller's event loop; if that fails, its
        error is raised, and nothing is stored.
        """
        ...

    # ----- runs: the worker's verbs ----------------------------------------------------------------------------

    async def turn(
        self,
        session: str,
        wanted: Sequence[Wanted] = (),
        changes: Sequence[Change] = (),
        finished: Sequence[Finish] = (),
    ) -> Turn:
        """Turn the wheel: record what has happened to claimed runs, then claim the next ones. One transaction.

        First the session's lease is checked; a session that lost it gets ``fenced`` and writes nothing. ``changes`` are
        applied in order, then ``finished``. Each needs its claim's token and a transition of the lifecycle, or its
        token is in ``lost``. A finish stores the result, ends the attempt (its row is written now), clears the claim,
        sets ``due_at`` for what goes on, and leaves an ended run of a schedule for ``ended``.

        After a ``lend`` a run counts as one that only waits; its code may go on only when a ``take_back`` is accepted.
        That is in ``refused`` while an exclusive run is claimed, neither of the two part of the other, or while as many
        go on with its concurrency key as its limit says. Refused for an exclusive run, it goes before the next one.

        Then each lane is given at most ``now`` runs to start (running from this commit on) and ``ahead`` reservations.
        Eligible is a run that: waits (pending or retrying) in that lane, is due, is not claimed, whose task is in the
        session's catalogue, and that arrived before the exclusive barrier. Order: priority (highest first), due time,
        arrival.

        The barrier is the waiting exclusive run that became due first; nothing that became due after it is claimed
        before it, whatever its priority. An exclusive run is claimed, alone, when every claimed run only waits
        (services and those that it is part of excepted); while it is claimed, only what is part of it is. A child of a
        claimed run passes the barrier. Reservations made before the barrier arrived are theirs to start. A run that
        crashed before, or whose task has a rate limit, is never reserved ahead. A run with a ``concurrency_key`` is
        claimed only while fewer than its limit are claimed; those do not count that only wait and that it is part of,
        nor those that go on only behind an exclusive run that it is part of. One of a task with a rate limit is claimed
        only while fewer were in that time, by anybody, and ``next_due`` tells when the next may be.
        """
        ...

    async def claims(self, session: str) -> Sequence[Claim]:
        """All claims that the session holds now, as ``turn`` gave them.

        For a worker whose turn failed without telling whether it was committed: what it does not know it may start.

        Raises:
            StoreUnavailable: a turn of the session is still under way, so that more may come.
        """
        ...

    async def hand_back(self, session: str, tokens: Sequence[tuple[int, int]]) -> None:
        """Give reservations (key, token) back unstarted: they are waiting again, at their old place.

        One that was cancelled meanwhile is over.
        """
        ...

    async def controls(self, session: str) -> Sequence[Control]:
        """What people want of the runs that this session holds; runs that shall simply run are left out."""
        ...

    async def append_logs(self, session: str, chunks: Sequence[LogChunk]) -> frozenset[int]:
        """Store log chunks; the keys whose token is no longer valid are returned, and nothing of theirs is stored."""
        ...

    async def save_progress(self, session: str, updates: Sequence[ProgressUpdate]) -> frozenset[int]:
        """Store the latest progress; returns the keys whose token is no longer valid."""
        ...

    async def save_state(self, session: str, key: int, token: int, state: str) -> bool:
        """Store a run's saved state (JSON text). False if the token is no longer valid."""
        ...

    # ----- runs: the janitor's verbs ---------------------------------------------------------------------------

    async def orphans(self, limit: int = 500) -> Sequence[Rescue]:
        """Started runs whose session has ended or lost its lease; their reservations are handed back on the way.

        Ordered by key and not by age, so that a first page of runs that nobody decides cannot starve the others.
        """
        ...

    async def rescue(self, decisions: Sequence[tuple[Rescue, RunEvent]]) -> int:
        """Take orphans from their dead session: the attempt is interrupted, the run moves by its event.

        A crash is counted on the run. A decision whose run has moved on is passed over. Returns how many were moved.
        """
        ...

    async def age(self, before: Micros, limit: int = 500) -> int:
        """Put ready runs that became due before, at most ``limit``, to the front of the queue; how many they were.

        Among themselves they are in the order of their due times, whatever their priority, which stays as it is.
        """
        ...

    async def prune(self, before: Micros, limit: int = 1000) -> int:
        """Delete at most ``limit`` terminal runs completed before, with all that hangs on them, and old events."""
        ...

    # ----- runs: people's verbs --------------------------------------------------------------------------------

    async def move(
        self, runs: Sequence[str], event: RunEvent, actor: str, at: Micros
    ) -> Sequence[tuple[RunStatus, RunStatus] | None]:
        """Apply ``cancel``, ``resume`` or ``restart`` to each run: (status before, status after), or None if unknown.

        Where the lifecycle has no such transition, the two are equal and nothing is written (save that a cancel of a
        cancelling run is accepted, and that resume takes back a pause that was only requested). A waiting run is
        over with its ``cancel``; one that is reserved is ``cancelling``, as if it had begun, until its session says how
        it ended, or hands it back. ``restart`` keeps arguments, state and history, and clears
        result, error, progress and the counts of failures and crashes.
        """
        ...

    async def restart_with(
        self, run: str, given: NewArguments, actor: str, at: Micros
    ) -> tuple[RunStatus, RunStatus] | None:
        """``move`` with ``restart``, and other arguments from then on; its event names those that were changed.

        Nothing is written if the run cannot be restarted, or if a live run holds the unique key of the new arguments.
        """
        ...

    async def request_pause(self, run: str, actor: str) -> RunStatus | None:
        """Ask a running run to pause at its next checkpoint. Returns its status, None if unknown.

        Only a run that is ``running`` takes it.
        """
        ...

    async def delete(self, runs: Sequence[str], actor: str) -> Sequence[RunStatus | None]:
        """Delete terminal runs with their history; the answer is each one's status, None if unknown."""
        ...

    # ----- runs: questions -------------------------------------------------------------------------------------

    async def run(self, run: str) -> Run | None: ...

    async def runs(self, query: RunQuery) -> Page[Run]: ...

    async def runs_by_id(self, runs: Sequence[str]) -> Sequence[Run]:
        """Those of the runs that exist, in no promised order."""
        ...

    async def attempts(self, run: str) -> Sequence[Attempt]:
        """All attempts, the running one included, oldest first; errors with their tracebacks."""
        ...

    async def log(self, run: str, after: int = 0, limit: int = 5000) -> Sequence[LogLine]:
        """Log lines with a sequence above ``after``, whole chunks, about ``limit`` lines at most."""
        ...

    async def waiting_for(self, run: str) -> str | None:
        """In a sentence why a waiting run does not start yet; None if nothing but a free slot is missing."""
        ...

    async def history(self, tasks: Sequence[str]) -> Mapping[str, TaskHistory]: ...

    async def statistics(self) -> Statistics: ...

    async def changed_since(self, cursor: Cursor | None, limit: int = 200) -> tuple[Cursor, Sequence[str]]:
        """The runs that events after ``cursor`` tell of, each once, and the cursor for the next question.

        None asks for the present end of the timeline, and gives no runs. An event whose transaction was under way when
        later ones were told is told when it appears: no transaction, however long, holds up or hides the others.
        """
        ...

    async def arguments(self, run: str) -> str | None:
        """A run's arguments as stored: JSON text with its secrets sealed."""
        ...

    # ----- timeline ------------------------------------------------------------------------------------------

    async def record(self, events: Sequence[NewEvent]) -> None:
        """Write events that belong to no other change (sign-in, discovery, start and stop)."""
        ...

    async def events(self, filters: Sequence[EventFilter], limit: int = 50, after: str | None = None) -> Page[Event]:
        """The timeline, newest first."""
        ...

    # ----- accounts --------------------------------------------------------------------------------------------

    async def add_credential(self, credential: Credential, actor: str) -> None: ...

    async def credential(self, digest: str) -> Credential | None:
        """The credential with this digest, unless it has expired or was revoked."""
        ...

    async def take_credential(self, digest: str) -> Credential | None:
        """The same, and it is gone with the answer: for codes that work once."""
        ...

    async def revoke_credential(self, digest: str, actor: str) -> bool: ...


__all__ = ["Claim", "Definition", "EventFilter", "Guard", "NewWorker", "Rate", "RunQuery", "Store", "Wanted"]
