"""Room of tasks: plain Python files as tasks, in the form of xcore: run or main, service_main, metadata with jobs.

Reads a module that has been imported already; it imports nothing itself. Each fault is one task's: the others of the
file are read all the same.
"""

from __future__ import annotations

import ast
import inspect
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from runwright.errors import DefinitionError, InvalidInput, ScheduleRefused
from runwright.tasks.context import RunContext
from runwright.tasks.options import OPTION_NAMES, is_service
from runwright.tasks.parameters import summary
from runwright.tasks.task import Task, build
from runwright.when import Always, Cron, Every

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_JOB_KEYS = {"func", "name", "interval", *_UNITS, "cron_params", "misfire_grace_time", "activate"}
_CRON_FIELDS = ("month", "day", "hour", "minute", "second")  # from the coarsest to the finest, as defaults are chosen


@dataclass(frozen=True, slots=True)
class Script:
    """What a file defines as a script: its tasks, and what is wrong with others, with their lines if they are known."""

    tasks: tuple[Task[..., Any], ...]
    errors: tuple[tuple[int | None, str], ...] = ()


class ScriptService:
    """What ``service_main(service)`` gets: loop ``while service.running``, and return soon after it turns False."""

    def __init__(self, context: RunContext) -> None:
        self.context = context

    @property
    def running(self) -> bool:
        """True until the service shall stop."""
        return not self.context.cancelled

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.context.task_name

    @property
    def log(self) -> logging.Logger:
        """A logger whose entries go to the log of this run."""
        return self.context.log


def read_script(module: ModuleType, stem: str) -> Script:
    """The tasks that a module defines by plain functions; none if it has none of them.

    ``run``, else ``main``, is the task named after the file. ``service_main`` is a service of that name, or of
    ``<name>.service`` beside a run. Each of ``metadata["con"]`` is a scheduled task. Functions that the module has only
    imported do not count.
    """
    tasks: list[Task[..., Any]] = []
    errors: list[tuple[int | None, str]] = []

    def add(function: Callable[..., Any], make: Callable[[], Task[..., Any]]) -> None:
        try:
            tasks.append(make())
        except (DefinitionError, ScheduleRefused) as error:
            errors.append((_line(module, function, error), error.message))

    options = _constants(module)
    name = _name(stem)
    body = _own(module, "run") or _own(module, "main")
    service = _own(module, "service_main")
    if body is not None:
        options.setdefault("description", summary(inspect.getdoc(body) or "") or inspect.getdoc(module) or "")
        add(body, lambda: build(body, "script", {**options, "name": name}))
    if service is not None:
        add(service, lambda: _service(service, {**options, "name": f"{name}.service" if body else name}))
    jobs = read_jobs(module, stem)
    return Script((*tasks, *jobs.tasks), (*errors, *jobs.errors))


def read_jobs(module: ModuleType, stem: str) -> Script:
    """The jobs in ``metadata["con"]``, whatever form the other tasks of the module have."""
    metadata = getattr(module, "metadata", None)
    jobs = metadata.get("con") if isinstance(metadata, Mapping) else None
    if jobs is None:
        return Script(())
    tasks: list[Task[..., Any]] = []
    errors: list[tuple[int | None, str]] = []
    line = _assigned(module, {"metadata"})
    if not isinstance(jobs, (list, tuple)):
        return Script((), ((line, "metadata['con'] must be a list of jobs"),))
    for index, job in enumerate(jobs):
        place = f"metadata['con'][{index}]"
        try:
            tasks.append(_job(job, place, _name(stem), _constants(module)))
            if unknown := sorted(set(job) - _JOB_KEYS):
                errors.append((line, f"{place}: {unknown[0]!r} is not known, and was passed over"))
        except (DefinitionError, ScheduleRefused) as error:
            errors.append((line, error.message if place in error.message else f"{place}: {error.message}"))
    return Script(tuple(tasks), tuple(errors))


def _line(module: ModuleType, function: Callable[..., Any], error: InvalidInput) -> int:
    """The line of the constant that is wrong, else that of the function."""
    options = {fault.pointer[1:] for fault in error.errors}
    return _assigned(module, options) or inspect.unwrap(function).__code__.co_firstlineno


def _assigned(module: ModuleType, names: set[str]) -> int | None:
    """The line in which the module gives a value to one of these names, if its source is at hand."""
    source = vars(module).get("__source__")
    for node in ast.parse(source).body if isinstance(source, bytes) else ():
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id in names for target in targets):
            return int(node.lineno)
    return None


def _name(stem: str) -> str:
    return re.sub(r"\s+", "_", stem.lower()).strip("_")


