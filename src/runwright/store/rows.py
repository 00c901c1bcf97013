"""The store: rows as values of the model, and values as rows. Shared by the dialects; no SQL and no driver.

Rows come as tuples in the order of the query's columns. Secrets inside arguments are masked here, on their way out.
Text that should be JSON and is not (somebody wrote into the database, or a newer version did) hides no other row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from runwright.clock import Micros, to_datetime, to_micros
from runwright.errors import InvalidInput
from runwright.model import (
    WAITING,
    Attempt,
    AttemptStatus,
    Claim,
    Credential,
    EndedRun,
    Event,
    Fire,
    Lane,
    LogLine,
    NewRun,
    OnInterrupt,
    Rescue,
    Role,
    Run,
    RunError,
    RunStatus,
    Schedule,
    TaskProgress,
    Worker,
    masked,
    read_json,
)
from runwright.retry import Retry
from runwright.store.transaction import Row

_WAITING = {status.value for status in WAITING}
_UNREADABLE = object()
_LANES = {lane.value: lane for lane in Lane}
_FIRST, _LAST = to_micros(datetime.min.replace(tzinfo=UTC)), to_micros(datetime.max.replace(tzinfo=UTC))
# made once: json.dumps with options makes an encoder for each call
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump(value: object) -> str:
    """Compact JSON text."""
    return _encode(value)


def clean(text: str | None) -> str | None:
    """The text with what a database cannot hold replaced by ``?``: NUL, and lone surrogates (from file names)."""
    if text is None:
        return None
    if "\0" in text:
        text = text.replace("\0", "?")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _time(value: Micros) -> datetime:
    """A time of a row. Where no calendar has it, because the row is damaged, it is the nearest that there is."""
    return to_datetime(min(max(value, _FIRST), _LAST))


def _moment(value: Micros | None) -> Any:
    return None if value is None else _time(value)


def names_of(text: str | None) -> tuple[str, ...]:
    """A list of names; text that cannot be read is the only one, which nothing else has."""
    return tuple(read_json(text, (text,))) if text and text != "[]" else ()


def _names_text(names: Sequence[str]) -> str:
    return dump(names) if names else "[]"


@lru_cache(1024)
def retry_of(text: str) -> Retry | None:
    """The policy behind its JSON text; there are few of them, and each is read many times.

    None for one that cannot be read here: the policy of the task, or the default, counts.
    """
    try:
        return Retry.from_json(json.loads(text))
    except (ValueError, TypeError, InvalidInput):
        return None


@lru_cache(1024)
def retry_text(retry: Retry) -> str:
    """A policy as JSON text."""
    return dump(retry.to_json())


def run_values(run: NewRun, ready: int) -> tuple[object, ...]:
    """A new run, in the order of ``run_insert``."""
    return (
        run.id,
        run.task,
        run.lane.value,
        run.priority,
        1 if run.exclusive else 0,
        run.due_at,
        ready,
        run.created_at,
        run.on_interrupt.value,
        run.parent,
        run.schedule,
        run.unique_key,
        1 if run.until_start else 0,
        run.concurrency_key,
        None if run.concurrency_key is None else run.concurrency_limit or 1,
        None if run.retry is None else retry_text(run.retry),
        run.user,
        run.created_by,
        run.entity,
        dump(run.tags) if run.tags else None,
        run.arguments,
    )


def claim_of(row: Row, token: int, *, begun: bool, reserved: bool = False) -> Claim:
    """A claimed run, from the columns of ``claim_read``; ``begun``: its attempt is counted in them."""
    key, run_id, task, lane, arguments, attempt, failures, crashes, due_at, priority, exclusive = row[:11]
    retry, user, entity, schedule, parent = row[11:16]
    return Claim(
        key,
        token,
        run_id,
        task,
        _LANES[lane],
        arguments,
        attempt if begun else attempt + 1,
        failures,
        crashes,
        due_at,
        priority,
        exclusive == 1,
        reserved,
        None if retry is None else retry_of(retry),
        user,
        entity,
        schedule,
        parent,
        row[19],
    )


def claimed_of(row: Row) -> Claim:
    """A run that is claimed already, from the columns of ``claims``."""
    reserved = row[18] in _WAITING
    return claim_of(row, row[20], begun=not reserved, reserved=reserved)


def run_of(row: Row) -> Run:
    """A run as people see it, from the columns of ``run_read``."""
    (_, run_id, task, status_text, lane, arguments, priority, exclusive, created_at, due_at, started_at) = row[:11]
    (completed_at, attempt, failures, crashes, current, total, message, result, kind, error, traceback) = row[11:22]
    (warnings, tags, entity, user, parent, schedule, worker, pause, cancel, cpu_seconds) = row[22:32]
    status = RunStatus(status_text)
    waiting = status is RunStatus.PENDING or status is RunStatus.RETRYING
    shown = masked(read_json(arguments, None))
    value = None if result is None else read_json(result, _UNREADABLE)
    told = names_of(warnings)
    if not isinstance(shown, dict):
        told += ("its arguments cannot be read: its row in the store is damaged",)
    if value is _UNREADABLE:
        told += ("its result cannot be read: its row in the store is damaged",)
    return Run(
        id=run_id,
        task=task,
        status=status,
        lane=_LANES[lane],
        arguments=shown if isinstance(shown, dict) else {},
        priority=priority,
        exclusive=exclusive == 1,
        created_at=_time(created_at),
        due_at=_time(due_at),
        started_at=_moment(started_at),
        completed_at=_moment(completed_at),
        attempt=attempt,
        failures=failures,
        crashes=crashes,
        progress=None if current is None else TaskProgress(current, total, message or ""),
        result=None if value is _UNREADABLE else value,
        error=None if kind is None else RunError(kind, error or "", traceback),
        warnings=told,
        tags=names_of(tags),
        entity=entity,
        user=user,
        parent=parent,
        schedule=schedule,
        # A reservation is nobody's business: the run is pending to everyone until its worker starts it.
        worker=None if waiting else worker,
        pause_requested=pause == 1 and status is RunStatus.RUNNING,
        cancel_requested=cancel == 1,
        cpu_seconds=cpu_seconds,
    )


def attempt_of(run: str, row: Row) -> Attempt:
    """An attempt, from the columns of ``attempt_list``."""
    number, status, started_at, completed_at, worker, kind, message, traceback = row
    return Attempt(
        run,
        number,
        AttemptStatus(status),
        _time(started_at),
        _moment(completed_at),
        worker,
        None if kind is None else RunError(kind, message or "", traceback),
    )


def log_lines(text: str, after: int) -> list[LogLine]:
    """The lines of one chunk that come after a sequence number."""
    lines = read_json(text, ())
    return [LogLine(seq, _time(time), level, line) for seq, time, level, line in lines if seq > after]


def rescue_of(row: Row) -> Rescue:
    """An orphan, from the columns of ``orphan_list``."""
    key, run_id, task, token, status, attempt, crashes, on_interrupt, started_at, worker, lost = row
    policy = OnInterrupt(on_interrupt)
    return Rescue(key, run_id, task, token, RunStatus(status), attempt, crashes, policy, started_at, worker, lost == 1)


def event_of(row: Row) -> Event:
    """An entry of the timeline, from the columns of the event queries."""
    number, time, event_type, action, subject, task, run, actor, detail = row
    return Event(
        number,
        _time(time),
        event_type,
        action,
        subject if subject is not None else task or "",
        task,
        run,
        actor,
        read_json(detail, {}) if detail else {},
    )


def worker_of(row: Row) -> Worker:
    """A session, from the columns of ``session_list``."""
    session, host, pid, started_at, heartbeat_at, lease_until, state, lanes, tasks, works, fires, running = row
    known: Mapping[str, int] = read_json(lanes, {})
    return Worker(
        session,
        host,
        pid,
        _time(started_at),
        _time(heartbeat_at),
        _time(lease_until),
        state,
        known,
        names_of(tasks),
        running,
        roles_of(works, fires),
    )


def roles_of(works: int, fires: int) -> tuple[str, ...]:
    """The roles of a session, from its flags."""
    return tuple(role for role, has in (("scheduler", fires), ("worker", works)) if has)


def schedule_values(schedule: Schedule) -> tuple[object, ...]:
    """What people and code say of a schedule, in the order of ``schedule_insert`` and ``schedule_update``."""
    return (
        schedule.id,
        schedule.name,
        schedule.task,
        schedule.when,
        schedule.timezone,
        schedule.arguments,
        schedule.label,
        schedule.description,
        schedule.entity,
        schedule.as_user,
        int(schedule.enabled),
        schedule.priority,
        schedule.overlap,
        schedule.catch_up,
        schedule.misfire_grace_seconds,
        schedule.jitter_seconds,
        None if schedule.retry is None else retry_text(schedule.retry),
        _names_text(schedule.depends_on),
        schedule.starts_at,
        schedule.ends_at,
        _names_text(schedule.excluded),
        _names_text(schedule.blackouts),
        schedule.origin,
        int(schedule.edited),
        int(schedule.deleted),
        schedule.updated_at,
        schedule.version,
        schedule.anchor_at,
        schedule.cursor_at,
        schedule.next_due_at,
        int(schedule.first_done),
        schedule.declared,
    )


def schedule_of(row: Row) -> Schedule:
    """A schedule, from the columns of ``schedule_list``."""
    (key, name, task, rule, timezone, arguments, label, description, entity, as_user, enabled, priority) = row[:12]
    (overlap, catch_up, grace, jitter, retry, depends_on, starts_at, ends_at, excluded, blackouts) = row[12:22]
    (origin, edited, deleted, updated_at, version, anchor_at, cursor_at, next_due_at, first_done) = row[22:31]
    (declared, created_by, created_at, run_count, error_count, last_run_at, last_status, last_error) = row[31:39]
    outcome, outcome_at, skipped_at, restarts = row[39:43]
    return Schedule(
        id=key,
        name=name,
        task=task,
        when=rule,
        timezone=timezone,
        arguments=arguments,
        label=label,
        description=description,
        entity=entity,
        as_user=as_user,
        enabled=enabled == 1,
        priority=priority,
        overlap=overlap,
        catch_up=catch_up,
        misfire_grace_seconds=grace,
        jitter_seconds=jitter,
        retry=None if retry is None else retry_of(retry),
        depends_on=names_of(depends_on),
        starts_at=starts_at,
        ends_at=ends_at,
        excluded=names_of(excluded),
        blackouts=names_of(blackouts),
        origin=origin,
        declared=declared,
        edited=edited == 1,
        deleted=deleted == 1,
        created_by=created_by,
        created_at=created_at,
        updated_at=updated_at,
        version=version,
        anchor_at=anchor_at,
        cursor_at=cursor_at,
        next_due_at=next_due_at,
        first_done=first_done == 1,
        run_count=run_count,
        error_count=error_count,
        last_run_at=last_run_at,
        last_status=last_status,
        last_error=last_error,
        outcome=outcome,
        outcome_at=outcome_at,
        skipped_at=skipped_at,
        restarts=restarts,
    )


def fire_of(row: Row) -> Fire:
    """A row of the ledger, from the columns of ``fire_list``."""
    number, schedule, due_at, outcome, reason, run, recorded_at, count, last_due_at = row
    return Fire(
        number,
        schedule,
        _time(due_at),
        outcome,
        reason,
        run,
        _time(recorded_at),
        count,
        _moment(last_due_at),
    )


def ended_of(row: Row) -> EndedRun:
    """An ended run of a schedule, from the columns of ``ended_list``."""
    number, run, schedule, status, started_at, completed_at, error = row
    return EndedRun(number, run, schedule, RunStatus(status), started_at, completed_at, error)


def credential_of(row: Row) -> Credential:
    """A credential, from the columns of the credential queries."""
    kind, digest, name, role, created_at, expires_at = row
    return Credential(kind, digest, name, Role(role), created_at, expires_at)
