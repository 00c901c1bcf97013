"""API: how values look on the wire. JSON:API documents, and the one table from errors to statuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic_core import to_json
from starlette.types import Scope

from runwright.api.reading import UnsupportedType
from runwright.clock import Micros, to_datetime
from runwright.control import Control, ServiceView, TaskView
from runwright.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    RunwrightError,
    StoreUnavailable,
    TooLarge,
)
from runwright.events.feed import Feed
from runwright.model import Attempt, Event, Fire, LogLine, Pause, Run, RunError, Schedule, TaskHistory, Worker

MEDIA_TYPE = "application/vnd.api+json"
RETRY_AFTER_SECONDS = 5

STATUSES: Sequence[tuple[type[RunwrightError], int]] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (UnsupportedType, 415),
    (NotSignedIn, 401),
    (Forbidden, 403),
    (StoreUnavailable, 503),
)

Document = dict[str, Any]


class Answer(JSONResponse):
    """A JSON:API document."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return to_json(content, inf_nan_mode="null")


def time_text(moment: datetime | Micros | None) -> str | None:
    """A time as ISO 8601 in UTC with microseconds."""
    if moment is None:
        return None
    aware = to_datetime(moment) if isinstance(moment, int) else moment
    return aware.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# ----- places: an application may have mounted this one anywhere ---------------------------------------------------


def route_path(scope: Scope) -> str:
    """The path of a request below the place where this application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def located(scope: Scope, path: str) -> str:
    """A path of this application as the outside sees it."""
    return f"{scope.get('root_path', '')}{path}"


# ----- errors -----------------------------------------------------------------------------------------------------


def status_of(error: RunwrightError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def error_answer(error: RunwrightError, base: str = "") -> Answer:
    """The error document; pointers of field errors get ``base`` in front."""
    status = status_of(error)
    if isinstance(error, InvalidInput):
        errors = [error_object(status, e.code if e.code != "invalid" else error.code, error, e, base)
                  for e in error.errors]  # fmt: skip
    else:
        errors = [error_object(status, error.code, error)]
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else None
    if status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    return Answer({"errors": errors}, status, headers)


def error_object(
    status: int, code: str, error: RunwrightError, field: FieldError | None = None, base: str = ""
) -> Document:
    """One entry of ``errors``."""
    document: Document = {"status": str(status), "code": code, "title": code.replace("_", " "), "detail": error.message}
    if field is not None:
        pointer = field.pointer if field.pointer.startswith("/data") else base + field.pointer
        document |= {"detail": field.message, "source": {"pointer": pointer}}
    return document


def plain_error(status: int, code: str, detail: str) -> Answer:
    """An error document for what is not an error of the engine."""
    body = {"errors": [{"status": str(status), "code": code, "title": code.replace("_", " "), "detail": detail}]}
    return Answer(body, status)


# ----- documents ----------------------------------------------------------------------------------------------------


def resource(kind: str, identity: str, attributes: Document) -> Document:
    """A resource object."""
    return {"type": kind, "id": identity, "attributes": attributes}


def listing(
    items: Sequence[Document], request: Request | None = None, after: str | None = None, **meta: Any
) -> Document:
    """A list, and the link to its next page: the same question with another cursor."""
    following = None
    if request is not None and after is not None:
        asked = {name: value for name, value in request.query_params.items() if name != "page[after]"}
        following = f"{request.url.path}?{urlencode(asked | {'page[after]': after}, safe='[],')}"
    document: Document = {"data": items, "links": {"next": following}}
    return document | ({"meta": meta} if meta else {})


def run_attributes(run: Run, control: Control, feed: Feed) -> Document:
    """A run's attributes, as far as they need no further question."""
    progress = feed.latest(run)
    return {
        "definition": run.task,
        "arguments": run.arguments,
        "status": run.status,
        "progress": None
        if progress is None
        else {
            "current": progress.current,
            "total": progress.total,
            "message": progress.message,
            "eta": None if run.status.terminal else feed.eta(run, progress),
        },
        "result": run.result,
        "error": error_attributes(run.error),
        "attempt": run.attempt,
        "attempts": run.attempt,
        "parent": run.parent,
        "user": run.user,
        "worker": run.worker,
        "schedule": run.schedule,
        "due_at": time_text(run.due_at),
        "created_at": time_text(run.created_at),
        "started_at": time_text(run.started_at),
        "completed_at": time_text(run.completed_at),
        "priority": run.priority,
        "tags": run.tags,
        "entity": run.entity,
        "warnings": run.warnings,
        "duration": run.duration,
        "cpu_seconds": run.cpu_seconds,
        "exclusive": run.exclusive,
        "pausable": control.runs.pausable(run),
        "pause_requested": run.pause_requested,
        "actions": control.runs.actions(run),
    }


def error_attributes(error: RunError | None) -> Document | None:
    """Why something failed."""
    if error is None:
        return None
    return {"kind": error.kind, "message": error.message, "traceback": error.traceback}


def run_resource(run: Run, control: Control, feed: Feed) -> Document:
    """A run as a resource."""
    return resource("run", run.id, run_attributes(run, control, feed))


def run_value(run: Run, control: Control, feed: Feed) -> Document:
    """A run as sockets show it: its attributes with its id."""
    return {"id": run.id, **run_attributes(run, control, feed)}


