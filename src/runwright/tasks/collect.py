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

from runwright.errors import DefinitionError, FieldError
from runwright.tasks.base_task import BaseTask
from runwright.tasks.definition import class_task, misspelled
from runwright.tasks.hooks import Hooks
from runwright.tasks.loading import line_of
from runwright.tasks.places import Fault, Places, file_of, reason_of
from runwright.tasks.script import read_jobs, read_script
from runwright.tasks.task import Task

_CLASS_NAME = re.compile(r"[a-z][a-z0-9_]*_task", re.ASCII)
_OPT_OUT = ("__autodiscover__", "__openscan_autodiscover__")


@dataclass(frozen=True, slots=True)
class Collected:
    """What a module defines. ``opted_out``: it does not want to be looked at."""

    tasks: tuple[Task[..., Any], ...] = ()
    hooks: tuple[Hooks, ...] = ()
    faults: tuple[Fault, ...] = ()
    opted_out: bool = False


def collect(module: ModuleType, *, script_name: str | None = None, strict_names: bool = False) -> Collected:
    """The tasks of a module. Whatever a part of it raises when it is looked at is that part's fault.

    Args:
        script_name: take the module as a script of this name if it has no task of another form.
        strict_names: names of classes must be snake_case and end in ``_task`` (the rule for namespaces).
    """
    try:
        return _collect(module, script_name, strict_names)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - nothing that a module does may hide the others
        return Collected(faults=(Fault(line_of(error, file_of(module) or ""), reason_of(error)),))


def _collect(module: ModuleType, script_name: str | None, strict_names: bool) -> Collected:
    if any(vars(module).get(name) is False for name in _OPT_OUT):
        return Collected(opted_out=True)
    tasks: list[Task[..., Any]] = []
    hooks: list[Hooks] = []
    faults: list[Fault] = []
    for value in list(vars(module).values()):
        kind = type(value)  # isinstance would ask the value, and a lazy one may answer with any exception
        if issubclass(kind, Task):
            if value.defined_in == module.__name__ and value not in tasks:
                tasks.append(value)
        elif issubclass(kind, Hooks):
            hooks.append(value)
        elif issubclass(kind, type):
            try:
                if _is_own_class(value, module):
                    tasks.append(_from_class(value, strict_names))
                    faults += [
                        Fault(
                            _class_line(value, attribute, module), f"class {value.__qualname__}: {attribute} {advice}"
                        )
                        for attribute, advice in misspelled(value)
                    ]
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - classes may be of any making
                faults.append(_class_fault(value, error, module))
    if script_name is not None:
        other = bool(tasks or faults)  # jobs may stand beside tasks of another form, plain functions are theirs then
        script = read_jobs(module, script_name) if other else read_script(module, script_name)
        tasks += script.tasks
        faults += script.faults
    return Collected(tuple(usable(tasks, faults, module)), tuple(hooks), tuple(faults))


def usable(
    tasks: list[Task[..., Any]], faults: list[Fault], module: ModuleType | None = None
) -> Iterator[Task[..., Any]]:
    """Tasks that can be registered: checked as a whole, and one for each name. The others become ``faults``."""
    seen: dict[str, Task[..., Any]] = {}
    for task in tasks:
        if task.name in seen:
            used = f"the name {task.name!r} is used before in this file, at {seen[task.name].source}"
            faults.append(Fault(_line(task, module), used))
            continue
        try:
            task.signature.check()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - types may bring code of their own into their check
            faults.append(Fault(_line(task, module), f"task {task.name!r}: {reason_of(error)}"))
            continue
        seen[task.name] = task
        yield task


def _is_own_class(value: type, module: ModuleType) -> bool:
    if not (issubclass(value, BaseTask) and value.__module__ == module.__name__):
        return False
    return not inspect.isabstract(value) or _lacks_only_run(value)


def _lacks_only_run(cls: type[BaseTask]) -> bool:
    """Whether this is no base for others: it has a name to be run under, and nothing but ``run`` is left to write."""
    return "task_name" in vars(cls) and cls.__abstractmethods__ == {"run"}


def _from_class(cls: type[BaseTask], strict_names: bool) -> Task[..., Any]:
    name = vars(cls).get("task_name")
    if strict_names and isinstance(name, str) and not _CLASS_NAME.fullmatch(name):
        message = (
            f"class {cls.__qualname__}: task_name {name!r} must be small letters, digits and '_', and end in '_task'"
        )
        raise DefinitionError(message, [FieldError("/name", message)])
    return class_task(cls)


def _class_fault(cls: type, error: BaseException, module: ModuleType) -> Fault:
    pointers = [fault.pointer for fault in error.errors] if isinstance(error, DefinitionError) else []
    option = pointers[0].split("/")[1] if pointers and pointers[0] else ""
    return Fault(_class_line(cls, f"task_{option}", module), reason_of(error), naming="/name" in pointers)


def _class_line(cls: type, attribute: str, module: ModuleType) -> int | None:
    places, path = Places.of(module), cls.__qualname__.split(".")
    return places.nearest(*path, attribute)


def _line(task: Task[..., Any], module: ModuleType | None) -> int | None:
    """The line of a task's code, if that stands in the module's own file."""
    file, _, line = task.source.rpartition(":")
    here = module is None or file == file_of(module)
    return int(line) if here and line.isdigit() else None
