"""A run as it was read, as JSON for the pipe to a task's process, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from runwright.model import Lane, Run, RunError, RunStatus, TaskProgress

_TIMES = ("created_at", "due_at", "started_at", "completed_at")


def run_to_json(run: Run) -> dict[str, Any]:
    """The run as a JSON object."""
    value = asdict(run)
    return {**value, **{name: value[name] and value[name].isoformat() for name in _TIMES}}


def run_from_json(value: Mapping[str, Any]) -> Run:
    """What ``run_to_json`` made."""
    progress, error = value["progress"], value["error"]
    known = {
        **{name: value[name] and datetime.fromisoformat(value[name]) for name in _TIMES},
        "status": RunStatus(value["status"]),
        "lane": Lane(value["lane"]),
        "progress": None if progress is None else TaskProgress(**progress),
        "error": None if error is None else RunError(**error),
        "warnings": tuple(value["warnings"]),
        "tags": tuple(value["tags"]),
    }
    return Run(**{**value, **known})
