"""Planted bugs of the rules that stand between runs: keys, rates, the barrier. The mixes must see every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from runwright.store.sqlite_transaction import SQL
from runwright.store.verbs import kin
from runwright.worker.job import Job
from runwright.worker.requests import Requests
from tests.simulation.cluster import World
from tests.simulation.mutants import QUIET, Mutant

KEYED: dict[str, Any] = {"wishes": ("one", "one", "alone"), "children": ("one", "one", "one", "work", "alone")}
"""Worlds of runs that have the same concurrency keys as their children."""
LONE: dict[str, Any] = {"wishes": ("alone", "one", "family"), "children": ("alone", "one", "work")}
"""Worlds of exclusive runs with exclusive children."""


def spoiled(**statements: str) -> AbstractContextManager[Any]:
    """Other text for some of the store's statements."""
    return mock.patch.dict(SQL, statements)


def without(statement: str, part: str, other: str) -> AbstractContextManager[Any]:
    """A statement with a part replaced."""
    assert part in SQL[statement], f"{statement} has changed: it has no {part!r}"
    return spoiled(**{statement: SQL[statement].replace(part, other)})


def goes_on_by_itself(requests: Requests, job: Job) -> bool:
    """The worker lets code that has waited go on, and tells nobody."""
    requests.release(job)
    return True


async def nobody_keeps(*_: Any) -> None:
    """No exclusive run keeps anybody from going on."""


@contextmanager
def lending_wakes_nobody() -> Iterator[None]:
    """The children of one that begins to wait are not looked for, and neither does the sweep look for them."""
    with without("unpark", "h.lent > 0", "h.lent > 9"), without("unpark_forgotten", "h.lent > 0", "h.lent > 9"):
        yield


@contextmanager
def kept_keys_count() -> Iterator[None]:
    """A key of one that an exclusive run keeps is kept from that run's children."""
    with ExitStack() as stack:
        for name in ("places_free", "unpark", "unpark_forgotten", "claim_children"):
            stack.enter_context(without(name, "alone.id IN", "alone.id IS NULL AND alone.id IN"))
        yield


def unique_is_forgotten(world: World, verb: Any) -> Any:
    return lambda runs: verb([replace(run, unique_key=None) for run in runs])


MIX_MUTANTS = [
    Mutant(
        "the count of a key is ignored", QUIET,
        patch=lambda: spoiled(claim_keys_held="SELECT NULL, 0, 0 WHERE 0 AND ?1"),
    ),
    Mutant(
        "starts are not counted", QUIET,
        patch=lambda: spoiled(rate_insert="DELETE FROM rate_start WHERE 0 AND ?1 AND ?2"),
    ),
    Mutant(
        "exclusive is claimed while others run", QUIET,
        patch=lambda: spoiled(claim_others="SELECT NULL WHERE 0 AND ?1 AND ?2 AND ?3"),
    ),
    Mutant(
        "unpark is forgotten, and its sweep", QUIET,
        patch=lambda: spoiled(
            unpark="UPDATE run SET ready = 1 WHERE 0 AND ?1", unpark_forgotten="SELECT NULL WHERE 0"
        ),
    ),
    Mutant(
        "code that waited goes on without leave", QUIET,
        patch=lambda: mock.patch.object(Requests, "recall", goes_on_by_itself),
    ),
    Mutant(
        "leave is given beside an exclusive run", QUIET, patch=lambda: mock.patch.object(kin, "kept_by", nobody_keeps),
    ),
    Mutant(
        "a parent goes on beside a child with its key", QUIET,
        patch=lambda: spoiled(places_left="SELECT 1 WHERE 1 OR ?1"), options=KEYED,
    ),
    Mutant(
        "a stranger comes into the place of one that waits", QUIET,
        patch=lambda: without("claim_keys_held", "count(*)", "count(*) - sum(lent > 0)"), options=KEYED,
    ),
    Mutant("lending wakes nobody", QUIET, patch=lending_wakes_nobody, options=KEYED),
    Mutant(
        "the store does not know who waits", QUIET,
        patch=lambda: spoiled(turn_lend="UPDATE run SET lent = 0 WHERE key = ?1 AND token = ?2 AND (1 OR ?3 OR ?4)"),
    ),
    Mutant(
        "an exclusive run that waits is not alone any more", QUIET,
        patch=lambda: without("claim_exclusive", "AND (NOT EXISTS (", "AND (1 OR NOT EXISTS ("), options=LONE,
    ),
    Mutant(
        "children of others pass an exclusive run", QUIET,
        patch=lambda: without("claim_children", "CAST(?4 AS TEXT) IS NULL", "1"),
    ),
    Mutant(
        "a key of one that waits is kept from an exclusive run's children", QUIET, patch=kept_keys_count, options=LONE,
    ),
    Mutant("unique is forgotten", QUIET, {"enqueue": unique_is_forgotten}),
]  # fmt: skip
