"""Room of tasks: what is told of a task to those who do not have its code: people, and processes elsewhere.

One description for both, so that a task looks the same wherever it is looked at. It is JSON, and says nothing secret.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from runwright.model import JSONObject, Lane
from runwright.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Description:
    """What may be known of a task.

    Attributes:
        source_hash: sixteen characters that change with its code, its parameters and all that is told of it, and not
            with the place where its code stands.
        attributes: its texts, flags and policies, and the JSON Schema of its parameters.
        text: the same as JSON text.
    """

    source_hash: str
    attributes: JSONObject
    text: str


def describe(task: Task[..., Any]) -> Description:
    """The description of a registered task; made once."""
    known = _MADE.get(task)
    if known is None:
        known = _MADE[task] = _description(task)
    return known


def _description(task: Task[..., Any]) -> Description:
    attributes: JSONObject = {
        "name": task.name, "title": task.title, "description": task.description, "category": task.category,
        "icon": task.icon, "tags": list(task.tags), "danger": task.danger, "expensive": task.expensive,
        "exclusive": task.exclusive, "mode": task.mode, "schema": task.signature.schema(), "source": task.source,
        "pausable": task.pausable, "service": task.lane is Lane.SERVICE, "hidden": task.hidden,
        "timeout": task.timeout, "priority": task.priority, "entity": task.entity,
    }  # fmt: skip
    placeless = json.dumps({**attributes, "source": None}, sort_keys=True)
    digest = hashlib.sha256(f"{task.source_hash}\n{placeless}".encode()).hexdigest()[:16]
    return Description(digest, attributes, json.dumps(attributes))


_MADE: WeakKeyDictionary[Task[..., Any], Description] = WeakKeyDictionary()
