"""The store on PostgreSQL: a pool of connections, one transaction for each verb that writes.

Verbs of many processes work at the same time: rows are locked in the order of their keys, claims skip what others have
locked, and a transaction that meets another one in spite of that is done again. See docs/design/postgres.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext, suppress
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import asyncpg

from runwright.clock import SECOND, Clock, Micros, Rng
from runwright.errors import InvalidInput, StoreRefused, StoreUnavailable
from runwright.model import Enqueued, NewRun, Turn
from runwright.store import postgres_schema, verbs
from runwright.store.asked import Wanted
from runwright.store.batcher import Batcher
from runwright.store.postgres_drivers import ELSEWHERE, OLDER, driver_of
from runwright.store.postgres_errors import AGAIN, of_caller, opening, place, translated
from runwright.store.postgres_heart import Heart
from runwright.store.postgres_hints import CHANNEL, NOBODY, SEND, SEND_SECONDS, Listener, Sender, message
from runwright.store.postgres_pool import Connection, Lender, Pool, Taken
from runwright.store.postgres_server import CONNECT_SECONDS, Server
from runwright.store.postgres_transaction import FEW_ROWS, Driver, Entrust, PostgresTransaction
from runwright.store.sql_store import SqlStore
from runwright.store.transaction import Body, Transaction

T = TypeVar("T")

POOL = 8
TRIES = 20
LONGEST_TRY_SECONDS = 30.0
"""No further try is begun after that time; with many rows one may itself take long."""
LONGEST_PAUSE_SECONDS = 0.25
FLUSH = "SELECT pg_logical_emit_message(true, 'runwright', '')"
"""Makes its transaction one whose commit is flushed, and with it all that was committed before without (``let_in``)."""
SERVER_TIME = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
LOOK_SECONDS = 30.0
"""How often the server's clock is looked at."""

logger = logging.getLogger("runwright.store")


async def _roll_back(connection: Connection) -> None:
    """End a transaction that failed. A connection that cannot even do that is given up; its own error tells nothing."""
    try:
        await connection.execute("ROLLBACK")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        with suppress(asyncpg.InterfaceError):
            connection.terminate()


def _few_and_plain(runs: Sequence[NewRun]) -> bool:
    """Whether they are one statement, with their entries of the timeline, and none can be refused."""
    return 2 * len(runs) <= FEW_ROWS and all(map(verbs.runs.cannot_be_refused, runs))