def attempt_resource(attempt: Attempt) -> Document:
    """An attempt."""
    return resource("attempt", f"{attempt.run}/{attempt.number}", {
        "number": attempt.number, "status": attempt.status, "started_at": time_text(attempt.started_at),
        "completed_at": time_text(attempt.completed_at), "worker": attempt.worker,
        "error": error_attributes(attempt.error),
    })  # fmt: skip


def line_value(line: LogLine) -> Document:
    """A log line."""
    return {"seq": line.seq, "time": time_text(line.time), "level": line.level, "text": line.text,
            "attempt": line.attempt}  # fmt: skip


def definition_resource(task: TaskView, history: TaskHistory | None) -> Document:
    """A task."""
    stats = None if history is None else {
        "runs": history.runs, "errors": history.errors, "last_status": history.last_status,
        "last_run_at": time_text(history.last_run_at), "mean_seconds": history.mean_seconds,
    }  # fmt: skip
    versions: dict[str, list[str]] = {}
    for each in task.versions:
        versions.setdefault(each.source_hash, []).append(each.session)
    return resource("definition", task.name, {
        **task.attributes, "here": task.here, "source_hash": task.source_hash,
        "versions": [{"source_hash": digest, "workers": found} for digest, found in versions.items()], "stats": stats,
    })  # fmt: skip


def schedule_resource(schedule: Schedule, control: Control) -> Document:
    """A schedule in S4's words, and Runwright's own."""
    when, english = control.schedules.shown(schedule)
    unbound = control.schedules.unbound(schedule)
    return resource("task", schedule.id, {
        "name": schedule.name, "label": schedule.label, "description": schedule.description, "schedule": when,
        "when": control.schedules.form(schedule), "action_name": schedule.task, "entity_name": schedule.entity,
        "as_user_email": schedule.as_user, "attributes": control.schedules.arguments(schedule),
        "is_active": schedule.enabled, "timezone": schedule.timezone, "priority": schedule.priority,
        "overlap": schedule.overlap, "catch_up": schedule.catch_up, "misfire_grace": schedule.misfire_grace_seconds,
        "jitter": schedule.jitter_seconds, "depends_on": schedule.depends_on, "english": english,
        "retry": None if schedule.retry is None else schedule.retry.to_json(),
        "starts_at": time_text(schedule.starts_at), "ends_at": time_text(schedule.ends_at),
        "excluded": schedule.excluded, "blackouts": schedule.blackouts, "edited": schedule.edited,
        "next_run": time_text(schedule.next_due_at), "last_run": time_text(schedule.last_run_at),
        "last_status": schedule.last_status, "run_count": schedule.run_count, "error_count": schedule.error_count,
        "last_error": schedule.last_error, "from_code": bool(schedule.origin), "source": schedule.origin or None,
        "bound": unbound is None, "unbound": unbound, "left_due": control.schedules.left_due(schedule),
        "created_by": schedule.created_by,
        "created_at": time_text(schedule.created_at), "updated_at": time_text(schedule.updated_at),
    })  # fmt: skip


def service_resource(view: ServiceView, control: Control, feed: Feed) -> Document:
    """A service: what it is to do, what it does, and what it uses."""
    schedule, run, usage = view.schedule, view.run, view.usage
    when = control.schedules.form(schedule)
    return resource("service", schedule.id, {
        "name": schedule.name, "label": schedule.label, "action_name": schedule.task, "is_active": schedule.enabled,
        "state": view.state, "restart": when.get("restart") if isinstance(when, dict) else None,
        "restarts": schedule.restarts, "run_count": schedule.run_count, "error_count": schedule.error_count,
        "last_status": schedule.last_status, "last_error": schedule.last_error,
        "next_start": time_text(schedule.next_due_at),
        "run": None if run is None else run_value(run, control, feed),
        "uptime": view.uptime_seconds,
        "cpu_seconds": None if usage is None else usage.cpu_seconds,
        "memory_bytes": None if usage is None else usage.memory_bytes,
        "measured_at": None if usage is None else time_text(usage.measured_at),
        "unbound": control.schedules.unbound(schedule),
    })  # fmt: skip


def pause_value(pause: Pause | None) -> Document | None:
    """Why all schedules are paused."""
    return None if pause is None else {"reason": pause.reason, "by": pause.by, "since": time_text(pause.since)}


def fire_resource(fire: Fire) -> Document:
    """A row of the fire ledger."""
    return resource("fire", str(fire.id), {
        "due_at": time_text(fire.due_at), "outcome": fire.outcome, "reason": fire.reason, "run": fire.run,
        "recorded_at": time_text(fire.recorded_at), "count": fire.count, "last_due_at": time_text(fire.last_due_at),
    })  # fmt: skip


def event_resource(event: Event) -> Document:
    """An entry of the timeline."""
    return resource("event", str(event.id), {
        "event_type": event.event_type, "action": event.action, "subject": event.subject, "task": event.task,
        "run": event.run, "user": event.user, "time": time_text(event.time), "detail": event.detail,
    })  # fmt: skip


def worker_resource(worker: Worker) -> Document:
    """A worker session."""
    return resource("worker", worker.id, {
        "host": worker.host, "pid": worker.pid, "started_at": time_text(worker.started_at),
        "heartbeat_at": time_text(worker.heartbeat_at), "lease_until": time_text(worker.lease_until),
        "state": worker.state, "roles": worker.roles, "lanes": worker.lanes, "tasks": worker.tasks,
        "running": worker.running,
    })  # fmt: skip
