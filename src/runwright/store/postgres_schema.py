"""The store on PostgreSQL: the schema brought up to date, or refused. Any number of processes may start at once.

All steps are one transaction under an advisory lock: whoever comes later waits, and finds them done. It must not know
the tables, save the one that lists the migrations and the copy of the lifecycle.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from runwright.clock import Micros
from runwright.errors import StoreRefused
from runwright.store import migrate, sql
from runwright.store.postgres_pool import Connection
from runwright.store.postgres_transaction import Driver

MIGRATION_LOCK = 7_283_012_002
OLDEST_SERVER = 14
_CREATE = f"""
CREATE SCHEMA IF NOT EXISTS {sql.SCHEMA};
CREATE TABLE IF NOT EXISTS {sql.SCHEMA}.migration (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
)
"""


async def upgrade(connection: Connection, now: Micros, where: str) -> Micros:
    """Bring the schema up to this program's; returns when it was made (see ``made_at``).

    Raises:
        StoreRefused: the schema is newer than this program, or was made by another build or by somebody else; or the
            server is too old, or the database's encoding is not UTF8.
    """
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise StoreRefused(f"{where} is PostgreSQL {version.major}; Runwright needs {OLDEST_SERVER} or newer")
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise StoreRefused(f"{where} is a database with the encoding {encoding}; Runwright needs one with UTF8")
    try:
        await _upgrade(connection, now, where)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except asyncpg.SyntaxOrAccessError as error:  # a table or a column is there, or is not
        raise StoreRefused(
            f"{where} has a schema {sql.SCHEMA} that is not this program's ({error}); name another database"
        ) from error
    return await made_at(connection)


async def made_at(connection: Connection | Driver) -> Micros:
    """When a database's store was made, by which it is told from others. One that was copied is taken for the same."""
    row = await connection.fetchrow(sql.in_schema("SELECT applied_at FROM migration ORDER BY number LIMIT 1"))
    return 0 if row is None else int(row[0])


async def _upgrade(connection: Connection, now: Micros, where: str) -> None:
    known = migrate.migrations("postgres")
    if not migrate.pending(await _applied(connection), known, where) and await _lifecycle_is_there(connection):
        return
    await connection.execute(f"BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    try:
        await connection.execute(_CREATE)
        for step in migrate.pending(await _applied(connection), known, where):
            await connection.execute(step.script)
            row = (step.number, step.name, step.checksum, now)
            await connection.execute(sql.in_schema("INSERT INTO migration VALUES ($1, $2, $3, $4)"), *row)
        await _write_lifecycle(connection)
        await connection.execute("COMMIT")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise


async def _applied(connection: Connection) -> Mapping[int, str]:
    if await connection.fetchval("SELECT to_regclass($1)", f"{sql.SCHEMA}.migration") is None:
        return {}
    rows = await connection.fetch(sql.in_schema("SELECT number, checksum FROM migration"))
    return {int(row[0]): str(row[1]) for row in rows}


async def _lifecycle_is_there(connection: Connection) -> bool:
    rows = await connection.fetch(sql.in_schema("SELECT event, status, next FROM transition"))
    return set(sql.transition_rows()) <= {tuple(row) for row in rows}


async def _write_lifecycle(connection: Connection) -> None:
    """Add this program's rows; those of another version that works beside this one stay."""
    await connection.executemany(
        sql.in_schema(
            "INSERT INTO transition VALUES ($1, $2, $3) ON CONFLICT (event, status) DO UPDATE SET next = excluded.next"
        ),
        sql.transition_rows(),
    )
