"""Room of tasks: finds tasks in all their sources, in order: namespaces, directories, entry points, the default file.

``find`` imports and reads, may take seconds and may run in any thread; ``apply`` puts what was found into a registry,
on the registry's own loop. ``discover`` is both. A broken module never hides the others.
"""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from runwright.clock import Clock
from runwright.errors import StartRefused
from runwright.tasks.collect import Collected, collect
from runwright.tasks.definition import to_task
from runwright.tasks.examine import examine
from runwright.tasks.loading import FileRefused, SourceFile, import_source, line_of, read_file, task_files
from runwright.tasks.registry import Problem, Registry
from runwright.tasks.task import Task

_logger = logging.getLogger(__name__)
ENTRY_POINT_GROUP = "runwright.tasks"


class DiscoverySettings(Protocol):
    """The settings that discovery reads."""

    autodiscovery_enabled: bool
    autodiscovery_namespaces: Sequence[str]
    autodiscovery_include_subpackages: bool
    autodiscovery_ignore_modules: Sequence[str]
    autodiscovery_override_on_conflict: bool
    required_tasks: Sequence[str]
    directory: Any
    community_dir: Any
    default: Any
    allowed_roots: Sequence[Any]


@dataclass(frozen=True, slots=True)
class DiscoveryOptions:
    """Where to look for tasks, and by which rules.

    Attributes:
        enabled: False looks at ``default`` only.
        namespaces: packages or modules to import.
        ignore_modules: names; a module is left out if any segment of its dotted name is one of them.
        directory, community_dir: folders of task files; one that is not there is no problem.
        default: a file that is always loaded as well; if it is missing, that is a problem in the list.
        allowed_roots: where files that are reached by links may live; the folders themselves are always allowed.
        required_tasks: names that must be known afterwards.
        file_seconds: the time limit for trying out one file.
    """

    enabled: bool = True
    namespaces: tuple[str, ...] = ()
    include_subpackages: bool = True
    ignore_modules: frozenset[str] = frozenset()
    override_on_conflict: bool = False
    required_tasks: tuple[str, ...] = ()
    directory: Path | None = None
    community_dir: Path | None = None
    default: Path | None = None
    allowed_roots: tuple[Path, ...] = field(default_factory=lambda: (Path.cwd(),))
    entry_points: bool = True
    file_seconds: float = 10.0

    @classmethod
    def of(cls, settings: DiscoverySettings) -> DiscoveryOptions:
        """The options that the settings say."""
        roots = tuple(Path(root) for root in settings.allowed_roots or ())
        return cls(
            enabled=settings.autodiscovery_enabled,
            namespaces=tuple(settings.autodiscovery_namespaces),
            include_subpackages=settings.autodiscovery_include_subpackages,
            ignore_modules=frozenset(settings.autodiscovery_ignore_modules),
            override_on_conflict=settings.autodiscovery_override_on_conflict,
            required_tasks=tuple(settings.required_tasks),
            directory=_path(settings.directory),
            community_dir=_path(settings.community_dir),
            default=_path(settings.default),
            allowed_roots=roots or (Path.cwd(),),
        )

    @property
    def directories(self) -> tuple[Path, ...]:
        """The folders that are watched, in their order."""
        return tuple(path for path in (self.directory, self.community_dir) if path is not None and self.enabled)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one module or file gave. ``refused``: it could not be imported, so its earlier tasks may stay."""

    source: str
    tasks: tuple[Task[..., Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What discovery did: the names that it registered, and every problem."""

    registered: tuple[str, ...]
    problems: tuple[Problem, ...]


def discover(options: DiscoveryOptions, registry: Registry) -> Report:
    """Find all tasks and register them; on the registry's loop, before it serves anybody.

    Raises:
        StartRefused: a class in a namespace has no valid ``task_name``, or a required task is missing.
    """
    return apply(find(options), registry, options)


def find(options: DiscoveryOptions) -> list[Finding]:
    """Import and read all sources; touches no registry, so it may run in a thread.

    Raises:
        StartRefused: a class in a namespace has no valid ``task_name``; all of them are named.
    """
    findings: list[Finding] = []
    naming: list[str] = []
    if options.enabled:
        for name in _modules(options, findings):
            _add_module(name, findings, naming)
    if naming:
        raise StartRefused("tasks in namespaces must have valid names: " + "; ".join(naming))
    for directory in options.directories:
        findings += find_in_directory(directory, options)
    if options.enabled and options.entry_points:
        findings += [_from_entry_point(point) for point in entry_points(group=ENTRY_POINT_GROUP)]
    if options.default is not None:
        findings += load_files([options.default], options, extra_roots=(options.default.parent,))
    return findings


