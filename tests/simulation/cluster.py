"""Several nodes, each the real scheduler, worker and janitor, on one real store, with trouble in between.

The store is SQLite in memory, written inline: the same SQL that the product runs, deterministic. Each node has a store
object of its own over the one database, as processes on PostgreSQL have: it judges the leases of others by what it has
seen itself, and a node that starts again has seen nothing. A node reaches its store through NodeStore, where trouble
happens: slow answers, failures before a transaction, failures after its commit, a killed node whose words never arrive,
a frozen one whose words arrive late. Hints are dropped, wall clocks step.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from runwright.admission import Admission, RunRequest
from runwright.auth.sealing import Sealer
from runwright.bus import LocalBus
from runwright.clock import SECOND, Micros, to_micros, uuid7_text
from runwright.control import ScheduleEdit, Schedules
from runwright.control.schedule_edit import Editor
from runwright.errors import StoreUnavailable
from runwright.lifecycle import RunEvent
from runwright.model import SYSTEM, Fire, NewRun, Run, RunStatus
from runwright.retry import Retry
from runwright.store.base import EventFilter, RunQuery
from runwright.store.sqlite import SqliteStore
from runwright.store.sqlite_file import MEMORY
from runwright.tasks.context import current_run
from runwright.tasks.definition import task
from runwright.tasks.registry import Registry
from runwright.uploads import Spool
from runwright.worker.janitor import Janitor
from runwright.worker.outcome import Limits
from runwright.worker.scheduler import Scheduler
from runwright.worker.session import WorkerOptions, WorkerSession
from runwright.worker.settler import Settler
from runwright.worker.triggers import Triggers
from tests.simulation.loop import SimulatedLoop

START: Micros = 1_790_000_000 * SECOND
LEASE_SECONDS, BEAT_SECONDS, SWEEP_SECONDS, POLL_SECONDS = 30.0, 10.0, 5.0, 5.0
QUIET_AT_LEAST_SECONDS, QUIET_STEP_SECONDS = 90.0, 13.0  # longer than the longest freeze; no multiple of a schedule
FAILING = 0.2  # the share of executions that raise
SHORTEST_SLEEP = 0.0002  # a spin must move the virtual time
SYNC_VERBS = {"beat"}


@dataclass(slots=True)
class Faults:
    """How often each kind of trouble happens; drawn for each seed, and often never (swarm testing)."""

    before: float = 0.0
    after: float = 0.0
    slow: float = 0.0
    drop: float = 0.0
    kills: bool = False
    freezes: bool = False
    steps: bool = False

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        """Trouble for one seed."""
        rates = [rng.choice([0.0, 0.0, 0.01, 0.05]) for _ in range(3)]
        drop = rng.choice([0.0, 0.2, 1.0])
        kills, freezes, steps = (rng.random() < 0.6 for _ in range(3))
        return cls(rates[0], rates[1], rates[2], drop, kills, freezes, steps)


class WorldClock:
    """The time of the whole world: the virtual loop's, as a wall clock that the chaos may step."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.step = 0.0

    def now(self) -> Micros:
        return START + round((self._loop.seconds + self.step) * SECOND)

    def monotonic(self) -> float:
        return self._loop.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, SHORTEST_SLEEP))


