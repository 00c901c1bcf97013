"""The store's verbs: runs that wait for others, and when their code may go on.

A claimed run that only waits has *lent* its place: exclusive runs may run meanwhile, and what is part of it may have
its place at its concurrency key. It goes on only when nothing is broken by that. See docs/design/engine.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from runwright.model import Change
from runwright.store.transaction import Row, Transaction, first_value

GOES_ON, WAITS, KEPT = 0, 1, 2
"""What ``lent`` of a run says: its code does something; only waits; would go on, and an exclusive run keeps it."""


async def part_of(tx: Transaction, key: int, run: str) -> bool:
    """Whether the run with this key is part of another one: its child, a child of its child, and so on."""
    return await tx.one("run_part_of", key, run) is not None


async def kept_by(tx: Transaction, key: int, run: str) -> Row | None:
    """The exclusive run (id, task) beside which a run may not go on: one that is claimed, and no kin of it."""
    alone = await tx.one("waiting_exclusive")
    if alone is None or alone[2] == key or await part_of(tx, key, alone[0]) or await part_of(tx, alone[2], run):
        return None
    return alone


async def take_back(
    tx: Transaction, asks: Sequence[tuple[Change, Row]], lost: set[int], *, alone: bool
) -> frozenset[int]:
    """Let those go on who may, and note who may not because of an exclusive run; the tokens of all who may not.

    Behind it no exclusive run can be claimed until the commit. It waits for no run and no key: others are not held up.

    Args:
        asks: the changes, of claims of the session, each with its run as ``turn_read`` gives it.
        lost: takes the tokens of claims that have ended meanwhile.
        alone: this turn wants to be the only one that claims.
    """
    await tx.lock_claims(alone=alone)
    refused: set[int] = set()
    for change, row in asks:
        lent = GOES_ON
        if await kept_by(tx, change.key, row[4]) is not None:
            lent = KEPT
        elif (name := row[13]) is not None and (
            not await tx.try_keys([name]) or await first_value(tx, "places_left", change.key) < 1
        ):
            lent = WAITS
        if not await tx.do("turn_lend", change.key, change.token, change.event, lent):
            lost.add(change.token)
        elif lent is not GOES_ON:
            refused.add(change.token)
    return frozenset(refused)
