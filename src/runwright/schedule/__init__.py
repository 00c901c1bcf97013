"""Schedule: when a task is run. Pure: no clock, no store, no I/O; the present is always an argument."""

from runwright.schedule.catchup import Fire, Plan, Policy, Situation, after_run, begin, plan
from runwright.schedule.compile import compile_when, due_in_range, next_fires, refuse_past
from runwright.schedule.dependencies import (
    Dependency,
    Readiness,
    dependents,
    find_cycle,
    readiness,
    refuse_cycle,
    refuse_unknown,
)
from runwright.schedule.describe import describe, duration_words
from runwright.schedule.limits import NO_LIMITS, Limits, jitter, opening
from runwright.schedule.parse import (
    duration_text,
    parse_duration,
    parse_time,
    parse_when,
    when_of,
    when_to_json,
    when_to_text,
)
from runwright.schedule.triggers import DueTimes, Trigger
from runwright.schedule.wallclock import forget_zones, zone_of
from runwright.schedule.windows import NEVER, Windows, parse_windows

__all__ = [
    "NEVER",
    "NO_LIMITS",
    "Dependency",
    "DueTimes",
    "Fire",
    "Limits",
    "Plan",
    "Policy",
    "Readiness",
    "Situation",
    "Trigger",
    "Windows",
    "after_run",
    "begin",
    "compile_when",
    "dependents",
    "describe",
    "due_in_range",
    "duration_text",
    "duration_words",
    "find_cycle",
    "forget_zones",
    "jitter",
    "next_fires",
    "opening",
    "parse_duration",
    "parse_time",
    "parse_when",
    "parse_windows",
    "plan",
    "readiness",
    "refuse_cycle",
    "refuse_past",
    "refuse_unknown",
    "when_of",
    "when_to_json",
    "when_to_text",
    "zone_of",
]
