"""Wishes and questions as code has them: keywords of ``manager.start`` and ``runs``, or one clear error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, TypeAlias, TypedDict

from runwright.admission import RunRequest
from runwright.clock import MOMENT, is_moment, to_micros
from runwright.control.runs import statuses
from runwright.errors import InvalidInput
from runwright.model import SYSTEM, Actor, Role
from runwright.store.base import RunQuery
from runwright.tasks.definition import to_task
from runwright.tasks.registry import Registry
from runwright.tasks.values import text_fault

Given: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""Arguments as code may give them: by name, or a list by position."""

LISTED_MOST = 10_000


class StartOptions(TypedDict, total=False):
    """What ``start`` takes beside a task and its arguments."""

    priority: int | None
    run_at: datetime | None
    user: str | None
    entity: str | None
    tags: Sequence[str] | AbstractSet[str] | None
    idempotency_key: str | None


START_OPTIONS = frozenset(StartOptions.__annotations__)


def run_request(registry: Registry, task: object, arguments: Given | None, options: StartOptions) -> RunRequest:
    """What ``start(task, arguments, **options)`` asks for; code counts as confirmed.

    Raises:
        NotFound: the task is not registered.
        InvalidInput: there is no such option, a time without its zone, or no list of tags.
    """
    known = task if isinstance(task, str) else registry.get(to_task(task).name)
    if not options:
        return RunRequest(known, arguments or {}, SYSTEM, confirmed=True)
    if unknown := set(options) - START_OPTIONS:
        raise InvalidInput.field(f"/{min(unknown)}", f"is no option of start; there are {sorted(START_OPTIONS)}")
    run_at = options.get("run_at")
    if run_at is not None and not is_moment(run_at):
        raise InvalidInput.field("/run_at", f"must be a time {MOMENT}")
    tags = options.get("tags") or ()
    if not isinstance(tags, (str, list, tuple, set, frozenset)):
        raise InvalidInput.field("/tags", f"must be a list of texts, not {tags!r:.80}")
    return RunRequest(
        task=known,
        arguments=arguments or {},
        actor=Actor(options.get("user") or SYSTEM.name, Role.ADMIN),
        confirmed=True,
        priority=options.get("priority"),
        run_at=None if run_at is None else to_micros(run_at),
        user=options.get("user"),
        entity=options.get("entity"),
        tags=(tags,) if isinstance(tags, str) else tuple(tags),
        idempotency_key=options.get("idempotency_key"),
    )


def each_request(
    registry: Registry, calls: Sequence[tuple[object, Given | None]], options: StartOptions
) -> Callable[[int], RunRequest]:
    """What ``start_many`` asks for, one by one: the request of the call with a number, as ``run_request`` makes it."""

    def ask(number: int) -> RunRequest:
        task, arguments = calls[number]
        return run_request(registry, task, arguments, options)

    return ask


def run_query(*, task: object, status: object, schedule: object, limit: object, after: object) -> RunQuery:
    """What ``manager.runs`` asks for. Raises InvalidInput for the first of its keywords that means nothing."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LISTED_MOST:
        raise InvalidInput.field("/limit", f"must be a whole number from 1 to {LISTED_MOST}, not {limit!r:.80}")
    if not isinstance(status, Iterable):
        raise InvalidInput.field("/status", f"must be a status or several, not {status!r:.80}")
    chosen = statuses([status] if isinstance(status, str) else status, "/status")
    return RunQuery(
        task=_text("task", task), statuses=chosen, schedule=_text("schedule", schedule), limit=limit,
        after=_text("after", after),
    )  # fmt: skip


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidInput.field(f"/{name}", f"must be text, not {type(value).__name__}")
    if (fault := text_fault(value)) is not None:
        raise InvalidInput.field(f"/{name}", fault)
    return value
