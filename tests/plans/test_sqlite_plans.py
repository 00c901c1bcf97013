"""Query plans on SQLite: statements find their rows by an index; a claim's work follows the batch, not the queue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import apsw
import pytest

from runwright.clock import SystemRng
from runwright.model import FirePlan, Lane, NewFire, NewRun, Schedule, ScheduleChange
from runwright.store import sql
from runwright.store.base import NewWorker, Wanted
from runwright.store.sqlite import SqliteStore
from runwright.store.sqlite_file import MEMORY, open_store
from runwright.testing.clock import ManualClock

SQL = sql.load("sqlite")

# Statements that read a whole table on purpose, and the table, which is small.
SMALL = {
    "ended_list": "ended",  # the oldest first, with a limit
    "prune_credentials": "credential",
    "prune_events": "event",  # the oldest first, with a limit
    "prune_rates": "rate_start",
    "prune_workers": "worker",
    "schedule_count": "schedule",  # for a page that a person looks at
    "schedule_list": "schedule",
    "schedule_tasks": "schedule",  # for tasks that depend on tasks, when the code changes
    "session_list": "w",
    "statistics": "schedule",
    "probe_delete": "probe",
    "usage_list": "usage",  # one row for each service
}
_SCAN = re.compile(r"^SCAN (\w+)$")
# results of the statement itself
_NAMES = {
    "task",
    "place",
    "level",
    "above",
    "best",
    "alone",
    "kin",
    "about",
    "known",
    "name",
    "tries",
    "claimed",
    "waiting",
    "firsts",
    "json_each",
    "wanted",
}


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    opened = open_store(MEMORY, ManualClock(), busy_seconds=1)
    yield opened
    opened.close()


def plan(connection: apsw.Connection, statement: str) -> list[str]:
    """The steps of a statement's plan."""
    places = max((int(number) for number in re.findall(r"\?(\d+)", statement)), default=0)
    return [str(row[3]) for row in connection.execute("EXPLAIN QUERY PLAN " + statement, (None,) * places)]


@pytest.mark.parametrize("name", sorted(SQL))
def test_no_statement_reads_a_whole_table(connection: apsw.Connection, name: str) -> None:
    scanned = {found[1] for step in plan(connection, SQL[name]) if (found := _SCAN.match(step))} - _NAMES
    assert scanned <= {SMALL.get(name)}, plan(connection, SQL[name])


def test_no_statement_is_prepared_again_for_other_values(connection: apsw.Connection) -> None:
    """Which costs more than most of them do."""
    heard, prepared = 0, list[object]()

    def seen(*what: object) -> int:
        prepared.append(what)
        return apsw.SQLITE_OK

    connection.authorizer = seen  # SQLite asks it whenever it prepares a statement
    for name, statement in SQL.items():
        places = max((int(number) for number in re.findall(r"\?(\d+)", statement)), default=0)
        connection.execute("EXPLAIN " + statement, ("a",) * places).fetchall()
        heard += len(prepared)
        prepared.clear()
        connection.execute("EXPLAIN " + statement, ("b",) * places).fetchall()
        assert not prepared, name
    assert heard


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claim_read", "run_ready (lane=? AND task=?)"),
        ("claim_read_before", "run_ready (lane=? AND task=? AND rank=? AND due_at<?)"),
        ("claim_head", "run_ready (lane=? AND task=?)"),
        ("claim_due", "run_later (lane=? AND due_at<?)"),
        ("claim_look", "run_later (lane=?)"),
        ("claim_look", "run_ready (lane=?)"),
        ("claim_look", "run_exclusive"),
        ("claim_look", "run_exclusive_held"),
        ("claim_exclusive", "run_exclusive"),
        ("claim_exclusive", "run_exclusive_held"),
        ("session_key", "run_exclusive"),
        ("session_key", "run_wish (worker=?)"),
        ("claim_children", "run_child_ready (parent=?)"),
        ("claim_keys_held", "run_key_held (concurrency_key=?)"),
        ("unpark", "run_key_queue (concurrency_key=? AND ready=?)"),
        ("controls", "run_wish (worker=?)"),
        ("session_hand_back", "run_held (worker=?)"),
        ("orphan_list", "run_held"),
        ("unique_holder", "run_unique (unique_key=?)"),
        ("schedule_busy", "run_schedule_live (schedule=?)"),
        ("waiting_runs", "run_waiting"),
        ("line_release", "run_in_line"),
        ("run_early", "run_schedule_live"),
        ("run_early_of", "run_schedule_live (schedule=?)"),
        ("schedule_stranded", "schedule_undue"),
        ("schedule_due", "schedule_due (next_due_at>? AND next_due_at<?)"),
        ("prune_runs", "run_history (task=? AND completed_at>? AND completed_at<?)"),
        ("history", "run_history (task=?"),
    ],
)
def test_it_uses_its_index(connection: apsw.Connection, name: str, index: str) -> None:
    assert any(f"INDEX {index}" in step for step in plan(connection, SQL[name])), plan(connection, SQL[name])


@pytest.mark.parametrize("name", ["claim_read", "claim_read_before", "claim_head", "claim_exclusive"])
def test_a_queue_is_never_sorted(connection: apsw.Connection, name: str) -> None:
    assert not any("TEMP B-TREE" in step for step in plan(connection, SQL[name]))


