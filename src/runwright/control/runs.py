"""Control, runs: start, pause, resume, cancel, restart, delete, and everything that may be asked about runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from runwright.admission import Admission, Admitted, RunRequest, files_in
from runwright.auth.policy import require
from runwright.clock import Clock, to_datetime
from runwright.control.elsewhere import Elsewhere
from runwright.errors import Conflict, InvalidInput, NotFound
from runwright.events.feed import Feed
from runwright.lifecycle import RunEvent, actions, next_status
from runwright.model import SEALED, Actor, Attempt, Lane, LogLine, NewRun, Page, Role, Run, RunStatus, masked
from runwright.store.base import RunQuery, Store
from runwright.tasks.registry import Registry
from runwright.tasks.task import Task

BULK_LIMIT = 1000
BULK_ACTIONS = ("cancel", "pause", "resume", "restart", "delete")


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """What became of one run of a bulk action: ``done``, ``missing`` or ``refused``, and why."""

    run: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BulkAnswers:
    """The answers of a bulk action, one for each run. ``more``: the query found more runs than one action takes."""

    answers: Sequence[BulkAnswer]
    more: bool = False


class Runs:
    """Commands and questions about runs."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        elsewhere: Elsewhere,
        admission: Admission,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._elsewhere = elsewhere
        self._admission = admission
        self._feed = feed
        self._clock = clock

    # ----- commands ---------------------------------------------------------------------------------------------

    async def start(self, request: RunRequest, connection: object | None = None) -> Run:
        """Let a run in and return it as it was stored, pending; it is committed by then.

        With ``connection`` it is part of the caller's transaction, see ``Store.enqueue``.

        Raises:
            NotFound, InvalidArguments, ConfirmRequired, InvalidInput: see ``Admission.admit``.
            NotHere: only other processes have the task's code.
            Conflict: the idempotency key was used for something else, or a unique run is live already.
        """
        require(request.actor, Role.OPERATOR)
        async with self._elsewhere.explained():
            new = self._admission.admit(request, self._clock.now())
        (answer,) = await self._store.enqueue([new], connection)
        if answer.created and answer.same_body:
            return as_run(new)
        if files_in(request.arguments):
            await asyncio.to_thread(self._admission.drop_files, [new.id])
        if not answer.same_body:
            raise InvalidInput.field("/idempotency_key", f"was used before for another request: run {answer.run_id}")
        task = self._registry.find(new.task)
        if request.idempotency_key is None and (task is None or task.unique_action != "return"):
            raise Conflict(await self._in_the_way(answer.run_id, task), answer.run_id)
        return await self.get(request.actor, answer.run_id)

    async def _in_the_way(self, run_id: str, task: Task[..., Any] | None) -> str:
        """Why a unique run keeps another one from being started, and until when."""
        run, unique = await self._store.run(run_id), task and task.unique
        if run is None or not run.status.terminal or not unique:
            return f"run {run_id} is live and unique; wait for it or cancel it"
        free_at = run.created_at + timedelta(seconds=unique.within_seconds)
        return (
            f"run {run_id} has ended ({run.status}), and its task takes one such run within "
            f"{timedelta(seconds=unique.within_seconds)}: the next may be started at {free_at:%Y-%m-%d %H:%M:%S} UTC"
        )

    async def enqueue_many(
        self, ask: Callable[[int], RunRequest], count: int, connection: object | None = None
    ) -> list[str]:
        """Let many runs in at once, all or none; ids in the same order. ``ask`` makes each request in its turn."""

        def allowed(number: int) -> RunRequest:
            request = ask(number)
            require(request.actor, Role.OPERATOR)
            return request

        new = Admitted(self._admission, allowed, count, self._clock.now())
        async with self._elsewhere.explained():
            answers = await self._store.enqueue(new, connection)
        return [answer.run_id for answer in answers]

    async def pause(self, actor: Actor, run_id: str) -> Run:
        """Ask a running run to pause at its next checkpoint.

        Raises:
            Conflict: the run is not running, or its task has no checkpoint.
        """
        require(actor, Role.OPERATOR)
        run = await self.get(actor, run_id)
        if not self.pausable(run):
            raise Conflict(f"task {run.task!r} cannot be paused: it has no checkpoint", run_id)
        status = await self._store.request_pause(run_id, actor.name)
        if status is None:
            raise NotFound("run", run_id)
        if status is not RunStatus.RUNNING:
            raise Conflict(f"run {run_id} is {status}; only a running run can be paused", run_id)
        return await self.get(actor, run_id)

    async def resume(self, actor: Actor, run_id: str) -> Run:
        """Let a paused run go on, or take back a pause that has not happened yet."""
        run = await self.get(actor, run_id)
        if run.status is RunStatus.RUNNING and not run.pause_requested:
            raise Conflict(f"run {run_id} is running; it cannot be resumed now", run_id)
        return await self._move(actor, run_id, RunEvent.RESUME)

    async def cancel(self, actor: Actor, run_id: str) -> Run:
        """Stop a run: at once if it waits, else by the cancel ladder. Cancelling twice is accepted.

        One that a worker was about to begin is over as soon as that worker has let go of it.
        """
        return await self._move(actor, run_id, RunEvent.CANCEL)

    async def restart(
        self, actor: Actor, run_id: str, changes: Mapping[str, Any] | None = None, *, confirmed: bool = False
    ) -> Run:
        """Run a terminal run again: same run, saved state and history kept, the same arguments save for ``changes``.

        Args:
            changes: other arguments, by name; they are validated together with those that stay.
            confirmed: the task's danger was accepted; asked for only where there are changes.

        Raises:
            InvalidArguments, ConfirmRequired: see ``Admission.change``.
            Conflict: the run has not ended, or a live run is unique with these arguments.
        """
        if not changes:
            return await self._move(actor, run_id, RunEvent.RESTART)
        require(actor, Role.OPERATOR)
        run = await self.get(actor, run_id)
        if not run.status.terminal:
            raise Conflict(f"run {run_id} is {run.status}; it cannot be restarted now", run_id)
        stored = await self._store.arguments(run_id)
        async with self._elsewhere.explained():
            given = self._admission.change(run, stored or "{}", changes, confirmed=confirmed)
        return await self._moved(
            actor,
            run_id,
            RunEvent.RESTART,
            await self._store.restart_with(run_id, given, actor.name, self._clock.now()),
        )

    async def delete(self, actor: Actor, run_id: str) -> None:
        """Delete a terminal run with its history."""
        require(actor, Role.OPERATOR)
        (status,) = await self._store.delete([run_id], actor.name)
        if status is None:
            raise NotFound("run", run_id)
        if not status.terminal:
            first = "wait for its end" if status is RunStatus.CANCELLING else "cancel it"
            raise Conflict(f"run {run_id} is {status}; {first} before you delete it", run_id)
        await asyncio.to_thread(self._admission.drop_files, [run_id])

    async def bulk(
        self, actor: Actor, action: str, run_ids: Sequence[str] = (), query: RunQuery | None = None
    ) -> BulkAnswers:
        """Cancel, pause, resume, restart or delete runs, named or found by ``query`` (at most 1,000 at once)."""
        require(actor, Role.OPERATOR)
        if action not in BULK_ACTIONS:
            raise InvalidInput.field("/action", f"must be one of {', '.join(BULK_ACTIONS)}")
        if len(run_ids) > BULK_LIMIT:
            raise InvalidInput.field("/ids", f"at most {BULK_LIMIT} runs at once, not {len(run_ids)}")
        more = False
        if query is not None:
            page = await self._store.runs(query)
            run_ids, more = [run.id for run in page.items], page.after is not None
        if action in ("pause", "resume"):  # of these the status alone does not tell whether anything has changed
            verb = self.pause if action == "pause" else self.resume
            return BulkAnswers([await self._one(verb, actor, run) for run in run_ids], more)
        if action == "delete":
            statuses = await self._store.delete(run_ids, actor.name)
            gone = [run for run, status in zip(run_ids, statuses, strict=True) if status is None or status.terminal]
            await asyncio.to_thread(self._admission.drop_files, gone)
            answers = [self._bulk(run, action, status, status is not None and status.terminal)
                       for run, status in zip(run_ids, statuses, strict=True)]  # fmt: skip
            return BulkAnswers(answers, more)
        event = RunEvent(action)
        moves = await self._store.move(run_ids, event, actor.name, self._clock.now())
        answers = [
            self._bulk(run, action, move and move[0], move is not None and _taken(move, event))
            for run, move in zip(run_ids, moves, strict=True)
        ]
        return BulkAnswers(answers, more)

    @staticmethod
    async def _one(verb: Callable[[Actor, str], Awaitable[Run]], actor: Actor, run: str) -> BulkAnswer:
        try:
            await verb(actor, run)
        except NotFound as error:
            return BulkAnswer(run, "missing", error.message)
        except Conflict as error:
            return BulkAnswer(run, "refused", error.message)
        return BulkAnswer(run, "done")

    @staticmethod
    def _bulk(run: str, action: str, status: RunStatus | None, done: bool) -> BulkAnswer:
        if status is None:
            return BulkAnswer(run, "missing", f"no run named {run!r}")
        return (
            BulkAnswer(run, "done") if done else BulkAnswer(run, "refused", f"cannot {action} a run that is {status}")
        )

    async def _move(self, actor: Actor, run_id: str, event: RunEvent) -> Run:
        require(actor, Role.OPERATOR)
        (move,) = await self._store.move([run_id], event, actor.name, self._clock.now())
        return await self._moved(actor, run_id, event, move)

    async def _moved(self, actor: Actor, run_id: str, event: RunEvent, move: tuple[RunStatus, RunStatus] | None) -> Run:
        """The run after a command, or why it was refused."""
        if move is None:
            raise NotFound("run", run_id)
        run = await self.get(actor, run_id)
        before, _ = move
        took_back = event is RunEvent.RESUME and before is RunStatus.RUNNING
        if not _taken(move, event) and not took_back:
            if event is RunEvent.RESTART and run.lane is Lane.SERVICE:
                raise Conflict(f"run {run_id} is one of a service: start or restart that instead", run_id)
            raise Conflict(f"run {run_id} is {before}; it cannot be {_PARTICIPLES[event]} now", run_id)
        return run

    # ----- questions --------------------------------------------------------------------------------------------

    async def get(self, actor: Actor, run_id: str) -> Run:
        """The run as it is now. Raises NotFound."""
        require(actor, Role.VIEWER)
        run = await self._store.run(run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run

    async def list(self, actor: Actor, query: RunQuery) -> Page[Run]:
        """A page of runs."""
        require(actor, Role.VIEWER)
        return await self._store.runs(query)

    async def attempts(self, actor: Actor, run_id: str) -> Sequence[Attempt]:
        """All attempts of a run, oldest first."""
        await self.get(actor, run_id)
        return await self._store.attempts(run_id)

    async def log(self, actor: Actor, run_id: str, after: int = 0, limit: int = 5000) -> Sequence[LogLine]:
        """Log lines with a sequence above ``after``."""
        await self.get(actor, run_id)
        return await self._store.log(run_id, after, limit)

    async def waiting_for(self, actor: Actor, run: Run) -> str | None:
        """Why a waiting run does not start yet, in a sentence; None if only a free slot is missing."""
        require(actor, Role.VIEWER)
        return None if run.status.terminal else await self._store.waiting_for(run.id)

    async def wait(self, actor: Actor, run_id: str) -> Run:
        """Wait until the run has ended."""
        require(actor, Role.VIEWER)
        return await self._feed.ended(run_id)

    def pausable(self, run: Run) -> bool:
        """Whether the run's task has checkpoints. A task that is unknown here is taken to have them."""
        task = self._registry.find(run.task)
        return task is None or task.pausable

    def actions(self, run: Run) -> tuple[str, ...]:
        """The commands that the run takes now."""
        found = actions(run.status, pausable=self.pausable(run), pause_requested=run.pause_requested)
        # a service is started by its schedule, which has one run at a time
        return tuple(name for name in found if name != "restart") if run.lane is Lane.SERVICE else found


def _taken(move: tuple[RunStatus, RunStatus], event: RunEvent) -> bool:
    """Whether the store has done what was asked for; there are reasons not to that the status does not tell."""
    before, after = move
    return before is not after or next_status(before, event) is before


def as_run(new: NewRun) -> Run:
    """A run that was just let in, as the store would show it; reading it back would cost as much as writing it."""
    arguments = json.loads(new.arguments) if new.arguments != "{}" else {}
    return Run(
        id=new.id,
        task=new.task,
        status=RunStatus.PENDING,
        lane=new.lane,
        arguments=masked(arguments) if SEALED in new.arguments else arguments,  # type: ignore[arg-type]  # an object
        priority=new.priority,
        exclusive=new.exclusive,
        created_at=to_datetime(new.created_at),
        due_at=to_datetime(new.due_at),
        tags=new.tags,
        entity=new.entity,
        user=new.user,
        parent=new.parent,
        schedule=new.schedule,
    )


def statuses(names: Iterable[object], pointer: str) -> list[RunStatus]:
    """The statuses with these names. Raises InvalidInput, which names those that there are."""
    known = {status.value: status for status in RunStatus}
    wanted = list(names)
    unknown = [name for name in wanted if not isinstance(name, str) or name not in known]
    if unknown:
        raise InvalidInput.field(pointer, f"{unknown[0]!r:.80} is no status; there are {', '.join(known)}")
    return [known[str(name)] for name in wanted]


_PARTICIPLES = {RunEvent.RESUME: "resumed", RunEvent.CANCEL: "cancelled", RunEvent.RESTART: "restarted"}
