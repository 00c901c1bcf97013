"""The store's suite: questions about runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runwright.errors import InvalidInput
from runwright.lifecycle import RunEvent
from runwright.model import AttemptStatus, Lane, RunStatus, ScheduleChange
from runwright.store.base import RunQuery, Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestRuns:
    async def test_pages_are_complete_and_without_doubles(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        new = [given.run() for _ in range(25)]
        await store.enqueue(new)
        for newest_first in (True, False):
            got: list[str] = []
            after: str | None = None
            while True:
                page = await store.runs(RunQuery(limit=10, after=after, newest_first=newest_first))
                got += [run.id for run in page.items]
                after = page.after
                if after is None:
                    break
            expected = [run.id for run in new]
            assert got == (expected[::-1] if newest_first else expected)

    async def test_filters_by_task_status_schedule_and_parent(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        done = (await given.ended("report")).id
        failed = (await given.ended("report", RunEvent.FAIL)).id
        waiting = await given.add("report", schedule="s", due_in=5)
        running = await given.add("backup", parent=done)
        await given.claim()
        reserved = await given.add("sync")
        await given.turn(0, 1)

        async def ids(query: RunQuery) -> set[str]:
            return {run.id for run in (await store.runs(query)).items}

        assert await ids(RunQuery(task="report")) == {done, failed, waiting}
        assert await ids(RunQuery(statuses=[RunStatus.COMPLETED, RunStatus.ERROR])) == {done, failed}
        assert await ids(RunQuery(statuses=[RunStatus.PENDING])) == {waiting, reserved}
        assert await ids(RunQuery(statuses=[RunStatus.RUNNING, RunStatus.PENDING])) == {running, waiting, reserved}
        assert await ids(RunQuery(task="report", statuses=[RunStatus.PENDING])) == {waiting}
        assert await ids(RunQuery(schedule="s")) == {waiting}
        assert await ids(RunQuery(parent=done)) == {running}
        assert await ids(RunQuery(task="nothing")) == set()

    async def test_several_statuses_are_one_ordered_list(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        new = [await given.ended(event=event) for event in (RunEvent.COMPLETE, RunEvent.FAIL) * 6]
        query = RunQuery(statuses=[RunStatus.ERROR, RunStatus.COMPLETED], limit=5)
        first = await store.runs(query)
        second = await store.runs(
            RunQuery(statuses=[RunStatus.ERROR, RunStatus.COMPLETED], limit=50, after=first.after)
        )
        assert [run.id for run in (*first.items, *second.items)] == [run.id for run in reversed(new)]

    async def test_a_cursor_that_no_list_gave_is_refused(self, store: Store, clock: ManualClock) -> None:
        with pytest.raises(InvalidInput, match="cursor"):
            await store.runs(RunQuery(after="1; drop table run"))

    async def test_by_ids(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        ids = [await given.add() for _ in range(3)]
        found = await store.runs_by_id([*ids[:2], "nothing"])
        assert {run.id for run in found} == set(ids[:2])
        assert list(await store.runs_by_id([])) == []
        assert await store.run("nothing") is None

    async def test_the_running_attempt_is_told_too(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        assert list(await store.attempts(run)) == []
        await given.end(await given.claim(), RunEvent.RETRY)
        await given.claim()
        attempts = await store.attempts(run)
        assert [(one.run, one.number, one.status, one.worker) for one in attempts] == [
            (run, 1, AttemptStatus.ERROR, "w1"),
            (run, 2, AttemptStatus.RUNNING, "w1"),
        ]
        assert attempts[1].completed_at is None

    @pytest.mark.parametrize("event", [RunEvent.COMPLETE, RunEvent.FAIL, RunEvent.STOPPED])
    async def test_an_attempt_is_told_alike_before_and_after_a_restart(
        self, store: Store, clock: ManualClock, event: RunEvent
    ) -> None:
        given = Setup(store, clock)
        await given.worker()
        run = await given.add()
        claim = await given.claim()
        if event is RunEvent.STOPPED:
            await store.move([run], RunEvent.CANCEL, "ann", clock.now())
        await given.end(claim, event)
        (first,) = await store.attempts(run)
        began, ended = first.started_at, first.completed_at
        assert (first.number, first.worker, ended is not None and ended - began) == (1, "w1", timedelta(seconds=1))
        assert (first.error is None) == (event is not RunEvent.FAIL)
        clock.advance(1)
        await store.move([run], RunEvent.RESTART, "ann", clock.now())
        assert await store.attempts(run) == [first]
        await store.move([run], RunEvent.CANCEL, "ann", clock.now())  # over, without a second one
        assert await store.attempts(run) == [first]
        await store.move([run], RunEvent.RESTART, "ann", clock.now())
        await given.worker("w2")
        await given.end(await given.claim(session="w2"), session="w2")
        attempts = await store.attempts(run)
        assert attempts[0] == first
        assert [(one.number, one.status, one.worker) for one in attempts[1:]] == [(2, AttemptStatus.COMPLETED, "w2")]


class TestHistory:
    async def test_the_last_twenty_of_a_task(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        for _ in range(3):
            await given.ended(event=RunEvent.FAIL)
        clock.advance(1)
        for _ in range(19):
            await given.ended()
        (history,) = (await store.history(["backup", "report"])).values()
        assert (history.runs, history.errors, history.last_status) == (20, 1, RunStatus.COMPLETED)
        assert history.mean_seconds == 1.0
        assert history.last_run_at is not None

    async def test_statistics_count_every_status(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.ended()
        await given.ended(event=RunEvent.FAIL)
        await given.add(schedule="s")
        await given.claim()
        await given.add()
        await given.add(due_in=10)
        await given.add(exclusive=True, due_in=10)
        schedule, disabled = given.schedule("one"), given.schedule("two")
        await store.write_schedules([ScheduleChange(schedule), ScheduleChange(disabled)], "ann")
        statistics = await store.statistics()
        counts = {status: count for status, count in statistics.runs_by_status.items() if count}
        assert counts == {"completed": 1, "error": 1, "running": 1, "pending": 3}
        assert set(statistics.runs_by_status) == {status.value for status in RunStatus}
        assert (statistics.total_tasks, statistics.enabled_tasks, statistics.running_tasks) == (2, 2, 1)


class TestWaitingFor:
    async def test_each_reason_in_a_sentence(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        alone = await given.add("sync")
        assert "No worker" in (await store.waiting_for(alone) or "")
        await given.worker()
        assert await store.waiting_for(alone) is None
        unknown, later = await given.add("nobody"), await given.add(due_in=60)
        assert "nobody" in (await store.waiting_for(unknown) or "")
        assert "due at 2026-01-01 12:01:00" in (await store.waiting_for(later) or "")
        running = await given.claim()
        assert await store.waiting_for(running.run_id) is None
        keyed = await given.add(concurrency_key="k", concurrency_limit=1)
        await given.claim()
        second = await given.add(concurrency_key="k", concurrency_limit=1)
        assert "concurrency key k" in (await store.waiting_for(second) or "")
        exclusive = await given.add("report", exclusive=True)
        behind = await given.add("sync")
        service = await given.add("sync", lane=Lane.SERVICE)
        assert running.run_id in (await store.waiting_for(exclusive) or "")
        assert exclusive in (await store.waiting_for(behind) or "")
        assert await store.waiting_for(service) is None
        assert await store.waiting_for(keyed) is None
        assert await store.waiting_for("nothing") is None
