"""The store's suite: runs coming in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runwright.clock import to_datetime
from runwright.errors import InvalidInput
from runwright.model import Lane, NewRun, OnInterrupt, RunStatus
from runwright.retry import Retry
from runwright.store.base import RunQuery, Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestEnqueue:
    async def test_a_run_is_stored_as_it_was_given(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        new = given.run(
            due_in=5,
            lane=Lane.THREAD,
            arguments='{"format":"tar"}',
            priority=70,
            exclusive=True,
            user="ops@example.com",
            created_by="ann",
            entity="db-1",
            tags=("a", "b"),
            parent="p",
            schedule="s",
        )
        assert [answer.created for answer in await store.enqueue([new])] == [True]
        run = await given.read(new.id)
        assert (run.task, run.status, run.lane, run.arguments) == (
            "backup",
            RunStatus.PENDING,
            Lane.THREAD,
            {"format": "tar"},
        )
        assert (run.priority, run.exclusive, run.user, run.entity) == (70, True, "ops@example.com", "db-1")
        assert (run.tags, run.parent, run.schedule) == (("a", "b"), "p", "s")
        assert (run.created_at, run.due_at) == (to_datetime(new.created_at), to_datetime(new.due_at))
        assert (run.started_at, run.completed_at, run.result, run.error, run.progress) == (None,) * 5
        assert (run.attempt, run.failures, run.crashes, run.worker) == (0, 0, 0, None)

    async def test_a_run_writes_its_event_with_its_actor(self, store: Store, clock: ManualClock) -> None:
        run = await Setup(store, clock).add(created_by="ann")
        (event,) = (await store.events([])).items
        assert (event.action, event.event_type, event.run, event.task, event.user) == (
            "run.created",
            "task",
            run,
            "backup",
            "ann",
        )

    async def test_of_runs_that_cannot_all_be_made_none_is_stored(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)

        class Runs(list[NewRun]):
            """The first are made, and perhaps written, before it shows that another one cannot be."""

            def __getitem__(self, place: Any) -> Any:
                if isinstance(place, slice) and place.stop > 700:
                    raise InvalidInput("the 700th is wrong")
                return super().__getitem__(place)

            def __iter__(self) -> Any:
                yield from self[:700]
                yield from self[700:1000]

        runs = Runs(given.run() for _ in range(1000))
        with pytest.raises(InvalidInput, match="the 700th"):
            await store.enqueue(runs)
        assert not (await store.runs(RunQuery())).items
        assert not (await store.events([])).items

    async def test_many_runs_are_answered_in_their_order(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        new = [given.run(task) for task in ("backup", "report") * 100]
        answers = await store.enqueue(new)
        assert [answer.run_id for answer in answers] == [run.id for run in new]
        listed = await store.runs(RunQuery(limit=500, newest_first=False))
        assert [run.id for run in listed.items] == [run.id for run in new]

    async def test_an_id_that_is_there_is_the_same_run_sent_again(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        new = [given.run() for _ in range(3)]
        await store.enqueue(new[:1])
        again = await store.enqueue(new)
        assert [(answer.run_id, answer.created) for answer in again] == [(run.id, True) for run in new]
        assert len((await store.runs(RunQuery())).items) == 3
        assert len((await store.events([])).items) == 3

    async def test_many_of_which_one_is_there(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        new = [given.run() for _ in range(400)]
        await store.enqueue(new[300:301])
        again = await store.enqueue(new)
        assert [answer.run_id for answer in again] == [run.id for run in new]
        assert len((await store.runs(RunQuery(limit=500))).items) == 400
        assert len((await store.events([], limit=500)).items) == 400

    async def test_twice_in_one_batch(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        one, other = given.run(), given.run()
        answers = await store.enqueue([one, other, one])
        assert [(answer.run_id, answer.created) for answer in answers] == [
            (one.id, True), (other.id, True), (one.id, True),
        ]  # fmt: skip
        assert len((await store.runs(RunQuery())).items) == 2

    async def test_none_at_all(self, store: Store, clock: ManualClock) -> None:
        assert list(await store.enqueue([])) == []

    async def test_secrets_are_masked_for_people_and_kept_for_workers(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        arguments = '{"password":{"$sealed":"abc"},"deep":[{"key":{"$sealed":"d"}}],"plain":{"$sealed":"e","x":1}}'
        run = await given.add(arguments=arguments)
        assert (await given.read(run)).arguments == {
            "password": "••••••",
            "deep": [{"key": "••••••"}],
            "plain": {"$sealed": "e", "x": 1},
        }
        assert await store.arguments(run) == arguments
        await given.worker()
        assert (await given.claim()).arguments == arguments
        assert await store.arguments("nothing") is None

    async def test_the_policy_comes_back_with_the_claim(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        policy = Retry(max_retries=5, delay=2.5, backoff="constant", max_delay=60.0, jitter=0.25)
        await given.add(retry=policy, on_interrupt=OnInterrupt.HOLD)
        await given.worker()
        assert (await given.claim()).retry == policy


class TestUnique:
    async def test_a_held_key_answers_with_its_holder(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        first = await given.add(unique_key="customer-1")
        (answer,) = await store.enqueue([given.run("report", unique_key="customer-1")])
        assert (answer.run_id, answer.created, answer.same_body) == (first, False, True)
        assert len((await store.runs(RunQuery())).items) == 1

    async def test_within_one_batch_too(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        first, second, other = (given.run(unique_key=key) for key in ("k", "k", "l"))
        answers = await store.enqueue([first, second, other])
        assert [(answer.run_id, answer.created) for answer in answers] == [
            (first.id, True),
            (first.id, False),
            (other.id, True),
        ]

    async def test_it_is_held_while_the_run_lives_and_free_afterwards(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        await given.add(unique_key="k")
        claim = await given.claim()
        (running,) = await store.enqueue([given.run(unique_key="k")])
        assert not running.created
        await given.end(claim)
        (free,) = await store.enqueue([given.run(unique_key="k")])
        assert free.created


class TestIdempotency:
    async def test_the_same_key_is_the_same_run_whatever_became_of_it(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.worker()
        done = await given.ended(created_by="ann", idempotency_key="k", idempotency_digest="d1")
        new = given.run(created_by="ann", idempotency_key="k", idempotency_digest="d1")
        (answer,) = await store.enqueue([new])
        assert (answer.run_id, answer.created, answer.same_body) == (done.id, False, True)
        (other,) = await store.enqueue([replace(new, idempotency_digest="d2")])
        assert (other.run_id, other.created, other.same_body) == (done.id, False, False)
        assert await store.run(new.id) is None

    async def test_keys_belong_to_one_user(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await given.add(created_by="ann", idempotency_key="k", idempotency_digest="d")
        (answer,) = await store.enqueue([given.run(created_by="bob", idempotency_key="k", idempotency_digest="d")])
        assert answer.created
