"""A store that refuses what it is told of one run: that run pays for it, and nobody else.

The faults are planted into the store's verbs: they stand for whatever a run may still come to that no check foresees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from runwright import RunContext, RunStatus, Settings, TaskManager, TaskProgress, task
from runwright.errors import StoreUnavailable
from runwright.lifecycle import Outcome, RunEvent
from runwright.model import Change, Finish, LogChunk
from runwright.worker.ending import INTERNAL, Ended
from runwright.worker.job import Job

Refuses = Callable[[Sequence[Change], Sequence[Finish]], bool]


@pytest.fixture
def settings() -> Settings:
    return Settings(store="sqlite:///:memory:", max_concurrent=10, shutdown_grace=0)


def plant(manager: TaskManager, refuses: Refuses) -> list[int]:
    """From now on the store refuses such turns; how many it was told of."""
    honest, told = manager.store.turn, [0]

    async def turn(session: str, wanted: Any, changes: Any, finished: Any) -> Any:
        told[0] += 1
        if refuses(changes, finished):
            raise ValueError("planted")
        return await honest(session, wanted, changes, finished)

    manager.store.turn = turn  # type: ignore[assignment,method-assign]  # planted
    return told


def returns(finished: Sequence[Finish], result: str) -> bool:
    return any(finish.result == result for finish in finished)


class Together:
    """Tasks that end in one batch."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

        @task
        async def answers(what: str, run: RunContext) -> str:
            run.log.info("before %s", what)
            await self.go.wait()
            return what

        self.task = answers

    async def start(self, manager: TaskManager, *what: str) -> list[str]:
        ids = await manager.start_many([(self.task, {"what": each}) for each in what])
        for run in ids:
            while all(job.claim.run_id != run or not job.reported for job in manager.worker.executor.jobs):
                await asyncio.sleep(0.005)
        return ids


async def test_an_ending_that_is_refused_ends_as_an_error_and_the_others_as_they_did(settings: Settings) -> None:
    together = Together()
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        ids = await together.start(manager, "a", "poison", "b", "c")
        plant(manager, lambda changes, finished: returns(finished, '"poison"'))
        together.go.set()
        ended = [await manager.wait(run) for run in ids]
        later = await manager.run(together.task, {"what": "later"})

    assert [run.status for run in ended] == ["completed", "error", "completed", "completed"]
    assert (ended[1].error is not None) and ended[1].error.kind == INTERNAL
    assert "ValueError: planted" in ended[1].error.message
    assert [ended[0].result, ended[1].result, later] == ["a", None, "later"]


async def test_a_change_that_is_refused_stops_its_run_and_no_other(settings: Settings) -> None:
    together, begun = Together(), asyncio.Event()
    stopped: list[BaseException] = []

    @task
    async def endless(run: RunContext) -> None:
        begun.set()
        try:
            while True:
                await run.checkpoint()
                await asyncio.sleep(0.005)
        except BaseException as error:
            stopped.append(error)
            raise

    async with TaskManager(settings, tasks=[together.task, endless]) as manager, asyncio.timeout(20):
        ids = await together.start(manager, "a", "b")
        run = await manager.start(endless)
        await begun.wait()
        plant(manager, lambda changes, finished: any(change.event == RunEvent.PAUSE for change in changes))
        await manager.pause(run.id)
        ended = await manager.wait(run.id)
        together.go.set()
        assert [(await manager.wait(each)).result for each in ids] == ["a", "b"]

    assert (ended.status, ended.error and ended.error.kind) == (RunStatus.ERROR, INTERNAL)
    assert len(stopped) == 1


async def test_what_is_refused_whatever_it_becomes_is_not_told_for_ever(settings: Settings) -> None:
    together = Together()
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        bad, good = await together.start(manager, "poison", "a")
        key = next(job.claim.key for job in manager.worker.executor.jobs if job.claim.run_id == bad)
        told = plant(manager, lambda changes, finished: any(finish.key == key for finish in finished))
        together.go.set()
        assert (await manager.wait(good)).result == "a"
        while manager.worker.executor.outbox:
            await asyncio.sleep(0.005)
        before = told[0]
        assert await manager.run(together.task, {"what": "later"}) == "later"

        assert (await manager.get(bad)).status is RunStatus.RUNNING  # as the store has it, for the next worker
        assert before < 20


