"""A due time whose run needs a unique key that is in somebody's open transaction: it waits, and nothing else does."""

from __future__ import annotations

import hashlib

import asyncpg
import pytest

from runwright.tasks.definition import task
from runwright.worker.scheduler import HELD_SECONDS
from tests.worker.schedules import engine


async def _nothing() -> None:
    return None


@pytest.mark.parametrize("committed", [True, False])
async def test_the_others_of_its_tick_are_on_time(
    postgres_url: str, caplog: pytest.LogCaptureFixture, committed: bool
) -> None:
    async with engine(postgres_url) as made:
        made.registry.register(task(name="once", unique=True)(_nothing))
        await made.add("keyed", task="once")
        for name in "ab":
            await made.add(name)
        key = f"once:{hashlib.sha256(b'{}').hexdigest()}"
        connection = await asyncpg.connect(postgres_url)
        held = connection.transaction()
        await held.start()
        (there,) = await made.store.enqueue([made.given.run("once", unique_key=key)], connection)

        await made.pass_time(60)
        await made.pass_time(HELD_SECONDS)
        assert [await made.outcomes(name) for name in ("keyed", "a", "b")] == [[], ["fired"], ["fired"]]
        (warning,) = [record.message for record in caplog.records if "'keyed' waits" in record.message]
        assert "unique or idempotency key" in warning

        await (held.commit() if committed else held.rollback())
        await made.pass_time(HELD_SECONDS)
        (fire,) = await made.ledger("keyed")
        assert (fire.outcome, fire.run == there.run_id) == ("fired", committed)  # joining it, or with a run of its own
        await connection.close()
