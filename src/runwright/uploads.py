"""The spool: where the content of uploaded files lies from its arrival until its run is deleted.

``incoming/`` has what has just arrived; ``<run id>/<digest>`` belongs to a run. All names are the server's own. It
knows files and no store; its methods block, so a loop calls them in a thread (``link`` is quick).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from runwright.clock import SECOND, Micros
from runwright.errors import StoreUnavailable, TooLarge
from runwright.tasks.uploads import UploadedFile

CHUNK_BYTES = 1024 * 1024
KEPT_WITHOUT_RUN_SECONDS = 3600
_INCOMING = "incoming"
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Spool:
    """The folder of uploaded files.

    Args:
        folder: made when the first file comes, for the owner's eyes only; None takes a temporary one that ends with
            ``close``.
        limit_bytes: how large one file may be.
    """

    def __init__(self, folder: Path | None, limit_bytes: int) -> None:
        self._folder, self._limit = folder, limit_bytes
        self._temporary: Path | None = None

    @property
    def folder(self) -> Path:
        """Where everything lies; a temporary folder is made at the first question."""
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="runwright-uploads-"))
        return self._temporary

    def close(self) -> None:
        """Remove a temporary folder; any other stays."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def take(self, content: BinaryIO, name: str, content_type: str = "") -> UploadedFile:
        """Take in the content of a file; it is removed again by ``forget``, or an hour later.

        Raises:
            TooLarge: it has more bytes than are allowed.
            StoreUnavailable: there is no room for it.
        """
        incoming = self.folder / _INCOMING
        digest, size = hashlib.sha256(), 0
        path: Path | None = None
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, incoming):
                folder.mkdir(mode=0o700, exist_ok=True)
            handle, text = tempfile.mkstemp(dir=incoming)
            path = Path(text)
            with os.fdopen(handle, "wb") as file:
                while chunk := content.read(CHUNK_BYTES):
                    size += len(chunk)
                    if size > self._limit:
                        raise TooLarge(f"an uploaded file may have {self._limit} bytes at most; see upload_limit_bytes")
                    digest.update(chunk)
                    file.write(chunk)
        except BaseException as error:
            if path is not None:
                path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise unavailable(error) from error
            raise
        return UploadedFile(clean_name(name), clean_type(content_type), size, digest.hexdigest(), path)

    def forget(self, files: Iterable[UploadedFile]) -> None:
        """Remove what has arrived and was linked to its run, or is not wanted after all."""
        for file in files:
            if file.path.parent.name == _INCOMING:
                file.path.unlink(missing_ok=True)

    def link(self, run: str, files: Iterable[UploadedFile]) -> None:
        """Give files to a run: those that have arrived, or those of another run. Raises StoreUnavailable."""
        own = self.folder / run
        try:
            for file in files:
                own.mkdir(mode=0o700, exist_ok=True)
                _link(file.path, own / file.sha256)
        except OSError as error:
            raise unavailable(error) from error

    def drop(self, runs: Iterable[str]) -> None:
        """Remove the files of runs that are gone."""
        if self._folder is None and self._temporary is None:
            return
        for run in runs:
            shutil.rmtree(self.folder / run, ignore_errors=True)

    def stale(self, now: Micros) -> list[str]:
        """The runs whose files are older than an hour; what arrived then and belongs to no run is removed."""
        if self._folder is None and self._temporary is None:
            return []
        before = now / SECOND - KEPT_WITHOUT_RUN_SECONDS
        old = []
        for entry in _entries(self.folder):
            if entry.name == _INCOMING:
                for file in _entries(Path(entry.path)):
                    if _mtime(file) < before:
                        Path(file.path).unlink(missing_ok=True)
            elif _RUN.fullmatch(entry.name) and _mtime(entry) < before:  # anything else is not ours
                old.append(entry.name)
        return old


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return
    except OSError:  # a file system without such links
        part = target.with_suffix(".part")
        shutil.copyfile(source, part)
        part.replace(target)


def clean_name(name: str) -> str:
    """A file's name without folders and without what no page can show."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in last if c.isprintable()).encode("utf-8", "ignore").decode().strip()
    return shown[-255:] if shown not in ("", ".", "..") else "file"


def clean_type(content_type: str) -> str:
    """A media type that can be stored, or the one that says nothing."""
    kind = content_type.partition(";")[0].strip().lower()
    return (
        kind if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}", kind) else "application/octet-stream"
    )


def unavailable(error: OSError) -> StoreUnavailable:
    """An error of the disk below the spool."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StoreUnavailable(f"the file cannot be kept: {error.strerror or error}", "full" if full else "away")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # not there yet, or not just now: the next look finds the same
        return []


def _mtime(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:  # removed meanwhile
        return float("inf")
