"""Control: a schedule in words, the ones of the API's attributes; files and YAML say the same, also in the seeds' keys.

One table says which word means which field and what it takes. Nothing here asks a store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from runwright.clock import Micros, moment_of, moment_text, to_datetime, to_micros
from runwright.control.schedule_edit import ScheduleEdit
from runwright.control.strict_json import parse
from runwright.duration import parse_duration
from runwright.errors import FieldError, InvalidInput
from runwright.model import JSON, Schedule, read_json
from runwright.retry import Retry

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
PLACE = "schedules"
"""Where a file has its entries, in the pointers of refusals: ``/schedules/3/timezone``, whatever the file says."""
ZERO_TIME = "0001-01-01"
"""How older files write that there is no time."""


@dataclass(frozen=True, slots=True)
class Word:
    """The field of a ScheduleEdit that a word means, how its value is read, and whether it may be null."""

    field: str
    read: Callable[[Any], Any]
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says of a schedule: the edit, and statistics from before (fields of a Schedule)."""

    edit: ScheduleEdit
    past: Mapping[str, Any] = field(default_factory=dict)


def edit_of(given: Mapping[str, JSON], more: tuple[str, ...] = ()) -> ScheduleEdit:
    """The edit that these words describe; ``more`` names words that are not the schedule's and are passed over.

    Raises InvalidInput, with every fault, for unknown words and values that cannot be read.
    """
    words = {"is_active" if name == "active" else name: value for name, value in given.items() if name not in more}
    faults = [
        FieldError(f"/{name}", f"is not known; there are {', '.join(sorted(WORDS))}") for name in words.keys() - WORDS
    ]
    if "schedule" in words and "when" in words:
        faults.append(FieldError("/when", "give schedule or when, not both"))
    fields: dict[str, Any] = {}
    for name in sorted(words.keys() & WORDS):
        word, value = WORDS[name], words[name]
        try:
            fields[word.field] = _read(word, value)
        except InvalidInput as error:
            faults += [FieldError(f"/{name}", each.message) for each in error.errors]
        except (ValueError, OverflowError) as error:
            faults.append(FieldError(f"/{name}", str(error)))
    if faults:
        raise InvalidInput.fields(faults)
    return cast("ScheduleEdit", fields)


def entry_of(given: JSON, place: str) -> Entry:
    """What an entry of a file says; ``place`` names the entry in refusals.

    It may be written in the API's words, in YAML's (``ActionName``), or as older schedulers saved their tasks
    (``id``, ``schedule: {type, interval, cron_spec, times}``, ``enabled``, ``dependencies``).
    """
    if not isinstance(given, Mapping):
        raise InvalidInput.field(f"/{place}", "must be an object")
    words = {_CAPITAL.sub("_", name).lower(): value for name, value in given.items()}
    faults: list[FieldError] = []
    if "id" in words:
        words = _older(words)
    past: dict[str, Any] = {}
    for name in _PAST:
        if words.get(name) is not None:
            try:
                past[_PAST[name].field] = _PAST[name].read(words[name])
            except ValueError as error:
                faults.append(FieldError(f"/{name}", str(error)))
    past.pop("", None)
    edit: ScheduleEdit = {}
    try:
        edit = edit_of(words, tuple(_PAST))
    except InvalidInput as error:
        faults += error.errors
    if faults:
        raise InvalidInput.fields([replace(fault, pointer=f"/{place}{fault.pointer}") for fault in faults])
    return Entry(edit, past)


def entries_of(given: Iterable[JSON]) -> list[Entry]:
    """What the entries of a file say of schedules. Raises InvalidInput, with the faults of the first faulty one."""
    return [entry_of(entry, f"{PLACE}/{number}") for number, entry in enumerate(given)]


def words_of(schedule: Schedule) -> dict[str, JSON]:
    """A schedule as a file keeps it: what ``entry_of`` reads. Secrets in its arguments stay sealed."""
    words: dict[str, JSON] = {
        "name": schedule.name,
        "label": schedule.label,
        "description": schedule.description,
        "schedule": read_json(schedule.when, schedule.when),
        "timezone": schedule.timezone,
        "action_name": schedule.task,
        "entity_name": schedule.entity,
        "as_user_email": schedule.as_user,
        "attributes": read_json(schedule.arguments, {}),
        "is_active": schedule.enabled,
        "priority": schedule.priority,
        "overlap": schedule.overlap,
        "catch_up": schedule.catch_up,
        "misfire_grace": schedule.misfire_grace_seconds,
        "jitter": schedule.jitter_seconds,
        "retry": None if schedule.retry is None else schedule.retry.to_json(),
        "depends_on": list(schedule.depends_on),
        "starts_at": time_words(schedule.starts_at),
        "ends_at": time_words(schedule.ends_at),
        "excluded": list(schedule.excluded),
        "blackouts": list(schedule.blackouts),
        "run_count": schedule.run_count,
        "error_count": schedule.error_count,
        "last_run": time_words(schedule.last_run_at),
        "last_status": schedule.last_status,
        "last_error": schedule.last_error,
        "next_run": time_words(schedule.next_due_at),
    }
    return words


def time_words(moment: Micros | None) -> str | None:
    """A moment as ISO 8601 in UTC."""
    return None if moment is None else moment_text(to_datetime(moment))


