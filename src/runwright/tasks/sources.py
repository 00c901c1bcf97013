"""Room of tasks: where discovery looks and by which rules, and what it brings from one source.

Values only; ``discovery`` and ``namespaces`` do the work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runwright.config import Settings
from runwright.tasks.collect import Collected
from runwright.tasks.hooks import Hooks
from runwright.tasks.registry import Problem
from runwright.tasks.task import Task


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
        raise_on_missing_name: a class in a namespace without a valid ``task_name`` stops the start; False lists it.
        required_tasks: names that must be known afterwards.
        file_seconds: the time limit for trying out one file.
        script_retries: retries of a script in a folder that has no policy of its own; None leaves it without.
    """

    enabled: bool = True
    namespaces: tuple[str, ...] = ()
    include_subpackages: bool = True
    ignore_modules: frozenset[str] = frozenset()
    override_on_conflict: bool = False
    raise_on_missing_name: bool = True
    required_tasks: tuple[str, ...] = ()
    directory: Path | None = None
    community_dir: Path | None = None
    default: Path | None = None
    allowed_roots: tuple[Path, ...] = field(default_factory=lambda: (Path.cwd(),))
    entry_points: bool = True
    file_seconds: float = 5.0
    script_retries: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> DiscoveryOptions:
        """The options that the settings say."""
        retries = settings.origin("manager_max_retries")
        return cls(
            enabled=settings.autodiscovery_enabled,
            namespaces=tuple(settings.autodiscovery_namespaces),
            include_subpackages=settings.autodiscovery_include_subpackages,
            ignore_modules=frozenset(settings.autodiscovery_ignore_modules),
            override_on_conflict=settings.autodiscovery_override_on_conflict,
            raise_on_missing_name=settings.autodiscovery_raise_on_missing_name,
            required_tasks=tuple(settings.required_tasks),
            directory=settings.directory,
            community_dir=settings.community_dir,
            default=settings.default,
            allowed_roots=tuple(settings.allowed_roots) or (Path.cwd(),),
            file_seconds=settings.import_seconds,
            # xcore's key: it counts where somebody has written it, since a run by hand is tried once by default
            script_retries=None if retries == "default" else settings.manager_max_retries,
        )

    @property
    def directories(self) -> tuple[Path, ...]:
        """The folders that are watched, in their order."""
        return tuple(path for path in (self.directory, self.community_dir) if path is not None and self.enabled)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one module or file gave. ``refused``: nothing can be used of it, so earlier tasks of its source stay."""

    source: str
    tasks: tuple[Task[..., Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    refused: bool = False
    hooks: tuple[Hooks, ...] = ()


def finding_of(source: str, file: str, collected: Collected) -> Finding:
    """The finding of an imported module."""
    problems = tuple(Problem(file, fault.line, fault.message, source) for fault in collected.faults)
    nothing = not collected.tasks and not collected.opted_out
    return Finding(source, collected.tasks, problems, refused=nothing and bool(problems), hooks=collected.hooks)
