"""The store's verbs: the timeline and the questions put to it. Filters are made of fixed fragments only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from runwright.clock import SECOND, Micros, moment_text, to_datetime, to_micros
from runwright.errors import InvalidInput
from runwright.model import Cursor, Event, NewEvent, Page
from runwright.store.base import EventFilter
from runwright.store.rows import event_of
from runwright.store.transaction import Transaction, first_value
from runwright.store.verbs.cursors import GREATEST, cursor_of
from runwright.store.verbs.journal import Journal

COLUMNS = {
    "event_type": "event_type",
    "action": "action",
    "subject": "coalesce(subject, task)",
    "task": "task",
    "run": "run",
    "user": "actor",
    "detail": "detail",
    "time": "time",
}
"""The columns that a filter may name, and what they are in SQL."""

_ONE = {
    "is": "{column} = {value}",
    "eq": "{column} = {value}",
    "is not": "({column} IS NULL OR {column} <> {value})",
    "neq": "({column} IS NULL OR {column} <> {value})",
    "contains": "lower({column}) LIKE lower({value}) ESCAPE '\\'",
    "like": "lower({column}) LIKE lower({value}) ESCAPE '\\'",
    "ilike": "lower({column}) LIKE lower({value}) ESCAPE '\\'",
    "not contains": "({column} IS NULL OR lower({column}) NOT LIKE lower({value}) ESCAPE '\\')",
    "starts with": "lower({column}) LIKE lower({value}) ESCAPE '\\'",
    "ends with": "lower({column}) LIKE lower({value}) ESCAPE '\\'",
    "before": "{column} < {value}",
    "less than": "{column} < {value}",
    "after": "{column} > {value}",
    "more than": "{column} > {value}",
}
_MANY = {
    "in": "{column} IN ({values})",
    "any of": "{column} IN ({values})",
    "none of": "({column} IS NULL OR {column} NOT IN ({values}))",
}
_NONE = {"is empty": "coalesce({column}, '') = ''", "is not empty": "coalesce({column}, '') <> ''"}
OPERATORS = (*_ONE, *_MANY, *_NONE)
"""The operators that a filter may use."""
_PATTERNS = {
    "contains": "%{}%",
    "like": "%{}%",
    "ilike": "%{}%",
    "not contains": "%{}%",
    "starts with": "{}%",
    "ends with": "%{}",
}
_MOST_VALUES = 100
GAP_SECONDS = 3600
"""How long an entry is waited for whose number was passed: longer transactions than this are not followed."""
MOST_GAPS = 1000


async def record(tx: Transaction, events: Sequence[NewEvent]) -> None:
    """See ``Store.record``."""
    journal = Journal(tx)
    for event in events:
        journal.other(
            event.event_type, event.action, event.subject, event.user, event.task, event.run, dict(event.detail)
        )
    await journal.write()


async def changed_since(tx: Transaction, cursor: Cursor | None, limit: int) -> tuple[Cursor, Sequence[str]]:
    """See ``Store.changed_since``."""
    if cursor is None:
        last = int(await first_value(tx, "event_last"))
        start = Cursor(max(0, last - MOST_GAPS))
        rows = await tx.all("event_runs", start.last, MOST_GAPS)
        return _moved(start, [int(row[0]) for row in rows if row[0] <= last], last, tx.now), ()
    late = await tx.all("event_runs_late", [number for number, _ in cursor.gaps]) if cursor.gaps else []
    rows = [*late, *await tx.all("event_runs", cursor.last, limit)]
    numbers = [int(row[0]) for row in rows]
    moved = _moved(cursor, numbers, max(numbers, default=cursor.last), tx.now)
    return moved, tuple(dict.fromkeys(str(run) for _, run in rows if run is not None))


def _moved(cursor: Cursor, told: Sequence[int], last: int, now: Micros) -> Cursor:
    """The cursor after these entries: what is missing among them is a gap, until it appears or is too old."""
    seen = set(told)
    old = [
        (number, since) for number, since in cursor.gaps if number not in seen and now - since < GAP_SECONDS * SECOND
    ]
    end = max(last, cursor.last)
    new = [(number, now) for number in range(max(cursor.last, end - MOST_GAPS) + 1, end + 1) if number not in seen]
    return Cursor(end, tuple([*old, *new][-MOST_GAPS:]))


async def events(tx: Transaction, filters: Sequence[EventFilter], limit: int, after: str | None) -> Page[Event]:
    """See ``Store.events``."""
    conditions: list[str] = []
    values: list[object] = []
    for place, condition in enumerate(filters):
        conditions.append(_condition(condition, f"/query/{place}", values))
    if after is not None:
        values.append(cursor_of(after))
        conditions.append(f"id < ${len(values)}")
    values.append(limit + 1)
    statement = (
        "SELECT id, time, event_type, action, subject, task, run, actor, detail FROM event "  # noqa: S608  # see above
        f"WHERE {' AND '.join(conditions) or 'true'} ORDER BY id DESC LIMIT ${len(values)}"
    )
    rows = await tx.composed(statement, values)
    items = await _with_extents(tx, [event_of(row) for row in rows[:limit]])
    return Page(items, str(items[-1].id) if len(rows) > limit and items else None)


async def _with_extents(tx: Transaction, events: Sequence[Event]) -> tuple[Event, ...]:
    """Entries that tell the beginning of a span in the ledger say how far it reaches by now, while it is there."""
    spans = [event.detail["fire"] for event in events if event.detail.get("fire")]
    reach = {row[0]: row[1:] for row in await tx.all("fire_extents", spans)} if spans else {}

    def told(event: Event) -> Event:
        detail = dict(event.detail)
        due_at, last_due_at, count = reach.get(detail.pop("fire", None), (None, None, detail.get("count")))
        if due_at is not None:
            ends = {"due_at": due_at, "last_due_at": last_due_at}
            detail |= {name: moment_text(to_datetime(value)) for name, value in ends.items() if value is not None}
        return replace(event, detail={**detail, "count": count})

    return tuple(told(event) if "fire" in event.detail else event for event in events)


def _condition(condition: EventFilter, pointer: str, values: list[object]) -> str:
    column = COLUMNS.get(condition.column)
    if column is None:
        raise InvalidInput.field(f"{pointer}/column", f"{condition.column!r} is none of {', '.join(COLUMNS)}")
    operator, given = condition.operator, condition.value
    if operator in _NONE:
        return _NONE[operator].format(column=column)
    if operator in _MANY:
        items = [given] if isinstance(given, str | int) else list(given)
        if len(items) > _MOST_VALUES:
            raise InvalidInput.field(f"{pointer}/value", f"has more than {_MOST_VALUES} values")
        if not items:
            return "true" if operator == "none of" else "false"
        first = len(values) + 1
        values.extend(_value(condition, item, pointer) for item in items)
        places = ", ".join(f"${number}" for number in range(first, len(values) + 1))
        return _MANY[operator].format(column=column, values=places)
    if operator not in _ONE:
        raise InvalidInput.field(f"{pointer}/operator", f"{operator!r} is none of {', '.join(OPERATORS)}")
    if not isinstance(given, str | int):
        raise InvalidInput.field(f"{pointer}/value", f"{operator!r} takes one value")
    if operator in _PATTERNS:
        text = str(given).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(_PATTERNS[operator].format(text))
    else:
        values.append(_value(condition, given, pointer))
    fragment = _ONE[operator].format(column=column, value=f"${len(values)}")
    if condition.column == "event_type" and operator in ("is", "eq") and given != "task":
        # The few entries that are not about tasks have an index of their own, which only a constant can choose.
        fragment += " AND event_type <> 'task'"
    return fragment


def _value(condition: EventFilter, given: str | int, pointer: str) -> str | int:
    """What the column is compared with: times are numbers inside, and may be given as ISO text."""
    if condition.column != "time":
        return str(given)
    if isinstance(given, int):
        if abs(given) > GREATEST:
            raise InvalidInput.field(f"{pointer}/value", "is no time in microseconds since 1970")
        return given
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise InvalidInput.field(f"{pointer}/value", f"{given!r} is not a time such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise InvalidInput.field(f"{pointer}/value", f"{given!r} has no time zone; add Z or an offset such as +01:00")
    return to_micros(moment)