@contextmanager
def in_words() -> Iterator[None]:
    """Refusals that leave this block name the words, and not the fields behind them."""
    try:
        yield
    except InvalidInput as error:
        error.errors = tuple(
            replace(fault, pointer=_WORD_OF.get(fault.pointer, fault.pointer)) for fault in error.errors
        )
        raise


# ----- how values are read ----------------------------------------------------------------------------------------


def _read(word: Word, value: JSON) -> Any:
    if value is not None:
        return word.read(value)
    if not word.nullable:
        raise ValueError("must not be null; leave it out instead")
    return None


def _kind(kind: type, said: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        raise ValueError(f"must be {said}")

    return read


def _seconds(value: Any) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return parse_duration(value)
    raise ValueError("must be a length of time: seconds, or a text such as '5m'")


def _object(value: Any) -> Mapping[str, JSON]:
    if isinstance(value, str):  # JSON text of an object is taken too
        value = parse(value.encode("utf-8", "surrogatepass"), "the text")
    if isinstance(value, Mapping):
        return value
    raise ValueError("must be an object")


def _names(value: Any) -> list[str]:
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return list(value)
    raise ValueError("must be a list of texts")


def _when(value: Any) -> JSON:
    if isinstance(value, str | Mapping | list):
        return value
    raise ValueError("must be text such as '0 2 * * *', or an object")


def _retry(value: Any) -> Retry:
    given = _object(value)
    known = Retry().to_json()
    if unknown := sorted(given.keys() - known.keys()):
        raise ValueError(f"{unknown[0]} is not known; there are {', '.join(known)}")
    for name, each in given.items():
        kind = str if name == "backoff" else int if name == "max_retries" else int | float
        if not (isinstance(each, kind) and not isinstance(each, bool)) and not (name == "max_delay" and each is None):
            raise ValueError(f"{name} must be {'text' if name == 'backoff' else 'a number'}")
    return Retry.from_json(given)


_text = _kind(str, "text")
WORDS: Mapping[str, Word] = {
    "name": Word("name", _text),
    "label": Word("label", _text),
    "description": Word("description", _text),
    "schedule": Word("when", _when),
    "when": Word("when", _when),
    "timezone": Word("timezone", _text),
    "action_name": Word("task", _text),
    "entity_name": Word("entity", _text, nullable=True),
    "as_user_email": Word("as_user", _text, nullable=True),
    "attributes": Word("arguments", _object),
    "is_active": Word("enabled", _kind(bool, "true or false")),
    "priority": Word("priority", _kind(int, "a whole number"), nullable=True),
    "overlap": Word("overlap", _text),
    "catch_up": Word("catch_up", _text),
    "misfire_grace": Word("misfire_grace_seconds", _seconds, nullable=True),
    "jitter": Word("jitter_seconds", _seconds),
    "retry": Word("retry", _retry, nullable=True),
    "depends_on": Word("depends_on", _names),
    "starts_at": Word("starts_at", moment_of, nullable=True),
    "ends_at": Word("ends_at", moment_of, nullable=True),
    "excluded": Word("excluded", _names),
    "blackouts": Word("blackouts", _names),
}
_WORD_OF = {f"/{word.field}": f"/{name}" for name, word in WORDS.items() if name != "when"} | {"/when": "/schedule"}


# ----- files of older schedulers ----------------------------------------------------------------------------------


def _count(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise ValueError("must be a whole number, 0 or more")


def _past_moment(value: Any) -> Micros | None:
    return None if isinstance(value, str) and value.startswith(ZERO_TIME) else to_micros(moment_of(value))


_PAST: Mapping[str, Word] = {
    "run_count": Word("run_count", _count),
    "error_count": Word("error_count", _count),
    "last_run": Word("last_run_at", _past_moment),
    "last_status": Word("last_status", _text),
    "last_error": Word("last_error", _text),
    "next_run": Word("", lambda value: None),  # worked out anew: a stored one may be long past, or a sentinel
}
"""Words for what has been: they are restored with a new schedule, and never change one that is there."""

_OLDER = {"id": "name", "name": "label", "enabled": "is_active", "dependencies": "depends_on"}


def _older(words: Mapping[str, JSON]) -> dict[str, JSON]:
    """A task as an older scheduler saved it; its handler is the task of the same name."""
    found = {_OLDER.get(name, name): value for name, value in words.items()}
    found.setdefault("action_name", words["id"])
    found["depends_on"] = found.get("depends_on") or []
    if isinstance(words.get("schedule"), Mapping):
        found["schedule"] = _older_schedule(words["schedule"])  # type: ignore[arg-type]  # a Mapping, as just seen
    return found


def _older_schedule(given: Mapping[str, JSON]) -> JSON:
    """Only what belongs to its type: the others are written as zero."""
    kind = given.get("type")
    found: dict[str, JSON] = {"type": kind}
    for name in _OLDER_TIMES.get(str(kind), ()):
        if value := given.get(name):
            found[name] = value
    if isinstance(times := found.get("times"), list):
        found["times"] = [each for each in times if not str(each).startswith(ZERO_TIME)]
    return found


_OLDER_TIMES = {"interval": ("interval",), "cron": ("cron_spec", "cron"), "once": ("times",)}
