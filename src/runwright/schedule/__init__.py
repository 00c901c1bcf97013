"""Schedule: when a task is run. Pure: no clock, no store, no I/O; the present is always an argument."""

from runwright.schedule.compile import compile_when, due_between, first_due, next_fires, refuse_past
from runwright.schedule.parse import duration_text, parse_duration, parse_when, when_to_json, when_to_text
from runwright.schedule.triggers import DueTimes, Trigger

__all__ = [
    "DueTimes",
    "Trigger",
    "compile_when",
    "due_between",
    "duration_text",
    "first_due",
    "next_fires",
    "parse_duration",
    "parse_when",
    "refuse_past",
    "when_to_json",
    "when_to_text",
]
