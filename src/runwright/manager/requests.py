"""Wishes for runs as code has them: keywords of ``manager.start`` become a RunRequest, or one clear error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from runwright.admission import RunRequest
from runwright.clock import to_micros
from runwright.errors import InvalidInput
from runwright.model import SYSTEM, Actor, Role
from runwright.tasks.definition import to_task
from runwright.tasks.registry import Registry

Given: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""Arguments as code may give them: by name, or a list by position."""

START_OPTIONS = frozenset({"priority", "run_at", "user", "entity", "tags", "idempotency_key"})


def run_request(registry: Registry, task: Any, arguments: Given | None, options: Mapping[str, Any]) -> RunRequest:
    """What ``start(task, arguments, **options)`` asks for; code counts as confirmed.

    Raises:
        NotFound: the task is not registered.
        InvalidInput: there is no such option, or a time without its zone.
    """
    known = task if isinstance(task, str) else registry.get(to_task(task).name)
    if not options:
        return RunRequest(known, arguments or {}, SYSTEM, confirmed=True)
    if unknown := set(options) - START_OPTIONS:
        raise InvalidInput.field(f"/{min(unknown)}", f"is no option of start; there are {sorted(START_OPTIONS)}")
    run_at = options.get("run_at")
    if isinstance(run_at, datetime) and run_at.tzinfo is None:
        raise InvalidInput.field("/run_at", "must be aware of its time zone")
    return RunRequest(
        task=known,
        arguments=arguments or {},
        actor=Actor(options.get("user") or SYSTEM.name, Role.ADMIN),
        confirmed=True,
        priority=options.get("priority"),
        run_at=None if run_at is None else to_micros(run_at),
        user=options.get("user"),
        entity=options.get("entity"),
        tags=tuple(options.get("tags", ())),
        idempotency_key=options.get("idempotency_key"),
    )