async def steps_of_a_turn(waiting: list[dict[str, object]], session_tasks: list[str], wanted: int = 10) -> int:
    """How many steps SQLite's machine takes for one turn, once the queue has been seen, with these runs waiting."""
    clock, rng = ManualClock(), SystemRng()
    store = await SqliteStore.open(MEMORY, clock=clock, rng=rng)
    now = clock.now()
    plain = NewRun("", "backup", Lane.ASYNC, "{}", now, now)
    await store.register(NewWorker("w1", "host", 1, {}, session_tasks), 60)
    await store.enqueue([replace(plain, id=rng.run_id(now), **run) for run in waiting])  # type: ignore[arg-type]  # a table of tests
    if waiting[0].get("concurrency_key"):
        await store.turn("w1", [Wanted(Lane.ASYNC, 1)])  # its only place is taken from now on
    for _ in range(12):  # let it park what waits for that place
        turn = await store.turn("w1", [Wanted(Lane.ASYNC, 0, 1)])
        await store.hand_back("w1", [(claim.key, claim.token) for claim in turn.claims])
    with counted(store) as steps:
        turn = await store.turn("w1", [Wanted(Lane.ASYNC, wanted)])
    assert len(turn.claims) == wanted
    await store.close()
    return sum(steps)


@contextmanager
def counted(store: SqliteStore) -> Iterator[list[int]]:
    """The steps that SQLite's machine takes for each statement within the block."""
    steps: list[int] = []

    def count(event: dict[str, object]) -> None:
        status = event["stmt_status"]
        assert isinstance(status, dict)
        steps.append(status["SQLITE_STMTSTATUS_VM_STEP"])

    store._connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, count)
    yield steps
    store._connection.trace_v2(0, None)


async def steps_of_a_tick(schedules: int, due: int = 20, backlog: int = 0) -> int:
    """How many steps it takes to fire so many due schedules out of all, and to settle what the fires lead to.

    Each of the due ones has a ``backlog`` of live runs.
    """
    clock, rng = ManualClock(), SystemRng()
    store = await SqliteStore.open(MEMORY, clock=clock, rng=rng)
    now = clock.now()
    made = [
        Schedule(f"s{n}", f"s{n}", "backup", "{}", version=1, next_due_at=now + (0 if n < due else 10**12 + n))
        for n in range(schedules)
    ]
    await store.write_schedules([ScheduleChange(each) for each in made], "system")
    for n in range(due):
        waiting = [NewRun(rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now, schedule=f"s{n}")] * backlog
        await store.enqueue([replace(run, id=rng.run_id(now)) for run in waiting])
    with counted(store) as steps:
        found = await store.due_schedules(now + 1)
        busy = await store.busy_schedules([each.id for each in found])
        plans = []
        for each in found:
            run = NewRun(rng.run_id(now), "backup", Lane.ASYNC, "{}", now, now, schedule=each.id)
            plans.append(FirePlan(each.id, 1, (NewFire(now, "fired", "", run),), now, now + 10**6))
        assert all(await store.fire(plans))
        await store.paused()
        await store.settle(await store.ended(), {})
        await store.waiting_runs()
    assert len(found) == due
    assert len(busy) == (due if backlog else 0)
    await store.close()
    return sum(steps)


async def test_a_tick_follows_what_is_due_and_not_the_number_of_schedules() -> None:
    few = await steps_of_a_tick(100)
    many = await steps_of_a_tick(20_000)
    assert many < 1.05 * few
    assert await steps_of_a_tick(1000, due=200) < 12 * few


async def test_a_tick_does_not_follow_the_runs_that_wait() -> None:
    assert await steps_of_a_tick(100, backlog=500) < 1.2 * await steps_of_a_tick(100, backlog=1)


async def test_a_turn_follows_the_batch_and_not_the_queue() -> None:
    short = await steps_of_a_turn([{}] * 20, ["backup"])
    long = await steps_of_a_turn([{}] * 20_000, ["backup"])
    assert long < 1.2 * short
    assert await steps_of_a_turn([{}] * 2000, ["backup"], wanted=100) < 12 * short


async def test_runs_of_unknown_tasks_in_front_cost_next_to_nothing() -> None:
    short = await steps_of_a_turn([{}] * 20, ["backup"])
    behind = await steps_of_a_turn([{"task": "nobody", "priority": 100}] * 10_000 + [{}] * 20, ["backup"])
    assert behind < 1.3 * short


async def test_runs_that_wait_for_a_concurrency_key_cost_nothing() -> None:
    short = await steps_of_a_turn([{}] * 20, ["backup"])
    keyed = {"priority": 100, "concurrency_key": "k", "concurrency_limit": 1}
    behind = await steps_of_a_turn([keyed] * 10_000 + [{}] * 20, ["backup"])
    assert behind < 1.5 * short


async def test_many_tasks_cost_a_seek_each() -> None:
    tasks = [f"task{number}" for number in range(200)]
    short = await steps_of_a_turn([{}] * 20, ["backup"])
    waiting: list[dict[str, object]] = [{"task": task} for task in tasks]
    many = await steps_of_a_turn(waiting * 20, tasks)
    assert many < short + 200 * 150


async def test_what_waits_behind_a_barrier_is_not_read() -> None:
    front: list[dict[str, object]] = [{"due_at": 1} for _ in range(20)]
    barrier: list[dict[str, object]] = [{"due_at": 2, "exclusive": True}]
    short = await steps_of_a_turn(front + barrier, ["backup"])
    behind = await steps_of_a_turn(front + barrier + [{"priority": 100}] * 10_000, ["backup"])
    assert behind < 1.5 * short
