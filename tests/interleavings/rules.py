"""What must hold whenever an operation has ended, and when all have; asked in plain SQL, and by ending every run.

Nothing here uses the verbs that are tested, save to see that the runs which are left can still be brought to an end.
"""

from __future__ import annotations

from typing import Any

from runwright.lifecycle import decide_crash
from runwright.model import Claim, Lane, Turn
from runwright.store.base import NewWorker, Wanted
from runwright.store.leases import Leases
from runwright.store.postgres_pool import Taken
from runwright.testing.clock import ManualClock
from runwright.testing.store_contract.setup import LEASE_SECONDS, TASKS, Setup
from tests.interleavings.scenario import Scenario
from tests.interleavings.stepper import Execution

ALWAYS = """
SELECT 'the key ' || concurrency_key || ' is held by ' || string_agg(id, ' and ' ORDER BY key)
FROM runwright.run WHERE concurrency_key IS NOT NULL AND token IS NOT NULL AND lent = 0
GROUP BY concurrency_key HAVING count(*) > 1
UNION ALL
SELECT other.id || ' is claimed beside the exclusive ' || alone.id
FROM runwright.run alone JOIN runwright.run other ON other.key <> alone.key
WHERE alone.exclusive = 1 AND alone.token IS NOT NULL AND other.token IS NOT NULL AND other.lent = 0
UNION ALL
SELECT other.id || ' has the key of ' || r.id || ', and is no child of it'
FROM runwright.run r JOIN runwright.run other ON other.concurrency_key = r.concurrency_key AND other.key <> r.key
WHERE r.lent > 0 AND other.token IS NOT NULL AND other.parent IS DISTINCT FROM r.id
UNION ALL
SELECT r.id || ' is reserved by ' || w.id || ', whose session is ' || w.state
FROM runwright.run r JOIN runwright.worker w ON w.key = r.worker
WHERE r.token IS NOT NULL AND r.status IN ('pending', 'retrying') AND w.state <> 'live'
"""
CLAIMED = """
SELECT r.status, r.attempt FROM runwright.run r JOIN runwright.worker w ON w.key = r.worker
WHERE r.id = $1 AND r.token = $2 AND w.id = $3
"""
BEFORE_THE_SWEEP = """
SELECT name || ' has a free place and only parked runs' FROM unnest(ARRAY['K', 'L']) AS name
WHERE EXISTS (SELECT 1 FROM runwright.run WHERE concurrency_key = name AND ready = 2)
  AND NOT EXISTS (SELECT 1 FROM runwright.run WHERE concurrency_key = name AND (ready = 1 OR token IS NOT NULL))
UNION ALL
SELECT c.id || ' waits for the key of ' || r.id || ', which only waits'
FROM runwright.run r JOIN runwright.run c ON c.parent = r.id AND c.concurrency_key = r.concurrency_key
WHERE r.lent > 0 AND c.ready = 2
UNION ALL
SELECT run || ' was rescued ' || count(*) || ' times' FROM runwright.event WHERE action = 'run.interrupted'
GROUP BY run HAVING count(*) > 1
UNION ALL
SELECT count(*) || ' runs for ' || (SELECT count(*) FROM runwright.fire) || ' due times in the ledger'
FROM runwright.run WHERE schedule IS NOT NULL
HAVING count(*) <> (SELECT count(*) FROM runwright.fire)
  OR EXISTS (SELECT 1 FROM runwright.fire f WHERE NOT EXISTS (SELECT 1 FROM runwright.run r WHERE r.id = f.run))
"""
AFTER_ALL = """
SELECT id || ' is still ' || status || ', ready ' || ready FROM runwright.run WHERE completed_at IS NULL
UNION ALL
SELECT r.id || ' has ' || count(a.number) || ' ended attempts of ' || r.attempt
FROM runwright.run r LEFT JOIN (
  SELECT run, number FROM runwright.attempt
  UNION  -- what a run tells of its last one itself, unless it is kept
  SELECT key, attempt FROM runwright.run WHERE attempt > 0 AND status IN ('completed', 'cancelled')
) AS a ON a.run = r.key
GROUP BY r.key, r.id, r.attempt HAVING count(a.number) <> r.attempt OR max(a.number) <> r.attempt
UNION ALL
SELECT run || ' ended ' || count(*) || ' times' FROM runwright.event
WHERE action IN ('run.completed', 'run.failed', 'run.cancelled') GROUP BY run HAVING count(*) > 1
"""
STATE = """
SELECT md5(concat(
  (SELECT string_agg(concat_ws(' ', id, status, ready, lent, token IS NULL, worker, attempt, crashes, cancel_requested,
    due_at), ',' ORDER BY id) FROM runwright.run),
  (SELECT string_agg(concat_ws(' ', id, state, beats), ',' ORDER BY id) FROM runwright.worker),
  (SELECT string_agg(concat_ws(' ', worker, task), ',' ORDER BY worker, task) FROM runwright.catalogue),
  (SELECT string_agg(concat_ws(' ', run, number, status), ',' ORDER BY run, number) FROM runwright.attempt),
  (SELECT string_agg(concat_ws(' ', run, action), ',' ORDER BY run, action) FROM runwright.event)))
"""
TURNS = {"claim": "w2", "claim_again": "w3", "finish": "w1"}
ROUNDS = 12


