"""The store's suite: services, what follows from the ends of their runs, and what they use."""

from __future__ import annotations

from dataclasses import replace

from runwright.lifecycle import RunEvent
from runwright.model import (
    Claim,
    Lane,
    Measured,
    RunStatus,
    Schedule,
    ScheduleChange,
    ServiceEnd,
    Usage,
)
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestServices:
    async def service(self, store: Store, clock: ManualClock, session: str = "w1") -> tuple[Setup, Schedule, Claim]:
        """A service that runs in this session."""
        given = Setup(store, clock)
        await given.worker(session)
        schedule = replace(given.schedule("pulse"), when='{"type":"always"}', overlap="queue")
        await store.write_schedules([ScheduleChange(schedule)], "ann")
        await given.add(schedule=schedule.id, lane=Lane.SERVICE)
        return given, schedule, await given.claim(session, lane=Lane.SERVICE)

    async def settle(self, store: Store, schedule: Schedule, end: ServiceEnd) -> Schedule:
        await store.settle(await store.ended(), {}, {schedule.id: end})
        read = await store.schedule(schedule.id)
        assert read is not None
        return read

    async def events(self, store: Store) -> list[tuple[str, object]]:
        page = await store.events([], 100)
        return [(event.action, event.detail) for event in page.items if event.action.startswith("service.")]

    async def test_services_are_listed_by_name(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        others = [given.schedule("nightly")]
        forms = {"b": '{"type":"always","restart":"always"}', "a": '{"type":"always"}', "gone": '{"type":"always"}'}
        services = [replace(given.schedule(name), when=form) for name, form in forms.items()]
        await store.write_schedules([ScheduleChange(each) for each in (*others, *services)], "ann")
        await store.delete_schedule(services[2].id, "ann")
        assert [each.name for each in await store.services()] == ["a", "b"]

    async def test_one_that_failed_is_due_again(self, store: Store, clock: ManualClock) -> None:
        given, schedule, claim = await self.service(store, clock)
        await given.end(claim, RunEvent.FAIL)
        due = given.in_seconds(5)
        read = await self.settle(store, schedule, ServiceEnd(0, due, 1, "it has failed", gave_up=False))
        assert (read.next_due_at, read.enabled, read.restarts, read.version) == (due, True, 1, 1)
        assert (read.run_count, read.error_count, read.last_status) == (1, 1, "error")
        assert await self.events(store) == [("service.restarting", {"reason": "it has failed", "restarts": 1})]

    async def test_one_that_stays_stopped_is_off(self, store: Store, clock: ManualClock) -> None:
        for gave_up, action in ((False, "service.stopped"), (True, "service.gave_up")):
            given, schedule, claim = await self.service(store, clock, f"w{gave_up}")
            await given.end(claim, RunEvent.FAIL, session=f"w{gave_up}")
            read = await self.settle(store, schedule, ServiceEnd(0, None, 4, "so", gave_up=gave_up))
            assert (read.next_due_at, read.enabled, read.restarts) == (None, False, 0)
            assert (await self.events(store))[0] == (action, {"reason": "so", "restarts": 4})
            await store.delete_schedule(schedule.id, "ann")

    async def test_what_people_did_meanwhile_counts(self, store: Store, clock: ManualClock) -> None:
        given, schedule, claim = await self.service(store, clock)
        await given.end(claim, RunEvent.FAIL)
        started = replace(schedule, next_due_at=given.in_seconds(0))
        assert await store.write_schedules([ScheduleChange(started, "schedule.updated")], "ann")
        read = await self.settle(store, schedule, ServiceEnd(0, None, 4, "so", gave_up=True))
        assert (read.next_due_at, read.enabled, read.error_count) == (started.next_due_at, True, 1)
        assert await self.events(store) == []

    async def test_an_end_is_settled_once(self, store: Store, clock: ManualClock) -> None:
        given, schedule, claim = await self.service(store, clock)
        await given.end(claim, RunEvent.FAIL)
        ended, end = await store.ended(), ServiceEnd(0, None, 1, "so", gave_up=False)
        for _ in range(2):
            await store.settle(ended, {}, {schedule.id: end})
        assert len(await self.events(store)) == 1

    async def test_a_run_of_it_is_not_restarted_by_hand(self, store: Store, clock: ManualClock) -> None:
        given, _, claim = await self.service(store, clock)
        await given.end(claim)
        assert await store.move([claim.run_id], RunEvent.RESTART, "ann", clock.now()) == [
            (RunStatus.COMPLETED, RunStatus.COMPLETED)
        ]

    async def test_what_it_uses_is_kept_while_it_is_claimed(self, store: Store, clock: ManualClock) -> None:
        given, _, claim = await self.service(store, clock)
        for cpu, memory in ((1.5, 1 << 33), (2.5, None)):
            await store.keep_usage([Measured(claim.key, claim.token, cpu, memory)])
            assert list(await store.usage()) == [Usage(claim.run_id, cpu, memory, clock.now())]
            clock.advance(10)
        await store.keep_usage([Measured(claim.key, claim.token + 1, 9.0, None)])
        await given.end(claim)
        await store.keep_usage([Measured(claim.key, claim.token, 9.0, None)])
        assert [usage.cpu_seconds for usage in await store.usage()] == [2.5]
