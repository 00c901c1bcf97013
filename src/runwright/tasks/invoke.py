"""Room of tasks: how the code of each form of task is called, prepared once for each task.

A plain ``async def`` without a context parameter is called as it is: this is on the hot path of every run. Timeouts,
cancellation, capture of logs and what becomes of exceptions are the worker's business.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any

from runwright.tasks.base_task import BaseTask, TaskModel
from runwright.tasks.context import RunContext
from runwright.tasks.hooks import call_hook, call_hook_sync
from runwright.tasks.task import Invocation, Task

_Call = Callable[[RunContext, tuple[Any, ...], dict[str, Any]], Any]


def invocation(task: Task[..., Any]) -> Invocation:
    """How ``task`` is called; made at the first question, and the same ever after."""
    if not task.invocation:
        call = _class_call(task) if task.form == "class" else _function_call(task.function, task.context_parameter)
        if task.before or task.after:
            call = _with_hooks(task, call)
        task.invocation.append(Invocation(call, None) if task.is_async else Invocation(None, call))
    return task.invocation[0]


def _function_call(function: Callable[..., Any], parameter: str | None) -> _Call:
    def plain(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function(*args, **kwargs)

    def with_context(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs[parameter] = context  # type: ignore[index]  # used only if there is a parameter
        return function(*args, **kwargs)

    call = plain if parameter is None else with_context

    async def steps(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        await _follow(context, call(context, args, kwargs))

    def steps_sync(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _follow_sync(context, call(context, args, kwargs))

    if inspect.isasyncgenfunction(function):
        return steps
    return steps_sync if inspect.isgeneratorfunction(function) else call


def _with_hooks(task: Task[..., Any], call: _Call) -> _Call:
    """The call between the task's own hooks: ``before`` at its begin, ``after`` whatever way it ends."""

    async def hooked(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ended: BaseException | None = None
        for hook in task.before:
            await call_hook(hook, context.log, context)
        try:
            return await call(context, args, kwargs)
        except BaseException as error:
            ended = error
            raise
        finally:
            for hook in task.after:
                await call_hook(hook, context.log, context, ended)

    def hooked_sync(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ended: BaseException | None = None
        for hook in task.before:
            call_hook_sync(hook, context.log, context)
        try:
            return call(context, args, kwargs)
        except BaseException as error:
            ended = error
            raise
        finally:
            for hook in task.after:
                call_hook_sync(hook, context.log, context, ended)

    return hooked if task.is_async else hooked_sync


def _class_call(task: Task[..., Any]) -> _Call:
    factory: Any = task.function
    parameter = task.context_parameter
    method: Callable[..., Any] = factory.run

    def begin(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[BaseTask, Any]:
        if parameter is not None:
            kwargs[parameter] = context
        instance: BaseTask = factory(TaskModel(context))
        return instance, instance.run(*args, **kwargs)

    async def run(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        instance, work = begin(context, args, kwargs)
        return _end(instance, await work)

    async def steps(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        instance, work = begin(context, args, kwargs)
        await _follow(context, work)
        return _end(instance, None)

    def block(context: RunContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        instance, work = begin(context, args, kwargs)
        return _end(instance, _follow_sync(context, work) if inspect.isgenerator(work) else work)

    if inspect.isasyncgenfunction(method):
        return steps
    return run if task.is_async else block


def _end(instance: BaseTask, result: Any) -> Any:
    """The result; and the progress of a run that completed is complete (OpenScan3's rule)."""
    context = instance.context
    latest = context.latest_progress
    if latest is not None and latest.current < latest.total and not context.cancelled:
        context.progress(latest.total, latest.total, latest.message)
    return instance._task_model.result if result is None else result


async def _follow(context: RunContext, steps: Any) -> None:
    """Report each progress that an async generator yields; each yield is a checkpoint."""
    async with aclosing(steps):
        async for step in steps:
            context.report(step)
            await context.checkpoint()


def _follow_sync(context: RunContext, steps: Any) -> Any:
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            context.report(step)
            context.checkpoint_sync()
