"""Operations on PostgreSQL that go one statement at a time, each over a connection of its own.

Every BEGIN, statement and COMMIT waits at a gate until the conductor lets it go. A statement that does not come back
because another connection holds a lock makes its operation blocked, by the server's own word; others go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import asyncpg

from runwright.clock import Clock, SystemRng
from runwright.errors import StoreUnavailable
from runwright.store.leases import Leases
from runwright.store.postgres import PostgresStore
from runwright.store.postgres_errors import AGAIN
from runwright.store.postgres_pool import Pool
from runwright.store.postgres_server import SETTINGS
from runwright.store.postgres_transaction import _LOCK_KEYS, _TRY_KEYS, _UNNEST, CLAIMS, SQL, packed
from runwright.store.transaction import T

LOOK_SECONDS = 0.003
"""How long an answer may take before the server is asked whether its statement waits for a lock."""
LIMIT_SECONDS = 20.0
END = None
Stop: TypeAlias = "int | str | None"
"""How far an operation goes: so many statements in all, to before the statement of this name, or to its end."""
Operation: TypeAlias = "Callable[[SteppedStore], Awaitable[Any]]"
Plan: TypeAlias = "Sequence[tuple[str, Stop]]"


class Names(dict[str, str]):
    """What each statement is called. Several that are sent as one are called what the first of them is."""

    def __init__(self) -> None:
        texts = {text: name for name, text in SQL.items()}
        for name, text in SQL.items():
            if (found := _UNNEST.search(text)) is not None:  # told of one row, it has no arrays
                texts[packed(text, [(None,) * found["arrays"].count("[]")])[0]] = name
        locks = {f"SELECT pg_advisory_xact_lock{kind}({CLAIMS})": "lock_claims" for kind in ("", "_shared")}
        super().__init__({**texts, **locks, _LOCK_KEYS: "lock_keys", _TRY_KEYS: "try_keys"})

    def of(self, statement: str) -> str:
        whole = self.get(statement)
        if whole is None and statement.startswith("WITH s0 AS ("):
            return next(name for text, name in self.items() if statement.startswith(f"WITH s0 AS ({text})"))
        return whole or statement.split("(", maxsplit=1)[0][:40]


class Gate:
    """Where one operation waits before each of its statements."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.next: str | None = None
        self._let_go: asyncio.Future[None] | None = None

    async def wait(self, statement: str) -> None:
        """Called by the operation."""
        self.next = statement
        self._let_go = asyncio.get_running_loop().create_future()
        self.changed.set()
        await self._let_go

    def open(self) -> str:
        """Let the statement go that waits; its text."""
        assert self._let_go is not None
        assert self.next is not None
        statement, self.next = self.next, None
        self.changed.clear()
        self._let_go.set_result(None)
        return statement


