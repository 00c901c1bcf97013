"""Wishes for runs as code has them: keywords of ``manager.start`` become a RunRequest, or one clear error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runwright.admission import RunRequest
from runwright.clock import MOMENT, is_moment, to_micros
from runwright.errors import InvalidInput
from runwright.model import SYSTEM, Actor, Role
from runwright.tasks.definition import to_task
from runwright.tasks.registry import Registry

START_OPTIONS = frozenset({"priority", "run_at", "user", "entity", "tags", "idempotency_key"})


def run_request(
    registry: Registry, task: Any, arguments: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> RunRequest:
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
