"""Three days without a scheduler, then two at once: each policy, from the store's rows to the last run that is made up.

What is expected is worked out from plain lists of due times, of the oracle or counted, without the product.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runwright import At, Every
from runwright.clock import to_datetime, to_micros
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, Claim, RunStatus
from tests.downtime import Row, expected
from tests.unit.schedule.oracle import Walk, read
from tests.worker.schedules import Engine, Node, engine

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
BACK = datetime(2026, 10, 26, 7, 30, 7, tzinfo=UTC)
DOWN = BACK - 3 * DAY
"""In between, the clocks of Berlin go back."""
CAP, RATE = 20, 50
CRONS = ("* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "15 1,2,3 * * *", "0 9-17 * * mon-fri", "0 12 1 * *")
GRACES = (None, 0, 5, 60, 3600, 86_400.5)
OVERLAPS = ("skip", "queue", "allow", "cancel_running")


@dataclass(slots=True)
class Case:
    """A schedule, its due times within the downtime, and whether a run of it was at work all the time."""

    name: str
    fields: dict[str, Any]
    dues: list[datetime]
    busy: bool
    rows: list[Row] = field(default_factory=list)

    @property
    def overlap(self) -> str:
        return str(self.fields["overlap"])

    def told(self) -> list[Row]:
        """What the ledger must say at the end of the downtime."""
        if self.busy and self.overlap == "skip":
            return [("skipped", self.dues[0], self.dues[-1], len(self.dues))] if self.dues else []
        catch_up = self.fields["catch_up"]
        if self.overlap == "cancel_running" and catch_up == "all":
            catch_up = "latest"  # each would cancel the one before it
        return expected(self.dues, catch_up, CAP, self.fields["misfire_grace_seconds"], BACK)


def cases(number: int) -> list[Case]:
    chance = random.Random(f"{number} schedules")
    walks = {zone: Walk(ZoneInfo(zone), DOWN.replace(second=0), BACK) for zone in ("UTC", "Europe/Berlin")}
    crons = {
        (zone, text): [due for due in walk.dues(read(text)) if due > DOWN]
        for zone, walk in walks.items()
        for text in CRONS
    }
    made = []
    for place in range(number):
        zone, fields = chance.choice(list(walks)), dict[str, Any]()
        shape, length = chance.random(), chance.choice((10, 90, 300, 3600, 5000, 86_400, 7 * 86_400))
        if shape < 0.5:
            text = chance.choice(CRONS)
            fields["when"], dues = text, crons[zone, text]
        elif shape < 0.8:
            at_once = chance.random() < 0.5
            fields["when"] = Every(seconds=length, first="now" if at_once else "later", anchor="start")
            begin = DOWN if at_once else DOWN + length * SECOND
            dues = [begin + step * length * SECOND for step in range(int((BACK - begin) / SECOND // length) + 1)]
        elif shape < 0.9:  # from the end of a run: one due time, for no run of it ends
            fields["when"] = Every(seconds=length, first="later", anchor="end")
            dues = [DOWN + length * SECOND]
        else:
            dues = sorted({DOWN + chance.randrange(1, 5 * 86_400) * SECOND for _ in range(5)} | {BACK + DAY})
            fields["when"] = At(*dues)
        fields |= {
            "timezone": zone, "overlap": OVERLAPS[place % 4], "catch_up": chance.choice(("latest", "skip", "all")),
            "misfire_grace_seconds": chance.choice(GRACES),
        }  # fmt: skip
        made.append(Case(f"s{place}", fields, [due for due in dues if due <= BACK], chance.random() < 0.25))
    return made


async def test_each_policy_after_three_days_down(postgres_url: str) -> None:
    for store in (None, postgres_url):
        await three_days_down(80, store)


@pytest.mark.soak
async def test_each_policy_after_three_days_down_with_a_thousand_schedules(postgres_url: str) -> None:
    for store in (None, postgres_url):
        await three_days_down(1000, store)


async def three_days_down(number: int, store: str | None) -> None:
    made = cases(number)
    async with engine(store) as before:
        before.clock.advance((DOWN - to_datetime(before.clock.now())).total_seconds())
        await before.door.add_many(SYSTEM, [before.wish(case.name, **case.fields) for case in made])
        for case in made:
            if case.busy:
                await before.fires.fire(SYSTEM, case.name)
        at_work = list((await before.store.turn("w1", [before.wanted(number)])).claims)
        assert len(at_work) == sum(case.busy for case in made)

        before.clock.advance((BACK - DOWN).total_seconds())
        nodes = [Node(before.store, before.clock, rate=RATE, cap=CAP) for _ in range(2)]
        await asyncio.gather(*(node.tick() for node in nodes))
        await assert_ledger(before, made)
        assert_rate([await before.runs(case.name) for case in made])
        await assert_runs(before, nodes[0], made, at_work)


async def assert_ledger(there: Engine, made: list[Case]) -> None:
    """Each schedule's ledger says what it must, and its next due time is to come."""
    kinds = set()
    for case in made:
        ledger = await there.ledger(case.name)
        case.rows = [(fire.outcome, fire.due_at, fire.last_due_at or fire.due_at, fire.count) for fire in ledger]
        assert case.rows == case.told(), case
        assert [fire.run is not None for fire in ledger] == [outcome in ("fired", "late") for outcome, *_ in case.rows]
        kinds |= {outcome for outcome, *_ in case.rows}
        due = (await there.door.get(SYSTEM, case.name)).next_due_at
        assert due is None or due > to_micros(BACK)
    assert kinds == {"fired", "late", "merged", "skipped", "missed"}


