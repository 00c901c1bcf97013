"""Schedule: from text or JSON to a value that says when, and back.

The doors (API, CLI, files, the store) write schedules in these forms. Everything is capped before it is looked at, and
every refusal names the field and the reason. Whether a time lies in the past is not asked here: there is no clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal, cast

from runwright.clock import YEARS, moment_text
from runwright.errors import ScheduleRefused
from runwright.model import JSON, JSONObject
from runwright.schedule.cron import LONGEST_TEXT, expression
from runwright.schedule.wallclock import first_instant, zone_of
from runwright.when import Always, At, Cron, Every, When

MOST_TIMES = 1_000
_LONGEST_LIST = 65_536

_PREFIX = re.compile(r"(?:CRON_TZ|TZ)=(\S*)\s*(.*)", re.DOTALL)
_LOOKS_LIKE_TIME = re.compile(r"\d{4}-\d\d-\d\d|\d{8}T")
_DATE_ONLY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK_ONLY = re.compile(r"\d\d:\d\d.*")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)")
_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86_400),
    "w": Fraction(604_800),
}
_PARTS = ("weeks", "days", "hours", "minutes", "seconds")


def parse_when(given: str | JSON, timezone: str | None = None) -> When:
    """The schedule that a text or a JSON value describes.

    Args:
        given: a cron expression, an alias such as ``@daily``, ``@every 1h30m``, ``@always``, one or more ISO times,
            optionally after ``CRON_TZ=Zone``; or an object of type ``cron``, ``interval``, ``once`` or ``always``,
            which may also say ``cron_spec`` instead of ``cron``, and ``interval`` (``"15m0s"``) instead of ``seconds``.
        timezone: the IANA zone of cron expressions and naive times that name none; None leaves it to the schedule.

    Raises ScheduleRefused, naming field and reason, for what is malformed or can never be due.
    """
    if timezone is not None:
        zone_of(timezone)
    if isinstance(given, str):
        return _parse_text(given, timezone)
    if isinstance(given, Mapping):
        return _parse_object(given, timezone)
    if isinstance(given, Sequence):
        return _parse_times(given, timezone)
    raise ScheduleRefused("schedule", f"must be text, an object or a list of times, not {_kind(given)}")


_WRITTEN = (str, Mapping, list)


def when_of(given: Any) -> When:
    """What says when, given as a value such as ``Cron``, or written, as ``parse_when`` reads it."""
    return parse_when(given) if isinstance(given, _WRITTEN) else cast("When", given)


def when_to_json(when: When) -> JSONObject:
    """The JSON form of ``when``, which ``parse_when`` reads; a plug-in gives its class, which cannot be read back."""
    if isinstance(when, Cron):
        form: dict[str, JSON] = {"type": "cron", "cron": when.expression}
        if when.timezone is not None:
            form["timezone"] = when.timezone
        if when.dst_gap != "after":
            form["dst_gap"] = when.dst_gap
        if when.dst_fold != "once":
            form["dst_fold"] = when.dst_fold
        return form
    if isinstance(when, Every):
        return {"type": "interval", "seconds": when.seconds, "first": when.first, "anchor": when.anchor}
    if isinstance(when, At):
        return {"type": "once", "times": [moment_text(moment) for moment in when.times]}
    if isinstance(when, Always):
        return {"type": "always"} if when.restart is None else {"type": "always", "restart": when.restart}
    return {"type": "plugin", "class": f"{type(when).__module__}:{type(when).__qualname__}"}


def when_to_text(when: When) -> str:
    """The shortest text that ``parse_when`` reads as ``when``; for a plug-in, its JSON form."""
    if isinstance(when, Cron) and (when.dst_gap, when.dst_fold) == ("after", "once"):
        return f"CRON_TZ={when.timezone} {when.expression}" if when.timezone else when.expression
    if isinstance(when, Every) and (when.first, when.anchor) == ("later", "start"):
        return f"@every {duration_text(when.seconds)}"
    if isinstance(when, At):
        return ", ".join(moment_text(moment) for moment in when.times)
    if when == Always():
        return "@always"
    return json.dumps(when_to_json(when))


def parse_duration(text: str, field: str = "schedule") -> int:
    """The whole seconds of a duration such as ``1h30m``, ``90s`` or ``1.5h``; units are w d h m s ms us ns.

    Raises ScheduleRefused, naming ``field``, for what is not a duration, or not a whole number of seconds from 1 on.
    """
    text = text.strip()
    parts = _DURATION_PART.findall(text) if len(text) <= LONGEST_TEXT else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ScheduleRefused(field, f"{text!r:.80} is not a duration, such as 30s, 5m or 1h30m")
    total = sum((Fraction(number) * _UNITS[unit] for number, unit in parts), Fraction(0))
    if total < 1:
        raise ScheduleRefused(field, f"{text} is too short; the shortest interval is 1 second")
    if total.denominator != 1:
        raise ScheduleRefused(field, f"{text} is not a whole number of seconds")
    return int(total)


def duration_text(seconds: int) -> str:
    """Whole seconds as ``1h30m``."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if number) or "0s"


