"""The store on PostgreSQL: the driver's errors as the engine's, told by class and SQLSTATE, never by text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from urllib.parse import urlsplit

import asyncpg

from runwright.errors import InvalidInput, RunwrightError, StoreRefused, StoreUnavailable
from runwright.store.postgres_drivers import FAILED

AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,  # somebody else was quicker between the look and the write: the next look sees it
    asyncpg.LockNotAvailableError,
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
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def place(url: str) -> str:
    """A store's address without its user and password, for messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "postgresql://…"  # whatever it is, a password may be in it
    return f"postgresql://{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"


def translate(error: BaseException, where: str, *, opening: bool = False) -> RunwrightError | None:
    """The engine's error for a driver's, or None if it is a fault of this program (a broken constraint, bad SQL).

    A server that refuses is a mistake of whoever is ``opening`` the store. One that let us in before, and will again
    when somebody has put its rights in order, is away meanwhile.
    """
    if isinstance(error, asyncpg.DiskFullError):
        return StoreUnavailable(f"{where}: the server has no room left to write; free some, and it goes on", "full")
    if isinstance(error, asyncpg.ClientConfigurationError):
        return StoreRefused(f"{where}: the address cannot be used: {error}")
    if isinstance(error, asyncpg.LockNotAvailableError):
        said = "a transaction that has not ended holds what is needed here, such as a unique or idempotency key"
        return StoreUnavailable(f"{where}: {said}; try again when it has", "held")
    if isinstance(error, AGAIN):
        return StoreUnavailable(f"{where}: too many others write the same rows now; try again", "busy")
    if isinstance(error, _REFUSED):
        said = f"{where}: the server refuses: {error}; check the user, its rights and the database's name"
        return StoreRefused(said) if opening else StoreUnavailable(said)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return StoreUnavailable(f"{where}: the server takes no writes (a standby?); give the primary's address")
    if isinstance(error, ValueError):
        return None  # asyncpg's own DataError is an InterfaceError, too: a value that the driver cannot send
    if isinstance(error, _AWAY):
        return StoreUnavailable(f"{where}: the store cannot be reached ({str(error) or type(error).__name__})")
    return None


_OF_CALLERS = {
    "25P02": FAILED,
    "42P01": "leads to a database without this store's tables, which are in {where}",
    "25006": "is in a transaction that only reads; give one that may write",
    "3F000": "leads to a database without this store's tables, which are in {where}",
    "42501": "belongs to a user who may not write into this store's tables in {where}",
}
"""What is wrong with a caller's connection, by SQLSTATE: whatever its driver, that has a code."""


@contextmanager
def of_caller(where: str) -> Iterator[None]:
    """Raise InvalidInput where the connection of a caller cannot be used, and say what is wrong with it."""
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", None) or (error.__cause__ if isinstance(error, RunwrightError) else error)
        said = _OF_CALLERS.get(str(getattr(cause, "sqlstate", None)))
        if said is None:
            raise
        raise InvalidInput.field("/connection", said.format(where=where)) from error


@contextmanager
def opening(where: str, *, pooled: bool) -> Iterator[None]:
    """As ``translated``, for the first connection: without a direct address (``pooled``) a pooler refuses it."""
    try:
        with translated(where, opening=True):
            yield
    except StoreUnavailable as unavailable:
        if pooled or not isinstance(unavailable.__cause__, asyncpg.ProtocolViolationError):
            raise
        raise StoreUnavailable(
            f"{unavailable.message}; if this is PgBouncer's address, give the database's own as well: "
            "store_direct, or TASK_STORE_DIRECT"
        ) from unavailable.__cause__


@contextmanager
def connecting(where: str) -> Iterator[None]:
    """Whatever a server says instead of letting us in is no fault of this program: raise StoreUnavailable.

    Or StoreRefused, if it knows a parameter of the address, or what that is set to, not.
    """
    try:
        yield
    except (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError) as error:
        said = f"{where}: the address cannot be used: {error}; leave that out of what stands behind its '?'"
        raise StoreRefused(said) from error
    except FileNotFoundError as error:
        said = f"{where}: a file that the address names is not there: the server's socket, or a certificate or key"
        raise StoreUnavailable(said) from error
    except asyncpg.PostgresError as error:
        if translate(error, where) is not None:
            raise
        raise StoreUnavailable(f"{where}: the server does not let us in ({error})") from error


class translated:  # noqa: N801  # read as a verb: with translated(where)
    """Raise the engine's errors in place of the driver's.

    A class, because a generator costs every statement of an idle process 30 µs.
    """

    __slots__ = ("_opening", "_where")

    def __init__(self, where: str, *, opening: bool = False) -> None:
        self._where = where
        self._opening = opening

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
            known = translate(error, self._where, opening=self._opening)
            if known is not None:
                raise known from error
