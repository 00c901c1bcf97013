"""Room of tasks: the options of a task: their names, and the check of each.

All faults of one definition are reported together, each naming its option. What an option means for a run is decided
by the rooms that use it; ``schedule`` is passed on as it was given, once it is known to say when.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypedDict

from runwright.duration import parse_duration
from runwright.errors import DefinitionError, FieldError, InvalidInput
from runwright.model import OnInterrupt
from runwright.retry import Retry
from runwright.schedule import compile_when, when_of
from runwright.tasks.hooks import functions
from runwright.tasks.values import text_fault
from runwright.when import Always

SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(\d+(?:\.\d+)?)?\s*([a-z]+)\s*", re.ASCII)
_PERIODS = {"second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "day": "d", "week": "w"}
MODES = ("async", "thread", "process")
NUMBER_LIMIT = 2**31
"""Whole numbers of options lie below it: both stores can keep them."""


class TaskOptions(TypedDict, total=False):
    """What ``@task`` takes; all optional. Durations are seconds, a timedelta, or a text such as ``"5m"``."""

    name: str
    title: str
    description: str
    category: str
    icon: str
    tags: Sequence[str]
    danger: str | None
    expensive: bool
    exclusive: bool
    mode: Literal["async", "thread", "process"]
    timeout: float | str | timedelta | None
    retry: Retry | int | None
    priority: int
    max_concurrent: int | None
    concurrency_key: str | None
    unique: bool | str | Unique
    unique_action: Literal["refuse", "return"]
    rate_limit: str | RateLimit | None
    depends_on: str | Sequence[object]
    schedule: object
    on_interrupt: Literal["retry", "hold"] | OnInterrupt
    pausable: bool
    entity: str | None
    run_as: str | None
    before: Callable[..., object] | Sequence[Callable[..., object]]
    after: Callable[..., object] | Sequence[Callable[..., object]]
    hidden: bool


OPTION_NAMES = tuple(TaskOptions.__annotations__)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``count`` starts in any ``seconds``, over all workers. Written ``"10/m"`` or ``"100/5m"``."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        try:
            if _integer(self.count) < 1 or parse_duration(self.seconds) == 0:
                raise ValueError("must both be above 0")
        except (InvalidInput, ValueError) as error:
            raise InvalidInput(f"a RateLimit has a count and seconds: {error}") from None

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """Read the written form. Raises InvalidInput."""
        match = _RATE.fullmatch(text.lower())
        if match is not None and int(match[1]) > 0:
            unit = _PERIODS.get(match[3].removesuffix("s") if len(match[3]) > 2 else match[3], match[3])
            seconds = parse_duration(f"{match[2] or 1}{unit}")
            if seconds > 0:
                return cls(int(match[1]), seconds)
        raise InvalidInput(f"{text!r} is not a rate: write a count and a period, such as '10/m' or '100/5m'")


@dataclass(frozen=True, slots=True)
class Unique:
    """At most one run for a key: a template such as ``"{customer}"``, or all arguments if there is none.

    Args:
        key: the template; None takes all arguments.
        until: ``"end"`` lets the key go when the run has ended, ``"start"`` already when it starts, so that one may
            wait while another runs.
        within: seconds, a timedelta or a text such as ``"1h"``: an ended run counts, too, that was let in so recently.
    """

    key: str | None = None
    until: Literal["end", "start"] = "end"
    within: float | str | timedelta | None = None

    def __post_init__(self) -> None:
        if self.key is not None:
            try:
                _text(self.key)
            except ValueError as error:
                raise InvalidInput(f"key {error}") from None
        if self.until not in ("end", "start"):
            raise InvalidInput(f"until must be 'end' or 'start', not {self.until!r}")
        if self.within is not None and (self.until == "start" or self.within_seconds <= 0):
            raise InvalidInput("within must be longer than 0, and goes with until='end' only")

    @property
    def within_seconds(self) -> float:
        """The period in seconds, 0 without one."""
        return 0.0 if self.within is None else parse_duration(self.within)


class Faults:
    """Collects what is wrong with one definition, and raises it at once."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._found: list[FieldError] = []

    def add(self, option: str, reason: str) -> None:
        self._found.append(FieldError(f"/{option}", f"{option} {reason}"))

    def done(self) -> None:
        """Raise DefinitionError if anything was found."""
        if self._found:
            raise DefinitionError(f"{self._subject}: " + "; ".join(f.message for f in self._found), self._found)


