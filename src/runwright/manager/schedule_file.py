"""The file that keeps schedules: written whole or not at all, read whole or not at all.

A crash leaves the old file or the new one. A damaged file is refused, and left as it is.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runwright.config.files import parse_file
from runwright.control.strict_json import parse
from runwright.errors import InvalidInput
from runwright.model import JSON, JSONObject

LARGEST_BYTES = 64 * 1024 * 1024


def text_of(schedules: Sequence[JSONObject]) -> str:
    """The file's content: a JSON list, one object for each schedule."""
    return json.dumps(list(schedules), indent=2, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Put ``text`` in the place of the file, at once and for good; folders are made. Raises InvalidInput."""
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise InvalidInput.field("/path", f"{path} cannot be written: {error.strerror or error}") from error


def read(path: Path) -> list[JSON] | None:
    """The entries of the file, JSON or YAML; None if there is no file. Raises InvalidInput if it has no list."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InvalidInput.field("/path", f"{path} is larger than {LARGEST_BYTES // 1024**2} MiB")
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput.field("/path", f"{path} cannot be read: {error.strerror or error}") from error
    return listed(parse_file(path) if path.suffix in (".yaml", ".yml") else parse(content, str(path)), str(path))


def listed(found: Any, where: str) -> list[JSON]:
    """The list of schedules in what a file holds. Raises InvalidInput if there is none."""
    if isinstance(found, Mapping):
        found = found.get("Tasks", found.get("schedules"))
    if not isinstance(found, list):
        raise InvalidInput.field("/path", f"{where} must hold a list of schedules, or one under 'Tasks'")
    return found


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
