"""Room of tasks: tasks in importable modules: namespaces, walked like packages, and installed entry points.

They are the application's own code, imported in this process; a module that fails becomes a problem, and the others go
on. Files in folders are the business of ``discovery``.
"""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from runwright.errors import StartRefused
from runwright.tasks.collect import collect
from runwright.tasks.definition import to_task
from runwright.tasks.loading import line_of
from runwright.tasks.registry import Problem
from runwright.tasks.sources import DiscoveryOptions, Finding, finding_of

ENTRY_POINT_GROUP = "runwright.tasks"


def find_in_namespaces(options: DiscoveryOptions) -> list[Finding]:
    """What the modules of all namespaces define.

    Raises:
        StartRefused: a class has no valid ``task_name``; all of them are named.
    """
    findings: list[Finding] = []
    naming: list[str] = []
    for name in _modules(options, findings):
        _add_module(name, findings, naming)
    if naming:
        raise StartRefused("tasks in namespaces must have valid names: " + "; ".join(naming))
    return findings


def find_in_entry_points() -> list[Finding]:
    """What installed packages offer: modules, tasks, or lists of tasks."""
    return [_from_entry_point(point) for point in entry_points(group=ENTRY_POINT_GROUP)]


def _modules(options: DiscoveryOptions, findings: list[Finding]) -> Iterator[str]:
    """The names of the modules in all namespaces; those that cannot be imported become problems."""
    seen: set[str] = set()

    def walk(name: str, deeper: bool) -> Iterator[str]:
        if name in seen or options.ignore_modules.intersection(name.split(".")):
            return
        seen.add(name)
        module = _import_module(name, findings)
        if module is None:
            return
        yield name
        if not deeper:
            return
        for child in sorted(pkgutil.iter_modules(getattr(module, "__path__", ())), key=lambda info: info.name):
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
        last = traceback.extract_tb(error.__traceback__)[-1]
        file = error.filename if isinstance(error, SyntaxError) and error.filename else last.filename
        line = error.lineno if isinstance(error, SyntaxError) else line_of(error, file)
        source = f"module {name}"
        text = f"{name} cannot be imported: {type(error).__name__}: {error}"
        findings.append(Finding(source, problems=(Problem(file, line, text, source),), refused=True))
        return None


def _add_module(name: str, findings: list[Finding], naming: list[str]) -> None:
    module = importlib.import_module(name)
    file = module.__file__ or name
    collected = collect(module, strict_names=True)
    naming += [f"{file}:{fault.line}: {fault.message}" for fault in collected.faults if fault.naming]
    findings.append(finding_of(f"module {name}", file, collected))


def _from_entry_point(point: EntryPoint) -> Finding:
    source = f"entry point {point.name}"
    try:
        value = point.load()
        if isinstance(value, ModuleType):
            return finding_of(source, value.__file__ or point.value, collect(value))
        items = value if isinstance(value, (list, tuple)) else [value]
        return Finding(source, tuple(to_task(item) for item in items))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a broken package must not stop the others
        problem = Problem(point.value, None, f"{source}: {type(error).__name__}: {error}", source)
        return Finding(source, problems=(problem,), refused=True)
