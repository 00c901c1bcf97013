"""Back up a SQLite database: a real one, into the format that you choose, while others go on writing to it."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from runwright import Choices, Discard, Retry, RunContext, task

PAGES_AT_ONCE = 64
Format = Annotated[
    Literal["sql", "db", "tar"],
    Choices({"sql": "SQL dump", "db": "SQLite file", "tar": "Compressed archive"}),
    Field(title="Backup format"),
]


@task(
    title="Database backup",
    category="maintenance",
    icon="database",
    tags=["db", "backup"],
    danger="Replaces the oldest backup when more than the number to keep are there.",
    timeout=600,
    retry=Retry(max_retries=2, delay=5),
)
def backup(
    format: Format = "sql",
    database: Annotated[str, Field(description="Path of the SQLite file")] = "runwright.db",
    folder: Annotated[str, Field(description="Where backups are kept")] = "backups",
    keep: Annotated[int, Field(ge=1, le=1000, description="How many backups to keep")] = 5,
    *,
    run: RunContext,
) -> dict[str, object]:
    """Copies the database page by page, checks the copy, and writes it in the chosen format."""
    source = Path(database)
    if not source.is_file():
        raise Discard(f"there is no file {source}")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    stem = f"{source.stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    copy = target / f"{stem}.db"

    def step(_: int, left: int, total: int) -> None:
        run.progress(total - left, total, f"{total - left} of {total} pages")
        run.checkpoint_sync()  # here the run can be paused or cancelled

    _copy(source, copy, step)
    run.log.info("copied %s to %s, and the copy is sound", source, copy)

    result = _converted(copy, format)
    for old in sorted(target.glob(f"{source.stem}-*"))[:-keep]:
        run.log.info("removing the old backup %s", old.name)
        old.unlink()
    return {"file": str(result), "size": result.stat().st_size}


def _copy(source: Path, copy: Path, step: Callable[[int, int, int], None]) -> None:
    """Copy the database some pages at a time, and check the copy; a copy that was broken off is removed."""
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    writing = sqlite3.connect(copy)
    try:
        reading.backup(writing, pages=PAGES_AT_ONCE, progress=step)
        (verdict,) = writing.execute("pragma integrity_check").fetchone()
        if verdict != "ok":
            raise RuntimeError(f"the copy is not sound: {verdict}")
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    finally:
        reading.close()
        writing.close()


def _converted(copy: Path, format: str) -> Path:
    """The copy in the chosen format; the plain copy is removed unless it is what was asked for."""
    if format == "db":
        return copy
    if format == "sql":
        result = copy.with_suffix(".sql")
        connection = sqlite3.connect(copy)
        try:
            with result.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in connection.iterdump())
        finally:
            connection.close()
    else:
        result = copy.with_suffix(".tar.gz")
        with tarfile.open(result, "w:gz") as archive:
            archive.add(copy, copy.name)
    copy.unlink()
    return result
