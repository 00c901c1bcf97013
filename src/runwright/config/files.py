"""Vocabulary: settings files. Finds the one to read, reads YAML, JSON and TOML, and names each setting by its own key.

It accepts what older programs wrote (``manager.tasks`` in ``config.json``, ``task_autodiscovery_…``, ``Tasks:``) and
refuses keys that nobody knows. It judges names, never values.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from runwright.errors import FieldError, SettingsError

NAMES = ("runwright.yaml", "runwright.yml", "runwright.json", "runwright.toml")
FOREIGN = "config.json"

MANAGER_KEYS = {
    "directory": "directory",
    "default": "default",
    "auto_restart": "auto_restart",
    "interval": "interval",
    "max_retries": "manager_max_retries",
}
OLDER_KEYS = {
    "Tasks": "schedules",
    **{
        f"task_autodiscovery_{key}": f"autodiscovery_{key}"
        for key in ("enabled", "namespaces", "include_subpackages", "ignore_modules", "override_on_conflict")
    },
}

_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*')


@dataclass(slots=True)
class SettingsFile:
    """What a file says: ``values`` by setting, the ``keys`` under which they stood, and what deserves a warning."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """Leaves times as the text that was written: a schedule is a text, and JSON has no times."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def find(directory: Path) -> tuple[Path | None, list[str]]:
    """The settings file of a working directory, and warnings about one that was passed over.

    Raises:
        SettingsError: there are two, so that nobody could say which one holds.
    """
    found = [path for name in NAMES if (path := directory / name).is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise SettingsError(f"{directory} has {names}: keep one of them, or choose it with --config")
    foreign = directory / FOREIGN
    if not foreign.is_file():
        return (found[0] if found else None), []
    try:
        document = parse_file(foreign)
    except SettingsError as error:  # it may be another program's, so it stops nobody
        return (found[0] if found else None), [f"{error.message}; it was not read"]
    if not (isinstance(document, Mapping) and "manager" in document):
        return (found[0] if found else None), []
    if found:
        return found[0], [f"{FOREIGN} was not read, because {found[0].name} is there"]
    return foreign, []


def read(path: Path, known: Collection[str]) -> SettingsFile:
    """The settings in ``path``; ``known`` are the names that there are.

    Raises:
        SettingsError: it cannot be read or parsed, or it has unknown keys: one error for each.
    """
    document = parse_file(path)
    result = SettingsFile(path)
    if document is None:
        return result
    if not isinstance(document, Mapping):
        raise SettingsError(f"{path} must hold settings by name, not a {type(document).__name__}")
    foreign = path.suffix == ".json" and path.name not in NAMES and "manager" in document
    if foreign:
        _pass_over(result, [str(key) for key in document if key != "manager"], document["manager"])
        document = {"manager": document["manager"]}
    faults: list[FieldError] = []
    for key, name, value in _entries(document, foreign):
        if name not in known:
            near = get_close_matches(key, [*known, *MANAGER_KEYS, *OLDER_KEYS], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            faults.append(FieldError(f"/{key}", f"{path}: there is no setting {key!r}{hint}", "unknown"))
        elif name in result.values:
            faults.append(FieldError(f"/{name}", f"{path}: {key!r} and {result.keys[name]!r} say the same thing twice"))
        else:
            result.values[name], result.keys[name] = value, key
    if faults:
        raise SettingsError("; ".join(fault.message for fault in faults), faults)
    return result


def _entries(document: Mapping[Any, Any], foreign: bool) -> Iterator[tuple[str, str, Any]]:
    """Each entry as (key as written, setting that it means, value)."""
    for key, value in document.items():
        if key != "manager":
            yield str(key), OLDER_KEYS.get(key, str(key)), value
            continue
        sections = value if isinstance(value, Mapping) else {"": value}
        for section, entries in sections.items():
            if section != "tasks" or not isinstance(entries, Mapping):
                if section == "tasks" or not foreign:
                    yield f"manager.{section}".rstrip("."), "", entries
                continue
            for inner, entry in entries.items():
                yield f"manager.tasks.{inner}", MANAGER_KEYS.get(inner, ""), entry


def _pass_over(result: SettingsFile, sections: list[str], manager: Any) -> None:
    if isinstance(manager, Mapping):
        sections += [f"manager.{key}" for key in manager if key != "tasks"]
    if sections:
        result.warnings.append(f"{result.path}: only manager.tasks is read; passed over: {', '.join(sorted(sections))}")


def parse_file(path: Path) -> Any:
    """What a JSON, YAML or TOML file holds; times in YAML stay the text that was written. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"there is no settings file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    try:
        match path.suffix:
            case ".json":
                return json.loads(without_comments(text))
            case ".toml":
                return tomllib.loads(text)
            case ".yaml" | ".yml":
                return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, see above
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not well-formed: {' '.join(str(error).split())}") from error
    raise SettingsError(f"{path} must end in .yaml, .json or .toml")


def line_of_entry(path: Path, number: int) -> int | None:
    """The line on which an entry of the file's list of schedules begins; None if it cannot be told, as for TOML."""
    if path.suffix == ".toml":
        return None
    try:
        text = path.read_text(encoding="utf-8")  # JSON is YAML, too, but for the comments
        document = yaml.compose(without_comments(text) if path.suffix == ".json" else text, Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return None
    for key, value in document.value if isinstance(document, yaml.MappingNode) else ():
        if OLDER_KEYS.get(key.value, key.value) == "schedules" and isinstance(value, yaml.SequenceNode):
            return int(value.value[number].start_mark.line) + 1 if number < len(value.value) else None
    return None


def without_comments(text: str) -> str:
    """JSON text without its ``//`` comments; those in strings stay, and so do the line numbers."""
    return _COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else "", text)
