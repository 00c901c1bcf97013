"""The Python door: what ``start`` and ``runs`` are told is checked, and the error names the field."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runwright import Conflict, InvalidInput, Settings, TaskManager, Unique, task
from runwright.testing import ManualClock, memory_manager


@task
async def good(n: int = 0) -> int:
    return n


@task(unique=Unique("{customer}", within="1h"))
async def remind(customer: str) -> str:
    return customer


@task(unique="{customer}", max_concurrent=1, concurrency_key="{customer}")
async def invoice(customer: str) -> int:
    return len(customer)


@pytest.mark.parametrize(
    ("options", "pointer", "words"),
    [
        ({"priority": "x"}, "/priority", "must be a whole number, not 'x'"),
        ({"priority": 1.5}, "/priority", "must be a whole number, not 1.5"),
        ({"priority": True}, "/priority", "must be a whole number, not True"),
        ({"priority": math.nan}, "/priority", "must be a whole number, not nan"),
        ({"priority": 10**20}, "/priority", "must be a number below 2147483648"),
        ({"run_at": "tomorrow"}, "/run_at", "must be a time with an offset"),
        ({"run_at": datetime(2026, 1, 1)}, "/run_at", "must be a time with an offset"),  # noqa: DTZ001  # the point of the test
        ({"run_at": datetime(9500, 1, 1, tzinfo=UTC)}, "/run_at", "and a year from 1970 to 9000"),
        ({"user": 5}, "/user", "must be text, not int"),
        ({"user": "\ud800"}, "/user", "half of a surrogate pair"),
        ({"entity": "a\0b"}, "/entity", "contains a NUL character"),
        ({"entity": "x" * 300}, "/entity", "has 300 characters, and 255 is the most"),
        ({"tags": 5}, "/tags", "must be a list of texts, not 5"),
        ({"tags": ["a", 5]}, "/tags/1", "must be text, not int"),
        ({"tags": ["\ud800"]}, "/tags/0", "half of a surrogate pair"),
        ({"tags": ["x"] * 101}, "/tags", "must be 100 at most, not 101"),
        ({"idempotency_key": 5}, "/idempotency_key", "must be text, not int"),
    ],
)
async def test_an_option_that_cannot_be_stored_is_named(options: dict[str, Any], pointer: str, words: str) -> None:
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[good], roles=()) as manager:
        with pytest.raises(InvalidInput) as caught:
            await manager.start(good, {}, **options)
        with pytest.raises(InvalidInput):
            await manager.start_many([(good, {}), (good, {})], **options)

        assert [error.pointer for error in caught.value.errors] == [pointer]
        assert words in str(caught.value)
        assert not (await manager.runs()).items


async def test_all_faulty_options_are_told_at_once() -> None:
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[good], roles=()) as manager:
        with pytest.raises(InvalidInput) as caught:
            await manager.start(good, {}, priority="x", user=5, tags=["a", 5])  # type: ignore[arg-type, list-item]  # on purpose

        assert [error.pointer for error in caught.value.errors] == ["/priority", "/user", "/tags/1"]
        assert (await manager.start(good, {}, priority=-5, user="a@b.c", entity="e", tags="one")).tags == ("one",)


@pytest.mark.parametrize(
    ("asked", "pointer", "words"),
    [
        ({"status": "nope"}, "/status", "'nope' is no status; there are pending, running"),
        ({"status": ["completed", 5]}, "/status", "5 is no status"),
        ({"status": 5}, "/status", "must be a status or several, not 5"),
        ({"task": 5}, "/task", "must be text, not int"),
        ({"task": "\ud800"}, "/task", "half of a surrogate pair"),
        ({"schedule": "a\0b"}, "/schedule", "contains a NUL character"),
        ({"limit": "x"}, "/limit", "must be a whole number from 1 to 10000, not 'x'"),
        ({"limit": 10**20}, "/limit", "must be a whole number from 1 to 10000"),
        ({"limit": 0}, "/limit", "must be a whole number from 1 to 10000, not 0"),
        ({"after": 5}, "/after", "must be text, not int"),
        ({"after": "garbage"}, "/page/after", "is not a cursor"),
    ],
)
async def test_a_question_about_runs_that_means_nothing_is_refused(
    asked: dict[str, Any], pointer: str, words: str
) -> None:
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[good], roles=()) as manager:
        with pytest.raises(InvalidInput) as caught:
            await manager.runs(**asked)

        assert [error.pointer for error in caught.value.errors] == [pointer]
        assert words in str(caught.value)


async def test_runs_are_found_by_one_status_or_several() -> None:
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[good], roles=()) as manager:
        await manager.start(good, {})

        assert len((await manager.runs(status="pending")).items) == 1
        assert len((await manager.runs(status={"pending", "running"}, task="good")).items) == 1
        assert not (await manager.runs(status=["running"])).items


async def test_a_unique_task_says_when_it_is_free_again() -> None:
    clock = ManualClock()
    async with memory_manager(remind, clock=clock) as manager:
        first = await manager.start(remind, {"customer": "a"})
        await manager.wait(first.id)
        with pytest.raises(Conflict) as caught:
            await manager.start(remind, {"customer": "a"})

        free_at = first.created_at + timedelta(hours=1)
        assert str(caught.value) == (
            f"run {first.id} has ended (completed), and its task takes one such run within 1:00:00: "
            f"the next may be started at {free_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        assert caught.value.existing == first.id
        clock.advance(3601)
        assert (await manager.start(remind, {"customer": "a"})).id != first.id


async def test_a_unique_run_that_is_live_is_to_be_waited_for() -> None:
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[remind], roles=()) as manager:
        first = await manager.start(remind, {"customer": "a"})
        with pytest.raises(Conflict, match=f"run {first.id} is live and unique; wait for it or cancel it"):
            await manager.start(remind, {"customer": "a"})


async def test_a_key_of_any_length_is_a_key() -> None:
    async with memory_manager(invoice) as manager:
        assert await manager.run(invoice, {"customer": "x" * 500_000}) == 500_000
        ends = [await manager.start(invoice, {"customer": "x" * 300 + end}) for end in ("a", "b")]
        assert [(await manager.wait(run.id)).result for run in ends] == [301, 301]
        (row,) = [new.unique_key for new in [manager.control.runs._admission.admit(_request("x" * 300), 0)]]
        assert row is not None and len(row) < 100


def _request(customer: str) -> Any:
    from runwright.admission import RunRequest

    return RunRequest("invoice", {"customer": customer})
