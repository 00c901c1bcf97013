"""The store on SQLite: credentials. Only digests are here; what they open is decided elsewhere."""

from __future__ import annotations

import apsw

from runwright.clock import Micros
from runwright.model import Credential
from runwright.store import sql
from runwright.store.actions import USER, Action
from runwright.store.rows import credential_of
from runwright.store.sqlite_journal import Journal
from runwright.store.sqlite_writer import Work

SQL = sql.load("sqlite")


def add(work: Work, credential: Credential, actor: str) -> None:
    """See ``Store.add_credential``."""
    values = (
        *(credential.kind, credential.digest, credential.name, credential.role.value),
        *(credential.created_at, credential.expires_at),
    )
    work.connection.execute(SQL["credential_insert"], values)
    _tell(work, Action.CREDENTIAL_ADDED, credential, actor)


def find(connection: apsw.Connection, digest: str, now: Micros) -> Credential | None:
    """See ``Store.credential``."""
    row = connection.execute(SQL["credential_find"], (digest, now)).fetchone()
    return None if row is None else credential_of(row)


def take(work: Work, digest: str) -> Credential | None:
    """See ``Store.take_credential``."""
    row = work.connection.execute(SQL["credential_delete"], (digest,)).fetchone()
    if row is None:
        return None
    credential = credential_of(row)
    return None if credential.expires_at is not None and credential.expires_at <= work.now else credential


def revoke(work: Work, digest: str, actor: str) -> bool:
    """See ``Store.revoke_credential``."""
    row = work.connection.execute(SQL["credential_delete"], (digest,)).fetchone()
    if row is None:
        return False
    _tell(work, Action.CREDENTIAL_REVOKED, credential_of(row), actor)
    return True


def _tell(work: Work, action: Action, credential: Credential, actor: str) -> None:
    journal = Journal(work)
    detail = {"kind": credential.kind, "role": credential.role.value}
    journal.other(USER, action, credential.name, actor, detail=detail)
    journal.write()