def _parse_text(text: str, timezone: str | None) -> When:
    text = text.strip()
    if not text:
        raise ScheduleRefused("schedule", "is empty; write a cron expression, @daily, @every 5m or a time")
    listed = text[0] in "[{" or _LOOKS_LIKE_TIME.match(text) is not None
    if len(text) > (_LONGEST_LIST if listed else LONGEST_TEXT):
        raise ScheduleRefused("schedule", f"is longer than {_LONGEST_LIST if listed else LONGEST_TEXT} characters")
    if text[0] in "[{":
        return parse_when(_decoded(text), timezone)
    if "=" in text and (prefixed := _PREFIX.fullmatch(text)) is not None:
        timezone, text = prefixed.group(1), prefixed.group(2)
        zone_of(timezone)
        if not text:
            raise ScheduleRefused("schedule", "has a time zone, but nothing after it")
        listed = _LOOKS_LIKE_TIME.match(text) is not None
    if text.lower() == "@always":
        return Always()
    word, _, rest = text.partition(" ")
    if word.lower() == "@every":
        return Every(seconds=parse_duration(rest), first="later", anchor="start")
    if listed:
        return _parse_times(_joined_times(text), timezone)
    return _checked_cron(Cron(" ".join(text.split()), timezone))


def _decoded(text: str) -> JSON:
    try:
        decoded: JSON = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScheduleRefused("schedule", "begins like JSON, but is not") from error
    if isinstance(decoded, str):
        raise ScheduleRefused("schedule", "begins like JSON, but is not")
    return decoded


def _parse_object(given: Mapping[str, JSON], timezone: str | None) -> When:
    kind = given.get("type")
    if kind == "cron":
        _refuse_unknown(given, ("cron", "cron_spec", "timezone", "dst_gap", "dst_fold"))
        return _cron_object(given, timezone)
    if kind == "interval":
        _refuse_unknown(given, (*_PARTS, "interval", "first", "anchor"))
        parts = {name: cast("float", given[name]) for name in _PARTS if name in given}  # Every checks their types
        if (interval := _text(given, "interval")) is not None:
            if parts:
                raise ScheduleRefused("interval", f"stands beside {', '.join(parts)}; give one of them")
            parts["seconds"] = parse_duration(interval, "interval")
        return Every(
            **parts,
            first=cast('Literal["now", "later"] | None', _text(given, "first")),
            anchor=cast('Literal["end", "start"] | None', _text(given, "anchor")),
        )
    if kind == "once":
        _refuse_unknown(given, ("times", "timezone"))
        times = given.get("times")
        if isinstance(times, str) or not isinstance(times, Sequence):
            raise ScheduleRefused("times", f"must be a list of ISO times, not {_kind(times)}")
        return _parse_times(times, _text(given, "timezone") or timezone)
    if kind == "always":
        _refuse_unknown(given, ("restart",))
        return Always(cast('Literal["never", "on_failure", "always"] | None', _text(given, "restart")))
    if kind == "plugin":
        raise ScheduleRefused("type", "a plug-in exists in code only; it cannot be given as data")
    raise ScheduleRefused("type", f"must be 'cron', 'interval', 'once' or 'always', not {kind!r:.80}")