class Gated:
    """A connection of asyncpg whose statements wait at a gate, as far as the store uses one."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], gate: Gate) -> None:
        self._connection = connection
        self._gate = gate
        self.is_closed, self.close = connection.is_closed, connection.close

    def terminate(self) -> None:
        """It is the test's, which goes on with it."""

    async def fetch(self, statement: str, /, *values: object) -> Any:
        await self._gate.wait(statement)
        return await self._connection.fetch(statement, *values)

    async def fetchrow(self, statement: str, /, *values: object) -> Any:
        await self._gate.wait(statement)
        return await self._connection.fetchrow(statement, *values)

    async def execute(self, statement: str, /, *values: object) -> str:
        await self._gate.wait(statement)
        return await self._connection.execute(statement, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self.execute("BEGIN")
        try:
            yield
        except BaseException:
            await self.execute("ROLLBACK")
            raise
        await self.execute("COMMIT")


class SteppedStore(PostgresStore):
    """The product's store, over one connection that waits at a gate, without hints."""

    def __init__(self, url: str, clock: Clock, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        super().__init__(url, clock, SystemRng(), None, None)
        self.raw = connection
        self.pid = connection.get_server_pid()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget the last execution: a process that has just started."""
        self.gate = Gate()
        self.met: list[str] = []
        self._leases = Leases(self._clock)
        self._heart._connection = None
        self._pool = Pool(self._connect, self._clock.monotonic, most=1, patience=LIMIT_SECONDS)

    async def beat_once(self, session: str, lease_seconds: float) -> bool:
        """What the heartbeat's thread does, here on this loop."""
        return await self._heart._beat(session, self.now(), round(lease_seconds * 1_000_000), LIMIT_SECONDS)

    async def _connect(self) -> Any:
        return Gated(self.raw, self.gate)

    async def _send(self, text: str, connection: object) -> object:
        return None

    async def _again(self, attempt: Callable[[bool], Awaitable[T]], *, patient: bool = True) -> T:
        async def noted(again: bool) -> T:
            try:
                return await attempt(again)
            except StoreUnavailable as unavailable:
                if isinstance(unavailable.__cause__, AGAIN):
                    self.met.append(type(unavailable.__cause__).__name__)
                raise

        return await super()._again(noted, patient=patient)


@dataclass(slots=True)
class Player:
    """One operation in one execution."""

    name: str
    store: SteppedStore
    task: asyncio.Task[Any]
    steps: int = 0
    blocked: bool = False

    @property
    def ended(self) -> bool:
        return self.task.done()

    def has_reached(self, stop: Stop, known: Names) -> bool:
        if self.ended:
            return True
        if isinstance(stop, int):
            return self.steps >= stop
        return stop is not None and known.of(self.store.gate.next or "") == stop


@dataclass(slots=True)
class Execution:
    """What happened in one order of statements."""

    plan: Plan
    answers: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)
    short: set[str] = field(default_factory=set)
    """Operations that ended, or had to wait, before they had done as many statements as the plan gave them."""
    trace: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = "\n  ".join(self.faults or ["no rule was broken"])
        return f"{list(self.plan)}:\n  {found}\n  after {' '.join(self.trace)}"


class Stage:
    """Three connections and the one that watches them. Opened once for many executions."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self.stores: list[SteppedStore] = []

    async def __aenter__(self) -> Self:
        self.watcher = await asyncpg.connect(self._url)
        for _ in range(3):
            connection = await asyncpg.connect(self._url, server_settings={**SETTINGS, "deadlock_timeout": "50ms"})
            self.stores.append(SteppedStore(self._url, self._clock, connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        for store in self.stores:
            store.raw.terminate()
            await store.close()
        self.watcher.terminate()

    async def play(
        self,
        plan: Plan,
        operations: dict[str, Operation],
        at_end: Callable[[Execution, str], Awaitable[None]],
    ) -> Execution:
        """Let the operations of a plan go in its order, then those that are left, until all have ended.

        ``at_end`` is awaited when an operation has ended, before any other statement is let go.
        """
        execution, known = Execution(plan), Names()
        wanted = list(dict.fromkeys(name for name, _ in plan))
        players: dict[str, Player] = {}
        try:
            for name, store in zip(wanted, self.stores, strict=False):
                store.begin_anew()
                players[name] = Player(name, store, asyncio.ensure_future(_run(operations[name], store)))
                await self._settle(players[name])
            left: Plan = list(plan)
            while left:
                moved = False
                for name, stop in left:
                    player = players[name]
                    while not player.blocked and not player.has_reached(stop, known):
                        moved = True
                        await self._step(player, players, known, execution, at_end)
                    if isinstance(stop, str) and player.ended:
                        raise LookupError(f"{name} has no statement {stop}, or not then: {execution}")
                    if isinstance(stop, int) and player.steps < stop:
                        execution.short.add(name)
                left = [(name, END) for name in wanted if not players[name].ended]
                if left and not moved:  # each waits for another: the server ends that
                    await self._see_who_goes_on(players, execution, at_end, wait=True)
            execution.steps = {name: player.steps for name, player in players.items()}
            for name, player in players.items():
                execution.faults += [f"{name} met {error}" for error in player.store.met]
            return execution
        finally:
            for player in players.values():
                if not player.ended:
                    player.task.cancel()
                    player.store.raw.terminate()

    async def _step(
        self,
        player: Player,
        players: dict[str, Player],
        known: Names,
        execution: Execution,
        at_end: Callable[[Execution, str], Awaitable[None]],
    ) -> None:
        statement = player.store.gate.open()
        player.steps += 1
        execution.trace.append(f"{player.name}.{known.of(statement)}")
        await self._settle(player)
        if player.blocked:
            execution.trace[-1] += "(waits)"
            execution.blocked.append(execution.trace[-1])
        if player.ended:
            await _note(player, execution, at_end)
        await self._see_who_goes_on(players, execution, at_end)

    async def _see_who_goes_on(
        self,
        players: dict[str, Player],
        execution: Execution,
        at_end: Callable[[Execution, str], Awaitable[None]],
        *,
        wait: bool = False,
    ) -> None:
        """Whose lock has been granted meanwhile, or was refused by the server."""
        ends = asyncio.get_running_loop().time() + LIMIT_SECONDS
        while True:
            for player in players.values():
                if player.blocked and (player.store.gate.changed.is_set() or not await self._waits(player)):
                    await self._settle(player)
                    wait = wait and player.blocked
                    if player.ended:
                        await _note(player, execution, at_end)
            if not wait:
                return
            if asyncio.get_running_loop().time() > ends:
                raise TimeoutError(f"nobody goes on: {execution}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _settle(self, player: Player) -> None:
        """Wait until an operation is at its gate again, has ended, or waits for a lock."""
        ends = asyncio.get_running_loop().time() + LIMIT_SECONDS
        player.blocked = False
        changed = player.store.gate.changed
        while not changed.is_set():
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await changed.wait()
            except TimeoutError:
                if await self._waits(player):
                    player.blocked = True
                    return
                if asyncio.get_running_loop().time() > ends:
                    raise TimeoutError(f"{player.name} neither comes back nor waits for a lock") from None

    async def _waits(self, player: Player) -> bool:
        blocking: list[int] = await self.watcher.fetchval("SELECT pg_blocking_pids($1)", player.store.pid)
        return bool(blocking)


async def _run(operation: Operation, store: SteppedStore) -> Any:
    try:
        return await operation(store)
    finally:
        asyncio.get_running_loop().call_soon(store.gate.changed.set)


async def _note(player: Player, execution: Execution, at_end: Callable[[Execution, str], Awaitable[None]]) -> None:
    """Keep an operation's answer; an exception that reached its caller is a fault."""
    error = player.task.exception()
    if error is None:
        execution.answers[player.name] = player.task.result()
    else:
        execution.faults.append(f"{player.name} raised {type(error).__name__}: {error}")
    await at_end(execution, player.name)