class Rules:
    """The questions, for one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._store = scenario.store

    async def at_end(self, execution: Execution, name: str) -> None:
        """An operation has ended, and the others stand still: what it said is what was committed."""
        answer = execution.answers.get(name)
        await self._ask(execution, ALWAYS)
        if isinstance(answer, Turn):
            for claim in answer.claims:
                row = await self._row(CLAIMED, claim.run_id, claim.token, TURNS[name])
                reserved = row is not None and row[0] in ("pending", "retrying")
                if row is None or claim.reserved != reserved or (not reserved and row[1] != claim.attempt):
                    execution.faults.append(f"{name} was given {claim.run_id}, of which the store says {row}")
        if name == "finish" and self._accepted(answer):
            row = await self._row("SELECT status FROM runwright.run WHERE id = 'R'")
            if row is None or row[0] not in ("completed", "cancelled"):
                execution.faults.append(f"the end of R was accepted, and it is {row}")
        if name == "take_back" and isinstance(answer, Turn) and self._accepted(answer):
            row = await self._row("SELECT lent FROM runwright.run WHERE id = 'R'")
            if row is None or bool(answer.refused) != bool(row[0]):
                execution.faults.append(f"the leave of R was {'not ' * bool(answer.refused)}given, and lent is {row}")
        if name == "beat" and answer:
            row = await self._row("SELECT state, beats FROM runwright.worker WHERE id = 'w1'")
            if row is None or tuple(row) != ("live", 1):
                execution.faults.append(f"w1's renewal was accepted, and it is {row}")
        if name == "end" and await self._row("SELECT 1 FROM runwright.worker WHERE id = 'w1' AND state = 'live'"):
            execution.faults.append("w1 has ended its session, which is live")

    async def when_all_have_ended(self, execution: Execution) -> None:
        """Look at the whole; then everybody dies and a new session ends every run, once for each state of the store."""
        await self._ask(execution, BEFORE_THE_SWEEP)
        fired = [execution.answers[name][0] for name in ("fire", "fire_again") if name in execution.answers]
        if fired and fired.count(True) != 1:
            execution.faults.append(f"the schedulers fired: {fired}")
        for claim, session in await self._held_by_the_healthy(execution):
            if await self._row(CLAIMED, claim.run_id, claim.token, session) is None:
                execution.faults.append(f"{claim.run_id} was taken from {session}, which is healthy")
        if self._accepted(execution.answers.get("finish")) and await self._row(
            "SELECT 1 FROM runwright.event WHERE run = 'R' AND action = 'run.interrupted'"
        ):
            execution.faults.append("the end of R was accepted, and R was rescued")
        if execution.answers.get("beat") and await self._row(
            "SELECT 1 FROM runwright.worker WHERE id = 'w1' AND state = 'lost'"
        ):
            execution.faults.append("w1 has renewed its lease, and was given up for lost")
        state = (await self._row(STATE))[0]
        if not execution.faults and state not in self._scenario.live:
            await self._end_every_run()
            await self._ask(execution, AFTER_ALL)
            if not execution.faults:
                self._scenario.live.add(state)

    async def _held_by_the_healthy(self, execution: Execution) -> list[tuple[Claim, str]]:
        """What sessions hold that live, and have told no end of it. Its code may be at work, whoever cancelled it."""
        answers = execution.answers
        turns = [(answers.get(name), TURNS[name]) for name in ("claim", "claim_again")]
        held = [(claim, session) for turn, session in turns if isinstance(turn, Turn) for claim in turn.claims]
        if await self._row("SELECT 1 FROM runwright.worker WHERE id = 'w1' AND state = 'live'"):
            told = {run for name, run in (("finish", "R"), ("hand_back", "H")) if name in answers}
            held += [(claim, "w1") for run, claim in self._scenario.claims.items() if run not in told]
        return held

    async def _end_every_run(self) -> None:
        store, watch = self._store, ManualClock()
        store._leases = Leases(watch)
        await store.orphans()
        watch.advance(LEASE_SECONDS)
        orphans = await store.orphans()
        await store.rescue([(one, decide_crash(one.crashes, one.on_interrupt, lost=one.lost)) for one in orphans])
        await store.register(NewWorker("w9", "host", 9, {"async": 4}, TASKS), LEASE_SECONDS)
        given, wanted = Setup(store, self._scenario.clock), [Wanted(Lane.ASYNC, 10)]
        turn = await store.turn("w9", wanted)
        for _ in range(ROUNDS):
            if not turn.claims:
                return
            turn = await store.turn("w9", wanted, finished=[given.finish(claim) for claim in turn.claims])

    @staticmethod
    def _accepted(answer: Any) -> bool:
        return isinstance(answer, Turn) and not answer.fenced and not answer.lost

    async def _ask(self, execution: Execution, question: str) -> None:
        async with Taken(self._store._pool) as connection:
            execution.faults += [row[0] for row in await connection.fetch(question)]

    async def _row(self, question: str, *values: object) -> Any:
        async with Taken(self._store._pool) as connection:
            return await connection.fetchrow(question, *values)
