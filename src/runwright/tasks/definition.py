"""Room of tasks: the ways in: ``@task`` for functions, and ``to_task`` for whatever a user hands over.

Defining a task makes a value and registers it nowhere.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Unpack, overload

from runwright.errors import DefinitionError
from runwright.tasks.base_task import BaseTask
from runwright.tasks.options import OPTION_NAMES, TaskOptions
from runwright.tasks.script import read_script
from runwright.tasks.task import P, R, Task, build

__all__ = ["Task", "TaskOptions", "class_task", "task", "to_task"]


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function: ``@task``, or ``@task(title="Backup", timeout="10m")``.

    Its parameters are the function's; its description is the docstring's. A parameter annotated RunContext is given
    the run. The options are those of TaskOptions.

    Returns:
        A Task; calling it calls the plain function.

    Raises:
        DefinitionError: an option or a parameter is wrong; the message names it.
    """
    caller = sys._getframe(1)
    module = caller.f_globals.get("__name__")
    names = {} if caller.f_locals is caller.f_globals else dict(caller.f_locals)
    if function is not None:
        return _function_task(function, {}, names, module)
    return lambda decorated: _function_task(decorated, options, names, module)


def to_task(item: object) -> Task[..., Any]:
    """The task that ``item`` is or defines: a Task, a function, a BaseTask class, or a module in script form.

    Raises:
        DefinitionError: it is none of these, or breaks a rule for tasks.
    """
    if isinstance(item, Task):
        return item
    if isinstance(item, type) and issubclass(item, BaseTask):
        return class_task(item)
    if isinstance(item, ModuleType):
        return _module_task(item)
    if inspect.isroutine(item):
        return _function_task(item, {}, {})
    raise DefinitionError(
        f"{item!r} is not a task: give a function, something decorated with @task, or a subclass of BaseTask"
    )


def class_task(cls: type[BaseTask]) -> Task[..., Any]:
    """The task that a BaseTask class defines.

    Raises:
        DefinitionError: it is abstract, has no ``task_name`` of its own, or ``run`` does not fit ``is_blocking``.
    """
    if inspect.isabstract(cls):
        raise DefinitionError(f"class {cls.__qualname__} is abstract: it has no run method")
    if not isinstance(vars(cls).get("task_name"), str):
        raise DefinitionError(
            f"class {cls.__qualname__} has no task_name of its own: set task_name to small letters, digits and '_', "
            f"ending in '_task'"
        )
    coroutine = inspect.iscoroutinefunction(cls.run) or inspect.isasyncgenfunction(cls.run)
    if coroutine and cls.is_blocking:
        raise DefinitionError(f"class {cls.__qualname__}: run is async, so is_blocking must be False")
    if not coroutine and not cls.is_blocking:
        raise DefinitionError(
            f"class {cls.__qualname__}: run is a plain def; make it async def, or set is_blocking = True"
        )
    options = {name: getattr(cls, f"task_{name}") for name in OPTION_NAMES if hasattr(cls, f"task_{name}")}
    options.setdefault("exclusive", cls.is_exclusive)
    return build(cls, "class", options)


def _module_task(module: ModuleType) -> Task[..., Any]:
    script = read_script(module, module.__name__.rpartition(".")[2])
    if script.errors:
        raise DefinitionError(script.errors[0][1])
    if len(script.tasks) != 1:
        raise DefinitionError(
            f"module {module.__name__} has {len(script.tasks)} tasks in script form, and one is wanted: "
            f"give it a run function, or name one of its tasks"
        )
    return script.tasks[0]


def _function_task(
    function: object, options: dict[str, Any], names: dict[str, object], module: str | None = None
) -> Task[..., Any]:
    if isinstance(function, Task):
        raise DefinitionError(f"task {function.name!r} is a task already; use its with_(…) for other options")
    if isinstance(function, type):
        raise DefinitionError(
            f"@task is for functions; class {function.__qualname__} needs none if it subclasses BaseTask"
        )
    plain = inspect.unwrap(function) if callable(function) else function
    if not inspect.isfunction(plain) or not callable(function):
        raise DefinitionError(f"@task is for functions, not for {function!r}: wrap it in a def")
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is not None and first.name in ("self", "cls") and first.annotation is first.empty:
        raise DefinitionError(f"@task is for functions; {plain.__qualname__} is a method: subclass BaseTask instead")
    local = "<locals>" in plain.__qualname__
    # Hints as text within a function can be resolved with the names around it only; pydantic does the same.
    return build(function, "function", options, local_names=names if local else None, defined_in=module)