class WorldRng:
    """Chance from the seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last = 0

    def run_id(self, now: Micros) -> str:
        self._last += 1
        return uuid7_text(max(now, 0) // 1000, self._last, self._rng.getrandbits(44))

    def token(self) -> int:
        return self._rng.getrandbits(62) | 1

    def secret(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"

    def random(self) -> float:
        return self._rng.random()


@dataclass(slots=True)
class Execution:
    """One stretch of user code, as the world saw it: not what the store says."""

    run: str
    node: str
    began: float
    exclusive: bool
    ended: float | None = None
    fate: str = "running"
    task: str = ""
    key: str | None = None
    limit: int = 0
    waits: bool = False
    """Whether the code waits for other runs, and does nothing meanwhile."""


class Node:
    """One machine: its own view of the store, its bus, and the services of the product."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.dead = False
        self.frozen_until = 0.0
        self.skew_seconds = 0.0
        self.early_seconds = 0.0
        self.bus = LocalBus()
        self.clock = NodeClock(self)
        self.own = SqliteStore(
            MEMORY, self.clock, world.ids, world.store._connection, world.store._writer, 5.0, inline=True
        )
        self.store: Any = NodeStore(self)
        self.registry = Registry()
        for item in world.tasks_for(self):
            self.registry.register(item)
        self.admission = Admission(self.registry, world.sealer, world.ids, Spool(None, 0))
        self.triggers = Triggers()
        self._tasks: list[asyncio.Task[Any]] = []

    def begin(self) -> None:
        """Start the services; a node whose start fails tries again, as a supervisor would have it."""
        self._tasks.append(asyncio.ensure_future(self._start()))

    async def _start(self) -> None:
        options = WorkerOptions(
            max_concurrent=4, max_threads=0, limits=Limits(timeout=self.world.timeout_seconds, cancel_grace=10.0),
            lease_seconds=LEASE_SECONDS, beat_seconds=BEAT_SECONDS, poll_seconds=self.world.poll_seconds, threads=False,
        )  # fmt: skip
        self.worker = WorkerSession(
            store=self.store, registry=self.registry, admission=self.admission, clock=self.clock, rng=self.world.ids,
            bus=self.bus, options=options,
        )  # fmt: skip
        self.janitor = Janitor(
            self.store, self.bus, sweep_seconds=SWEEP_SECONDS, retention_days=None,
            aging_seconds=self.world.aging_seconds,
        )  # fmt: skip
        self.scheduler = Scheduler(
            store=self.store, registry=self.registry, admission=self.admission, clock=self.clock, bus=self.bus,
            retry=Retry(max_retries=1, delay=5), triggers=self.triggers,
        )  # fmt: skip
        while True:
            try:
                await self.worker.start()
                break
            except StoreUnavailable:
                await self.clock.sleep(1)
        if self.world.rescue:
            await self.janitor.start()
        await self.scheduler.start()
        await Settler(self.store, self.bus, self.triggers, self.registry).start()
        self._tasks.append(asyncio.ensure_future(self._beat()))

    async def _beat(self) -> None:
        """The heartbeat's thread: it beats whatever the loops do, but not in a dead or frozen machine."""
        while True:
            await self.clock.sleep(BEAT_SECONDS)
            if not self.worker.heartbeat.beat():
                self.world.fenced.append(self.name)
                self.worker.fenced()

    async def pass_time(self) -> None:
        """Where a dead node ends and a frozen one waits: nothing after this happens before the thaw, or ever."""
        while self.frozen_until > self.world.loop.seconds and not self.dead:
            await asyncio.sleep(self.frozen_until - self.world.loop.seconds)
        if self.dead:
            await asyncio.Event().wait()


class NodeClock:
    """A node's clock: the world's wall clock, and sleeps that end neither in a dead nor in a frozen machine."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def now(self) -> Micros:
        return self._node.world.clock.now()

    def monotonic(self) -> float:
        return self._node.world.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        early = self._node.early_seconds * self._node.world.loop.rng.random()
        await asyncio.sleep(max(seconds - early, SHORTEST_SLEEP))
        await self._node.pass_time()


class NodeStore:
    """The store as a node reaches it: every verb is one transaction, with trouble before and after."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __getattr__(self, name: str) -> Any:
        world, node = self._node.world, self._node
        if name == "now":
            return lambda: world.store.now() + round(node.skew_seconds * SECOND)
        verb = world.mutant(name, getattr(node.own, name))
        if name in SYNC_VERBS:
            return verb

        async def call(*args: Any, **kwargs: Any) -> Any:
            rng, faults = world.loop.rng, world.faults
            await node.pass_time()
            await asyncio.sleep(rng.random() * (5.0 if rng.random() < faults.slow else 0.004))
            await node.pass_time()
            if rng.random() < faults.before:
                raise StoreUnavailable("simulated: lost before the transaction")
            answer = await verb(*args, **kwargs)
            world.answered(answer)
            await asyncio.sleep(rng.random() * 0.002)
            await node.pass_time()
            if rng.random() < faults.after:
                raise StoreUnavailable("simulated: the commit was not acknowledged")
            return answer

        return call


