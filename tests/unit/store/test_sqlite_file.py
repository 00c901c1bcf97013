"""Opening a store's file: what is refused is refused in one line that names it, and is left byte for byte as it was."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from runwright.clock import SystemRng
from runwright.errors import StoreRefused, StoreUnavailable
from runwright.model import Lane, NewRun
from runwright.store import migrate, sqlite_file
from runwright.store.base import NewWorker
from runwright.store.sqlite import SqliteStore
from runwright.testing.clock import ManualClock


async def opened(path: Path, busy_seconds: float = 0.2) -> SqliteStore:
    return await SqliteStore.open(str(path), clock=ManualClock(), rng=SystemRng(), busy_seconds=busy_seconds)


async def with_a_run(path: Path) -> str:
    """A store with one run in it, closed."""
    store = await opened(path)
    run = SystemRng().run_id(1)
    await store.enqueue([NewRun(run, "backup", Lane.ASYNC, "{}", 1, 1)])
    await store.close()
    return run


def foreign(path: Path) -> None:
    with apsw.Connection(str(path)) as connection:
        connection.execute("CREATE TABLE note (text)")


def newer(path: Path) -> None:
    with apsw.Connection(str(path)) as connection:
        connection.execute(f"PRAGMA application_id = {sqlite_file.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 4711")
        connection.execute("CREATE TABLE run (id)")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"\0" * 8192), "filled with zeros"),
        (lambda path: path.write_bytes(b"name,value\n" * 500), "not a SQLite database"),
        (lambda path: path.write_bytes(b"SQLite format 3\0"), "cut short"),
        (foreign, "another program"),
        (newer, "newer Runwright"),
    ],
)
async def test_a_file_that_is_no_store_is_refused_untouched(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "store.db"
    make(path)
    before, beside = path.read_bytes(), sorted(tmp_path.iterdir())
    with pytest.raises(StoreRefused, match=says) as caught:
        await opened(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == beside


async def test_a_truncated_store_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await with_a_run(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreRefused, match="cut short"):
        await opened(path)
    assert path.read_bytes() == whole[: len(whole) // 2]


async def test_a_damaged_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await with_a_run(path)
    whole = bytearray(path.read_bytes())
    whole[100:4096] = b"\xff" * 3996
    path.write_bytes(whole)
    with pytest.raises(StoreRefused, match="damaged"):
        await opened(path)
    assert path.read_bytes() == bytes(whole)


async def test_an_empty_file_is_a_new_store_but_not_beside_a_full_log(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    run = await with_a_run(path)
    store = await opened(path)
    assert await store.run(run) is not None
    await store.close()
    path.write_bytes(b"")
    Path(f"{path}-wal").write_bytes(b"x" * 100)
    with pytest.raises(StoreRefused, match="write-ahead log"):
        await opened(path)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist"):
        await opened(tmp_path / "nowhere" / "store.db")
    with pytest.raises(StoreRefused, match="is a folder"):
        await opened(tmp_path)


async def test_a_store_held_by_another_process_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await opened(path)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable) as caught:
        await store.check()
    assert caught.value.reason == "busy"
    other.execute("ROLLBACK")
    await store.check()
    await store.close()
    other.close()


async def test_a_beat_waits_for_another_process_no_longer_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await opened(path, busy_seconds=5)
    await store.register(NewWorker("w1", "host", 1, {}, ["backup"]), 30)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.beat("w1", 30, within_seconds=0.05)
    assert time.monotonic() - began < 3
    other.execute("ROLLBACK")
    assert store.beat("w1", 30, within_seconds=0.05)
    await store.close()
    other.close()


async def test_a_store_that_is_locked_whole_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await with_a_run(path)
    script = (
        "import apsw, sys\nc = apsw.Connection(sys.argv[1])\nc.execute('PRAGMA locking_mode = EXCLUSIVE')\n"
        "c.execute('BEGIN EXCLUSIVE')\nc.execute('DELETE FROM probe')\nprint('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreUnavailable) as caught:
            await opened(path)
        assert caught.value.reason == "busy"
        holder.communicate()
    await (await opened(path)).close()


async def test_an_older_schema_is_backed_up_and_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    run = await with_a_run(path)
    known = migrate.migrations("sqlite")
    step = migrate.Migration(len(known) + 1, "later", "CREATE TABLE later (x INTEGER) STRICT;")
    broken = migrate.Migration(len(known) + 1, "later", "CREATE TABLE later (x INTEGER) STRICT; CREATE TABLE run (x);")
    monkeypatch.setattr(migrate, "migrations", lambda dialect: (*known, broken))
    with pytest.raises(apsw.SQLError):
        await opened(path)
    monkeypatch.setattr(migrate, "migrations", lambda dialect: (*known, step))
    store = await opened(path)
    assert await store.run(run) is not None
    await store.close()
    (copy, *_) = sorted(tmp_path.glob(f"store.db.schema-{len(known)}-*.backup"))
    with apsw.Connection(str(copy)) as connection:
        assert connection.execute("SELECT id FROM run").get == run
        assert not connection.table_exists(None, "later")
    monkeypatch.undo()
    with pytest.raises(StoreRefused, match="newer Runwright"):
        await opened(path)


async def test_a_step_that_was_changed_afterwards_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    await with_a_run(path)
    first, *others = migrate.migrations("sqlite")
    changed = migrate.Migration(first.number, first.name, first.script + "\n-- changed")
    monkeypatch.setattr(migrate, "migrations", lambda dialect: (changed, *others))
    with pytest.raises(StoreRefused, match="another build"):
        await opened(path)


async def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    run = await with_a_run(path)
    first, second = await opened(path), await opened(path)
    assert await first.run(run) is not None
    assert await second.run(run) is not None
    await first.close()
    await second.close()
    assert not list(tmp_path.glob("*.backup"))
