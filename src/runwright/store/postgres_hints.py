"""The store on PostgreSQL: hints between processes, by NOTIFY and LISTEN. They make things quick, never right.

A NOTIFY takes a lock of the whole server at its commit, so it is never part of a verb's transaction: topics are
collected and sent by themselves. The first goes at once, if it brings work, over the connection that has just
committed, because its server process is awake (that of a single run even goes along with the statement that stores it,
and is sent behind the commit); what follows goes further and further apart while it goes on. Whoever listens again
after a loss takes it that everything has changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress

import asyncpg

from runwright.bus import EVERY_RUN
from runwright.store.postgres_pool import Connection, Taken

CHANNEL = "runwright"
NOBODY = "-"
"""The sender of hints that every process must hear, also the one that sent them."""
EVERYTHING = frozenset({"runs", "controls", "schedules", "events", "ended", "settled", EVERY_RUN})
APART_SECONDS = 0.002
MOST_APART_SECONDS = 0.032
DENSE_SECONDS = 0.004
"""Commits that come closer together than this are told together, further and further apart; others each by itself."""
MOST_BYTES = 7000  # the server takes 8000
PING_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 5.0
SEND = "SELECT pg_notify($1, $2)"
SEND_SECONDS = 2.0

logger = logging.getLogger("runwright.store")


def message(sender: str, topics: Collection[str]) -> str:
    """Topics as one message; too many single runs become a word for all of them."""
    if len(" ".join((sender, *topics)).encode()) > MOST_BYTES:
        topics = {EVERY_RUN, *(topic for topic in topics if not topic.startswith("run:"))}
    return " ".join((sender, *sorted(topics)))


def _only_watched(topic: str) -> bool:
    """Whether a topic is for people who look, and brings work to nobody: so it does not hold up what has just begun."""
    return topic == "events" or topic.startswith("run:")


class Sender:
    """Tells the other processes what this one has committed."""

    def __init__(self, name: str, send: Callable[[str, Connection | None], Awaitable[object]]) -> None:
        self._name = name
        self._send = send
        self._topics: set[str] = set()
        self._told = 0
        self._window: asyncio.TimerHandle | None = None
        """The end of the present window: what is told until then is sent there, together."""
        self._sending: asyncio.Task[None] | None = None

    async def tell(self, topics: Iterable[str], connection: Connection | None = None) -> None:
        """Send the topics, now or soon; on the home loop.

        Args:
            connection: one that is free now; what goes now goes over it.
        """
        self._topics.update(topics)
        self._told += 1
        if self._window is None and self._topics:
            self._begin(APART_SECONDS)
            if not all(map(_only_watched, self._topics)):
                await self._send_all(connection)

    def entrust(self, topics: Collection[str]) -> str | None:
        """The message of these topics, for a statement that sends it behind its own commit; None if it shall not."""
        if self._window is not None:
            return None
        self._begin(APART_SECONDS)
        return message(self._name, topics)

    def _begin(self, apart: float) -> None:
        self._told = 0
        self._window = asyncio.get_running_loop().call_later(apart, self._end, apart)

    def _end(self, apart: float) -> None:
        """Send what was told in a window so long, and begin the next; if nothing was, the next hint goes at once."""
        if not self._topics:
            self._window = None
            return
        dense = self._told * DENSE_SECONDS >= apart
        following = min(MOST_APART_SECONDS, 2 * apart) if dense else APART_SECONDS
        self._sending = asyncio.get_running_loop().create_task(self._send_all(None))
        self._sending.add_done_callback(lambda _: self._begin(following))

    async def _send_all(self, connection: Connection | None) -> None:
        topics, self._topics = self._topics, set()
        try:
            await self._send(message(self._name, topics), connection)
        except Exception as error:  # noqa: BLE001  # a hint that is lost costs one poll, whatever the reason
            logger.debug("a hint was not sent: %s", error)

    async def close(self) -> None:
        """Send what is left, at once, and no more."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        if self._window is not None:
            self._window.cancel()
            self._window = None
        if self._topics:
            await self._send_all(None)


class Listener:
    """Hears what other processes have committed; connects again after any loss.

    Its connection is lent, as by a pool, to the turn that answers a hint: the server process that has just told it is
    awake. What is told meanwhile is heard when the turn is over.
    """

    def __init__(
        self, name: str, connect: Callable[[], Awaitable[Connection]], heard: Callable[[frozenset[str]], None]
    ) -> None:
        self._name = name
        self._connect = connect
        self._heard = heard
        self._lost = asyncio.Event()
        self._connection: Connection | None = None
        self._lent = False
        self._task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()
        """Set while hints can be heard."""

    def start(self) -> None:
        """Begin to listen, in the background; once is enough."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="runwright-listen")

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        pause, level = 0.05, logging.WARNING
        while True:
            try:
                connection = await self._connect()
            except Exception as error:  # noqa: BLE001  # away, restarting, refusing: it is tried for ever
                logger.log(level, "work of other processes is found by polling: cannot listen for it: %s", error)
                level = logging.DEBUG  # once each time
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
                continue
            try:
                self._lost.clear()
                connection.add_termination_listener(lambda _: self._lost.set())
                await connection.add_listener(CHANNEL, self._told)
                self._connection, self._lent = connection, False
                self.listening.set()
                pause, level = 0.05, logging.WARNING
                self._heard(EVERYTHING)  # first listen, then look: nothing falls between
                await self._watch(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.debug("listening ended: %s", error)
            finally:
                self._connection = None
                self.listening.clear()
                self.drop(connection)

    async def _watch(self, connection: Connection) -> None:
        """Return when the connection is lost, also when its other side has silently gone."""
        while not self._lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), PING_SECONDS)
            if not self._lost.is_set() and self.free:  # if it is lent, whoever has it finds out
                async with Taken(self):
                    await connection.fetchval("SELECT 1", timeout=PING_SECONDS)

    @property
    def free(self) -> bool:
        """Whether the connection is there to be lent."""
        return self._connection is not None and not self._lent and not self._connection.is_closed()

    async def take(self) -> Connection:
        """Lend the connection, while it is ``free``."""
        if self._connection is None or self._lent:
            raise asyncpg.InterfaceError("nobody listens now")
        self._lent = True
        return self._connection

    def give_back(self, connection: Connection) -> None:
        """It can be lent again, unless another one listens meanwhile."""
        if connection is self._connection:
            self._lent = False

    def drop(self, connection: Connection) -> None:
        """Its work was cut off in the middle: listen over another one."""
        with suppress(Exception):
            connection.terminate()

    def _told(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        sender, *topics = str(payload).split(" ")
        if sender != self._name:  # what this process has committed it knows
            self._heard(frozenset(topics))
