"""The store's suite: what sessions tell of themselves and of the tasks that they know, to those without the code."""

from __future__ import annotations

from runwright.store.base import Definition, NewWorker, Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, Setup

BACKUP = Definition("b1", '{"title":"Backup"}')
NEWER = Definition("b2", '{"title":"Back up all"}')
REPORT = Definition("r1", '{"title":"Report"}')


async def begin(store: Store, session: str, *roles: str, **definitions: Definition) -> None:
    """Register a session in these roles."""
    tasks = tuple(definitions) if "worker" in roles else ()
    await store.register(NewWorker(session, "host", 1, {}, tasks, {}, definitions, roles), LEASE_SECONDS)


async def told(store: Store) -> list[tuple[str, str, str]]:
    """Which session tells of which task in which version."""
    return [(each.task, each.source_hash, each.session) for each in await store.versions()]


class TestKnowledge:
    async def test_sessions_tell_of_their_tasks_the_newest_first(self, store: Store, clock: ManualClock) -> None:
        await begin(store, "w1", "worker", backup=BACKUP, report=REPORT)
        await begin(store, "s1", "scheduler", "worker", backup=NEWER)
        assert await told(store) == [("backup", "b2", "s1"), ("backup", "b1", "w1"), ("report", "r1", "w1")]
        assert [each.roles for each in await store.versions()] == [("scheduler", "worker"), ("worker",), ("worker",)]
        assert dict(await store.definitions(["backup", "report", "nobody"])) == {"backup": NEWER, "report": REPORT}
        assert dict(await store.definitions([])) == {}

    async def test_what_is_published_replaces_what_was_told(self, store: Store, clock: ManualClock) -> None:
        await begin(store, "w1", "worker", backup=BACKUP, report=REPORT)
        await store.publish("w1", ["backup"], {}, {"backup": NEWER})
        assert await told(store) == [("backup", "b2", "w1")]
        assert dict(await store.definitions(["backup", "report"])) == {"backup": NEWER}

    async def test_a_session_that_is_over_tells_of_nothing(self, store: Store, clock: ManualClock) -> None:
        await begin(store, "w1", "worker", backup=BACKUP)
        await begin(store, "s1", "scheduler", backup=NEWER)
        await store.end_session("s1")
        assert await told(store) == [("backup", "b1", "w1")]
        assert dict(await store.definitions(["backup"])) == {"backup": BACKUP}
        assert await store.roles() == {"worker"}

    async def test_a_session_that_died_is_seen_to_be_gone_without_a_sweep(
        self, store: Store, clock: ManualClock
    ) -> None:
        await begin(store, "s1", "scheduler", backup=BACKUP)
        assert await store.roles() == {"scheduler"}
        clock.advance(LEASE_SECONDS)
        assert await store.roles() == frozenset()
        assert await told(store) == []
        assert [worker.state for worker in await store.workers()] == ["lost"]

    async def test_a_scheduler_is_no_worker(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await begin(store, "s1", "scheduler", backup=BACKUP)
        run = await given.add()
        assert await store.waiting_for(run) == "No worker is running."
        (session,) = await store.workers()
        assert (session.roles, session.tasks, session.state) == (("scheduler",), (), "live")
        await begin(store, "w1", "worker", report=REPORT)
        assert await store.waiting_for(run) == "No running worker knows the task backup."

    async def test_an_exclusive_run_that_only_a_scheduler_knows_is_no_barrier(
        self, store: Store, clock: ManualClock
    ) -> None:
        given = Setup(store, clock)
        await begin(store, "s1", "scheduler", sync=BACKUP)
        await given.worker("w1", ("backup",))
        await given.add("sync", exclusive=True)
        clock.advance(1)
        behind = await given.add("backup")
        assert await given.claimed() == [behind]