@dataclass(slots=True)
class World:
    """Everything, for one seed; it ends early when a rule is broken.

    ``mutations`` are planted bugs by the name of the verb that they spoil.
    """

    seed: int
    nodes_wanted: int = 3
    mutations: dict[str, Callable[[World, Any], Any]] = field(default_factory=dict)
    poll_seconds: float = POLL_SECONDS
    rescue: bool = True
    clients: int = 2
    start_seconds: float = 6.0
    trouble_seconds: float = 60.0
    quiet_seconds: float = 900.0
    timeout_seconds: float = 600.0
    aging_seconds: float | None = None
    faults: Faults = field(default_factory=Faults)
    executions: list[Execution] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    referred: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    kills: int = 0
    fenced: list[str] = field(default_factory=list)
    drawn: Faults = field(default_factory=Faults)
    loop: SimulatedLoop = field(init=False)
    clock: WorldClock = field(init=False)
    ids: WorldRng = field(init=False)
    store: SqliteStore = field(init=False)
    sealer: Sealer = field(init=False)
    thawed: dict[str, float] = field(default_factory=dict)
    _door: Schedules = field(init=False)

    def mutant(self, name: str, verb: Any) -> Any:
        """The verb, or its spoiled form."""
        spoil = self.mutations.get(name)
        return verb if spoil is None else spoil(self, verb)

    def answered(self, answer: Any) -> None:
        """A verb was carried out just now, whether or not its answer arrives."""

    # ----- what runs ----------------------------------------------------------------------------------------------

    def tasks_for(self, node: Node) -> Iterable[Any]:
        """The tasks of a node; their code tells the world when it really begins and ends."""

        async def work(seconds: float) -> None:
            await self._execute(node, seconds, exclusive=False)

        async def alone(seconds: float) -> None:
            await self._execute(node, seconds, exclusive=True)

        async def tick() -> None:
            await self._execute(node, 1.0, exclusive=False)

        return [
            task(name="work", retry=Retry(max_retries=2, delay=2))(work),
            task(name="alone", exclusive=True)(alone),
            task(name="tick")(tick),
        ]

    async def _execute(
        self, node: Node, seconds: float, *, exclusive: bool,
        then: Callable[[Execution], Awaitable[None]] | None = None, **known: Any,
    ) -> None:  # fmt: skip
        execution = Execution(current_run().id, node.name, self.loop.seconds, exclusive, **known)
        self.executions.append(execution)
        self._check_company(execution)
        try:
            await self._work(node, seconds)
            if then is not None:
                await then(execution)
            if self.loop.rng.random() < FAILING:
                raise ValueError("simulated failure of a task")
            execution.fate = "returned"
        except asyncio.CancelledError:
            execution.fate = "stopped"
            raise
        except Exception:
            execution.fate = "raised"
            raise
        finally:
            execution.ended = self.loop.seconds

    async def _work(self, node: Node, seconds: float) -> None:
        """What user code does, save that it may fail."""
        await node.clock.sleep(seconds)

    def _alive(self) -> set[str]:
        """The nodes, save those that are dead or frozen, or cannot know yet that they were fenced."""
        return {
            node.name
            for node in self.nodes
            if not node.dead
            and node.frozen_until <= self.loop.seconds
            and self.loop.seconds - self.thawed.get(node.name, float("-inf")) >= BEAT_SECONDS + 1
        }

    def _live_beside(self, new: Execution) -> list[Execution]:
        """What else runs now."""
        alive = self._alive()
        return [e for e in self.executions if e is not new and e.ended is None and e.node in alive]

    def _check_company(self, new: Execution) -> None:
        """Nothing runs beside an exclusive run, and no run beside itself."""
        for other in self._live_beside(new):
            if self._forbidden(new, other):
                self.violations.append(
                    f"{new.run} on {new.node} ran beside {other.run} on {other.node}, from {self.loop.seconds:.3f}"
                )

    def _forbidden(self, new: Execution, other: Execution) -> bool:
        return other.exclusive or new.exclusive or other.run == new.run

    # ----- the course of one world --------------------------------------------------------------------------------

    async def play(self, loop: SimulatedLoop, minutes: float) -> None:
        """Trouble for ``minutes`` of virtual time, then none until everything must have ended; then the questions."""
        self.loop = loop
        self.clock = WorldClock(loop)
        self.ids = WorldRng(loop.rng)
        self.sealer = Sealer(bytes(32))
        self.store = await SqliteStore.open(MEMORY, clock=self.clock, rng=self.ids, on_commit=self._hint, inline=True)
        quiet, self.faults = self.faults, Faults()
        for number in range(self.nodes_wanted):
            self._add_node(f"n{number}")
        await self._schedule()
        self.faults = quiet
        chaos = asyncio.ensure_future(self._chaos())
        clients = [asyncio.ensure_future(self._client(minutes * 60)) for _ in range(self.clients)]
        await asyncio.gather(*clients)
        chaos.cancel()
        self.faults = Faults()
        await self._disable_schedules()
        await self._until_all_has_ended()
        await self._judge(minutes)

    async def _until_all_has_ended(self) -> None:
        """Quiet until no run is live, but long enough for the dead to be found; ``quiet_seconds`` is the most."""
        end = self.loop.seconds + self.quiet_seconds
        await asyncio.sleep(QUIET_AT_LEAST_SECONDS)
        live = RunQuery(statuses=[status for status in RunStatus if not status.terminal], limit=1)
        while self.loop.seconds < end and not self.violations and (await self.store.runs(live)).items:
            await asyncio.sleep(QUIET_STEP_SECONDS)

    def _add_node(self, name: str) -> None:
        node = Node(self, name)
        self.nodes.append(node)
        node.begin()

    async def _schedule(self) -> None:
        node = self.nodes[0]
        editor = Editor(node.registry, node.admission, node.triggers)
        door = Schedules(self.store, node.registry, editor, node.triggers, self.clock, self.ids, "UTC")
        for name, when in (("each-minute", "* * * * *"), ("each-20s", "@every 20s"), ("after-end", None)):
            edit = ScheduleEdit(
                name=name, task="tick",
                when=when or {"type": "interval", "seconds": 45, "first": "now", "anchor": "end"},
                misfire_grace_seconds=10.0, catch_up="all" if name == "each-minute" else "latest",
                overlap="allow" if name == "each-minute" else "skip",
            )  # fmt: skip
            await door.add(SYSTEM, edit)
        await door.add(SYSTEM, ScheduleEdit(name="prepare", task="tick", when="@every 30s"))
        await door.add(SYSTEM, ScheduleEdit(name="process", task="tick", when="@every 30s", depends_on=["prepare"]))
        self._door = door

    async def _disable_schedules(self) -> None:
        for name in ("each-20s", "after-end", "process", "prepare"):
            await self._door.disable(SYSTEM, name)

    def _hint(self, topics: Iterable[str]) -> None:
        for node in self.nodes:
            if not node.dead and self.loop.rng.random() >= self.faults.drop:
                node.bus.publish(sorted(topics))  # a set of texts has another order in each process

    async def _chaos(self) -> None:
        rng = self.loop.rng
        while True:
            await asyncio.sleep(rng.expovariate(1 / self.trouble_seconds))
            node = rng.choice([n for n in self.nodes if not n.dead])
            draw = rng.random()
            if draw < 0.4 and self.faults.kills:
                node.dead = True
                self.kills += 1
                self._add_node(f"n{len(self.nodes)}")
            elif draw < 0.7 and self.faults.freezes:
                node.frozen_until = max(node.frozen_until, self.loop.seconds + rng.choice([1.0, 20.0, 70.0]))
                self.thawed[node.name] = node.frozen_until
            elif self.faults.steps:
                self.clock.step += rng.choice([-3600.0, -5.0, 5.0, 3600.0])

    async def _client(self, seconds: float) -> None:
        """Somebody who starts runs, and trusts only what was acknowledged; the same request is sent again if unsure."""
        rng = self.loop.rng
        while self.loop.seconds < seconds and not self.violations:
            await asyncio.sleep(rng.expovariate(1 / self.start_seconds) if rng.random() < 0.7 else 0)
            wanted = self._wish()
            for _ in range(50):
                node = rng.choice([n for n in self.nodes if not n.dead])
                asked = asyncio.ensure_future(node.store.enqueue([wanted]))
                done, _ = await asyncio.wait([asked], timeout=10)
                if done and asked.exception() is None:
                    (answer,) = asked.result()
                    (self.acknowledged if answer.created else self.referred).append(answer.run_id)
                    break
                asked.cancel()
            if rng.random() < 0.1 and self.acknowledged:
                await self._operate(rng.choice(self.acknowledged))

    def _wish(self) -> NewRun:
        rng = self.loop.rng
        name = "alone" if rng.random() < 0.08 else "work"
        return self._request(name, rng.expovariate(1 / 8) if rng.random() < 0.6 else 0.001)

    def _request(self, name: str, seconds: float) -> NewRun:
        return self.nodes[0].admission.admit(RunRequest(name, {"seconds": round(seconds, 3)}), self.clock.now())

    async def _operate(self, run: str) -> None:
        event = self.loop.rng.choice([RunEvent.CANCEL, RunEvent.RESTART])
        await self.store.move([run], event, "operator", self.clock.now())

    # ----- the questions ------------------------------------------------------------------------------------------

    async def _judge(self, minutes: float) -> None:
        runs = await self._all_runs()
        await self._judge_runs(runs)
        await self._judge_fires(minutes)
        await self._judge_dependencies(runs)

    async def _judge_runs(self, runs: list[Run]) -> None:
        known = {run.id for run in runs}
        self._expect({*self.acknowledged, *self.referred} <= known, "an acknowledged run is missing")
        ends = len(self.acknowledged) - len(set(self.acknowledged))
        self._expect(ends == 0, "an id was acknowledged twice for different requests")
        for run in runs:
            # a retry's time is a time of the wall clock, and waits with it when it is set back
            set_back = self.drawn.steps and run.status == "retrying" and to_micros(run.due_at) > self.clock.now()
            self._expect(
                run.status.terminal or run.schedule is not None or set_back, f"run {run.id} never ended: {run.status}"
            )
        stuck = [r for r in runs if not r.status.terminal and (self.clock.now() / 1e6 - r.due_at.timestamp()) > 600
                 and self.clock.step == 0]  # fmt: skip
        self._expect(not stuck, f"{len(stuck)} scheduled runs are stuck, such as {stuck[:1]}")
        for run in runs:
            attempts = await self.store.attempts(run.id)
            numbers = [attempt.number for attempt in attempts]
            self._expect(
                numbers == list(range(1, run.attempt + 1)), f"run {run.id} has attempts {numbers} of {run.attempt}"
            )
            completed = [a for a in attempts if a.status == "completed"]
            restarted = await self._events(run.id, "run.restarted")
            self._expect(len(completed) <= 1 + restarted, f"run {run.id} completed {len(completed)} times")
            endings = sum([await self._events(run.id, f"run.{how}") for how in ("completed", "failed", "cancelled")])
            self._expect(endings <= 1 + restarted, f"run {run.id} ended {endings} times")
            if run.status == "completed":
                told = [e for e in self.executions if e.run == run.id and e.fate == "returned"]
                self._expect(bool(told), f"run {run.id} is completed, and its code never returned")
            errors = sum(attempt.status == "error" for attempt in attempts)
            self._expect(errors <= 3 * (1 + restarted), f"run {run.id} failed {errors} times with two retries")
            if run.error is not None and run.error.kind == "crash_loop":
                self._expect(run.crashes >= 3, f"run {run.id} was condemned after {run.crashes} crashes")
                self._expect(self.kills > 0 or self.drawn.freezes, f"run {run.id} was condemned without a crash")
        trouble = self.drawn.freezes or self.drawn.before or self.drawn.slow
        self._expect(bool(trouble) or not self.fenced, f"healthy nodes were fenced: {self.fenced}")

    async def _judge_fires(self, minutes: float) -> None:
        for name in ("each-minute", "each-20s", "after-end"):
            schedule = await self.store.schedule(name)
            assert schedule is not None
            fires: list[Fire] = []
            after = None
            while True:
                page = await self.store.fires(schedule.id, 100, after)
                fires.extend(page.items)
                after = page.after
                if after is None:
                    break
            dues = [fire.due_at for fire in fires]
            self._expect(len(dues) == len(set(dues)), f"{name}: a due time is twice in the ledger")
            with_runs = [fire.run for fire in fires if fire.outcome in ("fired", "late")]
            self._expect(None not in with_runs, f"{name}: a fire has no run")
            made = Counter(run.schedule for run in await self._all_runs())[schedule.id]
            self._expect(made == len(with_runs), f"{name}: {made} runs for {len(with_runs)} fires")
            if name == "each-minute" and not self.drawn.steps:
                covered = sum(fire.count for fire in fires)
                passed = int(self.loop.seconds // 60)
                self._expect(
                    passed - 1 <= covered <= passed + 1, f"{name}: {covered} due times of {passed} in the ledger"
                )
            if name == "after-end" and not self.drawn.steps:  # set back by an hour, it waits for its watermark
                self._expect(len(fires) >= 3, f"{name}: fired {len(fires)} times only")

    async def _judge_dependencies(self, runs: list[Run]) -> None:
        """Each start has a success of what it depends on before it, and after the start before it; nobody waits on."""
        prepare, process = await self.store.schedule("prepare"), await self.store.schedule("process")
        assert prepare is not None and process is not None
        mine = [run for run in runs if run.schedule == process.id]
        waiting, _ = await self.store.waiting_runs()
        self._expect(not waiting, f"with all ended and disabled, {len(waiting)} runs wait for other schedules")
        if self.drawn.steps:
            return  # set back by an hour they wait for their watermark, and what came first cannot be told
        self._expect(len(mine) > 1, f"process ran or was skipped only {len(mine)} times")
        successes = [run.completed_at for run in runs if run.schedule == prepare.id and run.status == "completed"]
        # a first start is known by its first attempt: a retry or a rescue is not a new cycle
        starts = sorted([(await self.store.attempts(run.id))[0].started_at for run in mine if run.attempt])
        for before, start in zip([None, *starts], starts, strict=False):
            fresh = [at for at in successes if at is not None and at <= start and (before is None or at > before)]
            self._expect(bool(fresh), f"process started at {start} without a new success of prepare since {before}")

    async def _events(self, run: str, action: str) -> int:
        filters = [EventFilter("run", "is", run), EventFilter("action", "is", action)]
        return len((await self.store.events(filters, 100)).items)

    async def _all_runs(self) -> list[Run]:
        runs: list[Run] = []
        after = None
        while True:
            page = await self.store.runs(RunQuery(limit=100, after=after))
            runs.extend(page.items)
            after = page.after
            if after is None:
                return runs

    def _expect(self, holds: bool, violation: str) -> None:
        if not holds:
            self.violations.append(violation)


def play(
    seed: int, minutes: float = 10, *, faults: Faults | None = None, kind: type[World] = World, **options: Any
) -> World:
    """One world with this seed, to its end; look at its ``violations``."""
    loop = SimulatedLoop(seed)
    asyncio.set_event_loop(loop)
    world = kind(seed, faults=faults if faults is not None else Faults.drawn(loop.rng), **options)
    world.drawn = world.faults
    try:
        loop.run_until_complete(world.play(loop, minutes))
    finally:
        left = asyncio.all_tasks(loop)
        for task_left in left:
            task_left.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)
    return world
