"""The store on PostgreSQL: the verbs' port over an asyncpg connection.

It must not begin or end a transaction: whoever has the connection does, also a caller of the engine with his own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

from runwright.clock import Micros, Rng
from runwright.store import sql
from runwright.store.leases import Leases
from runwright.store.postgres_pool import Connection
from runwright.store.rows import clean
from runwright.store.transaction import MOST_ROWS, Batch, Row

_ARRAY = re.compile(r"\$(\d+)::(\w+)\[\]")
SQL = {name: _ARRAY.sub(r"$\1::text::\2[]", statement) for name, statement in sql.load("postgres").items()}
"""All statements by name. Each array is sent as one text: asyncpg looks at every element of a list several times over,
which costs more than the server's reading of the text (measured: a third of the client's time of a turn)."""
CLAIMS = 7_283_012_001
"""The advisory lock of claims (any number that nobody else uses), also in the first migration.
Concurrency keys have the two-part form below."""
KEYS = 728_301
BRIEF = "SET LOCAL lock_timeout = '20ms'"
"""How long a ``brief`` statement waits: most transactions take less, and nobody behind it feels it."""
BRIEF_OVER = "SET LOCAL lock_timeout TO DEFAULT"
FEW_ROWS = 128
"""So many rows of several statements are sent as one statement, to save the way there and back."""
_UNNEST = re.compile(r"unnest\((?P<arrays>[^()]*)\)(?: AS (?P<alias>\w+) \((?P<names>[^()]*)\))?")
_PLACE = re.compile(r"\$(\d+)")
_LET_IN = "CALL runwright.let_in($1::text::text[], $2::text::text[], $3)"
"""One new run and its entry of the timeline, and behind their commit the hint: one way to the server and back."""
Entrust: TypeAlias = Callable[[Collection[str]], str | None]
"""Makes the message of topics that a statement sends behind its own commit; None if it shall not."""
_SINGLE_RUN = [("run_insert", 1), ("event_insert", 1)]
_SPECIAL = re.compile(r"[\\\"\0]")
_TRY_KEYS = "SELECT name FROM unnest($2::text[]) AS name WHERE pg_try_advisory_xact_lock($1, hashtext(name))"
_LOCK_KEYS = (  # in one order everywhere, so that two never wait for each other
    "SELECT pg_advisory_xact_lock($1, place) "
    "FROM (SELECT DISTINCT hashtext(name) AS place FROM unnest($2::text[]) AS name ORDER BY 1) AS places"
)


class Driver(Protocol):
    """What is used of a connection; other drivers' connections are made to look like it."""

    async def fetch(self, statement: str, /, *values: object) -> Sequence[Sequence[Any]]:
        """All rows of a statement."""
        ...

    async def fetchrow(self, statement: str, /, *values: object) -> Sequence[Any] | None:
        """The first row of a statement."""
        ...

    async def execute(self, statement: str, /, *values: object) -> str:
        """Carry out a statement; the server's word about it, such as ``UPDATE 3``."""
        ...


def bound(value: object) -> object:
    """A value as the server can take it."""
    if type(value) is str:
        return clean(value)
    if type(value) is list:
        return _column(tuple(value))
    return value


