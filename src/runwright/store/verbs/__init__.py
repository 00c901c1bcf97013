"""The store's verbs, each written once for every dialect: what is read, decided and written inside one transaction.

They work through ``store.transaction``, and must know neither a driver nor which dialect they run on.
"""

from runwright.store.verbs import (
    accounts,
    claim,
    dependencies,
    janitor,
    ledger,
    lists,
    notes,
    runs,
    schedules,
    sessions,
    timeline,
    turn,
    waiting,
)

__all__ = [
    "accounts",
    "claim",
    "dependencies",
    "janitor",
    "ledger",
    "lists",
    "notes",
    "runs",
    "schedules",
    "sessions",
    "timeline",
    "turn",
    "waiting",
]
