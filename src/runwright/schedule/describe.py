"""Schedule: a schedule in English, for the page, the CLI and the answers of the API.

The sentences about cron are cronsim's, corrected where they say something else than what the expression does.
"""

from __future__ import annotations

import re

from cronsim.explain import Expression

from runwright.schedule.cron import CronExpression
from runwright.schedule.triggers import OnceTrigger
from runwright.when import Always, At, Cron, Every, When

_MOST_TIMES = 3
_ORDINAL = re.compile(r"\b([2-5])([123])th\b")
_ENDINGS = {"1": "st", "2": "nd", "3": "rd"}
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def describe(when: When, timezone: str = "UTC") -> str:
    """One sentence about ``when``; the zone is named when it is not UTC. ``timezone`` is the schedule's.

    Raises ScheduleRefused for a cron expression that is malformed.
    """
    if isinstance(when, Cron):
        zone = when.timezone or timezone
        expression = CronExpression(when.expression)
        sentence = _cron(expression)
        if zone == "UTC":
            return sentence
        options = [zone]
        if expression.fixed and when.dst_gap == "skip":
            options.append("not if the clocks skip it")
        if expression.fixed and when.dst_fold == "twice":
            options.append("twice if the clocks repeat it")
        return f"{sentence} ({', '.join(options)})"
    if isinstance(when, Every):
        return _interval(when)
    if isinstance(when, At):
        times = OnceTrigger(when, timezone).times
        shown = [f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in times[:_MOST_TIMES]]
        more = len(times) - len(shown)
        return f"Once at {', '.join(shown)}" + (f" and {more} more" if more else "")
    if isinstance(when, Always):
        return f"Always: one is kept running{_RESTARTS[when.restart]}"
    return f"Whenever {type(when).__qualname__} says"


_RESTARTS = {
    None: "",
    "never": ", and not started again when it ends",
    "on_failure": ", and started again if it fails",
    "always": ", and started again whenever it ends",
}


def duration_words(seconds: int) -> str:
    """Whole seconds in words: ``1 hour 30 minutes``. Weeks are used only when nothing remains."""
    if seconds % 604_800 == 0 and seconds:
        return _counted(seconds // 604_800, "week")
    words = []
    for unit, length in _UNITS[1:]:
        number, seconds = divmod(seconds, length)
        if number:
            words.append(_counted(number, unit))
    return " ".join(words) or "0 seconds"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _interval(when: Every) -> str:
    words = duration_words(when.seconds)
    if words.startswith("1 ") and words.count(" ") == 1:
        words = words.removeprefix("1 ")
    after = ", counted from the end of each run" if when.anchor == "end" else ""
    return f"Every {words}{after}"


def _cron(expression: CronExpression) -> str:
    fields = list(expression.fields)
    spoken = Expression(list(fields))
    if not spoken.day_and and (spoken.day.star or spoken.dow.star):
        # "1-31" is every day and, unlike a star, does not restrict: together with a weekday it is every day still
        fields[3] = fields[5] = "*"
        spoken = Expression(fields)
    sentence = spoken.explain()
    if not spoken.day_and:
        sentence = sentence.replace(f"{spoken.day} and {spoken.dow}", f"{spoken.day} or {spoken.dow}")
    return _ORDINAL.sub(_ordinal, sentence)


def _ordinal(found: re.Match[str]) -> str:
    """The 21th is the 21st; the 11th, 12th and 13th stay."""
    tens, ones = found.groups()
    return f"{tens}{ones}{_ENDINGS[ones]}"
