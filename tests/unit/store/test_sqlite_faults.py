"""A disk that is full, and processes that die: nothing half-written, and it goes on when the trouble is over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runwright.clock import SystemClock, SystemRng
from runwright.errors import StoreUnavailable
from runwright.model import Enqueued, Lane, NewRun
from runwright.store.base import NewWorker, RunQuery, Wanted
from runwright.store.sqlite import SqliteStore

_rng = SystemRng()


def run(size: int = 0) -> NewRun:
    now = SystemClock().now()
    return NewRun(_rng.run_id(now), "backup", Lane.ASYNC, '{"x":"' + "x" * size + '"}', now, now)


async def opened(path: Path) -> SqliteStore:
    return await SqliteStore.open(str(path), clock=SystemClock(), rng=SystemRng(), busy_seconds=1)


async def fill(store: SqliteStore) -> tuple[set[str], StoreUnavailable]:
    """Store runs until there is no room; the ids that were acknowledged, and the refusal."""
    stored: set[str] = set()
    for _ in range(2000):
        new = [run(20_000) for _ in range(3)]
        refusal: StoreUnavailable | None = None
        answers = await asyncio.gather(*(store.enqueue([one]) for one in new), return_exceptions=True)
        for one, answer in zip(new, answers, strict=True):
            if isinstance(answer, StoreUnavailable):
                refusal = answer
            else:
                assert answer == [Enqueued(one.id)]
                stored.add(one.id)
        if refusal is not None:
            return stored, refusal
    raise AssertionError("the disk never became full")


async def ids(store: SqliteStore) -> set[str]:
    return {one.id for one in (await store.runs(RunQuery(limit=10_000))).items}


async def test_a_store_at_its_limit_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    store = await opened(tmp_path / "store.db")
    store._connection.execute("PRAGMA max_page_count = 300")
    stored, refusal = await fill(store)
    assert refusal.reason == "full"
    assert await ids(store) == stored
    assert store._connection.execute("PRAGMA integrity_check").get == "ok"
    store._connection.execute("PRAGMA max_page_count = 100000")
    last = run(20_000)
    await store.enqueue([last])
    assert await ids(store) == stored | {last.id}
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB; only root can make one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk; the limit of the file is tested without")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_refuses_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    store = await opened(small_disk / "store.db")
    stored, refusal = await fill(store)
    assert refusal.reason == "full"
    with pytest.raises(StoreUnavailable):
        await store.enqueue([run(1_000_000)])
    assert await ids(store) == stored
    ballast.unlink()
    await store.check()
    last = run()
    await store.enqueue([last])
    assert await ids(store) == stored | {last.id}
    assert store._connection.execute("PRAGMA integrity_check").get == "ok"
    await store.close()


_WORKER = """
import asyncio, sys
from runwright.clock import SystemClock, SystemRng
from runwright.model import Lane
from runwright.store.base import NewWorker, Wanted
from runwright.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(sys.argv[1], clock=SystemClock(), rng=SystemRng())
    await store.register(NewWorker("doomed", "host", 1, {}, ["backup"]), 3600)
    turn = await store.turn("doomed", [Wanted(Lane.ASYNC, 1, 1)])
    print(len(turn.claims), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_process_is_dead_at_once_whatever_its_lease(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await opened(path)
    runs = [run(), run()]
    await store.enqueue(runs)
    with subprocess.Popen([sys.executable, "-c", _WORKER, str(path)], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == b"2\n"
        assert list(await store.orphans()) == []
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    (orphan,) = await store.orphans()
    assert (orphan.run_id, orphan.worker) == (runs[0].id, "doomed")
    assert list((tmp_path / "store.db.sessions").iterdir()) == []
    await store.register(NewWorker("next", "host", 1, {}, ["backup"]), 30)
    turn = await store.turn("next", [Wanted(Lane.ASYNC, 5)])
    assert [claim.run_id for claim in turn.claims] == [runs[1].id]
    await store.end_session("next")
    assert list((tmp_path / "store.db.sessions").iterdir()) == []
    await store.close()


async def test_a_live_session_of_another_store_is_left_alone(tmp_path: Path) -> None:
    first, second = await opened(tmp_path / "store.db"), await opened(tmp_path / "store.db")
    await first.register(NewWorker("w1", "host", 1, {}, ["backup"]), 30)
    await first.enqueue([run()])
    assert len((await first.turn("w1", [Wanted(Lane.ASYNC, 1)])).claims) == 1
    assert list(await second.orphans()) == []
    await first.close()  # without an end: as if it had died
    assert len(await second.orphans()) == 1
    await second.close()


async def test_a_missing_lock_file_proves_nothing(tmp_path: Path) -> None:
    first, second = await opened(tmp_path / "store.db"), await opened(tmp_path / "store.db")
    await first.register(NewWorker("w1", "host", 1, {}, ["backup"]), 30)
    await first.enqueue([run()])
    await first.turn("w1", [Wanted(Lane.ASYNC, 1)])
    (tmp_path / "store.db.sessions" / "w1.lock").unlink()
    assert list(await second.orphans()) == []
    await first.close()
    await second.close()
