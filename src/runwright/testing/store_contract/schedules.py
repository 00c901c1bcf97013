"""The store's suite: schedules, and the consequences of their runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runwright.errors import DuplicateName
from runwright.lifecycle import RunEvent
from runwright.model import FirePlan, NewFire, Page, RunStatus, Schedule, ScheduleChange
from runwright.retry import Retry
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


def plan(schedule: Schedule, *fires: NewFire, next_due_at: int | None = None, version: int | None = None) -> FirePlan:
    """What one look at a schedule writes."""
    cursor = max((fire.last_due_at or fire.due_at for fire in fires), default=schedule.cursor_at)
    return FirePlan(schedule.id, schedule.version if version is None else version, fires, cursor, next_due_at)


async def put(store: Store, *schedules: Schedule) -> bool:
    """Store new schedules."""
    return await store.write_schedules([ScheduleChange(schedule) for schedule in schedules], "ann")


async def change(store: Store, schedule: Schedule) -> bool:
    """Put a schedule in the place of its stored version."""
    return await store.write_schedules([ScheduleChange(schedule, "schedule.updated")], "ann")


class TestSchedules:
    async def test_a_schedule_comes_back_as_it_was_given(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        full = replace(
            given.schedule("nightly", 60),
            timezone="Europe/Berlin",
            arguments='{"a":1}',
            label="L",
            description="D",
            entity="e",
            as_user="u",
            priority=7,
            overlap="queue",
            catch_up="all",
            misfire_grace_seconds=1.5,
            jitter_seconds=2.5,
            retry=Retry(max_retries=2),
            depends_on=("a", "b"),
            declared='{"name":"nightly"}',
            starts_at=1,
            ends_at=2,
            excluded=("2026-12-24",),
            blackouts=("22:00-06:00",),
            created_by="ann",
            last_status="completed",
        )
        plain = given.schedule("plain")
        assert await put(store, full, plain)
        assert await store.schedule(full.id) == full
        assert await store.schedule("nightly") == full
        assert await store.schedule("nothing") is None
        assert list(await store.schedules()) == [full, plain]
        events = (await store.events([])).items
        assert [(event.action, event.subject, event.task, event.user) for event in events] == [
            ("schedule.created", "plain", "backup", "ann"),
            ("schedule.created", "nightly", "backup", "ann"),
        ]

    async def test_pages_go_by_name_and_tell_the_number(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        gone = given.schedule("gone")
        b, a, c = (replace(given.schedule(name), task=task) for name, task in (("b", "y"), ("a", "x"), ("c", "y")))
        await put(store, b, a, c, gone)
        await store.delete_schedule(gone.id, "ann")
        assert await store.schedule_page(2) == (Page((a, b), "b"), 3)
        assert await store.schedule_page(2, "b") == (Page((c,), None), 3)
        assert await store.schedule_page(1, task="y") == (Page((b,), "b"), 2)
        assert await store.schedule_page(1, "b", task="y") == (Page((c,), None), 2)
        assert await store.schedule_page(2, name="c") == (Page((c,), None), 1)
        assert await store.schedule_page(2, name="c", task="x") == (Page((), None), 0)

    async def test_what_code_declares_is_found_and_what_tasks_have(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        code, more = given.schedule("z", origin="tasks.py:7"), given.schedule("a", origin="tasks.py:7")
        await put(store, code, given.schedule("people"), more)
        await store.delete_schedule(more.id, "ann")
        assert [(each.name, each.deleted) for each in await store.declared_schedules()] == [("a", True), ("z", False)]
        assert await store.schedules_of(["backup", "nothing"]) == {"backup": ["people", "z"]}
        assert await store.schedules_of([]) == {}

    async def test_a_name_is_taken_once(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        first, second = given.schedule("a"), given.schedule("b")
        await put(store, first, second)
        with pytest.raises(DuplicateName, match="'a'"):
            await put(store, given.schedule("c"), given.schedule("a"))
        with pytest.raises(DuplicateName, match="'a'"):
            await change(store, replace(second, name="a"))
        assert list(await store.schedules()) == [first, second]

    async def test_an_update_needs_the_stored_version(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        schedule = given.schedule()
        await put(store, schedule)
        edited = replace(schedule, description="new", enabled=False)
        why = ScheduleChange(edited, "schedule.disabled", {"why": "holiday"})
        assert await store.write_schedules([why], "bob")
        assert not await store.write_schedules([why], "bob")
        assert not await change(store, replace(edited, id="nothing", name="x"))
        read = await store.schedule("nightly")
        assert read == replace(edited, version=schedule.version + 1)
        event = (await store.events([])).items[0]
        assert (event.action, event.user, dict(event.detail)) == ("schedule.disabled", "bob", {"why": "holiday"})

    async def test_changes_that_come_together_are_all_written_or_none(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        first, second = given.schedule("a"), given.schedule("b")
        await put(store, first, second)
        added = ScheduleChange(given.schedule("c"))
        stale = ScheduleChange(replace(second, version=7, label="x"), "schedule.updated")
        fresh = ScheduleChange(replace(first, label="x"), "schedule.updated")
        assert not await store.write_schedules([added, fresh, stale], "ann")
        assert list(await store.schedules()) == [first, second]
        assert len((await store.events([])).items) == 2
        assert await store.write_schedules([added, fresh], "ann")
        assert [schedule.label for schedule in await store.schedules()] == ["x", "", ""]

    async def test_delete_leaves_a_tombstone_only_for_code(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        people, code = given.schedule("people", 5), given.schedule("code", 5, origin="tasks.py:7")
        await put(store, people, code)
        run = await given.add(schedule=code.id)
        for schedule in (people, code):
            assert await store.fire([plan(schedule, NewFire(clock.now(), "missed"))]) == [True]
            assert await store.delete_schedule(schedule.id, "ann")
            assert not await store.delete_schedule(schedule.id, "ann")
            assert (await store.fires(schedule.id)).items == ()
        assert list(await store.schedules()) == []
        (tombstone,) = await store.schedules(deleted=True)
        assert (tombstone.name, tombstone.deleted, tombstone.edited, tombstone.enabled) == ("code", True, True, False)
        assert await store.declared_schedules(withdrawn=True) == []
        with pytest.raises(DuplicateName, match=r"tasks\.py:7"):
            await put(store, given.schedule("code"))
        assert await put(store, given.schedule("people"))
        assert await given.status(run) is RunStatus.PENDING

    async def test_a_withdrawn_one_keeps_all_but_its_name(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        code, needs = given.schedule("code", 5, origin="tasks.py:7"), given.schedule("needs", origin="tasks.py:9")
        await put(store, code, needs, given.schedule("other"))
        fire = plan(code, NewFire(clock.now(), "missed"), next_due_at=given.in_seconds(60))
        assert await store.fire([fire]) == [True]
        graphs: list[object] = []

        async def write(stored_as: str, **fields: Any) -> None:
            stored = await store.schedule(stored_as)
            assert stored is not None
            written = ScheduleChange(replace(stored, **fields), "schedule.updated")
            assert await store.write_schedules([written], "ann", lambda *graph: graphs.append(graph))

        await write("code", deleted=True)
        assert len(graphs) == 1
        assert [each.name for each in await store.declared_schedules(withdrawn=True)] == ["code"]
        assert [schedule.name for schedule in await store.schedules()] == ["needs", "other"]
        assert await store.due_schedules(given.in_seconds(60)) == []
        await write("code", deleted=False)
        assert [each.name for each in await store.due_schedules(given.in_seconds(60))] == ["code"]
        assert [fire.outcome for fire in (await store.fires(code.id)).items] == ["missed"]

        await write("code", deleted=True)
        await write("needs", deleted=True)
        assert await put(store, given.schedule("code"))
        await write("other", name="needs")
        assert await store.declared_schedules() == []
        assert [schedule.origin for schedule in await store.schedules()] == ["", ""]

    async def test_due_are_the_enabled_ones_earliest_first(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        late, early, never = given.schedule("late", 20), given.schedule("early", 10), given.schedule("never")
        disabled = replace(given.schedule("off", 5), enabled=False)
        await put(store, late, early, never, disabled)
        assert [schedule.name for schedule in await store.due_schedules(given.in_seconds(15))] == ["early"]
        assert [schedule.name for schedule in await store.due_schedules(given.in_seconds(20))] == ["early", "late"]
        assert [schedule.name for schedule in await store.due_schedules(given.in_seconds(20), 1)] == ["early"]

    async def test_busy_are_those_with_live_runs(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.ended(schedule="a")
        await given.add(schedule="a", due_in=5)
        await given.add(schedule="a", due_in=5)
        await given.add(schedule="b", due_in=5)
        assert await store.busy_schedules(["a", "b", "c"]) == {"a", "b"}


class TestWithdraw:
    async def test_runs_of_a_time_to_come_are_cancelled_batch_by_batch(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        tried = await given.add(schedule="a")
        await store.turn("w1", finished=[given.finish(await given.claim(), RunEvent.RETRY, due_in=9)])
        kept = [tried, await given.add(due_in=9), await given.add(schedule="a")]
        early = [await given.add(schedule=name, due_in=9) for name in ("a", "b", "a", "b", "a")]
        assert [await store.withdraw("a", "ann", 2) for _ in range(3)] == [2, 1, 0]
        assert [await given.status(run) for run in early] == [RunStatus.CANCELLED, RunStatus.PENDING] * 2 + [
            RunStatus.CANCELLED
        ]
        assert [await store.withdraw(None, "ann") for _ in range(2)] == [2, 0]
        assert [(await given.status(run)).terminal for run in kept] == [False] * 3
        assert (await store.events([])).items[0].user == "ann"


class TestSettle:
    async def test_consequences_are_recorded_once(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        schedule = given.schedule()
        await put(store, schedule)
        done = await given.ended(schedule=schedule.id)
        failed = await given.ended(event=RunEvent.FAIL, schedule=schedule.id)
        ended = await store.ended()
        assert [(one.run, one.status, one.error) for one in ended] == [
            (done.id, RunStatus.COMPLETED, None),
            (failed.id, RunStatus.ERROR, "no"),
        ]
        assert ended[0].started_at is not None
        assert ended[0].schedule == schedule.id
        for _ in range(2):
            await store.settle(ended, {schedule.id: given.in_seconds(9)})
        read = await store.schedule(schedule.id)
        assert read is not None
        assert (read.run_count, read.error_count, read.last_status, read.last_error) == (2, 1, "error", "no")
        assert (read.next_due_at, read.version) == (given.in_seconds(9), 1)
        assert read.last_run_at == ended[1].started_at
        assert list(await store.ended()) == []

    async def test_a_success_clears_the_last_error(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        schedule = given.schedule()
        await put(store, schedule)
        told: list[str | None] = []

        async def tell() -> None:
            await store.settle(await store.ended(), {})
            read = await store.schedule(schedule.id)
            assert read is not None
            told.append(read.last_error)

        await given.ended(event=RunEvent.FAIL, schedule=schedule.id)
        await tell()
        await store.move([await given.add(schedule=schedule.id)], RunEvent.CANCEL, "ann", clock.now())
        await tell()
        await given.ended(schedule=schedule.id)
        await tell()
        assert told == ["no", "no", None]

    async def test_runs_of_no_schedule_and_runs_that_go_on_have_none(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.ended()
        await given.add(schedule="s")
        await given.end(await given.claim(), RunEvent.RETRY)
        assert list(await store.ended()) == []

    async def test_a_deleted_schedule_is_no_obstacle(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.ended(schedule="gone")
        await store.settle(await store.ended(), {"gone": 5})
        assert list(await store.ended()) == []

    async def test_an_edit_does_not_lose_statistics(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        schedule = given.schedule()
        await put(store, schedule)
        await given.ended(schedule=schedule.id)
        await store.settle(await store.ended(), {})
        assert await change(store, replace(schedule, label="new"))
        read = await store.schedule(schedule.id)
        assert read is not None
        assert (read.label, read.run_count) == ("new", 1)
