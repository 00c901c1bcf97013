"""The one function that lets a run in, used by control and by the scheduler.

Here arguments are validated, secrets sealed, keys made and policies settled, before a run exists. The checks that need
the store's truth (unique keys, idempotency) are carried by the NewRun and made inside the store's transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, overload

from pydantic_core import to_json

from runwright.auth.sealing import Sealer
from runwright.clock import SECOND, YEARS, Micros, Rng, to_micros
from runwright.errors import ConfirmRequired, FieldError, InvalidInput
from runwright.model import JSON, MASK, SYSTEM, Actor, JSONObject, Lane, NewArguments, NewRun, Run, Schedule
from runwright.retry import NO_RETRY, Retry
from runwright.tasks.address import check_address
from runwright.tasks.definition import Task
from runwright.tasks.options import NUMBER_LIMIT
from runwright.tasks.registry import Registry
from runwright.tasks.secrets import replace_at
from runwright.tasks.uploads import UploadedFile, bind_files
from runwright.tasks.values import text_fault
from runwright.uploads import Spool

PRIORITY_LIMIT = NUMBER_LIMIT
PAST_ALL_YEARS = to_micros(datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC))
TEXT_CHARACTERS = 255
MOST_TAGS = 100


@dataclass(slots=True)
class RunRequest:
    """A wish for a run, before anything of it was checked.

    Args:
        task: the task's name, or the task itself if it is registered.
        arguments: by parameter name, or a list by position.
        actor: who asks.
        confirmed: the task's danger was accepted; code and schedules count as confirmed.
        run_at: not before this time (microseconds since 1970 UTC); None means at once.
        schedule: the id of the schedule that makes the run.
        service: the run is a life of a service.
        retry: replaces the task's own policy.
    """

    task: str | Task[..., Any]
    arguments: Mapping[str, Any] | Sequence[Any] = field(default_factory=dict)
    actor: Actor = SYSTEM
    confirmed: bool = False
    priority: int | None = None
    run_at: Micros | None = None
    user: str | None = None
    entity: str | None = None
    tags: tuple[str, ...] = ()
    parent: str | None = None
    schedule: str | None = None
    retry: Retry | None = None
    service: bool = False
    idempotency_key: str | None = None


class Admission:
    """Turns a RunRequest into a NewRun, or says what is wrong with it."""

    def __init__(self, registry: Registry, sealer: Sealer, rng: Rng, spool: Spool) -> None:
        self._registry = registry
        self._sealer = sealer
        self._rng = rng
        self._spool = spool

    def admit(self, request: RunRequest, now: Micros) -> NewRun:
        """The run to insert.

        Raises:
            NotFound: there is no such task.
            InvalidArguments: one FieldError for each faulty argument.
            ConfirmRequired: the task is dangerous and the request is not confirmed.
            InvalidInput: another part of the request is wrong.
            StoreUnavailable: there is no room for an uploaded file.
        """
        _check(request)
        task = request.task if isinstance(request.task, Task) else self._registry.get(request.task)
        if task.mode == "process":
            check_address(task)
        if task.lane is Lane.SERVICE and not request.service:
            raise InvalidInput.field("/definition", f"task {task.name!r} is a service: start that instead")
        if task.danger and not request.confirmed:
            raise ConfirmRequired(task.name, task.danger)
        if task.entity and request.entity and request.entity != task.entity:
            raise InvalidInput.field("/entity", f"task {task.name!r} works on {task.entity!r} only")
        arguments = self.sealed_arguments(task, request.arguments)
        concurrency_key, concurrency_limit = _concurrency(task, arguments)
        run_id = self._rng.run_id(now)
        if task.signature.upload_pointers:
            self._spool.link(run_id, files_in(request.arguments))
        return NewRun(
            id=run_id,
            task=task.name,
            lane=Lane.SERVICE if request.service else task.lane,
            arguments=arguments,
            created_at=now,
            due_at=now if request.run_at is None else max(request.run_at, 0),
            priority=task.priority if request.priority is None else request.priority,
            exclusive=task.exclusive,
            on_interrupt=task.on_interrupt,
            retry=request.retry,
            user=request.user or task.run_as or request.actor.name,
            created_by=request.actor.name,
            entity=request.entity or task.entity,
            tags=request.tags,
            parent=request.parent,
            schedule=request.schedule,
            unique_key=_unique_key(task, arguments),
            until_start=task.unique is not None and task.unique.until == "start",
            unique_since=_unique_since(task, now),
            concurrency_key=concurrency_key,
            concurrency_limit=concurrency_limit,
            idempotency_key=request.idempotency_key,
            idempotency_digest=self._digest(task, arguments, request) if request.idempotency_key else None,
        )

    def admit_scheduled(
        self,
        schedule: Schedule,
        actor: Actor,
        now: Micros,
        *,
        service: bool,
        confirmed: bool,
        user: str | None = None,
        retry: Retry | None = None,
    ) -> NewRun:
        """A run as a schedule wants it. ``user`` and ``retry`` are for what the schedule leaves open.

        That of a service is never retried: the service is started again.

        Raises:
            as ``admit``.
        """
        request = RunRequest(
            task=schedule.task,
            arguments=self.open_arguments(schedule.arguments),
            actor=actor,
            confirmed=confirmed,
            priority=schedule.priority,
            user=schedule.as_user or user,
            entity=schedule.entity,
            schedule=schedule.id,
            retry=NO_RETRY if service else schedule.retry or retry,
            service=service,
        )
        return self.admit(request, now)

    def change(self, run: Run, stored: str, changes: Mapping[str, Any], *, confirmed: bool = False) -> NewArguments:
        """Other arguments for a run that is restarted: those of ``changes`` by name, the others as they are.

        Args:
            stored: the arguments as the store has them.

        Raises:
            as ``admit``.
        """
        task = self._registry.get(run.task)
        if task.mode == "process":
            check_address(task)
        if task.danger and not confirmed:
            raise ConfirmRequired(task.name, task.danger)
        pointers, folder = task.signature.upload_pointers, self.files_folder(task, run.id)
        arguments = self.sealed_arguments(
            task, {**bind_files(pointers, folder, self.open_arguments(stored)), **changes}
        )
        if pointers:
            self._spool.link(run.id, files_in(changes))
        concurrency_key, concurrency_limit = _concurrency(task, arguments)
        return NewArguments(arguments, tuple(changes), _unique_key(task, arguments), concurrency_key, concurrency_limit)

    def sealed_arguments(self, task: Task[..., Any], arguments: Mapping[str, Any] | Sequence[Any]) -> str:
        """Validated arguments as the store keeps them: JSON text, its secrets sealed."""
        if not arguments and not task.signature.names:
            return "{}"
        dumped: JSONObject = task.signature.store(arguments)
        if task.signature.secret_pointers:
            dumped = replace_at(dumped, task.signature.secret_pointers, self._seal)
        return to_json(dumped).decode()  # all of it was checked, so that nothing is lost; json takes six times as long

    def open_arguments(self, text: str) -> JSONObject:
        """The arguments in clear, for the call itself and for nothing else.

        Raises InvalidInput for what cannot be read, and SealError for secrets that another key has sealed.
        """
        if text == "{}":
            return {}
        hook = self._unsealed if '"$sealed"' in text else None
        try:
            opened = json.loads(text, object_hook=hook)
        except (ValueError, RecursionError):
            opened = None
        if not isinstance(opened, dict):
            raise InvalidInput("the arguments cannot be read: their row in the store is damaged")
        return opened

    def files_folder(self, task: Task[..., Any], run: str) -> str | None:
        """Where the files of a run lie, for a process that binds them itself; None if its task takes none."""
        return str(self._spool.folder / run) if task.signature.upload_pointers else None

    def drop_files(self, runs: Sequence[str]) -> None:
        """Remove the files of runs that do not exist (any more); it blocks."""
        self._spool.drop(runs)

    def _seal(self, secret: JSON) -> JSON:
        if secret == MASK:
            raise InvalidInput.field(
                "/arguments", "has a masked secret: give the secret itself, or leave arguments out"
            )
        return None if secret is None else self._sealer.seal(str(secret))

    def _unsealed(self, value: dict[str, object]) -> object:
        return self._sealer.unseal(value) if set(value) == {"$sealed"} else value

    def _digest(self, task: Task[..., Any], arguments: str, request: RunRequest) -> str:
        # sealing is salted, so the digest is taken over what was asked for and not over what is stored
        asked = json.dumps(task.signature.named(request.arguments), sort_keys=True, default=str)
        return hashlib.sha256(f"{task.name}\n{asked}\n{request.priority}\n{request.run_at}".encode()).hexdigest()


class Admitted(Sequence[NewRun]):
    """The runs that requests come to, each asked for and let in when it is first read, in their order.

    So the store can be at work on the first while the others are made. What reading raises is what ``ask`` and
    ``admit`` do.

    Args:
        ask: makes the request with this number, from 0 to ``count`` - 1.
    """

    def __init__(self, admission: Admission, ask: Callable[[int], RunRequest], count: int, now: Micros) -> None:
        self._admission = admission
        self._ask = ask
        self._count = count
        self._now = now
        self._runs: list[NewRun] = []

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> NewRun: ...
    @overload
    def __getitem__(self, place: slice) -> list[NewRun]: ...
    def __getitem__(self, place: int | slice) -> NewRun | list[NewRun]:
        wanted = range(len(self))[place]
        last = wanted if isinstance(wanted, int) else max(wanted, default=-1)
        runs, ask, admit, now = self._runs, self._ask, self._admission.admit, self._now
        for number in range(len(runs), last + 1):
            runs.append(admit(ask(number), now))
        return runs[place]


def files_in(arguments: Mapping[str, Any] | Sequence[Any]) -> list[UploadedFile]:
    """The files among arguments that were asked for."""
    given = arguments.values() if isinstance(arguments, Mapping) else arguments
    values = [item for value in given for item in (value if isinstance(value, (list, tuple)) else [value])]
    return [value for value in values if isinstance(value, UploadedFile)]


_NOTHING = (None,) * 5


def _check(request: RunRequest) -> None:
    """Refuse what is no number, time or text that a store can hold; all faults at once. Raises InvalidInput."""
    given = (request.priority, request.run_at, request.user, request.entity, request.idempotency_key)
    if given == _NOTHING and not request.tags:
        return
    faults: list[FieldError] = []
    for name, least, past in (("priority", 1 - PRIORITY_LIMIT, PRIORITY_LIMIT), ("run_at", None, PAST_ALL_YEARS)):
        value = getattr(request, name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            faults.append(FieldError(f"/{name}", f"must be a whole number, not {value!r:.80}"))
        elif value >= past and name == "run_at":
            faults.append(FieldError(f"/{name}", f"must not be after the year {YEARS[-1]}"))
        elif value >= past or (least is not None and value < least):
            faults.append(FieldError(f"/{name}", f"must be a number below {PRIORITY_LIMIT}, not {value!r:.80}"))
    texts = [(f"/{name}", getattr(request, name)) for name in ("user", "entity", "idempotency_key")]
    texts += [(f"/tags/{index}", tag) for index, tag in enumerate(request.tags)]
    faults += [FieldError(where, fault) for where, text in texts if (fault := _text_fault(text)) is not None]
    if len(request.tags) > MOST_TAGS:
        faults = [*faults[:MOST_TAGS], FieldError("/tags", f"must be {MOST_TAGS} at most, not {len(request.tags)}")]
    if faults:
        raise InvalidInput("; ".join(f"{fault.pointer.lstrip('/')}: {fault.message}" for fault in faults), faults)


def _text_fault(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if len(value) > TEXT_CHARACTERS:
        return f"has {len(value)} characters, and {TEXT_CHARACTERS} is the most"
    return text_fault(value)


def _unique_key(task: Task[..., Any], arguments: str) -> str | None:
    """What at most one live run may have: the task with all its arguments, or with what its template names."""
    if task.unique is None:
        return None
    if task.unique.key is None:
        # sealed secrets differ each time; a task that has some names in its template what makes it unique
        return f"{task.name}:{hashlib.sha256(arguments.encode()).hexdigest()}"
    return _key(task, _filled(task.unique.key, arguments))


def _unique_since(task: Task[..., Any], now: Micros) -> Micros | None:
    """Since when an ended run counts for a task's uniqueness; None if none does."""
    if task.unique is None or task.unique.within is None:
        return None
    return now - round(task.unique.within_seconds * SECOND)


def _concurrency(task: Task[..., Any], arguments: str) -> tuple[str | None, int | None]:
    """The key of which only so many runs execute at once, over all workers, and how many."""
    if task.concurrency_key is not None:
        return _key(task, _filled(task.concurrency_key, arguments)), task.max_concurrent or 1
    return (None, None) if task.max_concurrent is None else (task.name, task.max_concurrent)


def _key(task: Task[..., Any], text: str) -> str:
    """A key of a task's own; of a long text its digest, for an index has room for so much only."""
    if len(text) > TEXT_CHARACTERS:
        text = hashlib.sha256(text.encode()).hexdigest()
    return f"{task.name}:{text}"


def _filled(template: str, arguments: str) -> str:
    """A template such as ``{customer}`` with the arguments of a run.

    Raises:
        InvalidInput: they have no such name.
    """
    try:
        return template.format_map(json.loads(arguments))
    except KeyError as missing:
        message = f"must have {missing.args[0]!r}: the task's runs are told apart by {template!r}"
        raise InvalidInput.field("/arguments", message) from None