class PostgresStore(SqlStore):
    """A Store in a PostgreSQL database. Made by ``open``."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        rng: Rng,
        on_commit: Callable[[frozenset[str]], None] | None,
        direct_url: str | None,
    ) -> None:
        super().__init__(clock)
        self._server = Server(url, direct_url)
        self._where = self._server.where
        self._rng = rng
        self._on_commit = on_commit
        self._pool = Pool(self._connect, clock.monotonic, POOL, CONNECT_SECONDS)
        self._made_at: Micros = 0
        self._offset: Micros = 0
        self._looking: asyncio.Task[None] | None = None
        self._heart = Heart(self._connect, self._where, pooled=self._server.pooled)
        name = rng.run_id(clock.now())
        self._sender = Sender(name, self._send)
        self._listener = Listener(name, lambda: self._server.connect_directly(self._made_at), self._hear)
        self._enqueues: Batcher[NewRun, Enqueued] = Batcher(self._enqueue_once)
        self._enqueues_with_keys: Batcher[NewRun, Enqueued] = Batcher(self._enqueue_once)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        rng: Rng,
        on_commit: Callable[[frozenset[str]], None] | None = None,
        direct_url: str | None = None,
        server_time: bool = True,
    ) -> Self:
        """Open the store in the database at ``url``; its tables are made if they are not there.

        Args:
            url: ``postgresql://user:password@host:port/database``, with what libpq allows behind ``?``.
            clock: this process's clock; leases are judged by its monotonic side.
            rng: makes the claims' tokens.
            on_commit: called on this event loop with hints, after this process's commits and, once it is to ``listen``,
                after those of others.
            direct_url: the same database without the pooler, if ``url`` is PgBouncer's in transaction mode. It is used
                to listen for hints; without it nothing is lost, but work of other processes is found by polling.
            server_time: take the server's wall clock instead of this machine's, so that all machines have the same.

        Raises:
            StoreRefused: the schema is newer, the server too old, or the user has no right.
            StoreUnavailable: the server cannot be reached now.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if not parts.path.strip("/"):
            raise StoreRefused(f"{place(url)} names no database; write postgresql://user@host/database")
        store = cls(url, clock, rng, on_commit, direct_url)
        try:
            with opening(store._where, pooled=store._server.pooled):
                async with Taken(store._pool) as connection:
                    store._made_at = await postgres_schema.upgrade(connection, clock.now(), store._where)
                if server_time:
                    await store._look_at_the_clock()
                    store._looking = asyncio.create_task(store._keep_time(), name="runwright-store-clock")
        except BaseException:
            await store.close()
            raise
        return store

    # ----- life ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self._listener.close()
        await self._enqueues.close()
        await self._enqueues_with_keys.close()
        await self._sender.close()
        await asyncio.to_thread(self._heart.close)
        await self._pool.close()

    def now(self) -> Micros:
        return self._clock.now() + self._offset

    def listen(self) -> None:
        """From now on hear the hints of other processes. Who only starts runs does without a connection for that."""
        self._listener.start()

    @property
    def listening(self) -> asyncio.Event:
        """Set while hints of other processes can be heard."""
        return self._listener.listening

    async def _look_at_the_clock(self) -> None:
        """Measure how far the server's clock is from ours, to half the time of the answer."""
        async with Taken(self._pool) as connection:
            before = self._clock.monotonic()
            there = await connection.fetchval(SERVER_TIME)
            half = round((self._clock.monotonic() - before) * SECOND / 2)
            self._offset = int(there) + half - self._clock.now()

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(StoreUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._look_at_the_clock()

    # ----- verbs that are done in another way ------------------------------------------------------------------

    async def enqueue(self, runs: Sequence[NewRun], connection: object | None = None) -> Sequence[Enqueued]:
        """Runs that several callers bring at the same time are stored in one transaction."""
        if connection is not None:
            with of_caller(self._where):
                return await self._enqueue_within(runs, connection)
        if asyncio.get_running_loop() is self._loop:
            return await self._enqueue_here(runs)
        made = [*runs]  # here, on the caller's loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._enqueue_here(made), self._loop))

    async def _enqueue_here(self, runs: Sequence[NewRun]) -> Sequence[Enqueued]:
        """One try together with others; who met another transaction tries on by himself, and keeps no place from them.

        Whoever may meet one is apart from those who never do. A large number is not looked at: it is read piece by
        piece while the store is at work.
        """
        batcher = self._enqueues if _few_and_plain(runs) else self._enqueues_with_keys
        try:
            return await batcher.do(runs)
        except StoreUnavailable as unavailable:
            if not isinstance(unavailable.__cause__, AGAIN):
                raise
        return await self._again(lambda _: self._transaction(lambda tx: verbs.runs.enqueue(tx, runs), again=True))

    async def _enqueue_once(self, runs: Sequence[NewRun]) -> Sequence[Enqueued]:
        def body(tx: Transaction) -> Coroutine[Any, Any, list[Enqueued]]:
            return verbs.runs.enqueue(tx, runs)

        if self._server.pooled or not _few_and_plain(runs):
            return await self._transaction(body)
        with suppress(asyncpg.ProgramLimitExceededError):  # of hints; it is told behind the commit
            return await self._at_once(body, over=self._pool, entrust=self._sender.entrust)
        return await self._transaction(body, again=True)

    async def _turn_at_once(self, session: str, wanted: Sequence[Wanted]) -> Turn | None:
        if self._server.pooled:
            return None

        async def attempt(_again: bool) -> Turn | None:
            lender = self._listener if self._listener.free else self._pool
            return await self._at_once(lambda tx: verbs.claim.claim_at_once(tx, session, wanted), over=lender)

        return await self._again(attempt)

    async def _enqueue_within(self, runs: Sequence[NewRun], connection: object) -> Sequence[Enqueued]:
        """Store runs in the caller's transaction, on the loop of his connection; his commit sends the hint."""
        driver = await driver_of(connection)

        async def within(again: bool) -> Sequence[Enqueued]:
            tx = self._port(driver, again=again, within=True)
            with translated(self._where):
                async with tx.savepoint():
                    if await postgres_schema.made_at(driver) != self._made_at:
                        raise InvalidInput.field("/connection", ELSEWHERE.format(where=self._where))
                    answers = await verbs.runs.enqueue(tx, runs)
                    await tx.send(SEND, CHANNEL, message(NOBODY, tx.topics))
                    return answers

        async def seeing(again: bool) -> Sequence[Enqueued]:
            try:
                return await within(again)
            except StoreUnavailable as unavailable:
                if not again or not isinstance(unavailable.__cause__, AGAIN):
                    raise
                if await driver.fetchrow("SHOW transaction_isolation") == ("read committed",):
                    raise
                raise InvalidInput.field("/connection", OLDER) from unavailable  # it cannot see who is in its way

        return await self._again(seeing)

    def _beat(self, session: str, lease: Micros, within_seconds: float) -> bool:
        return self._heart.beat(session, self.now(), lease, within_seconds)

    # ----- the ways in -----------------------------------------------------------------------------------------

    async def _do(self, body: Body[T], rows: int, *, patient: bool = True) -> T:
        return await self._again(lambda again: self._transaction(body, again=again), patient=patient)

    async def _again(self, attempt: Callable[[bool], Awaitable[T]], *, patient: bool = True) -> T:
        """Do it until no other transaction was in its way, for two seconds or so; it is told whether one was.

        Unless it is ``patient``, a transaction that does not end (``Transaction.brief``) is not waited for.

        Raises:
            UniqueViolationError: each time it broke the same unique key, although it had looked: nobody was quicker, it
                is a fault, as any other broken constraint.
        """
        met: set[str] = set()
        until = self._clock.monotonic() + LONGEST_TRY_SECONDS
        for tries in range(1, TRIES + 1):
            try:
                return await attempt(tries > 1)
            except StoreUnavailable as unavailable:
                cause = unavailable.__cause__
                if not isinstance(cause, AGAIN) or (unavailable.reason == "held" and not patient):
                    raise
                met.add(f"{type(cause).__name__}: {cause} {getattr(cause, 'detail', '')}")
                if tries == TRIES or self._clock.monotonic() > until:
                    if len(met) == 1 and isinstance(cause, asyncpg.UniqueViolationError):
                        raise cause from None
                    raise
                logger.debug("a transaction is done again: %s", cause)
            await asyncio.sleep(self._rng.random() * min(0.002 * 2**tries, LONGEST_PAUSE_SECONDS))
        raise AssertionError("the last try has returned or raised")

    async def _transaction(self, body: Body[T], *, again: bool = False) -> T:
        with translated(self._where):
            async with Taken(self._pool) as connection:
                tx = self._port(connection, again=again)
                try:
                    await tx.send(self._server.begin)
                    if again:  # what it finds done may be its own, from the last time: the answer vouches for it
                        await tx.send(FLUSH)
                    answer = await body(tx)
                    await tx.settle()
                    await connection.execute("COMMIT")
                except BaseException:
                    await tx.give_up()
                    await _roll_back(connection)
                    raise
                await self._tell(tx, connection)
                return answer

    async def _at_once(self, body: Body[T], *, over: Lender, entrust: Entrust | None = None) -> T:
        """Run a verb that is one statement: without BEGIN and COMMIT its answer comes after its commit.

        Args:
            over: whose connection it goes over.
            entrust: lets the statement tell the other processes as well, behind its commit.
        """
        with translated(self._where):
            async with Taken(over) as connection:
                tx = self._port(connection, entrust=entrust)
                answer = await body(tx)
                await tx.settle()
                await self._tell(tx, connection)
                return answer

    def _port(
        self,
        connection: Connection | Driver,
        *,
        again: bool = False,
        entrust: Entrust | None = None,
        within: bool = False,
    ) -> PostgresTransaction:
        return PostgresTransaction(
            connection, self.now(), self._rng, self._leases, again=again, entrust=entrust, within=within
        )

    async def _tell(self, tx: PostgresTransaction, connection: Connection) -> None:
        """Hints of what was committed, for this process and for the others."""
        if tx.topics:
            self._hear(frozenset(tx.topics))
        if untold := tx.topics.difference(tx.told):
            await self._sender.tell(untold, connection)

    async def _answer(self, body: Body[T]) -> T:
        if self._server.pooled:  # behind a pooler a statement is prepared and run by one server only so
            return await self._transaction(body)
        with translated(self._where):
            async with Taken(self._pool) as connection:
                return await body(self._port(connection))

    async def _list(self, body: Body[T]) -> T:
        return await self._ask(body)

    # ----- connections -----------------------------------------------------------------------------------------

    async def _connect(self) -> Connection:
        return await self._server.connect()

    def _hear(self, topics: frozenset[str]) -> None:
        if self._on_commit is not None:
            self._on_commit(topics)

    async def _send(self, text: str, connection: Connection | None) -> object:
        if connection is None:
            async with Taken(self._pool) as another:
                return await self._send(text, another)
        async with connection.transaction() if self._server.pooled else nullcontext():
            return await connection.execute(SEND, CHANNEL, text, timeout=SEND_SECONDS)
