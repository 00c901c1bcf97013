"""The store's verbs: credentials. Only digests are here; what they open is decided elsewhere."""

from __future__ import annotations

from runwright.model import Credential
from runwright.store.actions import USER, Action
from runwright.store.rows import credential_of
from runwright.store.transaction import Transaction
from runwright.store.verbs.journal import Journal


async def add(tx: Transaction, credential: Credential, actor: str) -> None:
    """See ``Store.add_credential``."""
    values = (
        *(credential.kind, credential.digest, credential.name, credential.role.value),
        *(credential.created_at, credential.expires_at),
    )
    await tx.do("credential_insert", *values)
    await _tell(tx, Action.CREDENTIAL_ADDED, credential, actor)


async def find(tx: Transaction, digest: str) -> Credential | None:
    """See ``Store.credential``."""
    row = await tx.one("credential_find", digest, tx.now)
    return None if row is None else credential_of(row)


async def take(tx: Transaction, digest: str) -> Credential | None:
    """See ``Store.take_credential``."""
    row = await tx.one("credential_delete", digest)
    if row is None:
        return None
    credential = credential_of(row)
    return None if credential.expires_at is not None and credential.expires_at <= tx.now else credential


async def revoke(tx: Transaction, digest: str, actor: str) -> bool:
    """See ``Store.revoke_credential``."""
    row = await tx.one("credential_delete", digest)
    if row is None:
        return False
    await _tell(tx, Action.CREDENTIAL_REVOKED, credential_of(row), actor)
    return True


async def _tell(tx: Transaction, action: Action, credential: Credential, actor: str) -> None:
    journal = Journal(tx)
    detail = {"kind": credential.kind, "role": credential.role.value}
    journal.other(USER, action, credential.name, actor, detail=detail)
    await journal.write()
