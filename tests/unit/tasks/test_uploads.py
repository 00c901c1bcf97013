"""Files as parameters: what a signature takes, and what the spool keeps."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from runwright import UploadedFile, task
from runwright.clock import SystemClock
from runwright.errors import DefinitionError, InvalidArguments, StoreUnavailable, TooLarge
from runwright.tasks.signature import Signature
from runwright.tasks.uploads import bound
from runwright.uploads import Spool, clean_name, clean_type


class Envelope(BaseModel):
    letter: UploadedFile


def inside(envelope: Envelope) -> None: ...
def in_dict(letters: dict[str, UploadedFile]) -> None: ...
def in_lists(letters: list[list[UploadedFile]]) -> None: ...
def one(letter: UploadedFile, more: list[UploadedFile] | None = None, note: UploadedFile | None = None) -> None: ...


def test_files_are_parameters_of_their_own_or_lists() -> None:
    signature = Signature.of(one)
    assert signature.upload_pointers == ("/letter", "/more/*", "/note")
    assert signature.schema()["properties"]["letter"] == {
        "type": "string", "format": "binary", "x-upload": True, "title": "Letter",
    }  # fmt: skip
    for function in (inside, in_dict, in_lists):
        with pytest.raises(DefinitionError, match="an UploadedFile must be a parameter of its own"):
            Signature.of(function)


def test_a_task_of_files_can_be_called_as_a_plain_function(tmp_path: Path) -> None:
    @task
    def size(letter: UploadedFile) -> int:
        return len(letter.read_bytes())

    (tmp_path / "x").write_bytes(b"four")
    assert size(UploadedFile("x", "text/plain", 4, "0" * 64, tmp_path / "x")) == 4


def test_a_stored_value_becomes_a_file_of_its_run_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    file = spool.take(io.BytesIO(b"dear"), "letter.txt", "text/plain")
    spool.link("run-1", [file])
    given = bound(tmp_path / "run-1", file.to_json())
    assert isinstance(given, UploadedFile)
    assert (given.read_text(), given.to_json()) == ("dear", file.to_json())
    for forged in ({"sha256": "../run-2/secret"}, {"sha256": "/etc/passwd"}, {"path": "/etc/passwd"}, "letter.txt", 7):
        assert bound(tmp_path / "run-1", forged) is forged
        with pytest.raises(InvalidArguments, match="must be sent as a file"):
            Signature.of(one).validate({"letter": forged})


def test_the_spool_forgets_what_arrived_and_keeps_what_a_run_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100)
    files = [spool.take(io.BytesIO(b"same"), name) for name in ("a", "b")]
    spool.link("run-1", files)
    spool.forget(files)
    kept = list((tmp_path / "spool" / "run-1").iterdir())
    assert [path.name for path in kept] == [files[0].sha256]  # the same content is kept once
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []
    assert {(tmp_path / "spool" / name).stat().st_mode & 0o077 for name in ("incoming", "run-1")} == {0}
    assert kept[0].stat().st_mode & 0o077 == 0


def test_a_file_system_without_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    spool = Spool(tmp_path, 100)
    file = spool.take(io.BytesIO(b"dear"), "letter.txt")
    spool.link("run-1", [file])
    assert [path.name for path in (tmp_path / "run-1").iterdir()] == [file.sha256]


def test_a_temporary_spool_is_made_late_and_ends_with_its_manager() -> None:
    spool = Spool(None, 100)
    spool.drop(["run-1"])
    assert spool.stale(SystemClock().now()) == []
    folder = spool.take(io.BytesIO(b"dear"), "letter.txt").path.parent.parent
    assert folder.is_dir()
    spool.close()
    assert not folder.exists()


def test_too_large_a_file_and_a_full_disk_leave_nothing(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    spool = Spool(tmp_path, 3)
    with pytest.raises(TooLarge, match="upload_limit_bytes"):
        spool.take(io.BytesIO(b"four"), "a")
    with pytest.raises(StoreUnavailable, match="No space left") as refused:
        spool.take(Full(), "a")
    assert refused.value.reason == "full"
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("letter.txt", "letter.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\letters\\a.txt", "a.txt"),
        ("a\x00b\n.txt", "ab.txt"),
        ("\ud800.txt", ".txt"),
        ("..", "file"),
        ("letters/", "file"),
        ("x" * 300, "x" * 255),
    ],
)
def test_names_are_for_people(given: str, name: str) -> None:
    assert clean_name(given) == name


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("Text/CSV; charset=utf-8", "text/csv"),
        ("", "application/octet-stream"),
        ("a/b/c\r\n", "application/octet-stream"),
    ],
)
def test_media_types_are_checked(given: str, kind: Any) -> None:
    assert clean_type(given) == kind
