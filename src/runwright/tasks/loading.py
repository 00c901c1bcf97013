"""Room of tasks: reads task files and makes modules of them, each version under a name of its own.

A file is read once; the bytes that were checked are those that are executed. Where a file may live is checked here;
whether it is safe to import is tried out by ``examine`` first.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from runwright.tasks.options import SLUG
from runwright.tasks.places import reason_of

PACKAGE = "runwright_files"
PASSED_OVER = ("__", ".")
"""How names of files begin that are no task files, whatever they hold."""
MAX_FILE_BYTES = 4 * 1024 * 1024


class FileRefused(Exception):
    """A file is not a task file, or could not be imported: why, and in which line."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's content at one moment."""

    path: str
    data: bytes

    @property
    def stem(self) -> str:
        """The file's name without ``.py``."""
        return Path(self.path).stem

    @property
    def module_name(self) -> str:
        """The name under which this version of the file is imported."""
        digest = hashlib.sha256(self.path.encode("utf-8", "surrogateescape") + b"\0" + self.data).hexdigest()
        return f"{PACKAGE}.{self.stem}_{digest[:16]}"


def task_files(directory: Path) -> list[Path]:
    """The files of a directory that may be task files, sorted: ``*.py``, not ``__*`` and not hidden.

    Raises:
        FileRefused: it is no directory, or open to everybody, so that anyone could put code into it.
    """
    try:
        mode = directory.stat().st_mode
        names = sorted(entry.name for entry in directory.iterdir())
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        raise FileRefused("is not a directory") from error
    except OSError as error:
        raise FileRefused(f"the directory cannot be read: {error.strerror}") from error
    found = [directory / name for name in names if name.endswith(".py") and not name.startswith(PASSED_OVER)]
    if found and mode & stat.S_IWOTH:
        raise FileRefused("everybody may write to this directory, so no code is loaded from it: chmod o-w it")
    return found


def read_file(path: Path, roots: Sequence[str]) -> SourceFile:
    """Read a task file whose real place is under one of ``roots``. It never blocks on what is not a regular file.

    Raises:
        FileRefused: with the reason.
    """
    check_name(path)
    try:
        real = os.path.realpath(path, strict=True)
        check_place(real, roots)
        if not stat.S_ISREG(Path(real).stat().st_mode):
            raise FileRefused("is not a regular file")
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            opened, there = os.fstat(handle), path.stat()
            # Links may be turned while we look: what was opened must still be what the path leads to.
            check_place(os.path.realpath(path, strict=True), roots)
            if (opened.st_dev, opened.st_ino) != (there.st_dev, there.st_ino) or not stat.S_ISREG(opened.st_mode):
                raise FileRefused("was exchanged while it was being read")
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise FileRefused("is a link to nothing" if path.is_symlink() else "is gone") from error
    except (OSError, RuntimeError) as error:
        raise FileRefused(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise FileRefused(f"is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    return SourceFile(str(path), data)


def import_source(file: SourceFile) -> ModuleType:
    """The module of a file's content; executed once, however often it is asked for.

    Raises:
        FileRefused: it cannot be compiled or executed; the line is that of the file.
    """
    name = file.module_name
    present = sys.modules.get(name)
    if present is not None:
        return present
    module = ModuleType(name)
    module.__file__, module.__package__ = file.path, PACKAGE
    module.__spec__ = ModuleSpec(name, None, origin=file.path)
    module.__dict__["__source__"] = file.data  # for processes that shall execute just these bytes
    path, streams = list(sys.path), (sys.stdout, sys.stderr)
    try:
        code = compile(file.data, file.path, "exec", dont_inherit=True)
        sys.modules[name] = module
        exec(code, module.__dict__)  # noqa: S102 - executing task files is what this room is for
    except KeyboardInterrupt:
        sys.modules.pop(name, None)
        raise
    except BaseException as error:  # sys.exit() and everything else that a module may do at import
        sys.modules.pop(name, None)
        raise FileRefused(reason_of(error), line_of(error, file.path, file.data)) from error
    finally:
        sys.path[:] = path
        sys.stdout, sys.stderr = streams
    return module


def forget(module_name: str) -> None:
    """Drop a version that is replaced. Runs that use it keep its code; only its name is gone."""
    if module_name.startswith(f"{PACKAGE}."):
        sys.modules.pop(module_name, None)


def line_of(error: BaseException, path: str, data: bytes | None = None) -> int | None:
    """The line of the file in which an import failed; ``data`` is its content, if that is at hand."""
    if isinstance(error, SyntaxError) and error.filename == path and error.lineno:
        return error.lineno
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    if lines:
        return lines[-1]
    if isinstance(error, (SyntaxError, ValueError)):  # Python does not say where a null byte is
        before, null, _ = (_content(path) if data is None else data).partition(b"\0")
        return before.count(b"\n") + 1 if null else None
    return None


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError):
        return b""


def check_name(path: Path) -> None:
    """Refuse a file whose name cannot be a task's. Raises FileRefused."""
    name = path.stem.lower().replace(" ", "_")
    if not SLUG.fullmatch(name.strip("_") or "-"):
        raise FileRefused(f"its name {path.name!r} cannot be the name of a task: use letters, digits, '_', '.' and '-'")


def check_place(real: str, roots: Sequence[str]) -> None:
    """Refuse a file whose real place is under none of the roots. Raises FileRefused."""
    if not any(real.startswith(root.rstrip("/") + "/") for root in roots):
        raise FileRefused(f"leads to {real}, which is outside of the allowed places; see allowed_roots")
