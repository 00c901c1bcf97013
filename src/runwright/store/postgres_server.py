"""The store on PostgreSQL: where the server is, behind a pooler or not, and how a connection to it is made.

It must not know what goes over a connection, save by what a store is told from another.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from runwright.clock import Micros
from runwright.errors import StoreRefused
from runwright.store.postgres_errors import connecting, place, translated
from runwright.store.postgres_pool import Connection
from runwright.store.postgres_schema import made_at

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
IDLE_SECONDS = 10
"""How long a transaction may lie open while its process does nothing (frozen, cut off) before the server ends it."""
SETTINGS = {
    "application_name": "runwright",
    # Every statement has its index. A plan that was made while the tables were small, or before they were analysed,
    # must not read them whole for the rest of its life.
    "enable_seqscan": "off",
    # No plan depends on the values, and making one costs more than running it.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",  # each statement is short; compiling it would cost more than running it
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
}
BEGIN = "BEGIN"
BEGIN_POOLED = "; ".join(
    [BEGIN, *(f"SET LOCAL {name} = '{setting}'" for name, setting in SETTINGS.items() if name != "application_name")]
)
"""Behind a pooler a transaction brings its settings along."""


class Server:
    """Where a store is, and the way to it.

    ``where`` is its address as messages may show it. ``pooled``: behind a pooler in transaction mode, which may send
    each statement to another session, save in a transaction.
    """

    def __init__(self, url: str, direct_url: str | None) -> None:
        """``direct_url``: the way around the pooler, if ``url`` is a pooler's."""
        self._url = url
        self._direct_url = direct_url
        self.where = place(url)
        self.pooled = direct_url is not None
        self.begin = BEGIN_POOLED if self.pooled else BEGIN
        """What begins a transaction."""

    async def connect(self) -> Connection:
        """A new connection. Raises StoreUnavailable or StoreRefused, or the driver's error."""
        # A pooler knows neither prepared statements nor settings of a session.
        options = {"statement_cache_size": 0} if self.pooled else {"server_settings": SETTINGS}
        return await _connected(self._url, self.where, **options)

    async def connect_directly(self, store_made_at: Micros) -> Connection:
        """A new connection that goes around the pooler, to listen over it; to no other store than was made then."""
        if self._direct_url is None:
            return await self.connect()
        where = place(self._direct_url)
        with translated(where):
            connection = await _connected(self._direct_url, where, server_settings={"application_name": "runwright"})
            if await made_at(connection) == store_made_at:
                return connection
            await connection.close()
        raise StoreRefused(f"{where} is another store than {self.where}; correct store_direct")


async def _connected(url: str, where: str, **options: Any) -> Connection:
    with connecting(where):
        connection: Connection = await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS, **options
        )
        return connection
