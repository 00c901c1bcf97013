"""Schedule: when a task is run. Pure: no clock, no store, no I/O; the present is always an argument."""

from runwright.schedule.catchup import Fire, Plan, Policy, Situation, after_run, begin, plan
from runwright.schedule.compile import compile_when, due_between, next_fires, refuse_past
from runwright.schedule.dependencies import dependents, find_cycle, refuse_cycle, refuse_unknown
from runwright.schedule.describe import describe, duration_words
from runwright.schedule.parse import duration_text, parse_duration, parse_when, when_to_json, when_to_text
from runwright.schedule.triggers import DueTimes, Trigger

__all__ = [
    "DueTimes",
    "Fire",
    "Plan",
    "Policy",
    "Situation",
    "Trigger",
    "after_run",
    "begin",
    "compile_when",
    "dependents",
    "describe",
    "due_between",
    "duration_text",
    "duration_words",
    "find_cycle",
    "next_fires",
    "parse_duration",
    "parse_when",
    "plan",
    "refuse_cycle",
    "refuse_past",
    "refuse_unknown",
    "when_to_json",
    "when_to_text",
]
