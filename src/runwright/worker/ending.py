"""How user code ended, as a value that can cross a pipe: what was returned or raised, before anybody judges it.

Made where user code runs, in a lane of the worker or in a process of its own; ``outcome`` says what it means for the
run. Knows no job and nothing of the engine.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic_core import to_json

from runwright.model import RunError
from runwright.retry import Discard, Retry, RetryLater, Snooze
from runwright.tasks.context import RunCancelled
from runwright.tasks.text import clean, text_of
from runwright.tasks.values import faults, sound

INTERNAL = "internal"
"""The kind of error of a run that the engine itself could not execute, or whose end it could not bring about."""
KIND_CHARACTERS = 200
MESSAGE_CHARACTERS = 4000
TRACEBACK_CHARACTERS = 64 * 1024


class Unreadable(Exception):
    """Raised in the place of user code: the store's row of a run has what no version of the engine has written."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the run cannot be read from the store, to which somebody else has written: {what}")


class How(StrEnum):
    """The ways in which user code can end."""

    RETURNED = "returned"
    UNUSABLE = "unusable"  # it returned what cannot be stored
    RAISED = "raised"
    DISCARDED = "discarded"
    LATER = "later"
    SNOOZED = "snoozed"
    CANCELLED = "cancelled"  # it let the stop pass, as it should


@dataclass(frozen=True, slots=True)
class Ended:
    """An end. ``seconds`` is the wait that the code asked for; ``covered`` whether its retry policy knows the error."""

    how: How
    result: str | None = None
    error: RunError | None = None
    seconds: float = 0.0
    covered: bool = True

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, for the pipe."""
        error = self.error
        return {
            "how": self.how.value,
            "result": self.result,
            "error": None if error is None else [error.kind, error.message, error.traceback],
            "seconds": self.seconds,
            "covered": self.covered,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ended:
        """What ``to_json`` made. Raises KeyError, TypeError or ValueError if it is something else."""
        error = value["error"]
        return cls(
            How(value["how"]),
            None if value["result"] is None else str(value["result"]),
            None if error is None else RunError(str(error[0]), str(error[1]), error[2] and str(error[2])),
            float(value["seconds"]),
            bool(value["covered"]),
        )


def returned(result: object, result_bytes: int) -> Ended:
    """The end of code that returned. A result is an error if it is no JSON, has more than so many bytes, or holds what
    somebody could not read later: NaN, numbers of absurd size, NUL, nesting without end.
    """
    if result is None:
        return Ended(How.RETURNED)
    try:
        text = to_json(result, inf_nan_mode="constants").decode()
        if len(text) > result_bytes:
            return _unusable(f"the result has {len(text)} bytes; at most {result_bytes} are kept: write it to a file")
        value = json.loads(text)
    except Exception as error:  # noqa: BLE001 - it may be written by methods of the task's own types
        return _unusable(f"the result ({type(result).__name__}) cannot be written as JSON: {text_of(error, 500)}")
    if not sound(value) and (wrong := next(faults(value), None)) is not None:
        return _unusable(f"the result cannot be kept: {wrong.pointer and f'{wrong.pointer[:200]} '}{wrong.message}")
    return Ended(How.RETURNED, text)


def _unusable(what: str) -> Ended:
    return Ended(How.UNUSABLE, error=RunError("result", what))


def raised(error: BaseException, retry: Retry | None) -> Ended:
    """The end of code that raised; ``retry`` is the task's own policy, which alone knows types of exceptions."""
    try:
        return _raised(error, retry)
    except BaseException as fault:  # noqa: BLE001 - an exception is an object of user code, and may do anything
        what = f"it cannot be described: {type(fault).__name__}: {text_of(fault, 500)}"
        return Ended(How.RAISED, error=RunError(_kind(error), what))


def _raised(error: BaseException, retry: Retry | None) -> Ended:
    if isinstance(error, RunCancelled):
        return Ended(How.CANCELLED, error=described(error))
    if isinstance(error, Snooze):
        return Ended(How.SNOOZED, seconds=float(error.seconds))
    if isinstance(error, Unreadable):
        return Ended(How.DISCARDED, error=RunError(INTERNAL, text_of(error, MESSAGE_CHARACTERS)))
    if isinstance(error, Discard):
        return Ended(How.DISCARDED, error=described(error))
    if isinstance(error, RetryLater):
        return Ended(How.LATER, error=described(error), seconds=float(error.seconds))
    return Ended(How.RAISED, error=described(error), covered=retry is None or retry.covers(error))


def described(error: BaseException) -> RunError:
    """An exception as it is kept: its type's name, its text, and the traceback without the engine's own frames."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith("runwright."):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    if len(text) > TRACEBACK_CHARACTERS:
        text = f"{text[: TRACEBACK_CHARACTERS // 2]}\n… left out …\n{text[-TRACEBACK_CHARACTERS // 2 :]}"
    return RunError(_kind(error), text_of(error, MESSAGE_CHARACTERS), clean(text))


def internal(fault: BaseException) -> RunError:
    """The error of a run whose end the engine itself could not bring about: a fault of Runwright, not of the task."""
    what = f"the engine could not record how it ended ({type(fault).__name__}: {text_of(fault, MESSAGE_CHARACTERS)})"
    return RunError(INTERNAL, what, described(fault).traceback)


def _kind(error: BaseException) -> str:
    return clean(type(error).__name__[:KIND_CHARACTERS])
