"""The store over SQL: every verb of the contract, whatever the dialect. It says which verbs write and which only ask.

A dialect gives the ways in: a transaction that writes, one that reads, and a heartbeat. A verb may be called from any
event loop; it is done on the loop that opened the store.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeVar

from runwright.clock import SECOND, Clock, Micros
from runwright.errors import InvalidInput
from runwright.lifecycle import RunEvent
from runwright.model import (
    Attempt,
    Change,
    Claim,
    Control,
    Credential,
    Cursor,
    EndedRun,
    Enqueued,
    Event,
    Finish,
    Fire,
    FirePlan,
    LogChunk,
    LogLine,
    Measured,
    NewArguments,
    NewEvent,
    NewRun,
    Page,
    Pause,
    ProgressUpdate,
    Rescue,
    Run,
    RunStatus,
    Schedule,
    ScheduleChange,
    ServiceEnd,
    Statistics,
    TaskHistory,
    TaskVersion,
    Turn,
    Usage,
    Waiting,
    Worker,
)
from runwright.store import verbs
from runwright.store.base import Definition, EventFilter, Guard, NewWorker, Rate, RunQuery, Wanted
from runwright.store.leases import Leases, LiveSession
from runwright.store.transaction import Body, Transaction, first_value

T = TypeVar("T")


class SqlStore(ABC):
    """The verbs of ``Store``; see there for what each promises."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases = Leases(clock)
        self._loop = asyncio.get_running_loop()

    # ----- what a dialect gives ----------------------------------------------------------------------------------

    @abstractmethod
    async def _do(self, body: Body[T], rows: int, *, patient: bool = True) -> T:
        """Run a verb in a transaction that writes about so many rows; its value after the commit. On the home loop.

        Unless it is ``patient``, a transaction in its way that does not end is not waited for.
        """

    @abstractmethod
    async def _answer(self, body: Body[T]) -> T:
        """Run a verb that reads a few rows. On the home loop."""

    @abstractmethod
    async def _list(self, body: Body[T]) -> T:
        """Run a verb that reads many rows. On any loop."""

    @abstractmethod
    def _beat(self, session: str, lease: Micros, within_seconds: float) -> bool:
        """Renew a lease in the database, in the thread that asks. False if the session is over."""

    def _proven_dead(self, session: str) -> bool:
        """Whether the process of a session is known to be gone, before its lease ends."""
        return False

    def _forget(self, session: str) -> None:
        """A session was given up for lost: forget what was kept to watch it."""
        return

    # ----- the ways in -------------------------------------------------------------------------------------------

    async def _write(self, body: Body[T], rows: int = 1, *, patient: bool = True) -> T:
        doing = self._do(body, rows, patient=patient)
        if asyncio.get_running_loop() is self._loop:
            return await doing
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(doing, self._loop))

    async def _ask(self, body: Body[T]) -> T:
        if asyncio.get_running_loop() is self._loop:
            return await self._answer(body)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._answer(body), self._loop))

    # ----- life ------------------------------------------------------------------------------------------------

    def now(self) -> Micros:
        return self._clock.now()

    async def check(self) -> None:
        await self._write(_probe)

    # ----- runs ------------------------------------------------------------------------------------------------

    async def enqueue(self, runs: Sequence[NewRun], connection: object | None = None) -> Sequence[Enqueued]:
        if connection is not None:
            raise InvalidInput.field("/connection", "runs are started inside your own transaction on PostgreSQL only")
        made = [*runs]  # here: a verb may be carried out in another thread
        return await self._write(lambda tx: verbs.runs.enqueue(tx, made), len(made))

    async def register(self, worker: NewWorker, lease_seconds: float) -> None:
        began = self._leases.begin()
        await self._write(lambda tx: verbs.sessions.register(tx, worker, lease_seconds))
        self._leases.renewed(worker.id, began, lease_seconds)

    async def publish(
        self,
        session: str,
        tasks: Sequence[str],
        rates: Mapping[str, Rate] | None = None,
        definitions: Mapping[str, Definition] | None = None,
    ) -> None:
        await self._write(lambda tx: verbs.sessions.publish(tx, session, tasks, rates or {}, definitions or {}))

    def beat(self, session: str, lease_seconds: float, *, within_seconds: float = math.inf) -> bool:
        began = self._leases.begin()
        if self._leases.over(session) or not self._beat(session, round(lease_seconds * SECOND), within_seconds):
            return False
        self._leases.renewed(session, began, lease_seconds)
        return True

    async def turn(
        self,
        session: str,
        wanted: Sequence[Wanted] = (),
        changes: Sequence[Change] = (),
        finished: Sequence[Finish] = (),
    ) -> Turn:
        if wanted and not changes and not finished and (done := await self._turn_at_once(session, wanted)) is not None:
            return done
        return await self._write(
            lambda tx: verbs.turn.turn(tx, session, wanted, changes, finished),
            len(changes) + len(finished) + sum(lane.now + lane.ahead for lane in wanted),
        )

    async def _turn_at_once(self, session: str, wanted: Sequence[Wanted]) -> Turn | None:
        """A turn that has nothing to tell, in a shorter way; None if there is none, or it takes more than that."""
        return None

    async def claims(self, session: str) -> Sequence[Claim]:
        return await self._write(lambda tx: verbs.sessions.claims(tx, session))

    async def hand_back(self, session: str, tokens: Sequence[tuple[int, int]]) -> None:
        await self._write(lambda tx: verbs.sessions.hand_back(tx, session, tokens), len(tokens))

    async def controls(self, session: str) -> Sequence[Control]:
        return await self._ask(lambda tx: verbs.sessions.controls(tx, session))

    async def end_session(self, session: str) -> None:
        await self._write(lambda tx: verbs.sessions.end(tx, session))
        self._leases.given_up(session)

    # ----- what a run leaves while it runs ---------------------------------------------------------------------

    async def append_logs(self, session: str, chunks: Sequence[LogChunk]) -> frozenset[int]:
        return await self._write(lambda tx: verbs.notes.append_logs(tx, session, chunks), len(chunks))

    async def save_progress(self, session: str, updates: Sequence[ProgressUpdate]) -> frozenset[int]:
        return await self._write(lambda tx: verbs.notes.save_progress(tx, session, updates), len(updates))

    async def save_state(self, session: str, key: int, token: int, state: str) -> bool:
        return await self._write(lambda tx: verbs.notes.save_state(tx, session, key, token, state))

    # ----- the janitor -----------------------------------------------------------------------------------------

    async def orphans(self, limit: int = 500) -> Sequence[Rescue]:
        _, dead = await self._sessions()
        if dead:
            for session in await self._write(lambda tx: verbs.janitor.lose(tx, dead)):
                self._forget(session)
        forgotten = await self._ask(verbs.janitor.forgotten_keys)
        if forgotten:
            await self._write(lambda tx: verbs.claim.unpark(tx, forgotten))
        return await self._ask(lambda tx: verbs.janitor.orphans(tx, limit))

    async def _sessions(self) -> tuple[list[LiveSession], list[LiveSession]]:
        """The sessions that are not over: those that live, and those that this process sees to be gone."""
        known = await self._ask(verbs.sessions.live)
        expired = {session.key for session in self._leases.expired(known)}
        dead = [session for session in known if session.key in expired or self._proven_dead(session.id)]
        return [session for session in known if session not in dead], dead

    async def rescue(self, decisions: Sequence[tuple[Rescue, RunEvent]]) -> int:
        return await self._write(lambda tx: verbs.janitor.rescue(tx, decisions), len(decisions))

    async def age(self, before: Micros, limit: int = 500) -> int:
        return await self._write(lambda tx: verbs.janitor.age(tx, before, limit), limit)

    async def prune(self, before: Micros, limit: int = 1000) -> int:
        return await self._write(lambda tx: verbs.janitor.prune(tx, before, limit), limit)

    # ----- people's verbs and questions ------------------------------------------------------------------------

    async def move(
        self, runs: Sequence[str], event: RunEvent, actor: str, at: Micros
    ) -> Sequence[tuple[RunStatus, RunStatus] | None]:
        return await self._write(lambda tx: verbs.runs.move(tx, runs, event, actor, at), len(runs))

    async def restart_with(
        self, run: str, given: NewArguments, actor: str, at: Micros
    ) -> tuple[RunStatus, RunStatus] | None:
        return await self._write(lambda tx: verbs.runs.restart_with(tx, run, given, actor, at))

    async def request_pause(self, run: str, actor: str) -> RunStatus | None:
        return await self._write(lambda tx: verbs.runs.request_pause(tx, run, actor))

    async def delete(self, runs: Sequence[str], actor: str) -> Sequence[RunStatus | None]:
        return await self._write(lambda tx: verbs.runs.delete(tx, runs, actor), len(runs))

    async def run(self, run: str) -> Run | None:
        return await self._ask(lambda tx: verbs.lists.run(tx, run))

    async def runs(self, query: RunQuery) -> Page[Run]:
        return await self._list(lambda tx: verbs.lists.runs(tx, query))

    async def runs_by_id(self, runs: Sequence[str]) -> Sequence[Run]:
        return await self._list(lambda tx: verbs.lists.runs_by_id(tx, runs))

    async def attempts(self, run: str) -> Sequence[Attempt]:
        return await self._ask(lambda tx: verbs.lists.attempts(tx, run))

    async def log(self, run: str, after: int = 0, limit: int = 5000) -> Sequence[LogLine]:
        return await self._list(lambda tx: verbs.lists.log(tx, run, after, limit))

    async def waiting_for(self, run: str) -> str | None:
        return await self._ask(lambda tx: verbs.waiting.waiting_for(tx, run))

    async def history(self, tasks: Sequence[str]) -> Mapping[str, TaskHistory]:
        return await self._list(lambda tx: verbs.lists.history(tx, tasks))

    async def statistics(self) -> Statistics:
        return await self._list(verbs.lists.statistics)

    async def changed_since(self, cursor: Cursor | None, limit: int = 200) -> tuple[Cursor, Sequence[str]]:
        return await self._ask(lambda tx: verbs.timeline.changed_since(tx, cursor, limit))

    async def arguments(self, run: str) -> str | None:
        return await self._ask(lambda tx: verbs.lists.arguments(tx, run))

    # ----- timeline, workers -----------------------------------------------------------------------------------

    async def record(self, events: Sequence[NewEvent]) -> None:
        await self._write(lambda tx: verbs.timeline.record(tx, events), len(events))

    async def events(self, filters: Sequence[EventFilter], limit: int = 50, after: str | None = None) -> Page[Event]:
        return await self._list(lambda tx: verbs.timeline.events(tx, filters, limit, after))

    async def workers(self) -> Sequence[Worker]:
        _, dead = await self._sessions()
        gone = {session.id for session in dead}
        return [replace(w, state="lost") if w.id in gone else w for w in await self._ask(verbs.lists.workers)]

    async def roles(self) -> frozenset[str]:
        live, _ = await self._sessions()
        return frozenset(role for session in live for role in session.roles)

    async def versions(self) -> Sequence[TaskVersion]:
        _, dead = await self._sessions()
        gone = {session.key for session in dead}
        return await self._list(lambda tx: verbs.sessions.versions(tx, gone))

    async def definitions(self, tasks: Collection[str]) -> Mapping[str, Definition]:
        return await self._list(lambda tx: verbs.sessions.definitions(tx, tasks))

    # ----- schedules -------------------------------------------------------------------------------------------

    async def write_schedules(self, changes: Sequence[ScheduleChange], actor: str, guard: Guard | None = None) -> bool:
        return await self._write(lambda tx: verbs.schedules.write(tx, changes, actor, guard), len(changes))

    async def delete_schedule(self, schedule: str, actor: str, guard: Guard | None = None) -> bool:
        return await self._write(lambda tx: verbs.schedules.delete(tx, schedule, actor, guard))

    async def pause_schedules(self, reason: str | None, actor: str) -> bool:
        return await self._write(lambda tx: verbs.schedules.pause(tx, reason, actor))

    async def paused(self) -> Pause | None:
        return await self._ask(verbs.schedules.paused)

    async def schedule(self, id_or_name: str) -> Schedule | None:
        return await self._ask(lambda tx: verbs.schedules.find(tx, id_or_name))

    async def schedules(self, *, deleted: bool = False) -> Sequence[Schedule]:
        return await self._list(lambda tx: verbs.schedules.every(tx, deleted))

    async def schedule_page(
        self, limit: int, after: str | None = None, *, name: str | None = None, task: str | None = None
    ) -> tuple[Page[Schedule], int]:
        return await self._list(lambda tx: verbs.schedules.page(tx, limit, after, name, task))

    async def declared_schedules(self, *, withdrawn: bool = False) -> Sequence[Schedule]:
        return await self._list(lambda tx: verbs.schedules.declared(tx, withdrawn))

    async def schedules_of(self, tasks: Collection[str]) -> Mapping[str, Sequence[str]]:
        return await self._list(lambda tx: verbs.schedules.of_tasks(tx, tasks))

    async def due_schedules(self, until: Micros, limit: int = 500) -> Sequence[Schedule]:
        return await self._ask(lambda tx: verbs.schedules.due(tx, until, limit))

    async def busy_schedules(self, schedules: Collection[str]) -> AbstractSet[str]:
        return await self._ask(lambda tx: verbs.schedules.busy(tx, schedules))

    async def fire(self, plans: Sequence[FirePlan], *, patient: bool = True) -> Sequence[bool]:
        rows = sum(2 * len(plan.fires) + 1 for plan in plans)
        return await self._write(lambda tx: verbs.schedules.fire(tx, plans), rows, patient=patient)

    async def fires(self, schedule: str, limit: int = 50, after: str | None = None) -> Page[Fire]:
        return await self._list(lambda tx: verbs.ledger.page(tx, schedule, limit, after))

    async def ended(self, limit: int = 500) -> Sequence[EndedRun]:
        return await self._ask(lambda tx: verbs.schedules.ended(tx, limit))

    async def settle(
        self, ended: Sequence[EndedRun], next_due: Mapping[str, Micros],
        services: Mapping[str, ServiceEnd] | None = None,
    ) -> None:  # fmt: skip
        await self._write(lambda tx: verbs.schedules.settle(tx, ended, next_due, services), 2 * len(ended))

    async def services(self) -> Sequence[Schedule]:
        return await self._ask(verbs.schedules.services)

    async def usage(self) -> Sequence[Usage]:
        return await self._ask(verbs.schedules.usage)

    async def keep_usage(self, measured: Sequence[Measured]) -> None:
        await self._write(lambda tx: verbs.schedules.keep_usage(tx, measured), len(measured))

    async def withdraw(self, schedule: str | None, actor: str, limit: int = 500) -> int:
        return await self._write(lambda tx: verbs.schedules.withdraw(tx, schedule, actor, limit), limit)

    async def stranded_schedules(self, limit: int = 500) -> Sequence[tuple[Schedule, Micros | None]]:
        return await self._ask(lambda tx: verbs.schedules.stranded(tx, limit))

    async def rearm(self, next_due: Mapping[str, Micros]) -> None:
        await self._write(lambda tx: verbs.schedules.rearm(tx, next_due), len(next_due))

    async def zone_rules(self) -> str | None:
        return await self._ask(lambda tx: first_value(tx, "zones_find"))

    async def keep_zone_rules(self, version: str) -> None:
        await self._write(lambda tx: tx.do("zones_keep", version))

    async def waiting_runs(self, limit: int = 500, after: int = 0) -> tuple[Sequence[Waiting], int | None]:
        return await self._ask(lambda tx: verbs.dependencies.waiting(tx, limit, after))

    async def decide_waiting(self, decisions: Sequence[tuple[str, str | None]]) -> int:
        return await self._write(lambda tx: verbs.dependencies.decide(tx, decisions), 2 * len(decisions))

    async def release_in_line(self) -> int:
        return await self._write(verbs.dependencies.release)

    # ----- accounts --------------------------------------------------------------------------------------------

    async def add_credential(self, credential: Credential, actor: str) -> None:
        await self._write(lambda tx: verbs.accounts.add(tx, credential, actor))

    async def credential(self, digest: str) -> Credential | None:
        return await self._ask(lambda tx: verbs.accounts.find(tx, digest))

    async def take_credential(self, digest: str) -> Credential | None:
        return await self._write(lambda tx: verbs.accounts.take(tx, digest))

    async def revoke_credential(self, digest: str, actor: str) -> bool:
        return await self._write(lambda tx: verbs.accounts.revoke(tx, digest, actor))


async def _probe(tx: Transaction) -> None:
    await tx.do("probe_insert", tx.now)
    await tx.do("probe_delete")
