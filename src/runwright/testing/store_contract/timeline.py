"""The store's suite: the timeline and its filters; credentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from runwright.errors import InvalidInput
from runwright.model import Credential, Cursor, NewEvent, Role
from runwright.store.base import EventFilter, Store
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import Setup


class TestTimeline:
    async def told(self, store: Store, clock: ManualClock) -> None:
        """Five entries, one a second."""
        for event in (
            NewEvent("system", "server.started", "host", "system", detail={"port": 6336}),
            NewEvent("user", "user.signed_in", "ann", "ann"),
            NewEvent("task", "schedule.updated", "50%_done", "ann", task="backup"),
            NewEvent("task", "run.completed", "backup", "system", task="backup", run="r1"),
            NewEvent("task", "run.failed", "report", "bob", task="report", run="r2", detail={"error": "ValueError"}),
        ):
            await store.record([event])
            clock.advance(1)

    @pytest.mark.parametrize(
        ("column", "operator", "value", "expected"),
        [
            ("event_type", "is", "task", {3, 4, 5}),
            ("event_type", "eq", "user", {2}),
            ("event_type", "is not", "task", {1, 2}),
            ("action", "neq", "run.failed", {1, 2, 3, 4}),
            ("action", "in", ["run.failed", "run.completed"], {4, 5}),
            ("action", "any of", ["run.failed"], {5}),
            ("action", "in", "run.failed", {5}),
            ("action", "none of", ["run.failed", "run.completed"], {1, 2, 3}),
            ("action", "in", [], set()),
            ("action", "contains", "UPDATED", {3}),
            ("action", "like", "run.", {4, 5}),
            ("subject", "contains", "50%", {3}),
            ("subject", "contains", "%", {3}),
            ("subject", "contains", "_", {3}),
            ("subject", "ilike", "REP", {5}),
            ("subject", "starts with", "a", {2}),
            ("subject", "ends with", "t", {1, 5}),
            ("subject", "not contains", "a", {1, 3, 5}),
            ("task", "is", "backup", {3, 4}),
            ("task", "is not", "backup", {1, 2, 5}),
            ("task", "is empty", "", {1, 2}),
            ("run", "is not empty", "", {4, 5}),
            ("run", "is", "r1", {4}),
            ("user", "is", "ann", {2, 3}),
            ("detail", "contains", "ValueError", {5}),
            ("time", "before", "2026-01-01T12:00:02Z", {1, 2}),
            ("time", "after", "2026-01-01T13:00:02+01:00", {4, 5}),
            ("time", "less than", 1_767_268_801_000_000, {1}),
            ("time", "more than", 1_767_268_803_000_000, {5}),
        ],
    )
    async def test_each_operator(
        self,
        store: Store,
        clock: ManualClock,
        column: str,
        operator: str,
        value: str | int | Sequence[str],
        expected: set[int],
    ) -> None:
        await self.told(store, clock)
        page = await store.events([EventFilter(column, operator, value)])
        first = (await store.events([], limit=100)).items[-1].id
        assert {event.id - first + 1 for event in page.items} == expected

    async def test_filters_add_up_and_pages_too(self, store: Store, clock: ManualClock) -> None:
        await self.told(store, clock)
        filters = [EventFilter("event_type", "is", "task"), EventFilter("action", "like", "run")]
        first = await store.events(filters, limit=1)
        second = await store.events(filters, limit=1, after=first.after)
        assert [event.action for event in (*first.items, *second.items)] == ["run.failed", "run.completed"]
        assert second.after is None
        event = first.items[0]
        assert (event.subject, event.task, event.run, event.user) == ("report", "report", "r2", "bob")
        assert dict(event.detail) == {"error": "ValueError"}

    @pytest.mark.parametrize(
        ("column", "operator", "value", "where"),
        [
            ("nothing", "is", "x", "/query/0/column"),
            ("event_type; drop table run", "is", "x", "/query/0/column"),
            ("task", "resembles", "x", "/query/0/operator"),
            ("task", "is", ["a", "b"], "/query/0/value"),
            ("time", "before", "yesterday", "/query/0/value"),
            ("time", "before", "2026-01-01T12:00:00", "/query/0/value"),
            ("task", "in", ["x"] * 101, "/query/0/value"),
        ],
    )
    async def test_what_is_unknown_is_refused_by_name(
        self, store: Store, clock: ManualClock, column: str, operator: str, value: str | Sequence[str], where: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            await store.events([EventFilter(column, operator, value)])
        assert caught.value.errors[0].pointer == where
        with pytest.raises(InvalidInput):
            await store.events([], after="x")

    async def test_the_cursor_of_changed_runs(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        assert await store.changed_since(None) == (Cursor(), ())
        await given.worker()
        first, second = await given.add(), await given.add()
        claim = await given.claim()
        cursor, runs = await store.changed_since(Cursor())
        assert list(runs) == [first, second]
        assert await store.changed_since(None) == (cursor, ())
        assert await store.changed_since(cursor) == (cursor, ())
        await given.end(claim)
        await store.record([NewEvent("system", "x", "x", "system")])
        after, runs = await store.changed_since(cursor)
        assert list(runs) == [first]
        assert after.last > cursor.last
        part, runs = await store.changed_since(Cursor(), 1)
        assert list(runs) == [first]
        assert 0 < part.last < cursor.last


class TestCredentials:
    credential = Credential("token", "digest-1", "ci", Role.OPERATOR, 1)

    async def test_it_is_found_by_its_digest_until_it_is_revoked(self, store: Store, clock: ManualClock) -> None:
        await store.add_credential(self.credential, "ann")
        assert await store.credential("digest-1") == self.credential
        assert await store.credential("digest-2") is None
        assert await store.revoke_credential("digest-1", "ann")
        assert not await store.revoke_credential("digest-1", "ann")
        assert await store.credential("digest-1") is None
        assert [(event.event_type, event.action, event.subject) for event in (await store.events([])).items] == [
            ("user", "credential.revoked", "ci"),
            ("user", "credential.added", "ci"),
        ]

    async def test_it_expires(self, store: Store, clock: ManualClock) -> None:
        given = Setup(store, clock)
        await store.add_credential(replace(self.credential, expires_at=given.in_seconds(10)), "ann")
        clock.advance(9)
        assert await store.credential("digest-1") is not None
        clock.advance(1)
        assert await store.credential("digest-1") is None
        assert await store.take_credential("digest-1") is None

    async def test_a_code_works_once(self, store: Store, clock: ManualClock) -> None:
        await store.add_credential(self.credential, "ann")
        assert await store.take_credential("digest-1") == self.credential
        assert await store.take_credential("digest-1") is None
        assert await store.credential("digest-1") is None

    async def test_check_finds_a_store_that_takes_writes(self, store: Store, clock: ManualClock) -> None:
        await store.check()
        await store.check()
