"""What becomes of due times: held, blocked, left out, caught up at a bounded rate, and made up for by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from runwright import At, Every
from runwright.clock import SECOND, to_datetime, to_micros
from runwright.errors import Conflict, InvalidInput, NotFound, ScheduleRefused
from runwright.model import SYSTEM, RunStatus
from runwright.store.base import Definition, NewWorker, RunQuery
from tests.worker.schedules import Engine, Node, engine


@pytest.fixture
async def made() -> AsyncIterator[Engine]:
    async with engine() as opened:
        yield opened


class Odd:
    """A trigger in code: every ``step`` from noon on."""

    def __init__(self, step: timedelta) -> None:
        self.step = step

    def next_after(self, moment: datetime, /) -> datetime | None:
        start = datetime(2026, 1, 1, 12, tzinfo=UTC)
        return start + ((moment - start) // self.step + 1) * self.step


# ----- all schedules paused -------------------------------------------------------------------------------------


async def test_while_all_are_paused_fires_are_held_with_the_reason(made: Engine) -> None:
    await made.add("a")
    await made.door.pause(SYSTEM, "  database migration ")
    await made.pass_time(60)
    await made.pass_time(60)
    assert await made.runs("a") == []
    (held,) = await made.ledger("a")
    assert (held.outcome, held.count) == ("held", 2)
    assert held.reason == "all schedules are paused by system: database migration"
    await made.door.resume(SYSTEM)
    await made.pass_time(60)
    assert await made.spans("a") == [("held", 2), ("fired", 1)]
    assert await made.door.paused(SYSTEM) is None
    with pytest.raises(Conflict, match="not paused"):
        await made.door.resume(SYSTEM)
    with pytest.raises(InvalidInput, match="reason"):
        await made.door.pause(SYSTEM, "   ")


async def test_a_run_written_ahead_of_its_time_does_not_start_after_a_pause(made: Engine) -> None:
    await made.add("a", jitter_seconds=30)
    await made.pass_time(60)
    (run,) = await made.runs("a")
    assert run.due_at > to_datetime(made.clock.now())
    await made.door.pause(SYSTEM, "now")
    assert await made.statuses("a") == [RunStatus.CANCELLED]


@pytest.mark.parametrize("how", ["pause", "edit"])
async def test_however_much_else_waits_no_run_starts_after_a_pause_or_an_edit(made: Engine, how: str) -> None:
    await made.add("a", "@every 1s", jitter_seconds=3000, overlap="allow", catch_up="all")
    await made.pass_time(20)
    early = len(await made.runs("a")) - len((await made.store.turn("w1", [made.wanted(100)])).claims)
    assert early > 10
    for number in range(3):
        await made.given.add("work", due_in=number * 1000)
    await made.store.enqueue([made.given.run("work") for _ in range(600)])
    if how == "pause":
        await made.door.pause(SYSTEM, "now")
    else:
        await made.edit("a", when="@every 1h")
    assert (await made.statuses("a")).count(RunStatus.CANCELLED) == early
    assert RunStatus.PENDING not in await made.statuses("a")
    others = (await made.store.runs(RunQuery(statuses=[RunStatus.PENDING], limit=1000))).items
    assert len(others) == 603


async def test_fire_now_works_while_all_are_paused(made: Engine) -> None:
    await made.add("a")
    await made.door.pause(SYSTEM, "now")
    await made.fires.fire(SYSTEM, "a")
    assert await made.run() == ["a"]


# ----- bounds, excluded windows, blackouts ----------------------------------------------------------------------


async def test_bounds_and_excluded_windows_leave_due_times_out(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    await made.add("a", "@every 1h", starts_at=noon + timedelta(hours=2), ends_at=noon + timedelta(hours=6),
                   excluded=["15:30-16:30"])  # fmt: skip
    times = await made.door.next(SYSTEM, "a", 10)
    assert [time.hour - noon.hour for time in times] == [3, 5, 6]
    for _ in range(8):
        await made.pass_time(3600)
        await made.run()
        await made.settle()
    assert await made.outcomes("a") == ["fired"] * 3
    assert not (await made.door.get(SYSTEM, "a")).enabled  # its time is over


async def test_a_blackout_blocks_with_its_window_as_the_reason(made: Engine) -> None:
    await made.add("a", "@every 1h", blackouts=["12:30-13:30"])
    await made.pass_time(3600)
    await made.pass_time(3600)
    ledger = await made.ledger("a")
    assert [(fire.outcome, "12:30-13:30" in fire.reason) for fire in ledger] == [("blocked", True), ("fired", False)]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"excluded": ["noon"]}, "/excluded/0"),
        ({"blackouts": ["22:00-22:00"]}, "/blackouts/0"),
        ({"ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "/ends_at"),
        ({"starts_at": datetime(2027, 1, 1, tzinfo=UTC).replace(tzinfo=None)}, "/starts_at"),
        ({"excluded": ["mon-sun"]}, "/schedule"),
    ],
)
async def test_what_can_never_be_is_refused(made: Engine, fields: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await made.add("a", "@every 1h", **fields)
    assert [error.pointer for error in refused.value.errors] == [pointer]


# ----- after a downtime -----------------------------------------------------------------------------------------


async def test_what_was_missed_starts_at_a_bounded_rate() -> None:
    async with engine() as made:
        for number in range(100):
            await made.add(f"s{number}", "@every 1h")
        slow = Node(made.store, made.clock, rate=10)
        made.clock.advance(7300)
        await slow.tick()
        started = [len(await made.run())]
        while started[-1] or len(started) < 2:
            made.clock.advance(1)  # run() takes a second too
            started.append(len(await made.run()))
        assert sum(started) == 100
        assert max(started) <= 22


async def test_a_lone_late_run_starts_at_once_with_its_own_due_time(made: Engine) -> None:
    await made.add("a", "@every 1h")
    await made.pass_time(7230)
    (run,) = await made.runs("a")
    assert to_micros(run.due_at) == made.clock.now() - 30 * SECOND
    assert await made.run() == ["a"]


async def test_beyond_the_misfire_grace_a_start_is_late(made: Engine) -> None:
    await made.add("strict", "@every 1h", misfire_grace_seconds=5)
    await made.add("skips", "@every 1h", misfire_grace_seconds=5, catch_up="skip")
    await made.add("lenient", "@every 1h", misfire_grace_seconds=30)
    await made.pass_time(3610)
    assert [await made.outcomes(name) for name in ("strict", "skips", "lenient")] == [["late"], ["missed"], ["fired"]]


# ----- by hand --------------------------------------------------------------------------------------------------


async def test_a_backfill_runs_what_had_no_run(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    await made.add("a", "@every 1h")
    await made.pass_time(3600)
    await made.run()
    await made.settle()
    await made.edit("a", enabled=False)
    made.clock.advance(5 * 3600)
    done = await made.fires.backfill(SYSTEM, "a", noon, noon + timedelta(hours=4))
    assert (done.due, len(done.runs)) == (4, 3)
    assert [(fire.due_at - noon).seconds // 3600 for fire in await made.ledger("a")] == [1, 2, 3, 4]
    assert await made.outcomes("a") == ["fired", "late", "late", "late"]
    for _ in range(3):  # one after another
        assert await made.run() == ["a"]
        assert await made.run() == []
        await made.settle()
    again = await made.fires.backfill(SYSTEM, "a", noon, noon + timedelta(hours=4))
    assert (again.due, again.runs) == (4, [])


async def test_a_backfill_has_bounds(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    await made.add("a", "@every 1s")
    made.clock.advance(3600)
    with pytest.raises(InvalidInput, match="3600 due times; at most 1000"):
        await made.fires.backfill(SYSTEM, "a", noon, noon + timedelta(hours=1))
    with pytest.raises(InvalidInput, match="future"):
        await made.fires.backfill(SYSTEM, "a", noon, noon + timedelta(hours=2))
    with pytest.raises(InvalidInput, match="before"):
        await made.fires.backfill(SYSTEM, "a", noon, noon - timedelta(hours=2))
    with pytest.raises(NotFound):
        await made.fires.backfill(SYSTEM, "b", noon, noon)


async def test_the_due_times_of_a_range_are_shown(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    await made.add("a", "0 * * * *")
    found = await made.door.between(SYSTEM, "a", noon - timedelta(hours=2), noon + timedelta(hours=2))
    assert [(time - noon).total_seconds() / 3600 for time in found] == [-2, -1, 0, 1, 2]
    with pytest.raises(InvalidInput, match="2401 due times; at most 1000"):
        await made.door.between(SYSTEM, "a", noon, noon + timedelta(days=100))
    await made.add("ends", Every(hours=1))
    found = await made.door.between(SYSTEM, "ends", noon, noon + timedelta(hours=2))
    assert [(time - noon).total_seconds() / 3600 for time in found][-2:] == [1, 2]
    with pytest.raises(InvalidInput, match="more than 1000"):
        await made.door.between(SYSTEM, "ends", noon, noon + timedelta(days=100))


# ----- code that is not here --------------------------------------------------------------------------------------


async def test_an_unknown_task_holds_its_fires_until_it_is_there(made: Engine) -> None:
    await made.add("a", task="later", arguments={"number": 3})
    assert "no task named 'later'" in str(made.door.unbound(await made.door.get(SYSTEM, "a")))
    await made.pass_time(60)
    assert await made.ledger("a") == []  # another process may know it
    await made.pass_time(6)
    (fire,) = await made.ledger("a")
    assert (fire.outcome, fire.reason) == ("held", "task 'later' is not known here")
    knows = Node(made.store, made.clock, ("work", "later"))
    assert knows.door.unbound(await made.door.get(SYSTEM, "a")) is None
    made.clock.advance(54)
    await knows.tick()
    await made.tick()
    assert await made.outcomes("a") == ["held", "fired"]


async def test_due_times_of_a_task_that_only_others_know_are_left_to_them(
    made: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    later = {"later": Definition("hash", "{}")}
    await made.store.register(NewWorker("w2", "host", 2, {}, ("later",), {}, later), 1e9)
    await made.add("a", task="later")
    schedule = await made.door.get(SYSTEM, "a")
    assert made.door.unbound(schedule) is None
    assert "only workers have the code of 'later'" in str(made.door.left_due(schedule))
    for _ in range(4):
        await made.pass_time(30)
    assert await made.ledger("a") == []
    said = [record.message for record in caplog.records if "only workers have the code" in record.message]
    assert len(said) == 1

    await made.store.register(NewWorker("s2", "host", 3, {}, (), {}, later, ("scheduler",)), 1e9)
    schedule = await made.door.get(SYSTEM, "a")
    assert made.door.left_due(schedule) is None
    knows = Node(made.store, made.clock, ("work", "later"))
    await knows.tick()
    await made.tick()
    assert await made.outcomes("a") == ["merged", "fired"]  # catch-up, as after a downtime


async def test_due_times_of_a_task_are_held_once_nobody_knows_it_any_more(made: Engine) -> None:
    later = {"later": Definition("hash", "{}")}
    await made.store.register(NewWorker("w2", "host", 2, {}, ("later",), {}, later), 1e9)
    await made.add("a", task="later")
    await made.pass_time(66)
    assert await made.ledger("a") == []
    await made.store.end_session("w2")
    await made.pass_time(6)
    assert await made.outcomes("a") == ["held"]
    assert "here or to a live worker" in str(made.door.unbound(await made.door.get(SYSTEM, "a")))


async def test_a_trigger_in_code_fires_where_that_code_is_and_is_held_elsewhere(made: Engine) -> None:
    schedule = await made.add("odd", Odd(timedelta(minutes=7)))
    assert schedule.origin.endswith(":Odd")
    other = Node(made.store, made.clock)
    assert ":Odd" in str(other.door.unbound(schedule))
    assert "code that is not here" in other.door.shown(schedule)[1]
    made.clock.advance(420)
    await other.tick()
    assert await made.ledger("odd") == []
    await made.tick()
    assert await made.outcomes("odd") == ["fired"]
    made.clock.advance(420 + 6)
    await other.tick()
    (_, held) = await made.ledger("odd")
    assert (held.outcome, "code that is not here" in held.reason) == ("held", True)
    assert (await made.door.get(SYSTEM, "odd")).next_due_at is None
    with pytest.raises(ScheduleRefused, match="code only"):
        await made.add("data", {"type": "plugin", "class": "a:b"})


async def test_a_program_that_adds_its_trigger_again_at_its_start_binds_it(made: Engine) -> None:
    first = await made.add("odd", Odd(timedelta(minutes=7)))
    again = Engine(made.store, made.clock)
    bound = await again.add("odd", Odd(timedelta(minutes=5)))
    assert bound.id == first.id
    assert bound.next_due_at == made.at(300)
    await made.edit("odd", enabled=False)
    assert (await Engine(made.store, made.clock).add("odd", Odd(timedelta(minutes=5)))).next_due_at is None


async def test_one_with_a_trigger_in_code_that_nobody_declares_is_added_again_after_its_deletion(made: Engine) -> None:
    first = await made.add("odd", Odd(timedelta(minutes=7)))
    await made.door.remove(SYSTEM, "odd")
    assert await made.store.schedules(deleted=True) == []
    again = await made.add("odd", Odd(timedelta(minutes=5)))
    assert again.id != first.id
    assert again.next_due_at == made.at(300)


async def test_only_past_times_are_refused_and_several_run_one_by_one(made: Engine) -> None:
    noon = to_datetime(made.clock.now())
    with pytest.raises(ScheduleRefused, match="past"):
        await made.add("past", At(noon - timedelta(hours=1)))
    await made.add("once", At(noon + timedelta(minutes=1), noon - timedelta(hours=1), noon + timedelta(minutes=3)))
    for _ in range(4):
        await made.pass_time(60)
        await made.run()
        await made.settle()
    assert await made.outcomes("once") == ["fired", "fired"]
    assert not (await made.door.get(SYSTEM, "once")).enabled


async def test_an_interval_runs_at_once_but_not_again_after_a_restart(made: Engine) -> None:
    await made.add("often", Every(minutes=5))
    await made.pass_time(0)
    assert await made.run() == ["often"]
    await made.settle()
    await made.edit("often", enabled=False)
    await made.edit("often", enabled=True)
    await Node(made.store, made.clock).tick()
    assert await made.run() == []
