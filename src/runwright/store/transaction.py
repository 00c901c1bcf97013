"""The store's inner port: one transaction, as the verbs see it. Each dialect implements it over its driver.

Verbs are coroutines over this port. On PostgreSQL they wait for the server; on SQLite nothing ever waits, so that the
same coroutine is run to its end in one step, inside the writer. It must not know what the verbs do.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, TypeVar

from runwright.clock import Micros, Rng
from runwright.store.leases import Leases

T = TypeVar("T")
Row: TypeAlias = Sequence[Any]  # what a driver hands out; nothing outside this room sees one


PIECE_ROWS = 125
"""So many rows of a large batch are told at once: while the server works on them, the next ones are made ready."""
FIRST_ROWS, MOST_ROWS = 64, 256
"""The same where rows are made ready more quickly than they are written: a few, so that the server is soon at work, and
then more, since each statement has its own price."""
Batch: TypeAlias = "tuple[str, Sequence[Sequence[object]]]"
"""A statement's name, and the rows of values that it is carried out for."""


def pieces(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """A large batch in pieces of ``FIRST_ROWS`` and then ``MOST_ROWS``."""
    first, size = 0, FIRST_ROWS
    while first < len(rows):
        yield rows[first : first + size]
        first, size = first + size, MOST_ROWS


class UndoError(Exception):
    """For a verb to raise inside a ``savepoint``, and to catch behind it."""


class Transaction(Protocol):
    """Statements by name (see ``store.sql``) in one transaction, and what a verb leaves for after its commit.

    ``now`` is the time of the transaction, ``topics`` the hints that are published after the commit. A list among the
    values is one parameter, for the statements that take keys or names in a batch. ``again``: this verb has met what
    somebody else wrote, and is done anew; now it must look before it writes.
    """

    now: Micros
    again: bool
    rng: Rng
    leases: Leases
    topics: set[str]

    async def one(self, name: str, *values: object) -> Row | None:
        """The first row of a statement."""
        ...

    async def all(self, name: str, *values: object) -> list[Row]:
        """All rows of a statement."""
        ...

    async def do(self, name: str, *values: object) -> int:
        """Carry out a statement; how many rows it changed."""
        ...

    async def many(self, name: str, rows: Sequence[Sequence[object]]) -> int:
        """Carry out a statement for each row of values, in one go; how many rows were changed in all."""
        ...

    async def together(self, *batches: Batch) -> None:
        """Carry out statements, each for each of its rows of values. In no promised order: none may need another.

        What is told in one call costs the least: PostgreSQL gets a few rows as one statement, and is at work on some of
        many rows while the next ones are made ready.
        """
        ...

    async def each(self, name: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        """Carry out a statement for each row of values, in one go; all rows that it returns, in no promised order."""
        ...

    async def composed(self, statement: str, values: Sequence[object]) -> list[Row]:
        """All rows of a statement that was put together from fixed fragments, with placeholders ``$1`` and so on."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """What was written inside is undone if an exception leaves it; the transaction goes on."""
        ...

    def brief(self) -> AbstractAsyncContextManager[None]:
        """Nothing inside waits long for a transaction that has not ended, whoever's it is: this one fails instead.

        A key that is unique may be in a transaction of the application, which ends when it likes. One inside of a
        caller's transaction waits for as long as he lets it. SQLite has one writer: nothing to do.
        """
        ...

    async def lock_claims(self, *, alone: bool) -> None:
        """Keep other claims out until the commit if ``alone``, else only those that want to be alone.

        The statements behind it see what was committed before it returned. SQLite has one writer: nothing to do.
        """
        ...

    async def lock_keys(self, names: Sequence[str]) -> None:
        """Be the only one who counts or changes who holds these concurrency keys, until the commit; waits for it."""
        ...

    async def try_keys(self, names: Sequence[str]) -> Sequence[str]:
        """The same without waiting: those of the keys that could be had."""
        ...


Body: TypeAlias = Callable[[Transaction], Coroutine[Any, Any, T]]
"""A verb with all that it was given, save the transaction."""


async def first_value(tx: Transaction, name: str, *values: object) -> Any:
    """The first column of a statement's first row, None if there is none."""
    row = await tx.one(name, *values)
    return None if row is None else row[0]
