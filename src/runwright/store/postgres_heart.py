"""The store on PostgreSQL: the heartbeat's own loop, in a thread of its own, with a connection of its own.

Whatever keeps the engine's loop from turning must not cost a lease.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError as FutureCancelled

from runwright.clock import Micros
from runwright.errors import StoreUnavailable
from runwright.store import sql
from runwright.store.postgres_errors import translated
from runwright.store.postgres_pool import Connection

SQL = sql.load("postgres")
LIMIT_SECONDS = 8.0
"""How long one beat may take if the caller allows it; it must leave room for the next within the lease."""


class Heart:
    """Renews leases for whichever thread asks. Its thread begins with the first beat."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], where: str, *, pooled: bool = False) -> None:
        """``pooled``: a pooler may send each step of a statement to another server, save in a transaction."""
        self._connect = connect
        self._pooled = pooled
        self._where = where
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._closed = False

    def beat(self, session: str, now: Micros, lease: Micros, within_seconds: float) -> bool:
        """Renew a lease and wait for it; False if the session is over. From any thread that may wait."""
        limit = min(within_seconds, LIMIT_SECONDS)
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"{self._where}: the store is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="runwright-heart", daemon=True)
                self._thread.start()
            answer = asyncio.run_coroutine_threadsafe(self._beat(session, now, lease, limit), self._loop)
        try:
            with translated(self._where):
                return answer.result(limit + 1)  # the loop is first to see the limit, unless it does not turn
        except FutureCancelled as error:
            raise StoreUnavailable(f"{self._where}: no answer to a heartbeat") from error
        finally:
            answer.cancel()  # if it went on, it would be in the next one's way

    async def _beat(self, session: str, now: Micros, lease: Micros, limit: float) -> bool:
        try:
            async with asyncio.timeout(limit):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect()
                # No transaction without need: cut off in the middle, it would keep the session's row. And never the
                # driver's own: that asks a server that is silent for a ROLLBACK, and waits beyond every limit.
                if self._pooled:
                    await self._connection.execute("BEGIN")
                row = await self._connection.fetchrow(SQL["session_beat"], session, now, lease)
                if self._pooled:
                    await self._connection.execute("COMMIT")
                return row is not None
        except BaseException:
            if self._connection is not None:
                self._connection.terminate()  # whatever its state is: the next beat begins anew
                self._connection = None
            raise

    def close(self) -> None:
        """End the thread and its connection; leases are left as they are."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop)
        thread.join(LIMIT_SECONDS)
        if not thread.is_alive():
            loop.close()

    async def _end(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