def columns(rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows of values as columns, each the text of an array, for a statement that takes the whole batch."""
    return [_column(column) for column in zip(*rows, strict=True)]


def _column(column: tuple[Any, ...]) -> str:
    """The text of one array. Most columns are all of a kind, and are put together without a look at each element."""
    kinds = set(map(type, column))
    if kinds == {type(None)}:
        return "{}"  # unnest fills the shorter columns up with NULL
    if kinds == {int}:
        return "{" + ",".join(map(str, column)) + "}"
    if kinds == {str} and (text := "".join(column)).isascii() and not _SPECIAL.search(text):
        return '{"' + '","'.join(column) + '"}'
    return "{" + ",".join(map(_element, column)) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if type(value) is str:
        text = clean(value) or ""
        if "\\" in text or '"' in text:
            text = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    return str(value)


def packed(statement: str, rows: Sequence[Sequence[object]]) -> tuple[str, Sequence[str | None]]:
    """A statement for rows, with its values: a column that has one value in all rows is sent once."""
    if len(rows) == 1:
        return _with_single(statement, (True,) * len(rows[0])), [_single(value) for value in rows[0]]
    batch = list(zip(*rows, strict=True))
    same = tuple(column.count(column[0]) == len(column) for column in batch)
    if all(same):
        return statement, columns(rows)
    values = [_single(column[0]) if one else _column(column) for column, one in zip(batch, same, strict=True)]
    return _with_single(statement, same), values


def _single(value: object) -> str | None:
    return None if value is None else clean(str(value))


@lru_cache(256)
def _with_single(statement: str, same: tuple[bool, ...]) -> str:
    """The statement with a value in place of each array whose elements are all the same."""
    found = _UNNEST.search(statement)
    if found is None:
        raise LookupError(f"the statement takes no batch: {statement}")
    kinds = re.findall(r"::(\w+)\[\]", found["arrays"])
    names = [name.strip() for name in (found["names"] or "").split(",") if name]
    names += [f"c{place}" for place in range(len(names), len(kinds))]
    places = list(enumerate(zip(names, kinds, same, strict=True), 1))
    given = ", ".join(f"${n}::text::{kind} AS {name}" if one else name for n, (name, kind, one) in places)
    arrays = ", ".join(f"${n}::text::{kind}[]" for n, (_, kind, one) in places if not one)
    varied = ", ".join(name for _, (name, _, one) in places if not one)
    each = f" FROM unnest({arrays}) AS u ({varied})" if arrays else ""
    rows = f"(SELECT {given}{each}) AS {found['alias'] or 'v'}"
    return statement[: found.start()] + rows + statement[found.end() :]


@lru_cache(512)
def composed(*statements: str) -> str:
    """Statements that do not depend on each other as one, which takes the values of all of them in a row."""
    parts, places = [], 0
    for statement in statements:
        first = places  # bound by the loop: sub calls it at once
        parts.append(_PLACE.sub(lambda found: f"${first + int(found[1])}", statement))  # noqa: B023  # as above
        places += max(map(int, _PLACE.findall(statement)))
    *others, last = parts
    return f"WITH {', '.join(f's{n} AS ({part})' for n, part in enumerate(others))} {last}" if others else last


def changed(status: str) -> int:
    """How many rows a statement changed, from the server's word about it, such as ``UPDATE 3``."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0


class PostgresTransaction:
    """The present transaction of a connection. See ``Transaction``.

    One statement may be under way while the verb goes on (``send``); whatever comes next waits for its answer.
    """

    def __init__(
        self,
        connection: Connection | Driver,
        now: Micros,
        rng: Rng,
        leases: Leases,
        *,
        again: bool = False,
        entrust: Entrust | None = None,
        within: bool = False,
    ) -> None:
        """
        Args:
            within: it is the caller's transaction.
        """
        self._connection = connection
        self._entrust = entrust
        self._within = within
        self._under_way: asyncio.Future[str] | None = None
        self.now = now
        self.again = again
        self.rng = rng
        self.leases = leases
        self.topics: set[str] = set()
        self.told: Collection[str] = ()
        """The topics that a statement has told the other processes."""

    async def send(self, statement: str, *values: object) -> None:
        """Let the server work on a statement, and come back meanwhile. Its error is raised by what comes next."""
        await self.settle()
        self._under_way = asyncio.ensure_future(self._connection.execute(statement, *values))
        await asyncio.sleep(0)  # now it is on its way

    async def settle(self) -> None:
        """Wait for the statement that is under way, if there is one; raises its error."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await under_way

    async def give_up(self) -> None:
        """The transaction has failed: what is under way is of no interest any more."""
        with suppress(Exception):
            await self.settle()

    async def _ready(self) -> Connection | Driver:
        if self._under_way is not None:
            await self.settle()
        return self._connection

    async def one(self, name: str, *values: object) -> Row | None:
        row: Any = await (await self._ready()).fetchrow(SQL[name], *map(bound, values))
        return None if row is None else tuple(row)

    async def all(self, name: str, *values: object) -> list[Row]:
        return await self._rows(SQL[name], [bound(value) for value in values])

    async def do(self, name: str, *values: object) -> int:
        return changed(await (await self._ready()).execute(SQL[name], *map(bound, values)))

    async def many(self, name: str, rows: Sequence[Sequence[object]]) -> int:
        return changed(await (await self._ready()).execute(SQL[name], *columns(rows))) if rows else 0

    async def together(self, *batches: Batch) -> None:
        told = [(SQL[name], rows) for name, rows in batches if rows]
        if not told:
            return
        if [(name, len(rows)) for name, rows in batches] == _SINGLE_RUN and (hint := self._hint()) is not None:
            values = (_column(tuple(rows[0])) for _, rows in batches)
            await (await self._ready()).execute(_LET_IN, *values, hint)
            return
        if sum(len(rows) for _, rows in told) <= FEW_ROWS:
            parts = [packed(text, rows) if len(rows) == 1 else (text, columns(rows)) for text, rows in told]
            statement = composed(*(text for text, _ in parts))
            await (await self._ready()).execute(statement, *(value for _, values in parts for value in values))
            return
        rounds = -(-max(len(rows) for _, rows in told) // (2 * MOST_ROWS))
        for n in range(rounds):
            pieces = [(text, rows[len(rows) * n // rounds : len(rows) * (n + 1) // rounds]) for text, rows in told]
            parts = [packed(statement, rows) for statement, rows in pieces if rows]
            await self.send(composed(*(text for text, _ in parts)), *(value for _, values in parts for value in values))

    def _hint(self) -> str | None:
        hint = None if self._entrust is None else self._entrust(self.topics)
        if hint is not None:
            self.told = frozenset(self.topics)
        return hint

    async def each(self, name: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        return await self._rows(SQL[name], columns(rows)) if rows else []

    async def composed(self, statement: str, values: Sequence[object]) -> list[Row]:
        return await self._rows(sql.in_schema(statement), [bound(value) for value in values])

    async def _rows(self, statement: str, values: Sequence[object]) -> list[Row]:
        return [tuple(row) for row in await (await self._ready()).fetch(statement, *values)]

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await (await self._ready()).execute("SAVEPOINT step")
        try:
            yield
            await self.settle()
        except BaseException:
            await self.give_up()
            await self._connection.execute("ROLLBACK TO step")
            raise
        await self._connection.execute("RELEASE step")

    @asynccontextmanager
    async def brief(self) -> AsyncIterator[None]:
        if self._within:
            yield
            return
        await self.send(BRIEF)
        yield
        await self.send(BRIEF_OVER)

    async def lock_claims(self, *, alone: bool) -> None:
        kind = "" if alone else "_shared"
        await (await self._ready()).execute(f"SELECT pg_advisory_xact_lock{kind}({CLAIMS})")

    async def lock_keys(self, names: Sequence[str]) -> None:
        await (await self._ready()).execute(_LOCK_KEYS, KEYS, [clean(name) for name in names])

    async def try_keys(self, names: Sequence[str]) -> Sequence[str]:
        wanted = {str(clean(name)): name for name in names}
        return [wanted[row[0]] for row in await (await self._ready()).fetch(_TRY_KEYS, KEYS, list(wanted))]