def _constants(module: ModuleType) -> dict[str, Any]:
    """Options given as constants of the module, and by ``metadata``, which wins. The name is always the file's."""
    metadata = getattr(module, "metadata", None)
    given = {**vars(module), **(metadata if isinstance(metadata, Mapping) else {})}
    hooks = ("before", "after")
    return {
        option: given[option]
        for option in OPTION_NAMES
        if option in given
        and option != "name"
        and not isinstance(given[option], (ModuleType, type))
        and (option in hooks or not callable(given[option]))  # a function called `schedule` is no schedule
    }


def _own(module: ModuleType, name: str) -> Callable[..., Any] | None:
    function = getattr(module, name, None)
    return function if inspect.isfunction(function) and function.__module__ == module.__name__ else None


def _service(main: Callable[..., Any], options: dict[str, Any]) -> Task[..., Any]:
    takes_service = bool(inspect.signature(main).parameters)
    if not is_service(options.get("schedule")):
        options["schedule"] = Always()
    options.setdefault("description", summary(inspect.getdoc(main) or ""))
    options.pop("timeout", None)

    async def serve_async(*, context: RunContext) -> Any:
        return await (main(ScriptService(context)) if takes_service else main())

    def serve(*, context: RunContext) -> Any:
        return main(ScriptService(context)) if takes_service else main()

    service = serve_async if inspect.iscoroutinefunction(main) else serve
    service.__module__, service.__qualname__ = main.__module__, main.__qualname__
    code = main.__code__
    return build(service, "script", options, source=f"{code.co_filename}:{code.co_firstlineno}")


def _job(job: object, place: str, stem: str, options: Mapping[str, Any]) -> Task[..., Any]:
    function = job.get("func") if isinstance(job, Mapping) else None
    if not isinstance(job, Mapping) or not (inspect.isroutine(function) or isinstance(function, Task)):
        raise DefinitionError(f"{place} must be a dict whose 'func' is a function")
    own = function.name if isinstance(function, Task) else function.__name__
    label = str(job.get("name") or f"{stem}.{own}")
    name = re.sub(r"[^a-z0-9_.-]+", "_", label.lower()).strip("_.-")
    schedule = _trigger(job, place) if job.get("activate", True) else None
    if isinstance(function, Task):
        given = {**function.given, "name": name, "title": label, "schedule": schedule}
        return build(function.function, function.form, given, signature=function.signature, source=function.source)
    shared = {key: options[key] for key in ("category", "icon", "tags", "timeout", "hidden") if key in options}
    return build(function, "script", {**shared, "name": name, "title": label, "schedule": schedule})


def _trigger(job: Mapping[str, Any], place: str) -> Cron | Every:
    kind = job.get("interval", "interval")
    if kind == "interval":  # APScheduler waits for one interval first, and keeps to its grid
        units = {unit: job[unit] for unit in _UNITS if unit in job} or {"minutes": 10}
        return Every(**units, first="later", anchor="start")
    if kind == "cron":
        return _cron(job.get("cron_params") or {}, place)
    raise DefinitionError(f"{place}: interval must be 'interval' or 'cron', not {kind!r}")


def _cron(fields: Mapping[str, Any], place: str) -> Cron:
    """APScheduler's cron fields as an expression: what is finer than the finest field given is at its minimum."""
    known = {*_CRON_FIELDS, "day_of_week", "timezone"}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise DefinitionError(f"{place}: cron_params has {unknown[0]!r}; it may have {', '.join(sorted(known))}")
    if fields.get("day") not in (None, "*") and fields.get("day_of_week") not in (None, "*"):
        raise DefinitionError(
            f"{place}: day and day_of_week together mean both to APScheduler, and either to cron; give one"
        )
    given = [index for index, field in enumerate(_CRON_FIELDS) if fields.get(field) is not None]
    finest = max(given, default=1 if fields.get("day_of_week") is not None else -1)
    if fields.get("day_of_week") is not None:
        finest = max(finest, 1)  # it stands with the day: 1 is its place above
    minimum = {"month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
    text = {
        field: str(fields[field]) if index in given else minimum[field] if index > finest else "*"
        for index, field in enumerate(_CRON_FIELDS)
    }
    days = _weekdays(fields.get("day_of_week"), place)
    parts = (text["second"], text["minute"], text["hour"], text["day"], text["month"], days)
    return Cron(" ".join(parts), timezone=fields.get("timezone"))


def _weekdays(value: object, place: str) -> str:
    """Days of the week in names: APScheduler counts from Monday = 0, cron from Sunday = 0."""
    text = "*" if value is None else str(value).lower().replace(" ", "")
    if not re.fullmatch(rf"\*|({'|'.join(_DAYS)}|[0-6]|[,-])+", text):
        raise DefinitionError(f"{place}: day_of_week {value!r} must be names or numbers from 0 (Monday) to 6 (Sunday)")
    return re.sub(r"[0-6]", lambda digit: _DAYS[int(digit[0])], text)
