"""Vocabulary: every error that one room may raise towards another, or towards a user.

    RunwrightError                 code, message that says what to do, fields
    ├── InvalidInput               something given is wrong; one FieldError for each fault
    │   ├── InvalidArguments       arguments of a task
    │   ├── ScheduleRefused        a malformed or impossible schedule
    │   ├── ConfirmRequired        a dangerous task was not confirmed
    │   ├── DefinitionError        a task is written wrongly
    │   └── SettingsError          a setting, in a file, the environment or a flag
    ├── NotFound                   a task, run, schedule, token … that is not there
    ├── Conflict                   the thing is there, and its state forbids the command
    │   ├── DuplicateName          a name is taken
    │   └── SealError              a secret that was sealed with another key
    ├── TooLarge                   an input beyond a stated cap
    ├── NotSignedIn                no valid credentials
    ├── Forbidden                  known, but not allowed
    ├── StoreUnavailable           the store cannot take this now: disk full, locked, gone
    ├── StoreRefused               the store's file must not be opened: corrupt, foreign, newer
    ├── StartRefused               the process must not start: insecure or incomplete
    └── RunFailed                  a run that was waited for did not complete

HTTP statuses and exit codes are two tables at the edges (api.wire, cli.output); nothing here knows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # a failed run is carried as a value; importing the model here would be a cycle
    from runwright.model import Run


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of an input: where it is (a JSON pointer such as ``/format``) and what to do about it."""

    pointer: str
    message: str
    code: str = "invalid"


class RunwrightError(Exception):
    """The root of the tree: ``code`` is stable and for programs, the message is for people."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.file: str | None = None
        """The file that it is about, if the input came from one; see ``in_file``."""


@contextmanager
def in_file(file: object) -> Iterator[None]:
    """Errors about fields of an input that leave this block name the file that it came from."""
    try:
        yield
    except RunwrightError as error:
        if getattr(error, "errors", ()):
            error.file, error.message = str(file), f"{file}: {error.message}"
            error.args = (error.message,)
        raise


class InvalidInput(RunwrightError):
    """Something given is wrong. ``errors`` has one entry for each fault; all are reported at once."""

    code = "invalid_input"

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors) or (FieldError("", message),)

    @classmethod
    def field(cls, pointer: str, message: str) -> InvalidInput:
        """The error for a single faulty field."""
        return cls.fields([FieldError(pointer, message)])

    @classmethod
    def fields(cls, faults: Sequence[FieldError]) -> InvalidInput:
        """The error for several faulty fields; its message names the first three."""
        return cls("; ".join(f"{fault.pointer.strip('/')}: {fault.message}" for fault in faults[:3]), faults)


class InvalidArguments(InvalidInput):
    """Arguments that do not fit a task's parameters; pointers are relative to the arguments."""

    code = "invalid_arguments"


class ScheduleRefused(InvalidInput):
    """A schedule that is malformed or can never fire: which field, and why."""

    code = "schedule_refused"
    _beside = frozenset({"depends_on", "starts_at", "ends_at", "excluded", "blackouts"})
    """Fields of a schedule that stand beside its times, and have pointers of their own."""

    def __init__(self, field: str, reason: str) -> None:
        name, _, index = field.partition("[")
        pointer = f"/{name}/{index.rstrip(']')}".rstrip("/") if name in self._beside else "/schedule"
        told = reason if name in self._beside else f"{field}: {reason}"
        super().__init__(f"{field}: {reason}", [FieldError(pointer, told)])
        self.field_name = field
        self.reason = reason


class ConfirmRequired(InvalidInput):
    """A task declares a danger, and the caller has not confirmed it."""

    code = "confirm_required"

    def __init__(self, task: str, danger: str) -> None:
        message = f"task {task!r} needs confirmation: {danger}"
        super().__init__(message, [FieldError("/confirm", message, "confirm_required")])
        self.task = task
        self.danger = danger


class DefinitionError(InvalidInput):
    """A task whose definition breaks a rule: its name, its signature or one of its options."""

    code = "definition_error"


class SettingsError(InvalidInput):
    """A setting with a bad value or an unknown name, and where it was given."""

    code = "settings_error"


class NotFound(RunwrightError):
    """There is no such thing. ``near`` has names that the caller may have meant."""

    code = "not_found"

    def __init__(self, kind: str, name: str, near: Sequence[str] = ()) -> None:
        hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        super().__init__(f"no {kind} named {name!r}{hint}")
        self.kind = kind
        self.name = name
        self.near = tuple(near)


class Conflict(RunwrightError):
    """The command is sound, but the present state forbids it. ``existing`` names what stands in the way."""

    code = "conflict"

    def __init__(self, message: str, existing: str | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class DuplicateName(Conflict):
    """A name is already taken by another task or schedule."""

    code = "duplicate_name"


class SealError(Conflict):
    """A sealed secret cannot be opened: it was sealed with another key, or changed."""

    code = "sealed"


class NotHere(Conflict):
    """A task is known to other processes, and what was asked for needs its code, which this process does not have."""

    code = "not_here"

    def __init__(self, task: str) -> None:
        super().__init__(
            f"this process does not have the code of task {task!r}, and starting it needs it, to check its arguments: "
            "ask a process that has the code, or give this one the same task folder",
            task,
        )
        self.task = task


class TooLarge(RunwrightError):
    """An input beyond a stated cap."""

    code = "too_large"


class NotSignedIn(RunwrightError):
    """No credentials, or credentials that are not valid (any more)."""

    code = "not_signed_in"


class Forbidden(RunwrightError):
    """The caller is known, and may not do this."""

    code = "forbidden"


class StoreUnavailable(RunwrightError):
    """The store cannot take the write or answer the question now; nothing was changed; try again later.

    ``reason`` is ``"full"`` (no room on the disk), ``"busy"`` (others write the same), ``"held"`` (a transaction
    that has not ended holds a key that is needed) or ``"away"``.
    """

    code = "store_unavailable"

    def __init__(self, message: str, reason: str = "away") -> None:
        super().__init__(message)
        self.reason = reason


class StoreRefused(RunwrightError):
    """The store's file is corrupt, truncated, foreign or newer than this program. It was left untouched."""

    code = "store_refused"


class StartRefused(RunwrightError):
    """The process must not start as it was asked to; the message says what to change."""

    code = "start_refused"


class RunFailed(RunwrightError):
    """A run that was waited for ended otherwise than completed. ``run`` is its last snapshot."""

    code = "run_failed"

    def __init__(self, run: Run) -> None:
        detail = f": {run.error.kind}: {run.error.message}" if run.error else ""
        super().__init__(f"run {run.id} of task {run.task!r} ended as {run.status}{detail}")
        self.run = run
