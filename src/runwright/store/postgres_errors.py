"""The store on PostgreSQL: the driver's errors as the engine's, told by class and SQLSTATE, never by text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg

from runwright.errors import RunwrightError, StoreRefused, StoreUnavailable

AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,  # somebody else was quicker between the look and the write: the next look sees it
)
"""A transaction that ended so is to be done again from its beginning."""

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
_AWAY = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DatabaseDroppedError,
    asyncpg.InterfaceError,  # the connection is closed, or was closed in the middle
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def place(url: str) -> str:
    """A store's address without its user and password, for messages."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    return f"postgresql://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def translate(error: BaseException, where: str) -> RunwrightError | None:
    """The engine's error for a driver's, or None if it is a fault of this program (a broken constraint, bad SQL)."""
    if isinstance(error, asyncpg.DiskFullError):
        return StoreUnavailable(f"{where}: the server has no room left to write; free some, and it goes on", "full")
    if isinstance(error, AGAIN):
        return StoreUnavailable(f"{where}: too many others write the same rows now; try again", "busy")
    if isinstance(error, _REFUSED):
        return StoreRefused(f"{where}: the server refuses: {error}; check the user, its rights and the database's name")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return StoreUnavailable(f"{where}: the server takes no writes (a standby?); give the primary's address")
    if isinstance(error, ValueError):
        return None  # asyncpg's own DataError is an InterfaceError, too: a value that the driver cannot send
    if isinstance(error, _AWAY):
        return StoreUnavailable(f"{where}: the store cannot be reached ({str(error) or type(error).__name__})")
    return None


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise the engine's errors in place of the driver's."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        known = translate(error, where)
        if known is None:
            raise
        raise known from error
