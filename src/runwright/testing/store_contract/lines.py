"""The store's suite: runs of one schedule that come one after another, or are cancelled for the next one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runwright.clock import SECOND
from runwright.lifecycle import RunEvent
from runwright.model import FirePlan, NewFire, NewRun, RunStatus, Schedule, ScheduleChange
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestInLine:
    async def line(self, store: Store, clock: ManualClock, number: int = 3) -> tuple[Setup, Schedule, list[str]]:
        """A schedule with so many runs that come one after another."""
        given = Setup(store, clock)
        await given.worker()
        schedule = replace(given.schedule(next_in=0), overlap="queue")
        await store.write_schedules([ScheduleChange(schedule)], "ann")
        runs = [given.run(schedule=schedule.id, in_line=True) for _ in range(number)]
        fires = tuple(NewFire(clock.now() + place * SECOND, "fired", run=run) for place, run in enumerate(runs))
        assert await store.fire([FirePlan(schedule.id, 0, fires, clock.now(), None)]) == [True]
        return given, schedule, [run.id for run in runs]

    async def test_the_first_goes_and_each_other_waits_for_those_before_it(
        self, store: Store, clock: ManualClock
    ) -> None:
        given, schedule, runs = await self.line(store, clock)
        assert await store.release_in_line() == 0
        assert await store.waiting_for(runs[1]) == f"It waits for run {runs[0]} of its schedule to end."
        assert (await store.statistics()).runs_by_status[RunStatus.PENDING] == 3
        assert await store.busy_schedules([schedule.id]) == {schedule.id}
        for run in runs:
            claim = await given.claim()
            assert claim.run_id == run
            assert await store.release_in_line() == 0
            assert await given.claimed() == []
            await given.end(claim)
            assert await store.release_in_line() == (0 if run == runs[-1] else 1)

    async def test_a_retry_holds_up_those_behind_it(self, store: Store, clock: ManualClock) -> None:
        given, _, runs = await self.line(store, clock)
        await given.end(await given.claim(), RunEvent.RETRY)
        assert await store.release_in_line() == 0
        assert await given.claimed() == [runs[0]]

    async def test_a_run_whose_cancelled_code_still_works_holds_up_those_behind_it(
        self, store: Store, clock: ManualClock
    ) -> None:
        given, _, runs = await self.line(store, clock)
        claim = await given.claim()
        assert await store.move([runs[0]], RunEvent.CANCEL, "ann", clock.now()) == [
            (RunStatus.RUNNING, RunStatus.CANCELLING)
        ]
        assert await store.release_in_line() == 0
        await given.end(claim, RunEvent.STOPPED)
        assert await store.release_in_line() == 1
        assert await given.claimed() == [runs[1]]

    async def test_one_that_is_cancelled_while_it_waits_is_no_obstacle(self, store: Store, clock: ManualClock) -> None:
        given, _, runs = await self.line(store, clock)
        await store.move([runs[1]], RunEvent.CANCEL, "ann", clock.now())
        await given.end(await given.claim())
        assert await store.release_in_line() == 1
        assert await given.claimed() == [runs[2]]

    async def test_it_still_waits_for_its_time(self, store: Store, clock: ManualClock) -> None:
        given, schedule, _ = await self.line(store, clock, 1)
        late = await given.add(schedule=schedule.id, in_line=True, due_in=10)
        await given.end(await given.claim())
        assert await store.release_in_line() == 1
        assert await given.claimed() == []
        clock.step(10)
        assert await given.claimed() == [late]

    async def test_an_exclusive_one_is_no_barrier(self, store: Store, clock: ManualClock) -> None:
        given, schedule, runs = await self.line(store, clock, 1)
        await given.add(schedule=schedule.id, in_line=True, exclusive=True)
        other = await given.add()
        assert await given.claimed() == [runs[0], other]

    async def test_other_schedules_are_lines_of_their_own(self, store: Store, clock: ManualClock) -> None:
        given, _, runs = await self.line(store, clock, 2)
        other = await given.add(schedule="other", in_line=True)
        assert await given.claimed() == [runs[0], other]

    @pytest.mark.parametrize(("overlap", "together"), [("queue", False), ("allow", True)])
    async def test_one_that_waited_for_other_schedules_then_waits_for_its_own(
        self, store: Store, clock: ManualClock, overlap: str, together: bool
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        schedule = replace(given.schedule(), overlap=overlap, depends_on=("a",))
        await store.write_schedules([ScheduleChange(schedule)], "ann")
        first, second = [await given.add(schedule=schedule.id, waits=True) for _ in range(2)]
        await store.decide_waiting([(first, None)])
        claim = await given.claim()
        await store.decide_waiting([(second, None)])
        assert await given.claimed() == ([second] if together else [])
        await given.end(claim)
        assert await store.release_in_line() == (0 if together else 1)


class TestCancelling:
    async def fired(self, store: Store, clock: ManualClock) -> tuple[Setup, Schedule, str]:
        """A schedule, and a live run of it."""
        given = Setup(store, clock)
        await given.worker()
        schedule = replace(given.schedule(next_in=0), overlap="cancel_running")
        await store.write_schedules([ScheduleChange(schedule)], "ann")
        return given, schedule, await given.add(schedule=schedule.id)

    async def fire(self, store: Store, schedule: Schedule, run: NewRun, version: int = 0) -> bool:
        fires = (NewFire(run.due_at, "fired", run=run),)
        return (await store.fire([FirePlan(schedule.id, version, fires, run.due_at, None, cancels=True)]))[0]

    async def test_what_is_live_is_cancelled_and_the_new_run_waits_for_its_end(
        self, store: Store, clock: ManualClock
    ) -> None:
        given, schedule, old = await self.fired(store, clock)
        claim = await given.claim()
        new = given.run(schedule=schedule.id, in_line=True)
        assert await self.fire(store, schedule, new)
        assert await given.status(old) is RunStatus.CANCELLING
        assert await given.claimed() == []
        await given.end(claim, RunEvent.STOPPED)
        assert await store.release_in_line() == 1
        assert await given.claimed() == [new.id]

    async def test_one_that_waits_is_over_at_once(self, store: Store, clock: ManualClock) -> None:
        given, schedule, old = await self.fired(store, clock)
        new = given.run(schedule=schedule.id, in_line=True)
        assert await self.fire(store, schedule, new)
        assert await given.actions(old) == ["run.created", "run.cancelled"]
        assert [ended.run for ended in await store.ended()] == [old]
        assert await given.claimed() == [new.id]

    async def test_a_plan_that_comes_too_late_cancels_nothing(self, store: Store, clock: ManualClock) -> None:
        given, schedule, old = await self.fired(store, clock)
        assert not await self.fire(store, schedule, given.run(schedule=schedule.id), version=7)
        assert await given.status(old) is RunStatus.PENDING

    async def test_a_place_at_a_concurrency_key_is_free_again(self, store: Store, clock: ManualClock) -> None:
        given, schedule, old = await self.fired(store, clock)
        await store.move([old], RunEvent.CANCEL, "ann", clock.now())
        key = {"concurrency_key": "k", "concurrency_limit": 1}
        await given.add(**key)  # type: ignore[arg-type]  # two options
        before = await given.claim()
        await given.add(schedule=schedule.id, priority=100, **key)  # type: ignore[arg-type]  # likewise
        parked = await given.add(**key)  # type: ignore[arg-type]  # likewise
        assert await given.claimed() == []
        await given.end(before)  # the place is that of the schedule's run, which has not taken it
        assert await self.fire(store, schedule, given.run(due_in=60, schedule=schedule.id, in_line=True))
        assert await given.claimed() == [parked]

    async def test_one_that_the_fire_joins_goes_on(self, store: Store, clock: ManualClock) -> None:
        given, schedule, _ = await self.fired(store, clock)
        await given.end(await given.claim())
        old = await given.add(schedule=schedule.id, unique_key="u")
        assert await self.fire(store, schedule, given.run(schedule=schedule.id, unique_key="u", in_line=True))
        assert await given.status(old) is RunStatus.PENDING
        (fire,) = (await store.fires(schedule.id)).items
        assert fire.run == old
