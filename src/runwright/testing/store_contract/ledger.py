"""The store's suite: the fire ledger, each due time in it once, alone or in a span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runwright.clock import SECOND, to_micros
from runwright.model import Fire, FirePlan, NewFire, NewRun, RunStatus, Schedule
from runwright.store.base import EventFilter, RunQuery, Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.schedules import change, plan, put
from runwright.testing.store_contract.setup import Setup


class TestFires:
    async def fired(self, store: Store, clock: ManualClock) -> tuple[Setup, Schedule, NewRun]:
        given = Setup(store, clock)
        schedule = given.schedule(next_in=0)
        await put(store, schedule)
        return given, schedule, given.run(schedule=schedule.id)

    async def test_ledger_run_and_place_are_one(self, store: Store, clock: ManualClock) -> None:
        given, schedule, run = await self.fired(store, clock)
        due = clock.now()
        later = given.in_seconds(3600)
        assert await store.fire([plan(schedule, NewFire(due, "fired", run=run), next_due_at=later)]) == [True]
        read = await store.schedule(schedule.id)
        assert read is not None
        assert (read.version, read.cursor_at, read.next_due_at, read.first_done) == (1, due, later, True)
        (fire,) = (await store.fires(schedule.id)).items
        assert (fire.schedule, fire.outcome, fire.run, fire.count) == (schedule.id, "fired", run.id, 1)
        assert await given.status(run.id) is RunStatus.PENDING

    async def test_an_older_version_writes_nothing(self, store: Store, clock: ManualClock) -> None:
        given, schedule, run = await self.fired(store, clock)
        other = given.schedule("other", 0)
        await put(store, other)
        answers = await store.fire(
            [
                plan(schedule, NewFire(clock.now(), "fired", run=run), version=5),
                plan(other, NewFire(clock.now(), "missed", "down")),
            ]
        )
        assert answers == [False, True]
        assert await store.run(run.id) is None
        assert (await store.fires(schedule.id)).items == ()
        assert len((await store.fires(other.id)).items) == 1

    async def test_one_row_for_each_due_time_whatever_happens(self, store: Store, clock: ManualClock) -> None:
        given, schedule, run = await self.fired(store, clock)
        due = clock.now()
        ahead = FirePlan(schedule.id, 0, (NewFire(due, "fired", run=run),), schedule.cursor_at, due, fills=True)
        assert await store.fire([ahead]) == [True]
        again, next_run = given.run(schedule=schedule.id), given.run(schedule=schedule.id)
        fires = (NewFire(due, "late", run=again), NewFire(due + SECOND, "fired", run=next_run))
        assert await store.fire([plan(schedule, *fires, version=1)]) == [True]
        assert await store.run(again.id) is None
        assert [fire.run for fire in (await store.fires(schedule.id)).items] == [next_run.id, run.id]

    async def test_nothing_is_recorded_behind_the_watermark(self, store: Store, clock: ManualClock) -> None:
        given, schedule, run = await self.fired(store, clock)
        due = clock.now()
        span = NewFire(due, "missed", "down", count=40, last_due_at=due + 39 * SECOND)
        assert await store.fire([plan(schedule, span)]) == [True]
        for behind in (span, NewFire(due + 7 * SECOND, "late", run=run), NewFire(due + 39 * SECOND, "held", "down")):
            later = NewFire(due + 60 * SECOND, "fired", run=given.run(schedule=schedule.id))
            assert await store.fire([plan(schedule, behind, later, version=1)]) == [False]
        (fire,) = (await store.fires(schedule.id)).items
        assert fire.count == 40
        assert (await store.runs(RunQuery(schedule=schedule.id))).items == ()

    async def test_two_schedulers_fire_once(self, store: Store, clock: ManualClock) -> None:
        given, schedule, run = await self.fired(store, clock)
        rival = given.run(schedule=schedule.id)
        due = clock.now()
        answers = [(await store.fire([plan(schedule, NewFire(due, "fired", run=one))]))[0] for one in (run, rival)]
        assert answers == [True, False]
        for known_as in (schedule.id, schedule.name):
            assert [one.id for one in (await store.runs(RunQuery(schedule=known_as))).items] == [run.id]

    async def test_a_skipped_run_is_there_and_says_why(self, store: Store, clock: ManualClock) -> None:
        given, schedule, run = await self.fired(store, clock)
        await store.fire([plan(schedule, NewFire(clock.now(), "skipped", "prepare failed", run=run))])
        read = await given.read(run.id)
        assert read.status is RunStatus.SKIPPED
        assert read.error is not None
        assert read.error.message == "prepare failed"
        assert await given.actions(run.id) == ["run.created", "run.skipped"]
        assert [ended.run for ended in await store.ended()] == [run.id]

    async def test_a_collapsed_span_is_one_row(self, store: Store, clock: ManualClock) -> None:
        _, schedule, _ = await self.fired(store, clock)
        due = clock.now()
        span = NewFire(due, "missed", "down", count=40, last_due_at=due + 39 * SECOND)
        await store.fire([plan(schedule, span)])
        (fire,) = (await store.fires(schedule.id)).items
        assert (fire.count, fire.reason, fire.run) == (40, "down", None)
        assert fire.last_due_at is not None
        assert (fire.last_due_at - fire.due_at).total_seconds() == 39

    async def test_the_watermark_never_goes_back(self, store: Store, clock: ManualClock) -> None:
        _, schedule, _ = await self.fired(store, clock)
        back = FirePlan(schedule.id, 0, (), schedule.cursor_at - SECOND, None)
        assert await store.fire([back]) == [True]
        read = await store.schedule(schedule.id)
        assert read is not None
        assert read.cursor_at == schedule.cursor_at

    async def test_the_last_time_disables(self, store: Store, clock: ManualClock) -> None:
        _, schedule, run = await self.fired(store, clock)
        last = replace(plan(schedule, NewFire(clock.now(), "fired", run=run)), enabled=False)
        await store.fire([last])
        read = await store.schedule(schedule.id)
        assert read is not None
        assert not read.enabled

    async def test_pages(self, store: Store, clock: ManualClock) -> None:
        _, schedule, _ = await self.fired(store, clock)
        start = clock.now()
        fires = tuple(NewFire(start + number * SECOND, "missed", f"reason {number}") for number in range(7))
        await store.fire([plan(schedule, *fires)])
        first = await store.fires(schedule.id, 5)
        second = await store.fires(schedule.id, 5, first.after)
        assert (len(first.items), len(second.items), second.after) == (5, 2, None)
        assert first.items[0].due_at > second.items[-1].due_at


class TestSpans:
    """Due times that end alike, one after the other and without a run, are one row, which grows in place."""

    async def began(self, store: Store, clock: ManualClock) -> tuple[Setup, Schedule]:
        given = Setup(store, clock)
        schedule = given.schedule(next_in=0)
        await put(store, schedule)
        return given, schedule

    async def look(self, store: Store, schedule: str, *fires: NewFire) -> None:
        """What a scheduler writes that has read the schedule."""
        read = await store.schedule(schedule)
        assert read is not None
        assert await store.fire([plan(read, *fires)]) == [True]

    async def rows(self, store: Store, schedule: str) -> list[tuple[str, int, float, int]]:
        """The ledger, oldest first: outcome, count, seconds from the first to the last due time, has a run."""
        return [
            (fire.outcome, fire.count, seconds(fire), fire.run is not None)
            for fire in reversed((await store.fires(schedule)).items)
        ]

    async def test_they_are_one_row_over_any_number_of_looks(self, store: Store, clock: ManualClock) -> None:
        _, schedule = await self.began(store, clock)
        due = clock.now()
        await self.look(store, schedule.id, NewFire(due, "held", "paused"))
        (alone,) = (await store.fires(schedule.id)).items
        assert (alone.count, alone.last_due_at) == (1, None)
        await self.look(store, schedule.id, NewFire(due + SECOND, "held", "paused"))
        await self.look(
            store, schedule.id, NewFire(due + 2 * SECOND, "held", "paused", count=5, last_due_at=due + 6 * SECOND)
        )
        await self.look(store, schedule.id, *(NewFire(due + n * SECOND, "held", "paused") for n in (7, 8, 9)))
        assert await self.rows(store, schedule.id) == [("held", 10, 9, False)]
        (span,) = (await store.fires(schedule.id)).items
        assert (span.id, to_micros(span.due_at), span.recorded_at) == (alone.id, due, alone.recorded_at)

    async def test_another_outcome_reason_or_run_ends_a_span(self, store: Store, clock: ManualClock) -> None:
        given, schedule = await self.began(store, clock)
        dues = (clock.now() + number * SECOND for number in range(20))
        run = given.run(schedule=schedule.id)
        for outcome, reason, made in (
            ("skipped", "busy", None), ("skipped", "busy", None), ("held", "busy", None), ("held", "other", None),
            ("held", "other", None), ("fired", "", run), ("held", "other", None), ("held", "other", None),
        ):  # fmt: skip
            await self.look(store, schedule.id, NewFire(next(dues), outcome, reason, made))
        assert await self.rows(store, schedule.id) == [
            ("skipped", 2, 1, False), ("held", 1, 0, False), ("held", 2, 1, False), ("fired", 1, 0, True),
            ("held", 2, 1, False),
        ]  # fmt: skip

    async def test_a_skip_with_a_run_is_a_row_of_its_own(self, store: Store, clock: ManualClock) -> None:
        given, schedule = await self.began(store, clock)
        for number in range(2):
            run = given.run(schedule=schedule.id)
            await self.look(store, schedule.id, NewFire(given.in_seconds(number), "skipped", "a failed", run))
        assert await self.rows(store, schedule.id) == [("skipped", 1, 0, True)] * 2

    async def test_each_schedule_of_a_look_has_its_own(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        schedules = [given.schedule(f"s{number}", 0) for number in range(4)]
        await put(store, *schedules)
        for at in range(3):
            fires = [NewFire(given.in_seconds(at), "held", f"reason {number}") for number in range(3)]
            fires.append(NewFire(given.in_seconds(at), "fired", run=given.run(schedule=schedules[3].id)))
            plans = [plan(each, fire, version=at) for each, fire in zip(schedules, fires, strict=True)]
            assert await store.fire(plans) == [True] * 4
        assert [await self.rows(store, each.id) for each in schedules[:3]] == [[("held", 3, 2, False)]] * 3
        assert await self.rows(store, schedules[3].id) == [("fired", 1, 0, True)] * 3

    async def test_an_edit_of_the_times_ends_a_span(self, store: Store, clock: ManualClock) -> None:
        _, schedule = await self.began(store, clock)
        await self.look(store, schedule.id, NewFire(clock.now(), "held", "paused"))
        for field, rows in (("label", [2]), ("anchor_at", [2, 1])):
            read = await store.schedule(schedule.id)
            assert read is not None
            clock.advance(1)
            edited = replace(read, label="x") if field == "label" else replace(read, anchor_at=clock.now())
            assert await change(store, edited)
            await self.look(store, schedule.id, NewFire(clock.now(), "held", "paused"))
            assert [count for _, count, _, _ in await self.rows(store, schedule.id)] == rows

    async def test_the_timeline_tells_it_once_and_how_far_it_reaches(self, store: Store, clock: ManualClock) -> None:
        given, schedule = await self.began(store, clock)
        for number in range(4):
            await self.look(store, schedule.id, NewFire(given.in_seconds(number), "held", "paused"))
        held = EventFilter("action", "is", "schedule.held")
        (event,) = (await store.events([held])).items
        (span,) = (await store.fires(schedule.id)).items
        assert span.last_due_at is not None
        told = {"due_at": span.due_at, "last_due_at": span.last_due_at}
        assert dict(event.detail) == {"reason": "paused", "count": 4} | {
            name: moment.isoformat().replace("+00:00", "Z") for name, moment in told.items()
        }
        assert await store.delete_schedule(schedule.id, "ann")  # and its ledger: now only the beginning is known
        (event,) = (await store.events([held])).items
        assert dict(event.detail) == {"reason": "paused", "count": 1}

    async def test_one_that_goes_on_outlives_retention(self, store: Store, clock: ManualClock) -> None:
        given, schedule = await self.began(store, clock)
        await self.look(store, schedule.id, NewFire(clock.now(), "skipped", "busy"))
        await self.look(store, schedule.id, NewFire(given.in_seconds(100), "skipped", "busy"))
        await store.prune(given.in_seconds(50))
        assert await self.rows(store, schedule.id) == [("skipped", 2, 100, False)]
        await store.prune(given.in_seconds(101))
        assert await self.rows(store, schedule.id) == []
        await self.look(store, schedule.id, NewFire(given.in_seconds(200), "skipped", "busy"))
        assert await self.rows(store, schedule.id) == [("skipped", 1, 0, False)]


def seconds(fire: Fire) -> float:
    """From the first to the last due time of a row."""
    return 0 if fire.last_due_at is None else (fire.last_due_at - fire.due_at).total_seconds()


class TestBackfill:
    async def test_a_due_time_without_a_run_gets_one(self, store: Store, clock: ManualClock) -> None:
        given, schedule, had = await self.recorded(store, clock)
        now = clock.now()
        made = await self.fill(store, given, schedule, now - 9, now - 7, now - 5, now - 4)
        assert await self.ledger(store, schedule) == [
            (9, "fired", had.id, 1, ""),
            (8, "missed", None, 2, "down"),
            (7, "late", made[1], 1, "backfill; it was missed: down"),
            (5, "late", made[2], 1, "backfill; it was skipped: busy"),
            (4, "late", made[3], 1, "backfill"),
        ]
        assert await store.run(made[0]) is None
        read = await store.schedule(schedule.id)
        assert read is not None
        assert (read.next_due_at, read.cursor_at) == (schedule.next_due_at, now - 5)

    async def test_a_span_is_gone_when_all_have_left_it(self, store: Store, clock: ManualClock) -> None:
        given, schedule, had = await self.recorded(store, clock)
        now = clock.now()
        made = await self.fill(store, given, schedule, now - 8, now - 6)
        assert [row[:4] for row in await self.ledger(store, schedule)] == [
            (9, "fired", had.id, 1), (8, "missed", None, 1), (8, "late", made[0], 1), (6, "late", made[1], 1),
            (5, "skipped", None, 1),
        ]  # fmt: skip
        again = await self.fill(store, given, schedule, now - 8, now - 7, now - 6)
        assert [row[:4] for row in await self.ledger(store, schedule)] == [
            (9, "fired", had.id, 1), (8, "late", made[0], 1), (7, "late", again[1], 1), (6, "late", made[1], 1),
            (5, "skipped", None, 1),
        ]  # fmt: skip

    async def test_what_other_times_left_behind_stays_as_it_was(self, store: Store, clock: ManualClock) -> None:
        given, schedule, _ = await self.recorded(store, clock)
        read = await store.schedule(schedule.id)
        assert read is not None
        assert await change(store, replace(read, anchor_at=clock.now() - 4))
        made = await self.fill(store, given, schedule, clock.now() - 7)
        assert [row[:4] for row in await self.ledger(store, schedule)][1:3] == [
            (8, "missed", None, 3), (7, "late", made[0], 1)
        ]  # fmt: skip

    async def recorded(self, store: Store, clock: ManualClock) -> tuple[Setup, Schedule, NewRun]:
        """A fire 9 µs ago, three due times missed from 8 to 6 µs ago, one skipped 5 µs ago."""
        given = Setup(store, clock)
        schedule, now = given.schedule(next_in=60), clock.now()
        await put(store, schedule)
        had = given.run(schedule=schedule.id)
        before = (
            NewFire(now - 9, "fired", run=had),
            NewFire(now - 8, "missed", "down", count=3, last_due_at=now - 6),
            NewFire(now - 5, "skipped", "busy"),
        )
        assert await store.fire([FirePlan(schedule.id, 0, before, now - 5, schedule.next_due_at)]) == [True]
        return given, schedule, had

    async def fill(self, store: Store, given: Setup, schedule: Schedule, *dues: int) -> Sequence[str]:
        """Give these due times runs, if they have none; the runs offered."""
        runs = [given.run(schedule=schedule.id) for _ in dues]
        fires = tuple(NewFire(due, "late", "backfill", run) for due, run in zip(dues, runs, strict=True))
        read = await store.schedule(schedule.id)
        assert read is not None
        fill = FirePlan(schedule.id, read.version, fires, read.cursor_at, read.next_due_at, fills=True)
        assert await store.fire([fill]) == [True]
        return [run.id for run in runs]

    async def ledger(self, store: Store, schedule: Schedule) -> list[tuple[int, str, str | None, int, str]]:
        """Its rows by due time, spans first: microseconds ago, outcome, run, count, reason."""
        fires = sorted((await store.fires(schedule.id)).items, key=lambda fire: (fire.due_at, -fire.count, fire.id))
        now = to_micros(fires[0].recorded_at)
        return [(now - to_micros(fire.due_at), fire.outcome, fire.run, fire.count, fire.reason) for fire in fires]
