"""Room of tasks: which tasks an imported module defines.

What a module has only imported from elsewhere is not its own: re-exports are not registered twice. Nothing is imported
or registered here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from runwright.errors import DefinitionError, InvalidInput
from runwright.tasks.base_task import BaseTask
from runwright.tasks.definition import class_task
from runwright.tasks.hooks import Hooks
from runwright.tasks.script import read_jobs, read_script
from runwright.tasks.task import Task

_CLASS_NAME = re.compile(r"[a-z][a-z0-9_]*_task", re.ASCII)
_OPT_OUT = ("__autodiscover__", "__openscan_autodiscover__")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a module that is no task although it looks like one. ``naming``: its task_name is missing or bad."""

    line: int | None
    message: str
    naming: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """What a module defines. ``opted_out``: it does not want to be looked at."""

    tasks: tuple[Task[..., Any], ...] = ()
    hooks: tuple[Hooks, ...] = ()
    faults: tuple[Fault, ...] = ()
    opted_out: bool = False


def collect(module: ModuleType, *, script_name: str | None = None, strict_names: bool = False) -> Collected:
    """The tasks of a module.

    Args:
        script_name: take the module as a script of this name if it has no task of another form.
        strict_names: names of classes must be snake_case and end in ``_task`` (the rule for namespaces).
    """
    if any(vars(module).get(name) is False for name in _OPT_OUT):
        return Collected(opted_out=True)
    tasks: list[Task[..., Any]] = []
    faults: list[Fault] = []
    for value in list(vars(module).values()):
        if isinstance(value, Task):
            if value.defined_in == module.__name__ and value not in tasks:
                tasks.append(value)
        elif _is_own_class(value, module):
            try:
                tasks.append(_from_class(value, strict_names))
            except InvalidInput as error:
                named = "task_name" in error.message or any("/name" in field.pointer for field in error.errors)
                faults.append(Fault(_line(value), error.message, named))
    if script_name is not None:
        other = bool(tasks or faults)  # jobs may stand beside tasks of another form, plain functions are theirs then
        script = read_jobs(module, script_name) if other else read_script(module, script_name)
        tasks += script.tasks
        faults += [Fault(line, message) for line, message in script.errors]
    hooks = tuple(value for value in vars(module).values() if isinstance(value, Hooks))
    return Collected(tuple(_unique(tasks, faults)), hooks, tuple(faults))


def _is_own_class(value: object, module: ModuleType) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, BaseTask)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    )


def _from_class(cls: type[BaseTask], strict_names: bool) -> Task[..., Any]:
    name = vars(cls).get("task_name")
    if strict_names and isinstance(name, str) and not _CLASS_NAME.fullmatch(name):
        raise DefinitionError(
            f"class {cls.__qualname__}: task_name {name!r} must be small letters, digits and '_', and end in '_task'"
        )
    return class_task(cls)


def _unique(tasks: list[Task[..., Any]], faults: list[Fault]) -> Iterator[Task[..., Any]]:
    """Tasks that can be registered: checked as a whole, and one for each name."""
    seen: dict[str, Task[..., Any]] = {}
    for task in tasks:
        line = int(task.source.rpartition(":")[2]) if task.source.rpartition(":")[2].isdigit() else None
        if task.name in seen:
            faults.append(
                Fault(line, f"the name {task.name!r} is used before in this file, at {seen[task.name].source}")
            )
            continue
        try:
            task.signature.check()
        except InvalidInput as error:
            faults.append(Fault(line, f"task {task.name!r}: {error.message}"))
            continue
        seen[task.name] = task
        yield task


def _line(cls: type[BaseTask]) -> int | None:
    code = getattr(inspect.unwrap(cls.run), "__code__", None)
    return None if code is None else int(code.co_firstlineno)
