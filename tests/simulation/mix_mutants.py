"""Planted bugs of the rules that stand between runs: keys, rates, the barrier. The mixes must see every one of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest import mock

from runwright.store.sqlite_transaction import SQL
from tests.simulation.cluster import World
from tests.simulation.mutants import QUIET, Mutant


def spoiled(**statements: str) -> AbstractContextManager[Any]:
    """Other text for some of the store's statements."""
    return mock.patch.dict(SQL, statements)


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
    Mutant("unique is forgotten", QUIET, {"enqueue": unique_is_forgotten}),
]  # fmt: skip
