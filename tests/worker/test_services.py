"""Services: one run of each is kept going, in a worker, by the scheduler and the settler; on both stores."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runwright import (
    Always,
    Conflict,
    InvalidInput,
    NotFound,
    Retry,
    RunContext,
    RunStatus,
    Settings,
    TaskManager,
    task,
)
from runwright.bus import LocalBus
from runwright.clock import to_datetime
from runwright.control.services import Services
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, Claim, Lane, RunError
from runwright.retry import Discard
from runwright.worker.settler import Settler
from tests.worker.schedules import Engine, engine

PROMPT = 20.0


@pytest.fixture(params=["memory", "postgres"])
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with engine(request.getfixturevalue("postgres_url") if request.param == "postgres" else None) as opened:
        yield opened


def door(made: Engine) -> Services:
    return Services(made.store, made.door, made.fires, made.clock)


async def claim(made: Engine) -> Claim:
    """The run of the service that is due; no other may be."""
    await made.pass_time(0)
    return await made.given.claim(lane=Lane.SERVICE)


async def fail(made: Engine, held: Claim, took: float = 1.0, kind: str = "ValueError") -> None:
    error = RunError(kind, "no")
    finish = made.given.finish(held, RunEvent.FAIL, error=error, took=took)
    assert (await made.store.turn("w1", finished=[finish])).lost == frozenset()
    await made.settle()


async def state(made: Engine, name: str = "pulse") -> tuple[str, int]:
    view = await door(made).get(SYSTEM, name)
    return view.state, view.schedule.restarts


async def test_it_runs_from_the_moment_that_it_is_made(made: Engine) -> None:
    await made.add("pulse", "@always")
    assert await state(made) == ("starting", 0)
    held = await claim(made)
    assert await state(made) == ("running", 0)
    made.clock.advance(5)
    (view,) = await door(made).list(SYSTEM)
    assert (view.run and view.run.id, view.uptime_seconds) == (held.run_id, 5)
    assert await made.outcomes("pulse") == ["fired"]
    assert await made.given.claimed(lane=Lane.ASYNC) == []


async def test_failures_in_a_row_are_bounded_and_a_healthy_minute_forgives(made: Engine) -> None:
    await made.add("pulse", "@always", retry=Retry(max_retries=2, delay=5))
    for wait, restarts in ((5, 1), (10, 2)):
        await fail(made, await claim(made))
        assert await state(made) == ("restarting", restarts)
        await made.pass_time(wait - 1)
        assert await made.given.claimed(lane=Lane.SERVICE) == []
        made.clock.advance(1)
    await fail(made, await claim(made), took=60)
    assert await state(made) == ("restarting", 1)
    made.clock.advance(5)
    for wait in (10, 0):
        await fail(made, await claim(made))
        made.clock.advance(wait)
    assert await state(made) == ("failed", 0)
    view = await door(made).get(SYSTEM, "pulse")
    assert (view.schedule.enabled, view.schedule.run_count, view.schedule.error_count) == (False, 5, 5)
    await made.pass_time(86400)
    assert await made.given.claimed(lane=Lane.SERVICE) == []
    await door(made).start(SYSTEM, "pulse")
    await fail(made, await claim(made))
    assert await state(made) == ("restarting", 1)


@pytest.mark.parametrize(
    ("restart", "returned", "failed"),
    [("never", "stopped", "failed"), ("on_failure", "stopped", "restarting"), ("always", "starting", "restarting")],
)
async def test_the_policy_says_what_follows(made: Engine, restart: Any, returned: str, failed: str) -> None:
    await made.add("pulse", Always(restart))
    await made.given.end(await claim(made))
    await made.settle()
    assert (await state(made))[0] == returned
    if returned == "stopped":
        await door(made).start(SYSTEM, "pulse")
    made.clock.advance(60)
    await fail(made, await claim(made))
    assert (await state(made))[0] == failed


async def test_the_setting_decides_where_nothing_is_said(made: Engine) -> None:
    made.settler = Settler(made.store, LocalBus(), made.triggers, auto_restart=False)
    await made.add("pulse", "@always")
    await fail(made, await claim(made))
    assert (await state(made))[0] == "failed"


async def test_one_that_has_failed_for_good_is_not_restarted(made: Engine) -> None:
    await made.add("pulse", "@always")
    await fail(made, await claim(made), kind=Discard.__name__)
    assert (await state(made))[0] == "failed"


async def test_stopped_on_purpose_it_stays_stopped(made: Engine) -> None:
    await made.add("pulse", Always("always"))
    held = await claim(made)
    assert (await door(made).stop(SYSTEM, "pulse")).state == "stopping"
    with pytest.raises(Conflict, match="is stopped already"):
        await door(made).stop(SYSTEM, "pulse")
    await made.given.end(held, RunEvent.STOPPED)
    await made.pass_time(3600)
    assert await state(made) == ("stopped", 0)
    assert await made.given.claimed(lane=Lane.SERVICE) == []


async def test_a_cancel_of_its_run_stops_it_on_purpose(made: Engine) -> None:
    await made.add("pulse", "@always")
    held = await claim(made)
    await made.store.move([held.run_id], RunEvent.CANCEL, "ann", made.clock.now())
    await made.given.end(held, RunEvent.STOPPED)
    await made.pass_time(3600)
    assert await state(made) == ("stopped", 0)
    assert not (await made.door.get(SYSTEM, "pulse")).enabled


@pytest.mark.parametrize("how", ["stop and start", "restart"])
async def test_a_stuck_one_never_has_a_second_run(made: Engine, how: str) -> None:
    await made.add("pulse", "@always")
    stuck = await claim(made)
    if how == "restart":
        await door(made).restart(SYSTEM, "pulse")
    else:
        await door(made).stop(SYSTEM, "pulse")
        await door(made).start(SYSTEM, "pulse")
    await made.pass_time(3600)
    assert (await made.given.read(stuck.run_id)).status is RunStatus.CANCELLING
    assert await made.given.claimed(lane=Lane.SERVICE) == []
    assert (await state(made))[0] == "restarting"
    await made.given.end(stuck, RunEvent.STOPPED)
    fresh = await claim(made)
    assert fresh.run_id != stuck.run_id
    assert await state(made) == ("running", 0)


async def test_a_restart_of_what_is_stopped_starts_it(made: Engine) -> None:
    await made.add("pulse", "@always", enabled=False)
    assert await state(made) == ("stopped", 0)
    assert (await door(made).restart(SYSTEM, "pulse")).state == "starting"
    held = await claim(made)
    await fail(made, held)
    assert (await door(made).restart(SYSTEM, "pulse")).state == "starting"
    assert (await claim(made)).run_id != held.run_id


async def test_another_policy_leaves_what_runs_alone(made: Engine) -> None:
    await made.add("pulse", "@always")
    await claim(made)
    edited = await made.edit("pulse", when=Always("never"), label="Pulse")
    assert (edited.next_due_at, edited.enabled) == (None, True)
    await made.pass_time(3600)
    assert len(await made.runs("pulse")) == 1


async def test_while_all_schedules_are_paused_none_is_started(made: Engine) -> None:
    await made.door.pause(SYSTEM, "maintenance")
    await made.add("pulse", "@always")
    await made.pass_time(60)
    assert await made.given.claimed(lane=Lane.SERVICE) == []
    await made.door.resume(SYSTEM)
    await made.pass_time(10)
    assert await state(made) == ("starting", 0)
    await made.given.claim(lane=Lane.SERVICE)


async def test_an_exclusive_run_does_not_wait_for_it(made: Engine) -> None:
    await made.add("pulse", "@always")
    await claim(made)
    alone = await made.given.add("work", exclusive=True)
    assert await made.given.claimed() == [alone]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overlap", "allow"), ("catch_up", "all"), ("depends_on", ["other"]), ("jitter_seconds", 5),
        ("misfire_grace_seconds", 5), ("excluded", ["sat"]), ("blackouts", ["sat"]),
    ],
)  # fmt: skip
async def test_what_speaks_of_due_times_does_not_go_with_it(made: Engine, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match="a service has no due times") as refused:
        await made.add("pulse", "@always", **{field: value})
    assert [fault.pointer for fault in refused.value.errors] == [f"/{field}"]


async def test_it_is_neither_fired_nor_backfilled_and_has_no_next_times(made: Engine) -> None:
    await made.add("pulse", "@always")
    await made.add("nightly", "0 2 * * *")
    now = made.clock.now()
    with pytest.raises(Conflict, match="start, stop or restart"):
        await made.fires.fire(SYSTEM, "pulse")
    with pytest.raises(Conflict, match="start, stop or restart"):
        await made.fires.backfill(SYSTEM, "pulse", to_datetime(now - 10), to_datetime(now))
    await claim(made)
    assert await made.door.next(SYSTEM, "pulse") == []
    with pytest.raises(NotFound):
        await door(made).get(SYSTEM, "nightly")


# ----- in a worker ----------------------------------------------------------------------------------------------------


class Pulse:
    """Services in each mode that tell how many of them run at once."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.live = self.most = self.lives = 0

    def tasks(self) -> list[Any]:
        @task(name="thread", schedule="@always")
        def in_thread(*, run: RunContext) -> None:
            with self:
                while not run.cancelled:
                    time.sleep(0.001)

        @task(name="async", schedule="@always")
        async def in_loop() -> None:
            with self:
                await asyncio.Event().wait()

        return [in_thread, in_loop]

    def __enter__(self) -> None:
        self.live += 1
        self.lives += 1
        self.most = max(self.most, self.live)
        self.began.set()

    def __exit__(self, *_: object) -> None:
        self.live -= 1


