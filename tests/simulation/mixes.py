"""Random mixes of exclusive, keyed, unique, rated and plain runs, with children and priorities, over eight nodes.

What is asked beside the questions of every world is asked of what user code did: how many held a key at once, whether
two runs of one unique key lived at once, what ran beside an exclusive run. Only the starts of a task with a rate limit
are counted when the store gives them out, by the world's clock: its code may begin later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from runwright.admission import RunRequest
from runwright.clock import SECOND, Micros
from runwright.lifecycle import RunEvent
from runwright.model import NewRun, Turn
from runwright.retry import Retry
from runwright.tasks.context import current_run
from runwright.tasks.definition import task
from tests.simulation.cluster import Execution, Node, World, play

RATE_COUNT, RATE_SECONDS = 3, 10
KEYS = ("a", "b")
LIMITS = {"one": 1, "two": 2}
CHILDREN = ("work", "one", "one", "two", "rated")
WISHES = ("work", "work", "one", "one", "two", "two", "only", "only", "rated", "family", "alone")
PRIORITIES = (None, None, -1, 1, 5)


@dataclass(slots=True)
class MixWorld(World):
    """Clients who start any kind of run at eight nodes, two minutes of trouble, and ten minutes to end it all."""

    nodes_wanted: int = 8
    clients: int = 4
    start_seconds: float = 5.0
    trouble_seconds: float = 10.0
    quiet_seconds: float = 600.0
    aging_seconds: float | None = 20.0
    claimed_at: list[Micros] = field(default_factory=list)
    restarted: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.faults.steps = False  # a rate is a matter of the wall clock

    # ----- what runs ----------------------------------------------------------------------------------------------

    def tasks_for(self, node: Node) -> Iterable[Any]:
        """Keyed tasks take the key as ``at``; ``of`` is the run that a child belongs to, which its code cannot ask."""

        def make(name: str, *, exclusive: bool = False, children: bool = False, **options: Any) -> Any:
            async def code(seconds: float, at: str = "", of: str = "") -> None:
                await self._execute(
                    node, seconds, exclusive=exclusive, task=name, key=f"{name}:{at}" if at else None,
                    limit=LIMITS.get(name, 0), parent=of or None, then=self._have_children if children else None,
                )  # fmt: skip

            return task(name=name, exclusive=exclusive, retry=Retry(max_retries=2, delay=2), **options)(code)

        return [
            make("work"),
            make("one", concurrency_key="{at}"),
            make("two", concurrency_key="{at}", max_concurrent=2),
            make("only", unique="{at}"),
            make("rated", rate_limit=f"{RATE_COUNT}/{RATE_SECONDS}s"),
            make("family", children=True),
            make("alone", exclusive=True, children=True),
        ]

    async def _have_children(self) -> None:
        """A run with children waits for the most of them; what becomes of them is not its business."""
        rng, run = self.loop.rng, current_run()
        for name in rng.choices(CHILDREN, k=rng.choice((0, 1, 3))):
            child = await run.start(name, {**self._arguments(name), "of": run.id})
            if rng.random() < 0.7:
                await run._port.wait(child)

    def _arguments(self, name: str) -> dict[str, Any]:
        rng = self.loop.rng
        seconds = round(rng.expovariate(1 / 4), 3) if rng.random() < 0.6 else 0.001
        return {"seconds": seconds, "at": rng.choice(KEYS) if name in ("one", "two", "only") else ""}

    def _wish(self) -> NewRun:
        rng = self.loop.rng
        name = rng.choice(WISHES)
        request = RunRequest(name, self._arguments(name), priority=rng.choice(PRIORITIES))
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
            self.claimed_at += [self.clock.now() for claim in answer.claims if claim.task == "rated"]

    def _forbidden(self, new: Execution, other: Execution) -> bool:
        if new.run == other.run:
            return True
        return (other.exclusive and other.run not in self._above(new)) or (
            new.exclusive and new.run not in self._above(other)
        )

    def _above(self, execution: Execution) -> set[str]:
        """The runs that an execution is part of; children have no children here."""
        return {execution.parent} if execution.parent else set()

    def _check_company(self, new: Execution) -> None:
        World._check_company(self, new)
        if new.key is None:
            return
        others = [other for other in self._live_beside(new) if other.key == new.key]
        limit = new.limit or 1  # a unique key is held by one
        self._expect(
            len(others) < limit, f"{new.run} ran beside {len(others)} of {new.key}, from {self.loop.seconds:.3f}"
        )

    async def _judge(self, minutes: float) -> None:
        runs = await self._all_runs()
        await self._judge_runs(runs)
        for run in runs:  # no code takes a minute: whoever is out of time has waited for what could not come
            late = [a.number for a in await self.store.attempts(run.id) if a.error and a.error.kind == "timeout"]
            self._expect(not late, f"run {run.id} of {run.task!r} was out of time")
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


def play_mix(seed: int, minutes: float = 2, **options: Any) -> World:
    """One mix with this seed, to its end."""
    return play(seed, minutes, kind=MixWorld, **options)
