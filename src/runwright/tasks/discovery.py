"""Room of tasks: finds tasks in all their sources, in order: namespaces, directories, entry points, the default file.

``find`` imports and reads, may take seconds and may run in any thread; ``apply`` puts what was found into a registry,
on the registry's own loop. ``discover`` is both. A broken module never hides the others.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runwright.clock import Clock
from runwright.errors import StartRefused
from runwright.model import Lane
from runwright.retry import Retry
from runwright.tasks.collect import collect
from runwright.tasks.examine import examine
from runwright.tasks.loading import FileRefused, SourceFile, import_source, read_file, task_files
from runwright.tasks.namespaces import find_in_entry_points, find_in_namespaces
from runwright.tasks.registry import Problem, Registry
from runwright.tasks.sources import DiscoveryOptions, Finding, finding_of
from runwright.tasks.task import Task, build

__all__ = ["DiscoveryOptions", "Finding", "Report", "admit", "apply", "discover", "find", "load_files"]

_logger = logging.getLogger(__name__)


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
    findings = find_in_namespaces(options) if options.enabled else []
    for directory in options.directories:
        findings += find_in_directory(directory, options)
    if options.enabled and options.entry_points:
        findings += find_in_entry_points()
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
    own = registry.tasks_of(finding.source)
    if not (finding.refused and own):
        for task in finding.tasks if options.override_on_conflict else ():
            old = registry.find(task.name)
            if old is not None and old not in own:
                _logger.warning("task %r of %s takes the place of the one at %s", task.name, task.source, old.source)
        registry.set_hooks(finding.source, finding.hooks)
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
    unknown = {path: file for path, file in files.items() if file.module_name not in sys.modules}
    for path, refusal in zip(unknown, examine(list(unknown.values()), options.file_seconds, clock), strict=True):
        if refusal is not None:
            findings[path] = _refused(path, refusal)
    for path, file in files.items():
        if path not in findings:
            findings[path] = _import_file(path, file, options)
    return [findings[path] for path in paths]


def _import_file(path: Path, file: SourceFile, options: DiscoveryOptions) -> Finding:
    try:
        module = import_source(file)
        collected = collect(module, script_name=file.stem)
    except FileRefused as refused:
        return _refused(path, refused)
    if not (collected.tasks or collected.faults or collected.opted_out or collected.hooks):
        nothing = "defines no task: no @task, no BaseTask class of its own, no run, main or service_main function"
        return _refused(path, FileRefused(nothing))
    tasks = tuple(_with_retries(task, options.script_retries) for task in collected.tasks)
    return finding_of(str(path), str(path), replace(collected, tasks=tasks))


def _with_retries(task: Task[..., Any], retries: int | None) -> Task[..., Any]:
    """A script of a folder with the retries that the settings give it, unless it says something itself."""
    if retries is None or task.form != "script" or task.lane is Lane.SERVICE or "retry" in task.given:
        return task
    given = {**task.given, "retry": Retry(max_retries=retries)}
    return build(
        task.function, task.form, given, signature=task.signature, source=task.source, defined_in=task.defined_in
    )


def _refused(path: Path, refused: FileRefused) -> Finding:
    return Finding(str(path), problems=(Problem(str(path), refused.line, refused.reason, str(path)),), refused=True)