def settings(**options: Any) -> Settings:
    return Settings(store="sqlite:///:memory:", max_concurrent=1, max_threads=1, max_processes=1, **options)


@pytest.mark.parametrize("mode", ["thread", "async"])
async def test_a_worker_runs_it_until_it_is_stopped(mode: str) -> None:
    pulse = Pulse()
    (service,) = [each for each in pulse.tasks() if each.name == mode]
    async with TaskManager(settings(), tasks=[service]) as manager:
        for lives in (1, 2):
            assert await asyncio.to_thread(pulse.began.wait, PROMPT)
            pulse.began.clear()
            view = await manager.services.get(mode)
            assert (view.state, pulse.live, pulse.lives) == ("running", 1, lives)
            if lives == 1:
                await manager.services.restart(mode)
        run = (await manager.services.stop(mode)).run
        assert run is not None
        assert (await manager.wait(run.id, timeout=PROMPT)).status is RunStatus.CANCELLED
        assert (await manager.services.get(mode)).state == "stopped"
    assert (pulse.live, pulse.most) == (0, 1)


async def test_it_takes_no_slot_and_no_place_of_other_runs() -> None:
    pulse = Pulse()

    @task(name="quick")
    async def quick() -> str:
        return "done"

    async with TaskManager(settings(max_total=1), tasks=[*pulse.tasks(), quick]) as manager:
        assert await asyncio.wait_for(manager.run("quick"), PROMPT) == "done"
        async with asyncio.timeout(PROMPT):
            while pulse.live < 2:
                await asyncio.sleep(0.01)
        assert await asyncio.wait_for(manager.run("quick"), PROMPT) == "done"
        lanes = (await manager.control.timeline.workers(SYSTEM))[0].lanes
        assert "service" not in lanes


async def test_a_worker_that_stops_tells_it_at_once_and_the_next_one_goes_on(tmp_path: Any) -> None:
    pulse = Pulse()
    given = settings().model_copy(update={"store": f"sqlite:///{tmp_path / 'services.db'}"})
    runs = []
    for _ in range(2):
        began = time.monotonic()
        async with TaskManager(given, tasks=pulse.tasks()) as manager:
            async with asyncio.timeout(PROMPT):
                while pulse.live < 2:
                    await asyncio.sleep(0.01)
            runs.append({view.run and view.run.id for view in await manager.services.list()})
        assert pulse.live == 0
        assert time.monotonic() - began < (manager.settings.shutdown_grace or 0)  # it was not waited for
    assert runs[0] == runs[1]  # the same runs went on


async def test_a_service_is_not_started_as_a_run() -> None:
    async with TaskManager(settings(), tasks=Pulse().tasks()) as manager:
        with pytest.raises(InvalidInput, match="'thread' is a service"):
            await manager.start("thread")
