"""The store: its numbered migrations, and the question which of them a database still needs. No I/O on databases.

A migration is a file ``NNNN_name.<dialect>.sql`` that never changes once it was released; its checksum is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from runwright.errors import StoreRefused


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    script: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the script."""
        return hashlib.sha256(self.script.encode()).hexdigest()


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """All steps of a dialect, in order."""
    found = []
    for entry in files("runwright.store").joinpath("migrations").iterdir():
        if entry.name.endswith(f".{dialect}.sql"):
            number, _, name = entry.name.partition(".")[0].partition("_")
            found.append(Migration(int(number), name, entry.read_text("utf-8")))
    return tuple(sorted(found, key=lambda step: step.number))


def pending(applied: Mapping[int, str], known: Sequence[Migration], where: str) -> Sequence[Migration]:
    """The steps that a database still needs, from the checksums of those that it has.

    Args:
        applied: checksum by number, as the database tells.
        known: the steps of this program.
        where: the database's name, for the message.

    Raises:
        StoreRefused: the database is newer than this program, or one of its steps is not the one known here.
    """
    newest = known[-1].number if known else 0
    if applied and max(applied) > newest:
        raise StoreRefused(
            f"{where} was written by a newer Runwright (its schema is {max(applied)}, this program knows {newest}); "
            "upgrade Runwright, or give another store"
        )
    for step in known:
        if step.number in applied and applied[step.number] != step.checksum:
            raise StoreRefused(
                f"{where}: its schema step {step.number} is not the one that this Runwright knows; "
                "it was made by another build, so open it with that one"
            )
    return [step for step in known if step.number not in applied]