def _cron_object(given: Mapping[str, JSON], timezone: str | None) -> Cron:
    text = _text(given, "cron")
    if (other := _text(given, "cron_spec")) is not None:
        if text is not None:
            raise ScheduleRefused("cron_spec", "stands beside cron; give one of them")
        text = other
    if text is None:
        raise ScheduleRefused("cron", "is missing")
    own = _text(given, "timezone")
    prefixed = _PREFIX.fullmatch(text.strip()[: LONGEST_TEXT + 1])
    if prefixed is not None:
        if own is not None and own != prefixed.group(1):
            raise ScheduleRefused("timezone", f"is {own!r:.80}, but the expression says {prefixed.group(1)!r:.80}")
        own, text = prefixed.group(1), prefixed.group(2)
    return _checked_cron(
        Cron(
            " ".join(text[: LONGEST_TEXT + 1].split()),
            own if own is not None else timezone,
            cast('Literal["after", "skip"]', _text(given, "dst_gap") or "after"),
            cast('Literal["once", "twice"]', _text(given, "dst_fold") or "once"),
        )
    )


def _checked_cron(when: Cron) -> Cron:
    expression(when.expression)
    if when.timezone is not None:
        zone_of(when.timezone)
    return when


def _joined_times(text: str) -> list[str]:
    """The times of a list with commas or spaces; a date and a clock time with a space in between are one of them."""
    tokens: list[str] = []
    for token in text.replace(",", " ").split():
        if tokens and _CLOCK_ONLY.fullmatch(token) and _DATE_ONLY.fullmatch(tokens[-1]):
            tokens[-1] += f"T{token}"
        else:
            tokens.append(token)
    return tokens


def _parse_times(given: Sequence[JSON], timezone: str | None) -> At:
    if not given:
        raise ScheduleRefused("times", "needs at least one time")
    if len(given) > MOST_TIMES:
        raise ScheduleRefused("times", f"has {len(given)} times; at most {MOST_TIMES} are allowed")
    return At(*(parse_time(item, f"times[{index}]", timezone) for index, item in enumerate(given)))


def parse_time(given: JSON, field: str, timezone: str | None = None) -> datetime:
    """The moment that an ISO time names, in UTC if it has an offset or ``timezone`` says what is meant, else naive.

    A wall-clock time that the zone's clocks skip is the end of the gap; one that they repeat is the first of the two.
    Raises ScheduleRefused, naming ``field``.
    """
    if not isinstance(given, str) or len(given) > 64 or not _LOOKS_LIKE_TIME.match(given):
        raise ScheduleRefused(field, f"{given!r:.80} is not an ISO time, such as 2030-01-31T08:00:00Z")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise ScheduleRefused(field, f"{given!r:.80} is not an ISO time: {error}") from error
    if moment.year not in YEARS:
        raise ScheduleRefused(field, f"the year {moment.year} is out of range; it goes from {YEARS[0]} to {YEARS[-1]}")
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return moment if timezone is None else first_instant(moment, zone_of(timezone))


def _refuse_unknown(given: Mapping[str, JSON], known: tuple[str, ...]) -> None:
    for key in given:
        if key != "type" and key not in known:
            raise ScheduleRefused(f"{key:.80}", f"is not known here; there are {', '.join(known) or 'no other keys'}")


def _text(given: Mapping[str, JSON], key: str) -> str | None:
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ScheduleRefused(key, f"must be text, not {_kind(value)}")


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