async def test_a_close_records_what_ends_in_it(settings: Settings, tmp_path: Any) -> None:
    together = Together()
    settings = settings.model_copy(update={"store": f"sqlite:///{tmp_path}/runs.db", "shutdown_grace": 5.0})
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        ids = await together.start(manager, "a", "poison", "b")
        plant(manager, lambda changes, finished: returns(finished, '"poison"'))
        await manager.worker.claimer.stop()  # the endings are told by the close alone
        together.go.set()

    async with TaskManager(settings, roles=()) as manager:
        assert [(await manager.get(run)).status for run in ids] == ["completed", "error", "completed"]


async def test_a_piece_of_log_that_is_refused_is_left_out_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    together = Together()
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        honest = manager.store.append_logs

        async def append_logs(session: str, chunks: Sequence[LogChunk]) -> Any:
            if any("before poison" in chunk.lines for chunk in chunks):
                raise ValueError("planted")
            return await honest(session, chunks)

        manager.store.append_logs = append_logs  # type: ignore[method-assign]  # planted
        ids = await together.start(manager, "a", "poison", "b")
        together.go.set()
        ended = [await manager.wait(run) for run in ids]
        lines = [[line.text for line in await manager.store.log(run)] for run in ids]

    assert [run.result for run in ended] == ["a", "poison", "b"]
    assert lines == [["before a"], [], ["before b"]]
    assert caplog.text.count("the store refuses this, and it is left out") == 1


async def test_an_ending_of_which_nothing_can_be_made_is_an_error_of_its_run_alone(settings: Settings) -> None:
    together = Together()

    @task
    async def cheats(run: RunContext) -> None:
        await together.go.wait()
        run._port.progress(TaskProgress(1, None))  # type: ignore[arg-type]  # past every check

    async with TaskManager(settings, tasks=[together.task, cheats]) as manager, asyncio.timeout(20):
        bad = await manager.start(cheats)
        ids = await together.start(manager, "a", "b")
        together.go.set()
        ended = await manager.wait(bad.id)
        assert [(await manager.wait(run)).result for run in ids] == ["a", "b"]

    assert ended.error is not None and ended.error.kind == INTERNAL


async def test_a_claim_whose_task_has_gone_waits_for_it(settings: Settings) -> None:
    together = Together()
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        executor = manager.worker.executor
        honest, gone = manager.registry.find, [True]
        manager.registry.find = lambda name: None if gone[0] else honest(name)  # type: ignore[method-assign]  # planted
        ids = await manager.start_many([(together.task, {"what": what}) for what in ("a", "b")])
        for run in ids:
            while not await manager.store.attempts(run):
                await asyncio.sleep(0.005)
        assert executor.busy == 0
        gone[0] = False
        together.go.set()
        assert [(await manager.wait(run)).result for run in ids] == ["a", "b"]


async def test_a_store_that_goes_away_meanwhile_loses_nothing(settings: Settings) -> None:
    together, away = Together(), iter([False, False, True, True])
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        ids = await together.start(manager, "a", "poison", "b", "c")
        honest = manager.store.turn

        async def turn(session: str, wanted: Any, changes: Any, finished: Any) -> Any:
            if finished and next(away, False):
                raise StoreUnavailable("planted")
            if returns(finished, '"poison"'):
                raise ValueError("planted")
            return await honest(session, wanted, changes, finished)

        manager.store.turn = turn  # type: ignore[assignment,method-assign]  # planted
        together.go.set()
        ended = [await manager.wait(run) for run in ids]

    assert [run.status for run in ended] == ["completed", "error", "completed", "completed"]


async def test_an_end_that_cannot_be_judged_frees_its_slot(settings: Settings) -> None:
    together = Together()
    async with TaskManager(settings, tasks=[together.task]) as manager, asyncio.timeout(20):
        code = manager.worker.executor.code
        honest = code.judge

        def judge(job: Job, ended: Ended) -> Outcome:
            if ended.result == '"poison"':
                raise ZeroDivisionError
            return honest(job, ended)

        code.judge = judge  # type: ignore[method-assign]  # planted
        ids = await together.start(manager, "a", "poison")
        together.go.set()
        good, bad = [await manager.wait(run) for run in ids]

        assert (good.result, bad.error and bad.error.kind) == ("a", INTERNAL)
        assert bad.error is not None and "ZeroDivisionError" in bad.error.message
        assert manager.worker.executor.busy == 0
