"""Manager: which store the settings name, opened, and the key that seals the secrets in it.

The only place that knows that there are several stores.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runwright.auth.sealing import Sealer, load_or_create_key
from runwright.bus import LocalBus
from runwright.clock import Clock, Rng
from runwright.config import Settings
from runwright.errors import StartRefused
from runwright.store.base import Store
from runwright.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from runwright.store.postgres import PostgresStore


async def open_store(settings: Settings, clock: Clock, rng: Rng, bus: LocalBus) -> Store:
    """Open the store that the settings name; its hints go to the bus, others' once somebody waits there.

    Raises:
        StoreRefused, StoreUnavailable: it cannot be opened; the message says why.
        StartRefused: the driver that it needs is not installed.
    """
    if settings.on_postgres:
        store = await postgres_store().open(
            settings.store, clock=clock, rng=rng, on_commit=bus.publish, direct_url=settings.store_direct
        )
        bus.awaited = store.listen
        return store
    path = settings.sqlite_file
    return await SqliteStore.open(
        ":memory:" if path is None else str(path), clock=clock, rng=rng, on_commit=bus.publish
    )


def postgres_store() -> type[PostgresStore]:
    """The store on PostgreSQL. Raises StartRefused if its driver is not installed."""
    try:
        from runwright.store.postgres import PostgresStore as Found  # noqa: PLC0415  # an extra that not everybody has
    except ModuleNotFoundError as missing:
        if missing.name != "asyncpg":
            raise
        raise StartRefused("a store on PostgreSQL needs its driver: pip install 'runwright[postgres]'") from None
    return Found


def open_sealer(settings: Settings) -> Sealer:
    """What seals secrets: with the key of the settings, or the one in the file beside an SQLite store."""
    file, chosen, key = settings.sqlite_file, settings.secret_key_file, settings.secret_key
    if settings.on_postgres and chosen is None and key is None:
        return Sealer(None)  # a key of this process alone would be worse than none: other workers must open it
    beside = Path(chosen) if chosen is not None else None if file is None else file.with_name(f"{file.name}.key")
    return Sealer(load_or_create_key(beside, None if key is None else key.get_secret_value()))