def assert_rate(runs: list[list[Any]]) -> None:
    """What begins in any second to make up for the downtime is no more than the schedulers may let begin."""
    starts = sorted(max(run.due_at, BACK) for mine in runs for run in mine if run.status is RunStatus.PENDING)
    most = 2 * RATE + sum(start == BACK for start in starts)
    assert all(later - start >= SECOND for start, later in zip(starts, starts[most + 1 :], strict=False))
    assert starts[-1] > BACK + SECOND


async def assert_runs(there: Engine, node: Node, made: list[Case], at_work: list[Claim]) -> None:
    """All that was fired runs, in order and one after another within a schedule, unless its runs may overlap."""
    ids = {schedule.id: schedule.name for schedule in await there.store.schedules()}
    case_of = {case.name: case for case in made}
    known = {run.id: (ids[run.schedule or ""], run.due_at) for case in made for run in await there.runs(case.name)}
    dues = {fire.run: fire.due_at for case in made for fire in await there.ledger(case.name)}
    running, done, beside = at_work, defaultdict[str, list[datetime]](list), 0
    for _ in range(10_000):
        statuses = {run.id: run.status for run in await there.store.runs_by_id([claim.run_id for claim in running])}
        ends = [
            there.given.finish(
                claim, RunEvent.STOPPED if statuses[claim.run_id] is RunStatus.CANCELLING else RunEvent.COMPLETE, took=0
            )
            for claim in running
        ]
        assert not (await there.store.turn("w1", finished=ends)).lost
        while await node.settler.run_once() == 0:
            pass
        running = list((await there.store.turn("w1", [there.wanted(10_000)])).claims)
        names = [known[claim.run_id][0] for claim in running]
        twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
        assert {case_of[name].overlap for name in twice} <= {"allow"}
        beside += len(twice)
        for claim in running:
            done[known[claim.run_id][0]].append(dues[claim.run_id])
        there.clock.advance(0.5)
        if not running and not any(await there.store.busy_schedules(list(ids))):
            break
    assert beside
    for case in made:
        fired = [first for outcome, first, *_ in case.rows if outcome in ("fired", "late")]
        assert (sorted(done[case.name]) if case.overlap == "allow" else done[case.name]) == fired, case
        counted = len(fired) + (case.busy and case.overlap != "cancel_running")
        assert (await there.door.get(SYSTEM, case.name)).run_count >= counted
