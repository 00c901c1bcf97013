"""Scan a folder: count and weigh its files, find the largest. Reports progress, can be paused and cancelled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from pydantic import Field

from runwright import Discard, RunContext, task


@task(title="Folder scan", category="report", icon="folder", tags=["files"])
async def scan(
    folder: Annotated[str, Field(description="The folder to look through")] = ".",
    largest: Annotated[int, Field(ge=1, le=100, description="How many of the largest files to list")] = 10,
    pause_per_folder: Annotated[float, Field(ge=0, le=5, description="Seconds to rest after each folder")] = 0.01,
    *,
    run: RunContext,
) -> dict[str, object]:
    """Looks through a folder and all folders below it."""
    folders = await asyncio.to_thread(folders_below, Path(folder))
    sizes: dict[str, int] = {}
    for done, each in enumerate(folders, start=1):
        sizes.update(await asyncio.to_thread(sizes_in, each))
        run.log.info("%s: %d files so far", each, len(sizes))
        run.progress(done, len(folders), str(each))
        await run.checkpoint()
        await asyncio.sleep(pause_per_folder)
    top = sorted(sizes.items(), key=lambda item: item[1], reverse=True)[:largest]
    return {
        "folders": len(folders),
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "largest": [{"file": name, "bytes": size} for name, size in top],
    }


def folders_below(root: Path) -> list[Path]:
    """The folder and all folders below it."""
    if not root.is_dir():
        raise Discard(f"there is no folder {root}")
    return [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]


def sizes_in(folder: Path) -> dict[str, int]:
    """The files of one folder, in bytes."""
    return {str(path): path.stat().st_size for path in folder.iterdir() if path.is_file() and not path.is_symlink()}
