"""Room of tasks: plain Python files as tasks, in the form of xcore: run or main, service_main, metadata with jobs.

Reads a module that has been imported already; it imports nothing itself. Each fault is one task's: the others of the
file are read all the same.
"""

from __future__ import annotations

import inspect
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

from runwright.errors import DefinitionError, InvalidInput
from runwright.tasks.context import RunContext
from runwright.tasks.options import OPTION_NAMES, is_service
from runwright.tasks.parameters import summary
from runwright.tasks.places import Fault, Places, reason_of
from runwright.tasks.task import Task, build
from runwright.when import Always, Cron, Every

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_JOB_KEYS = {"func", "name", "interval", *_UNITS, "cron_params", "misfire_grace_time", "activate"}
_CRON_FIELDS = ("month", "day", "hour", "minute", "second")  # from the coarsest to the finest, as defaults are chosen


@dataclass(frozen=True, slots=True)
class Script:
    """What a file defines as a script: its tasks, and what is wrong with those that are none."""

    tasks: tuple[Task[..., Any], ...] = ()
    faults: tuple[Fault, ...] = ()


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
    reader, name = _Reader(module), _name(stem)
    body, service = _own(module, "run") or _own(module, "main"), _own(module, "service_main")
    if body is not None:
        with reader.at(body.__name__):
            options = _constants(module)
            options.setdefault("description", summary(inspect.getdoc(body) or "") or inspect.getdoc(module) or "")
            reader.tasks.append(build(body, "script", {**options, "name": name}))
    if service is not None:
        with reader.at("service_main"):
            called = f"{name}.service" if body else name
            reader.tasks.append(_service(service, {**_constants(module), "name": called}))
    if type(metadata := vars(module).get("metadata")) in (list, tuple, set, str):
        reader.fault(f"metadata must be a dict, not a {type(metadata).__name__}; it was passed over", "metadata")
    _read_jobs(module, name, reader)
    return reader.script()


def read_jobs(module: ModuleType, stem: str) -> Script:
    """The jobs in ``metadata["con"]``, whatever form the other tasks of the module have."""
    reader = _Reader(module)
    _read_jobs(module, _name(stem), reader)
    return reader.script()


class _Reader:
    """Collects the tasks of a module; whatever goes wrong with one is its fault alone, and has its line."""

    def __init__(self, module: ModuleType) -> None:
        self.tasks: list[Task[..., Any]] = []
        self._faults: list[Fault] = []
        self._module = module

    @contextmanager
    def at(self, *place: str | int, prefix: str = "") -> Iterator[None]:
        """Read something that is written at ``place``, and which messages shall call ``prefix``."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - constants and jobs may be objects of any making
            reason = reason_of(error)
            pointers = [fault.pointer for fault in error.errors] if isinstance(error, InvalidInput) else []
            self.fault(reason if prefix in reason else f"{prefix}: {reason}", *place, pointers=pointers)

    def fault(self, message: str, *place: str | int, pointers: Sequence[str] = ()) -> None:
        """Note what is wrong: with an option among ``pointers``, if the file has it, else with what is at ``place``."""
        places = self._places
        line = places.nearest(*place)
        if len(place) == 1:  # a function, whose options stand elsewhere; a job has its own
            options = [pointer.split("/")[1] for pointer in pointers if pointer]
            written = [places.line("metadata", option) or places.line(option) for option in options]
            line = next((found for found in written if found), line)
        self._faults.append(Fault(line, message))

    @cached_property
    def _places(self) -> Places:
        return Places.of(self._module)

    def script(self) -> Script:
        """What was read."""
        return Script(tuple(self.tasks), tuple(self._faults))


def _read_jobs(module: ModuleType, stem: str, reader: _Reader) -> None:
    jobs: list[object] = []
    with reader.at("metadata", "con"):
        metadata = vars(module).get("metadata")
        found = metadata.get("con") if isinstance(metadata, Mapping) else None
        if not isinstance(found, (list, tuple, type(None))):
            raise DefinitionError("metadata['con'] must be a list of jobs")
        jobs = list(found or ())
    for index, job in enumerate(jobs):
        place = f"metadata['con'][{index}]"
        with reader.at("metadata", "con", index, prefix=place):
            if not isinstance(job, Mapping):
                raise DefinitionError(f"{place} must be a dict whose 'func' is a function")
            reader.tasks.append(_job(job, place, stem, _constants(module)))
            for key in job:
                if key not in _JOB_KEYS:
                    unknown = f"{place}: {key!r} is not known, and was passed over"
                    reader.fault(unknown, "metadata", "con", index, key)


def _name(stem: str) -> str:
    return re.sub(r"\s+", "_", stem.lower()).strip("_")


def _constants(module: ModuleType) -> dict[str, Any]:
    """Options given as constants of the module, and by ``metadata``, which wins. The name is always the file's."""
    metadata = vars(module).get("metadata")
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
    function = vars(module).get(name)  # a module's __getattr__ may have anything to say
    return function if type(function) is FunctionType and function.__module__ == module.__name__ else None


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


def _job(job: Mapping[str, Any], place: str, stem: str, options: Mapping[str, Any]) -> Task[..., Any]:
    function = job.get("func")
    if not (inspect.isroutine(function) or isinstance(function, Task)):
        raise DefinitionError(f"{place} must be a dict whose 'func' is a function")
    own = function.name if isinstance(function, Task) else function.__name__
    label = str(job.get("name") or f"{stem}.{own}")
    active = job.get("activate", True)
    if not isinstance(active, bool):
        raise DefinitionError(f"{place}: activate must be True or False, not {active!r}")
    name, schedule = _job_name(label, place), _trigger(job, place) if active else None
    if isinstance(function, Task):
        given = {**function.given, "name": name, "title": label, "schedule": schedule}
        return build(function.function, function.form, given, signature=function.signature, source=function.source)
    shared = {key: options[key] for key in ("category", "icon", "tags", "timeout", "hidden") if key in options}
    return build(function, "script", {**shared, "name": name, "title": label, "schedule": schedule})


def _job_name(label: str, place: str) -> str:
    """The name of a job from what people call it: accents are dropped, and what else is no letter is ``_``."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", label.lower()) if not unicodedata.combining(c))
    if lost := [c for c in letters if c.isalnum() and not c.isascii()]:
        raise DefinitionError(f"{place}: name {label!r} has {lost[0]!r}; a task's name has letters from a to z only")
    return re.sub(r"[^a-z0-9_.-]+", "_", letters).strip("_.-")


def _trigger(job: Mapping[str, Any], place: str) -> Cron | Every:
    kind = job.get("interval", "interval")
    if kind == "interval":  # APScheduler waits for one interval first, and keeps to its grid
        units = {unit: job[unit] for unit in _UNITS if unit in job} or {"minutes": 10}
        return Every(**units, first="later", anchor="start")
    if kind == "cron":
        fields = job.get("cron_params") or {}
        if not isinstance(fields, Mapping):
            raise DefinitionError(f"{place}: cron_params must be a dict of APScheduler's fields, not {fields!r}")
        return _cron(fields, place)
    raise DefinitionError(f"{place}: interval must be 'interval' or 'cron', not {kind!r}")


def _cron(fields: Mapping[str, Any], place: str) -> Cron:
    """APScheduler's cron fields as an expression: what is finer than the finest field given is at its minimum."""
    known = {*_CRON_FIELDS, "day_of_week", "timezone"}
    if unknown := [field for field in fields if field not in known]:
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
