"""A schedule whose row cannot be read here is held and says why; all the others are as if it were not there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from runwright.auth.sealing import Sealer
from runwright.clock import to_datetime
from runwright.errors import Conflict, SealError
from runwright.model import SYSTEM, Schedule, ScheduleChange
from runwright.store.sqlite import SqliteStore
from runwright.tasks.definition import task
from runwright.testing import ManualClock, memory_manager
from tests.worker.schedules import Engine, engine

ZONE = "timezone: there is no time zone 'Europe/Gone'; use a name such as Europe/Berlin"


@pytest.fixture
async def made() -> AsyncIterator[Engine]:
    async with engine() as opened:
        yield opened


async def spoil(made: Engine, name: str, **row: Any) -> Schedule:
    """Write into a schedule's row what no door lets in, as a newer version or another machine may have."""
    found = await made.door.get(SYSTEM, name)
    assert await made.store.write_schedules([ScheduleChange(replace(found, **row), "schedule.updated")], "another")
    return await made.door.get(SYSTEM, name)


UNREADABLE = pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"timezone": "Europe/Gone"}, ZONE),
        ({"when": '{"type":"lunar","phase":"full"}'}, "lunar"),
        ({"when": '["lunar"]'}, "lunar"),
        ({"excluded": ("high tide",)}, "high tide"),
        ({"blackouts": ("high tide",)}, "high tide"),
        ({"when": '{"type":'}, "begins like JSON"),
    ],
)


@UNREADABLE
async def test_it_is_held_with_the_reason_and_the_others_fire(made: Engine, row: dict[str, Any], why: str) -> None:
    await made.add("bad", "0 * * * *")
    await made.add("good", "* * * * *")
    await spoil(made, "bad", **row)
    await made.pass_time(3600)
    assert (await made.outcomes("good"))[-1] == "fired"
    assert await made.ledger("bad") == []  # another process may know it
    await made.pass_time(6)
    (fire,) = await made.ledger("bad")
    assert (fire.outcome, why in fire.reason) == ("held", True)


@UNREADABLE
async def test_it_is_shown_with_its_problem(made: Engine, row: dict[str, Any], why: str) -> None:
    await made.add("bad", "0 * * * *")
    bad = await spoil(made, "bad", **row)
    noon = to_datetime(made.clock.now())
    assert why in str(made.door.unbound(bad))
    assert why in made.door.shown(bad)[1]
    assert await made.door.next(SYSTEM, "bad") == [to_datetime(bad.next_due_at or 0)]
    assert await made.door.between(SYSTEM, "bad", noon, noon + timedelta(days=1)) == []
    with pytest.raises(Conflict, match=why.partition(" ")[0]):
        await made.fires.backfill(SYSTEM, "bad", noon - timedelta(days=1), noon)


@UNREADABLE
async def test_it_can_be_switched_off_and_mended(made: Engine, row: dict[str, Any], why: str) -> None:
    before = await made.add("bad", "0 * * * *")
    await spoil(made, "bad", **row)
    assert not (await made.edit("bad", enabled=False, label="later")).enabled
    mended = await made.edit("bad", when="0 * * * *", timezone="UTC", excluded=[], blackouts=[], enabled=True)
    assert (mended.next_due_at, made.door.unbound(mended)) == (before.next_due_at, None)


async def test_it_goes_on_by_itself_once_it_can_be_read(made: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    await made.add("a", "0 * * * *")
    with monkeypatch.context() as without:
        without.setattr(made.triggers, "problem", lambda schedule: ZONE)
        without.setattr(made.triggers, "of", lambda schedule: None)
        await made.pass_time(3606)
        await made.settle()
        assert await made.outcomes("a") == ["held"]
        assert (await made.door.get(SYSTEM, "a")).next_due_at is None
    await made.settle()
    await made.pass_time(3600)
    assert await made.outcomes("a") == ["held", "fired"]


async def test_a_scheduler_that_fails_at_each_look_is_not_alive(made: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    await made.tick()
    before = made.scheduler.ticked_at
    assert before == made.clock.monotonic()

    async def broken(until: int, limit: int = 500) -> list[Schedule]:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(SqliteStore, "due_schedules", staticmethod(broken))
    made.clock.advance(60)
    with pytest.raises(RuntimeError):
        await made.tick()
    assert made.scheduler.ticked_at == before


async def test_secrets_that_another_key_has_sealed_block_a_fire_and_say_so(made: Engine) -> None:
    async def secret(password: SecretStr) -> None: ...

    made.registry.register(task(name="secret")(secret))
    await made.add("a", task="secret", arguments={"password": "swordfish"})
    made.scheduler._admission._sealer = Sealer(bytes(range(32)))
    await made.pass_time(60)
    (fire,) = await made.ledger("a")
    assert (fire.outcome, "sealed with another key" in fire.reason) == ("blocked", True)
    with pytest.raises(SealError, match="sealed with another key"):
        await made.fires.fire(SYSTEM, "a")


@pytest.mark.parametrize(
    ("column", "outcome", "why"),
    [
        ("rule", "held", "begins like JSON"),
        ("excluded", "held", "'[' is not a window"),
        ("blackouts", "held", "'[' is not a window"),
        ("arguments", "blocked", "the arguments cannot be read"),
        ("retry", "fired", ""),
        ("depends_on", "skipped", "[ was removed"),
    ],
)
async def test_text_in_its_row_that_is_no_json_concerns_only_itself(
    tmp_path: Path, column: str, outcome: str, why: str
) -> None:
    @task
    async def tick() -> None: ...

    clock = ManualClock()
    settings: dict[str, Any] = {"store": f"sqlite:///{tmp_path / 'x.db'}"}
    async with memory_manager(tick, clock=clock, **settings) as manager:
        for name in ("bad", "good"):
            await manager.schedules.add(name, task="tick", when="@hourly")
    with closing(sqlite3.connect(tmp_path / "x.db")) as store, store:
        store.execute(f"UPDATE schedule SET {column} = '[' WHERE name = 'bad'")
    async with memory_manager(tick, clock=clock, **settings) as manager:

        async def fires(name: str) -> list[tuple[str, str]]:
            page = await manager.control.schedules.fires(SYSTEM, name)
            return [(fire.outcome, fire.reason or "") for fire in page.items]

        assert [each.name for each in await manager.schedules.list()] == ["bad", "good"]
        clock.advance(3600)
        for name, expected in (("bad", outcome), ("good", "fired")):
            async with asyncio.timeout(10):
                while not (found := await fires(name)) or found[0][0] != expected:
                    clock.advance(1)
                    manager.bus.publish(("schedules",))
                    await asyncio.sleep(0.02)
            assert name == "good" or why in found[0][1]
        await manager.schedules.edit("good", label="as before")
