"""The writer: commits that many callers share, what fails alone, and calls from other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from runwright.clock import SystemClock, SystemRng
from runwright.errors import InvalidInput, StoreUnavailable
from runwright.lifecycle import RunEvent
from runwright.model import Enqueued, Lane, NewRun
from runwright.store.base import RunQuery
from runwright.store.sqlite import SqliteStore
from runwright.store.transaction import Transaction

_rng = SystemRng()


def run() -> NewRun:
    now = SystemClock().now()
    return NewRun(_rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now)


class SlowDisk(SystemClock):
    """A clock by which every commit seems to take long, so that the writer goes to its thread."""

    def monotonic(self) -> float:
        return super().monotonic() * 10_000


@pytest.fixture
def hints() -> list[frozenset[str]]:
    return []


@pytest.fixture
async def store(tmp_path: Path, hints: list[frozenset[str]]) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(
        str(tmp_path / "store.db"), clock=SystemClock(), rng=SystemRng(), on_commit=hints.append
    )
    yield opened
    await opened.close()


async def test_fifty_callers_share_one_commit(store: SqliteStore, hints: list[frozenset[str]]) -> None:
    new = [run() for _ in range(50)]
    await asyncio.gather(*(store.enqueue([one]) for one in new))
    assert hints == [frozenset({"runs", "events", *(f"run:{one.id}" for one in new)})]
    assert len((await store.runs(RunQuery(limit=100))).items) == 50


async def test_a_job_that_fails_fails_alone(store: SqliteStore) -> None:
    first, last = run(), run()
    answers = await asyncio.gather(
        store.enqueue([first]),
        store.move([first.id], RunEvent.COMPLETE, "ann", 1),
        store.enqueue([last]),
        return_exceptions=True,
    )
    assert isinstance(answers[1], InvalidInput)
    assert answers[0] == [Enqueued(first.id)]
    assert answers[2] == [Enqueued(last.id)]
    assert {one.id for one in (await store.runs(RunQuery())).items} == {first.id, last.id}


async def test_what_a_failing_job_wrote_is_undone(store: SqliteStore) -> None:
    async def half(tx: Transaction) -> None:
        await tx.do("probe_insert", 1)
        raise RuntimeError("half-way")

    answers = await asyncio.gather(
        store.enqueue([run()]), store._write(half), store.enqueue([run()]), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [list, RuntimeError, list]
    with pytest.raises(RuntimeError, match="half-way"):
        await store._write(half)
    assert store._connection.execute("SELECT count(*) FROM probe").get == 0


async def test_a_commit_that_fails_fails_its_whole_group(store: SqliteStore, hints: list[frozenset[str]]) -> None:
    def refuse() -> bool:
        return True

    store._connection.set_commit_hook(refuse)
    answers = await asyncio.gather(store.enqueue([run()]), store.enqueue([run()]), return_exceptions=True)
    assert all(isinstance(answer, apsw.ConstraintError) for answer in answers)
    store._connection.set_commit_hook(None)
    assert hints == []
    assert (await store.runs(RunQuery())).items == ()
    await store.enqueue([run()])


async def test_a_caller_that_goes_away_does_not_disturb_the_others(store: SqliteStore) -> None:
    new = [run(), run()]
    leaving, staying = (asyncio.ensure_future(store.enqueue([one])) for one in new)
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == [Enqueued(new[1].id)]
    assert leaving.cancelled()


async def test_other_loops_and_threads_may_call(store: SqliteStore) -> None:
    new = run()

    async def there() -> str | None:
        await store.enqueue([new])
        await store.runs(RunQuery())
        found = await store.run(new.id)
        return None if found is None else found.id

    assert await asyncio.to_thread(asyncio.run, there()) == new.id


async def test_slow_commits_go_to_one_thread_and_come_back_in_order(tmp_path: Path) -> None:
    store = await SqliteStore.open(str(tmp_path / "slow.db"), clock=SlowDisk(), rng=SystemRng())
    await store.enqueue([run()])
    for _ in range(5):
        await asyncio.gather(*(store.enqueue([run()]) for _ in range(20)))
    names = [thread.name for thread in threading.enumerate()]
    assert [name for name in names if "store-writer" in name] == ["runwright-store-writer_0"]
    pending = [asyncio.ensure_future(store.enqueue([run()])) for _ in range(30)]
    await asyncio.sleep(0)
    await store.close()  # what was accepted is written
    assert all(isinstance(answer, list) for answer in await asyncio.gather(*pending))
    assert not any("runwright-store" in thread.name for thread in threading.enumerate())
    again = await SqliteStore.open(str(tmp_path / "slow.db"), clock=SystemClock(), rng=SystemRng())
    assert sum((await again.statistics()).runs_by_status.values()) == 131
    await again.close()


async def test_inline_never_uses_a_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    store = await SqliteStore.open(str(tmp_path / "sim.db"), clock=SlowDisk(), rng=SystemRng(), inline=True)
    for _ in range(3):
        await store.enqueue([run() for _ in range(2000)])
        await store.runs(RunQuery())
    assert threading.active_count() == before
    await store.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await SqliteStore.open(str(tmp_path / "s.db"), clock=SystemClock(), rng=SystemRng())
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.enqueue([run()])
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.run("x")


async def test_writes_from_elsewhere_are_seen(store: SqliteStore, tmp_path: Path) -> None:
    other = await SqliteStore.open(str(tmp_path / "store.db"), clock=SystemClock(), rng=SystemRng())
    new = run()
    await other.enqueue([new])
    assert await store.run(new.id) is not None
    await other.close()


async def test_several_stores_on_one_file_never_see_it_locked(tmp_path: Path) -> None:
    path = str(tmp_path / "shared.db")
    await (await SqliteStore.open(path, clock=SystemClock(), rng=SystemRng())).close()

    async def writes() -> None:
        store = await SqliteStore.open(path, clock=SystemClock(), rng=SystemRng())
        for _ in range(150):
            await store.enqueue([run()])
            await store.runs(RunQuery(limit=5))
        await store.close()

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, writes()) for _ in range(4)))
    store = await SqliteStore.open(path, clock=SystemClock(), rng=SystemRng())
    assert (await store.statistics()).runs_by_status["pending"] == 600
    await store.close()
