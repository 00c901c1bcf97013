"""Planted bugs: locks and guards that somebody forgot. Each must be seen; the product's own code is never touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from runwright.store.postgres_transaction import SQL, PostgresTransaction
from tests.interleavings.stepper import END, Plan

Spoil = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug, the state in which it shows, and an order that shows it."""

    name: str
    shape: str
    spoil: Spoil
    plan: Plan


def without(*statements: tuple[str, str, str]) -> Spoil:
    """Statements with a part replaced: (name, part, other part)."""

    @contextmanager
    def spoil() -> Iterator[None]:
        with ExitStack() as stack:
            for name, part, other in statements:
                assert part in SQL[name], f"{name} has changed: it has no {part!r}"
                changed = {name: SQL[name].replace(part, other)}
                stack.enter_context(mock.patch.dict(SQL, changed))
            yield

    return spoil


def method(name: str, body: Any) -> Spoil:
    """A method of the transaction replaced."""
    return lambda: mock.patch.object(PostgresTransaction, name, body)


async def _no_lock(self: PostgresTransaction, *_: object, **__: object) -> None:
    """Stands in for a lock that is not taken."""


async def _all_had(self: PostgresTransaction, names: Sequence[str]) -> Sequence[str]:
    return names


@contextmanager
def _finish_is_believed() -> Iterator[None]:
    """Whoever tells of an end is believed: neither his session nor his token is asked for."""
    really = PostgresTransaction.all

    async def rows_of_anybody(self: PostgresTransaction, name: str, *values: object) -> Any:
        rows = await really(self, name, *values)
        return [(row[0], mock.ANY, mock.ANY, *row[3:]) for row in rows] if name == "turn_read" else rows

    unasked = without(
        ("session_key", "AND state = 'live' FOR KEY SHARE", ""), ("turn_finish", "run.token = v.token AND", "")
    )
    with unasked(), mock.patch.object(PostgresTransaction, "all", rows_of_anybody):
        yield


MUTANTS = (
    Mutant(
        "claims take no lock", "exclusive is next", method("lock_claims", _no_lock),
        [("claim_again", "COMMIT"), ("claim", END), ("claim_again", END)],
    ),
    Mutant(
        "a turn of one statement does not ask for exclusive runs", "exclusive waits",
        without(("claim_at_once", "runwright.claims_open()", "TRUE")),
        [("finish", END), ("claim_again", END), ("claim", END)],
    ),
    Mutant(
        "keys are counted without a lock", "nothing claimed", method("try_keys", _all_had),
        [("claim_again", "COMMIT"), ("claim", END), ("claim_again", END)],
    ),
    Mutant(
        "keys are given back without a lock", "not yet parked", method("lock_keys", _no_lock),
        [("claim", "COMMIT"), ("finish", END), ("claim", END)],
    ),
    Mutant(
        "a place is given to a run that somebody holds", "two janitors",
        without(("unpark", "FOR UPDATE SKIP LOCKED", "FOR UPDATE")),
        [("cancel_others", "lock_keys"), ("finish", END), ("cancel_others", END)],
    ),
    Mutant(
        "a turn does not hold its session", "running", without(("session_key", "FOR KEY SHARE", "")),
        [("finish", "COMMIT"), ("rescue", END), ("finish", END)],
    ),
    Mutant("a finish is believed", "running", _finish_is_believed, [("rescue", END), ("finish", END)]),
    Mutant(
        "a session ends beside its turn", "running", without(("session_close", "FOR UPDATE", "")),
        [("finish", "COMMIT"), ("end", END), ("finish", END)],
    ),
    Mutant(
        "a session is lost that has renewed", "running",
        without(("session_lock", "AND beats = $2", "AND $2::bigint IS NOT NULL")),
        [("rescue", "session_lock"), ("beat", END), ("rescue", END)],
    ),
    Mutant(
        "a rescue does not look again", "two janitors",
        without(
            ("orphan_read", "r.token = $2 AND (w.key IS NULL OR w.state <> 'live')", "$2::bigint IS NOT NULL"),
            ("rescue", "AND token = $2", "AND $2::bigint IS NOT NULL"),
        ),
        [("rescue", "orphan_read"), ("rescue_again", END), ("claim", END), ("rescue", END)],
    ),
    Mutant(
        "an exclusive run is taken as it was read", "exclusive is next",
        without(("claim_lock", "FOR UPDATE SKIP LOCKED", "")),
        [("cancel", END), ("claim", "claim_start"), ("cancel_others", END), ("claim", END)],
    ),
    Mutant(
        "commands lock runs as they come", "running", without(("move_lock", "ORDER BY key FOR UPDATE", "")),
        [("cancel", "move_cancel"), ("finish", END), ("cancel", END)],
    ),
    Mutant(
        "a cancelled reservation is over at once", "running",
        without(("move_cancel_reserved", "status = $3,", "status = 'cancelled', completed_at = $4, token = NULL,")),
        [("cancel", END), ("claim", END)],
    ),
    Mutant(
        "leave is given without a lock", "a parent waits, exclusive is next", method("lock_claims", _no_lock),
        [("take_back", "COMMIT"), ("claim", END), ("take_back", END)],
    ),
    Mutant(
        "leave is given without the key's lock", "a parent waits for a child", method("try_keys", _all_had),
        [("claim", "COMMIT"), ("take_back", END), ("claim", END)],
    ),
    Mutant(
        "the children of one that begins to wait are forgotten", "a parent will wait for a child",
        without(("unpark", "h.lent > 0", "h.lent > 9")),
        [("lend", END)],
    ),
    Mutant(
        "a schedule has neither version nor watermark", "nothing claimed",
        without(
            ("schedule_advance", "AND schedule.version = v.version", ""),
            ("schedule_advance", "v.first_due_at > schedule.cursor_at", "true"),
        ),
        [("fire", END), ("fire_again", END)],
    ),
)  # fmt: skip