def name_fault(name: object) -> str | None:
    """Why this is not a name for a task, or None."""
    if not isinstance(name, str):
        return f"must be text, not {type(name).__name__}"
    if len(name) > 120:
        return f"has {len(name)} characters, and 120 is the most"
    if not SLUG.fullmatch(name):
        return f"{name!r} must be small letters, digits, '_', '.' and '-', beginning with a letter or digit"
    return f"{name!r} looks like an identifier of a run" if _UUID.fullmatch(name) else None


def default_name(function_name: str) -> str:
    """The name of a task from that of its function: ``_Sync_Files`` becomes ``sync_files``."""
    return function_name.lower().strip("_")


def is_service(schedule: object) -> bool:
    """Whether a schedule says that one run is to be kept going for ever."""
    if isinstance(schedule, str):
        return schedule.strip().lower() == "@always"
    if isinstance(schedule, Mapping):
        return schedule.get("type") == "always"
    return isinstance(schedule, Always)


def check_options(given: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """The options in their final types; what is wrong goes to ``faults``, and is absent from the answer."""
    checked: dict[str, Any] = {}
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check is None:
            near = difflib.get_close_matches(name, OPTION_NAMES, 1)
            faults.add(name, f"is not an option of a task{f'; did you mean {near[0]!r}?' if near else ''}")
            continue
        try:
            checked[name] = check(value)
        except (InvalidInput, ValueError) as error:
            faults.add(name, str(error))
    return checked


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {type(value).__name__}")
    if (reason := text_fault(value)) is not None:
        raise ValueError(reason)
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else (_text(value) or None)


def _danger(value: object) -> str | None:
    if isinstance(value, bool):
        raise ValueError("must be a sentence that says what may happen; it is shown before the task is started")
    return _optional_text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be True or False, not {value!r}")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"must be a whole number, not {value!r}")
    if not -NUMBER_LIMIT < value < NUMBER_LIMIT:
        raise ValueError(f"must be a whole number below {NUMBER_LIMIT}")
    return value


def _positive(value: object) -> int | None:
    if value is not None and _integer(value) < 1:
        raise ValueError(f"must be 1 or more, or None for no limit, not {value!r}")
    return None if value is None else _integer(value)


def _name(value: object) -> str:
    if (reason := name_fault(value)) is not None:
        raise ValueError(reason)
    return _text(value)


def _names(value: object) -> tuple[str, ...]:
    """Tags, or names of tasks; a task stands for its name."""
    if isinstance(value, str):
        return (_text(value),)
    if not isinstance(value, Iterable):
        raise ValueError(f"must be a list of names, not {value!r}")
    names = tuple(item if isinstance(item, str) else getattr(item, "name", None) for item in value)
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"must be a list of names, not {value!r}")
    return tuple(dict.fromkeys(_text(name) for name in names))


def _one_of(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"must be {' or '.join(repr(a) for a in allowed)}, not {value!r}")
        return str(value)

    return check


def _schedule(value: Any) -> object:
    if value is not None:
        compile_when(when_of(value))  # raises ScheduleRefused; when that is, is asked where there is a clock
    return value


def _timeout(value: Any) -> float | None:
    seconds = None if value is None else parse_duration(value)
    if seconds == 0:
        raise ValueError("must be more than 0; None means no limit")
    return seconds


def _retry(value: object) -> Retry | None:
    if value is None or isinstance(value, Retry):
        return value
    return Retry(max_retries=_integer(value))


def _rate(value: object) -> RateLimit | None:
    return value if value is None or isinstance(value, RateLimit) else RateLimit.parse(_text(value))


def _unique(value: object) -> Unique | None:
    if isinstance(value, Unique):
        return value
    if isinstance(value, bool):
        return Unique() if value else None
    return Unique(_text(value))


_CHECKS: dict[str, Callable[[Any], object]] = {
    **dict.fromkeys(("title", "description", "category", "icon"), _text),
    **dict.fromkeys(("expensive", "exclusive", "hidden", "pausable"), _flag),
    **dict.fromkeys(("concurrency_key", "entity", "run_as"), _optional_text),
    **dict.fromkeys(("tags", "depends_on"), _names),
    "before": lambda value: functions(value, "run"),
    "after": lambda value: functions(value, "run", "error"),
    "name": _name,
    "danger": _danger,
    "mode": _one_of(*MODES),
    "timeout": _timeout,
    "retry": _retry,
    "priority": _integer,
    "max_concurrent": _positive,
    "unique": _unique,
    "unique_action": _one_of("refuse", "return"),
    "rate_limit": _rate,
    "schedule": _schedule,
    "on_interrupt": lambda value: OnInterrupt(_one_of("retry", "hold")(value)),
}
