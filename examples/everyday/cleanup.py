"""Remove old files, every five minutes: a plain function in a thread, with a schedule of its own."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from runwright import task

logger = logging.getLogger(__name__)


@task(title="Clean-up", category="maintenance", icon="broom", tags=["files"], schedule="@every 5m")
def cleanup(
    folder: Annotated[str, Field(description="The folder whose old files are removed")] = "backups",
    days: Annotated[float, Field(gt=0, description="Files older than so many days go")] = 30,
) -> dict[str, int]:
    """Removes files that nobody has changed for a while."""
    root = Path(folder)
    if not root.is_dir():
        print(f"there is no folder {root}: nothing to do")  # a task prints into its log
        return {"removed": 0}
    limit = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    removed = 0
    for path in sorted(root.iterdir()):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink()
            removed += 1
            logger.info("removed %s", path)
    return {"removed": removed}
