"""What the commands that stay do before they are ready."""

from __future__ import annotations

import gc
from pathlib import Path

from runwright import Settings, TaskManager
from runwright.cli.serve import get_ready


async def test_what_is_there_when_all_is_ready_is_kept_from_the_collector(tmp_path: Path) -> None:
    manager = TaskManager(Settings(store=f"sqlite:///{tmp_path / 'ready.db'}", directory=str(tmp_path)), roles=())
    before = gc.get_freeze_count()
    try:
        await get_ready(manager)
        assert gc.get_freeze_count() > before
        assert not any(kept is manager for kept in gc.get_objects())
    finally:
        gc.unfreeze()
        await manager.close()