def apply(findings: Iterable[Finding], registry: Registry, options: DiscoveryOptions) -> Report:
    """Register what was found, in order. The first registration of a name stays, unless the options say otherwise.

    Raises:
        StartRefused: a required task is missing; all missing ones are named.
    """
    before = {task.name: task for task in registry.tasks()}
    for finding in findings:
        admit(finding, registry, options)
    missing = sorted(name for name in options.required_tasks if registry.find(name) is None)
    if missing:
        raise StartRefused(
            f"required tasks are missing after discovery: {', '.join(missing)}; "
            f"provide them, or take them out of required_tasks"
        )
    registered = tuple(task.name for task in registry.tasks() if before.get(task.name) is not task)
    return Report(registered, tuple(registry.problems))


def admit(finding: Finding, registry: Registry, options: DiscoveryOptions) -> None:
    """Register one finding in place of what its source gave before."""
    problems = list(finding.problems)
    if not (finding.refused and registry.tasks_of(finding.source)):
        shadowed = registry.replace_source(finding.source, finding.tasks, options.override_on_conflict)
        for name, winner in sorted(shadowed.items()):
            error = f"the name {name!r} is taken by the task at {winner.source}; this one is not used"
            file, _, line = next(t.source for t in finding.tasks if t.name == name).rpartition(":")
            problems.append(Problem(file, int(line) if line.isdigit() else None, error, finding.source))
    known = registry.problems
    for problem in problems:
        if problem not in known:
            _logger.warning("%s%s: %s", problem.file, f":{problem.line}" if problem.line else "", problem.error)
    registry.set_problems(finding.source, problems)


def find_in_directory(directory: Path, options: DiscoveryOptions) -> list[Finding]:
    """What the task files of a directory give."""
    try:
        files = task_files(directory)
    except FileRefused as refused:
        problem = Problem(str(directory), None, refused.reason, str(directory))
        return [Finding(str(directory), problems=(problem,), refused=True)]
    return load_files(files, options, extra_roots=(directory,))


def load_files(
    paths: Sequence[Path], options: DiscoveryOptions, extra_roots: Sequence[Path] = (), clock: Clock | None = None
) -> list[Finding]:
    """Read files, try them out in other processes, and import those that are good; blocks, so not on a loop."""
    roots = [os.path.realpath(root) for root in (*options.allowed_roots, *extra_roots)]
    findings: dict[Path, Finding] = {}
    files: dict[Path, SourceFile] = {}
    for path in paths:
        try:
            files[path] = read_file(path, roots)
        except FileRefused as refused:
            findings[path] = _refused(path, refused)
    for (path, file), refusal in zip(
        files.items(), examine(list(files.values()), options.file_seconds, clock), strict=True
    ):
        findings[path] = _import_file(path, file) if refusal is None else _refused(path, refusal)
    return [findings[path] for path in paths]


def _import_file(path: Path, file: SourceFile) -> Finding:
    try:
        module = import_source(file)
    except FileRefused as refused:
        return _refused(path, refused)
    collected = collect(module, script_name=file.stem)
    if not (collected.tasks or collected.faults or collected.opted_out):
        nothing = "defines no task: no @task, no BaseTask class of its own, no run, main or service_main function"
        return Finding(str(path), problems=(Problem(str(path), None, nothing, str(path)),))
    return _finding(str(path), str(path), collected)


def _refused(path: Path, refused: FileRefused) -> Finding:
    return Finding(str(path), problems=(Problem(str(path), refused.line, refused.reason, str(path)),), refused=True)


def _finding(source: str, file: str, collected: Collected) -> Finding:
    problems = tuple(Problem(file, fault.line, fault.message, source) for fault in collected.faults)
    return Finding(source, collected.tasks, problems)


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
    findings.append(_finding(f"module {name}", file, collected))


def _from_entry_point(point: EntryPoint) -> Finding:
    source = f"entry point {point.name}"
    try:
        value = point.load()
        if isinstance(value, ModuleType):
            return _finding(source, value.__file__ or point.value, collect(value))
        items = value if isinstance(value, (list, tuple)) else [value]
        return Finding(source, tuple(to_task(item) for item in items))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a broken package must not stop the others
        problem = Problem(point.value, None, f"{source}: {type(error).__name__}: {error}", source)
        return Finding(source, problems=(problem,), refused=True)


def _path(value: Any) -> Path | None:
    return None if value is None or value == "" else Path(value).expanduser()
