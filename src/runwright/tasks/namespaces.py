"""Room of tasks: tasks in importable modules: namespaces, walked like packages, and installed entry points.

They are the application's own code, imported in this process; a module that fails becomes a problem, and the others go
on. Files in folders are the business of ``discovery``.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from runwright.errors import StartRefused
from runwright.tasks.collect import Collected, collect, usable
from runwright.tasks.definition import to_task
from runwright.tasks.loading import line_of
from runwright.tasks.places import Fault, file_of, reason_of
from runwright.tasks.registry import Problem
from runwright.tasks.sources import DiscoveryOptions, Finding, finding_of
from runwright.tasks.task import Task

ENTRY_POINT_GROUP = "runwright.tasks"


def find_in_namespaces(options: DiscoveryOptions) -> list[Finding]:
    """What the modules of all namespaces define.

    Raises:
        StartRefused: a class has no valid ``task_name``, unless the options say otherwise; all of them are named.
    """
    findings: list[Finding] = []
    naming: list[str] = []
    for name, module in _modules(options, findings):
        _add_module(name, module, findings, naming, options)
    if naming:
        raise StartRefused("tasks in namespaces must have valid names: " + "; ".join(naming))
    return findings


def find_in_entry_points() -> list[Finding]:
    """What installed packages offer: modules, tasks, or lists of tasks."""
    return [_from_entry_point(point) for point in entry_points(group=ENTRY_POINT_GROUP)]


def _modules(options: DiscoveryOptions, findings: list[Finding]) -> Iterator[tuple[str, ModuleType]]:
    """The modules in all namespaces with their names; those that cannot be imported become problems."""
    seen: set[str] = set()

    def walk(name: str, deeper: bool) -> Iterator[tuple[str, ModuleType]]:
        if name in seen or options.ignore_modules.intersection(name.split(".")):
            return
        seen.add(name)
        module = _import_module(name, findings)
        if module is None:
            return
        yield name, module
        if not deeper:
            return
        path = vars(module).get("__path__", ()) if issubclass(type(module), ModuleType) else ()
        for child in sorted(pkgutil.iter_modules(path), key=lambda info: info.name):
            if child.name != "__main__" and (options.include_subpackages or not child.ispkg):
                yield from walk(f"{name}.{child.name}", child.ispkg)

    for namespace in options.namespaces:
        yield from walk(namespace, True)


def _import_module(name: str, findings: list[Finding]) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a module may do anything at import; the others go on
        source, file = f"module {name}", _file_of(name)
        if file is None:
            text = (
                f"there is no module {name!r} on Python's path: install its package or name its folder in PYTHONPATH; "
                "see autodiscovery_namespaces"
            )
            if not isinstance(error, ModuleNotFoundError) or not f"{name}.".startswith(f"{error.name}."):
                text = f"{name} cannot be imported: {reason_of(error)}"
            problem = Problem(name, None, text, source)
        else:
            text = f"{name} cannot be imported: {reason_of(error)}"
            problem = Problem(file, line_of(error, file), text, source)
        findings.append(Finding(source, problems=(problem,), refused=True))
        return None


def _file_of(name: str) -> str | None:
    """The file of a module that could not be imported."""
    try:
        spec = importlib.util.find_spec(name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - to find it its package is imported, which may do anything
        return None
    return spec.origin if spec is not None and spec.has_location else None


def _add_module(
    name: str, module: ModuleType, findings: list[Finding], naming: list[str], options: DiscoveryOptions
) -> None:
    file = file_of(module) or name
    collected = collect(module, strict_names=True)
    if options.raise_on_missing_name:
        naming += [f"{file}:{fault.line}: {fault.message}" for fault in collected.faults if fault.naming]
    findings.append(finding_of(f"module {name}", file, collected))


def _from_entry_point(point: EntryPoint) -> Finding:
    source, file = f"entry point {point.name} of {_distribution(point)}", point.module
    tasks: list[Task[..., Any]] = []
    faults: list[Fault] = []

    @contextmanager
    def guarded() -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a broken package must not stop the others
            faults.append(Fault(line_of(error, file), reason_of(error)))

    collected = Collected()
    with guarded():
        file = _file_of(point.module) or file
        value = point.load()
        if isinstance(value, ModuleType):
            collected = collect(value)
        for item in () if isinstance(value, ModuleType) else value if isinstance(value, (list, tuple)) else (value,):
            with guarded():
                tasks.append(to_task(item))
    if tasks or faults:
        collected = Collected(tuple(usable(tasks, faults)), faults=tuple(faults))
    told = tuple(replace(fault, message=f"{source}: {fault.message}") for fault in collected.faults)
    return finding_of(source, file, replace(collected, faults=told))


def _distribution(point: EntryPoint) -> str:
    try:
        return "a package without a name" if point.dist is None else f"{point.dist.name} {point.dist.version}"
    except Exception:  # noqa: BLE001 - its metadata may be damaged
        return "a package without a name"
