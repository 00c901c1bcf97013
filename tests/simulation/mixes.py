"""Random mixes of exclusive, keyed, unique, rated and plain runs, with priorities, over eight nodes.

Most have children, exclusive and keyed ones among them, that have children themselves, and wait for them: for one, for
several at once, for a while only. Some wait for a run that is not theirs.

What is asked beside the questions of every world is asked of what user code did: how many went on with a key at once,
whether two runs of one unique key lived at once, what ran beside an exclusive run. Code that waits does nothing; when
its wait is over, it is asked again what it runs beside. What is a matter of the moment in which the store gives a run
out is asked then, for its code may begin later: whether it came into a place that code that waits keeps, and the starts
of a task with a rate limit, by the world's clock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from runwright.admission import RunRequest
from runwright.clock import SECOND, Micros
from runwright.lifecycle import RunEvent
from runwright.model import Claim, NewRun, Turn
from runwright.retry import Retry
from runwright.tasks.context import current_run
from runwright.tasks.definition import task
from tests.simulation.cluster import Execution, Node, World

RATE_COUNT, RATE_SECONDS = 3, 10
KEYS = ("a", "b")
LIMITS = {"one": 1, "two": 2}
LOCKS = ("", "one:a", "one:b", "two:a", "two:b")
"""Concurrency keys in the one order in which runs take them while they hold others, as locks have to be taken."""
CHILDREN = ("work", "one", "one", "two", "rated", "family", "alone")
WISHES = ("work", "work", "one", "one", "two", "two", "only", "only", "rated", "family", "alone")
PRIORITIES = (None, None, -1, 1, 5)


@dataclass(slots=True)
class MixWorld(World):
    """Clients who start any kind of run at eight nodes, two minutes of trouble, and at most forty to end it all."""

    nodes_wanted: int = 8
    clients: int = 4
    start_seconds: float = 8.0
    trouble_seconds: float = 10.0
    quiet_seconds: float = 2400.0
    timeout_seconds: float = 3600.0  # nobody is saved by it: who waits for what cannot come has not ended at the end
    aging_seconds: float | None = 20.0
    wishes: Sequence[str] = WISHES
    children: Sequence[str] = CHILDREN
    claimed_at: list[Micros] = field(default_factory=list)
    restarted: list[tuple[float, str]] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.faults.steps = False  # a rate is a matter of the wall clock

    # ----- what runs ----------------------------------------------------------------------------------------------

    def tasks_for(self, node: Node) -> Iterable[Any]:
        """Keyed tasks take the key as ``at``; ``of`` is the run that a child belongs to, which its code cannot ask.

        ``deep`` is how many generations may come after it, ``floor`` the last key that it or a run above it holds.
        """

        def make(name: str, *, exclusive: bool = False, **options: Any) -> Any:
            async def code(seconds: float, at: str = "", of: str = "", deep: int = 0, floor: str = "") -> None:
                async def have_children(execution: Execution) -> None:
                    if name == "family" and not of and self.loop.rng.random() < 0.2:
                        await self._wait_for_another(execution)
                    # nobody whom an exclusive run keeps can keep a key from its children: they may take any
                    held = "" if exclusive else execution.key if name in LIMITS else floor
                    await self._have_children(execution, deep, held or "")

                await self._execute(
                    node, seconds, exclusive=exclusive, task=name, key=f"{name}:{at}" if at else None,
                    limit=LIMITS.get(name, 0), then=have_children if deep else None,
                )  # fmt: skip

            return task(name=name, exclusive=exclusive, retry=Retry(max_retries=2, delay=2), **options)(code)

        return [
            make("work"),
            make("one", concurrency_key="{at}"),
            make("two", concurrency_key="{at}", max_concurrent=2),
            make("only", unique="{at}"),
            make("rated", rate_limit=f"{RATE_COUNT}/{RATE_SECONDS}s"),
            make("family"),
            make("alone", exclusive=True),
        ]

    async def _have_children(self, execution: Execution, deep: int, floor: str) -> None:
        """A run with children waits for the most of them; what becomes of them is not its business."""
        rng, run = self.loop.rng, current_run()
        together: list[str] = []
        for name in rng.choices(self.children, k=rng.choice((0, 1, 3))):
            given = self._arguments(name, LOCKS.index(floor))
            if given is None:
                continue
            above = {"of": run.id, "deep": min(deep - 1, given["deep"]), "floor": floor}
            child = await run.start(name, {**given, **above})
            how = rng.random()
            if how < 0.5:
                await self._wait(execution, [child])
            elif how < 0.65:
                await self._wait(execution, [child], patience=rng.expovariate(1 / 3))
            elif how < 0.8:
                together.append(child)
        if together:
            await self._wait(execution, together)

    async def _wait_for_another(self, execution: Execution) -> None:
        """Wait for a run that is not its own: one that came before it, so that no two can wait for each other."""
        known = self.acknowledged
        before = known[: known.index(execution.run)] if execution.run in known else known
        if before:
            await self._wait(execution, [self.loop.rng.choice(before)])

    async def _wait(self, execution: Execution, runs: Sequence[str], patience: float | None = None) -> None:
        """Wait for all of the runs. However the wait ends, the code does something from then on."""
        port = current_run()._port
        execution.waits = True
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*(port.wait(run) for run in runs)), patience)
        finally:
            execution.waits = False
            if execution.node in self._alive():
                self._check_company(execution)

    def _arguments(self, name: str, first: int = 0) -> dict[str, Any] | None:
        """What a run of the task is given; None if it would take a key before the ``first``."""
        rng = self.loop.rng
        seconds = round(rng.expovariate(1 / 4), 3) if rng.random() < 0.6 else 0.001
        keys = [at for at in KEYS if name == "only" or f"{name}:{at}" in LOCKS[first:]]
        if name in LIMITS and not keys:
            return None
        deep = rng.choice((1, 2, 3)) if name in ("family", "alone") else rng.choice((0, 1, 2)) if name in LIMITS else 0
        return {"seconds": seconds, "at": rng.choice(keys) if name in (*LIMITS, "only") else "", "deep": deep}

    def _wish(self) -> NewRun:
        rng = self.loop.rng
        name = rng.choice(self.wishes)
        request = RunRequest(name, self._arguments(name) or {}, priority=rng.choice(PRIORITIES))
        return self.nodes[0].admission.admit(request, self.clock.now())

    async def _operate(self, run: str) -> None:
        event = self.loop.rng.choice([RunEvent.CANCEL, RunEvent.RESTART])
        if event is RunEvent.RESTART:
            self.restarted.append((self.loop.seconds, run))
        await self.store.move([run], event, "operator", self.clock.now())

    async def _schedule(self) -> None:
        """Schedules have worlds of their own."""

    async def _disable_schedules(self) -> None:
        """There are none."""

    # ----- the questions ------------------------------------------------------------------------------------------

    def answered(self, answer: Any) -> None:
        if isinstance(answer, Turn):
            for claim in answer.claims:
                self._given_out(claim)

    def _given_out(self, claim: Claim) -> None:
        given = json.loads(claim.arguments)
        if given.get("of"):
            self.parents[claim.run_id] = given["of"]
        if claim.task == "rated":
            self.claimed_at.append(self.clock.now())
        elif claim.task in LIMITS:
            key = f"{claim.task}:{given['at']}"
            alive, above = self._alive(), self._above(claim.run_id)
            up = {node.name for node in self.nodes if not node.dead and node.frozen_until <= self.loop.seconds}
            held = [
                e for e in self.executions
                if e.key == key and e.ended is None and e.node in up and e.run != claim.run_id
            ]  # fmt: skip
            live = [e for e in held if e.node in alive]
            own = any(  # also one on a machine that has just thawed: it may have kept its lease
                e.waits and e.run in above and not any(e.run in self._above(other.run) for other in live) for e in held
            )
            kept = [e for e in live if not (e.waits and (own or self._lends(e.run, claim.run_id)))]
            self._expect(
                len(kept) < LIMITS[claim.task],
                f"{claim.run_id} was given out beside {len(kept)} of {key}, at {self.loop.seconds:.3f}",
            )

    def _forbidden(self, new: Execution, other: Execution) -> bool:
        """An exclusive run is alone with those whom it is part of and those who are part of it, also while it waits."""
        if new.run == other.run:
            return True
        return (other.exclusive or (new.exclusive and not other.waits)) and not self._kin(new.run, other.run)

    def _kin(self, run: str, other: str) -> bool:
        return other in self._above(run) or run in self._above(other)

    def _above(self, run: str) -> list[str]:
        """The runs that a run is part of."""
        above: list[str] = []
        while (parent := self.parents.get(run)) is not None:
            above.append(run := parent)
        return above

    def _check_company(self, new: Execution) -> None:
        World._check_company(self, new)
        if new.key is None:
            return
        going = [other for other in self._live_beside(new) if other.key == new.key and not other.waits]
        limit = new.limit or 1  # a unique key is held by one
        self._expect(
            len(going) < limit, f"{new.run} ran beside {len(going)} of {new.key}, from {self.loop.seconds:.3f}"
        )

    def _lends(self, waits: str, run: str) -> bool:
        """Whether code that waits leaves its place to a run: its own, or that of an exclusive run that keeps it."""
        above = self._above(run)
        alone = {e.run for e in self.executions if e.exclusive}.intersection(above)
        return waits in above or not all(self._kin(other, waits) for other in alone)

    async def _judge(self, minutes: float) -> None:
        runs = await self._all_runs()
        await self._judge_runs(runs)
        self._judge_unique()
        times = sorted(self.claimed_at)
        for first, last in zip(times, times[RATE_COUNT:], strict=False):
            self._expect(
                last - first >= RATE_SECONDS * SECOND,
                f"{RATE_COUNT + 1} starts of 'rated' within {(last - first) / SECOND:.3f} s",
            )

    def _judge_unique(self) -> None:
        """A run whose code began before and after another's of its unique key lived beside it, unless restarted."""
        for key in {e.key for e in self.executions if e.task == "only"}:
            began: dict[str, float] = {}
            for before, now in pairwise([e for e in self.executions if e.key == key]):
                began[before.run] = before.began
                if now.run == before.run or now.run not in began:
                    continue
                again = any(run == now.run and began[run] <= at <= now.began for at, run in self.restarted)
                self._expect(again, f"{before.run} and {now.run} both lived, with the unique key {key}")
