"""Room of tasks: hooks, functions that are called beside runs. Their failure is logged and changes nothing.

``before`` and ``after`` belong to one task and run where its code does; ``Hooks`` belong to an application and hear of
every run, after the commit. Which run has come so far is decided elsewhere; here is how a hook is called.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from runwright.errors import DefinitionError, FieldError
from runwright.tasks.context import RunCancelled, current
from runwright.tasks.text import text_of

Hook: TypeAlias = Callable[..., object]


@dataclass(frozen=True, slots=True, eq=False)
class Hooks:
    """What an application wants to hear of its runs: functions of one argument, the Run as it was stored.

    Each may be a function or a list of them, ``async def`` or plain; plain ones are called in a thread. They are called
    after the commit, beside the run and never in its way, by the process whose worker executes it. Whatever they raise,
    KeyboardInterrupt and CancelledError included, is logged and changes nothing. Give them to the TaskManager, or put
    them into any module in which tasks are looked for: ``hooks = Hooks(on_error=alert)``.

    Attributes:
        on_start: an attempt has begun; ``run.attempt`` says which.
        on_success: the run has completed.
        on_error: the run has failed for good: no retry is left.
        on_cancel: a run that had begun was cancelled.

    Raises:
        DefinitionError: one of them is no function, or does not take one argument.
    """

    on_start: Hook | Sequence[Hook] = ()
    on_success: Hook | Sequence[Hook] = ()
    on_error: Hook | Sequence[Hook] = ()
    on_cancel: Hook | Sequence[Hook] = ()

    def __post_init__(self) -> None:
        faults = []
        for field in fields(self):
            try:
                object.__setattr__(self, field.name, functions(getattr(self, field.name), "run"))
            except ValueError as error:
                faults.append(FieldError(f"/{field.name}", f"{field.name} {error}"))
        if faults:
            raise DefinitionError("; ".join(fault.message for fault in faults), faults)

    def of(self, name: str) -> Sequence[Hook]:
        """The functions of one attribute."""
        found: Sequence[Hook] = getattr(self, name)
        return found


def functions(value: object, *parameters: str) -> tuple[Hook, ...]:
    """A hook or a list of hooks. Raises ValueError if one is no function that can be called with these arguments."""
    hooks = (value,) if callable(value) else tuple(value) if isinstance(value, (list, tuple)) else (None,)
    for hook in hooks:
        if not callable(hook):
            raise ValueError(f"must be a function or a list of functions, not {value!r}")
        try:
            inspect.signature(hook).bind(*parameters)
        except TypeError:
            raise ValueError(f"is called as {_name(hook)}({', '.join(parameters)}), and cannot be") from None
        except ValueError:  # a built-in that does not tell its parameters
            continue
    return tuple(hook for hook in hooks if callable(hook))


async def call_hook(hook: Hook, log: logging.Logger, *arguments: Any) -> None:
    """Call a hook from a loop: a coroutine is awaited, a plain function runs in a thread.

    Whatever it raises is logged, KeyboardInterrupt too. Only a stop of what it is called from goes through.
    """
    try:
        if inspect.iscoroutinefunction(hook):
            await hook(*arguments)
        else:
            answer = await asyncio.to_thread(_answer, hook, arguments)
            if isinstance(answer, _Raised):
                raise answer.error
            if inspect.isawaitable(answer):
                await answer
    except BaseException as error:
        if _is_stop(error):
            raise
        _failed(hook, log, error)


def call_hook_sync(hook: Hook, log: logging.Logger, *arguments: Any) -> None:
    """Call a hook from a thread: a coroutine gets a loop of its own. What it raises is logged, as by ``call_hook``."""
    try:
        answer = hook(*arguments)
        if inspect.iscoroutine(answer):
            asyncio.run(answer)
    except BaseException as error:
        if _is_stop(error):
            raise
        _failed(hook, log, error)


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def _answer(hook: Hook, arguments: tuple[Any, ...]) -> object:
    """What a hook returns or raises, as a value: a StopIteration would never come out of a thread's future."""
    try:
        return hook(*arguments)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the hook was called from
        return _Raised(error)


def _is_stop(error: BaseException) -> bool:
    """Whether the caller is to be stopped: its own cancellation, or that of the run whose code it is."""
    if isinstance(error, RunCancelled):
        return current.get() is not None
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # in a thread nothing is cancelled in this way
        return False
    return task is not None and task.cancelling() > 0


def _failed(hook: Hook, log: logging.Logger, error: BaseException) -> None:
    log.warning("the hook %s failed: %s: %s", _name(hook), type(error).__name__, text_of(error), exc_info=error)


def _name(hook: object) -> str:
    return str(getattr(hook, "__qualname__", None) or repr(hook))
