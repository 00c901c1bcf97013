"""Control, accounts: who somebody is by what they show. Secrets are made here once and kept as digests only."""

from __future__ import annotations

from runwright.auth.policy import require
from runwright.auth.tokens import digest, new_token
from runwright.clock import SECOND, Clock, Rng
from runwright.errors import NotSignedIn
from runwright.model import SYSTEM, Actor, Credential, NewEvent, Role
from runwright.store.base import Store

CODE_SECONDS = 15 * 60
SESSION_SECONDS = 14 * 24 * 3600


class Accounts:
    """Tokens for programs, sessions for browsers, and sign-in codes that work once."""

    def __init__(self, store: Store, clock: Clock, rng: Rng) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng

    async def token(self, actor: Actor, name: str, role: Role, *, seconds: float | None = None) -> str:
        """A new token for programs; it is shown this once. It ends after ``seconds``, or never."""
        require(actor, Role.ADMIN)
        return await self._issue("token", name, role, seconds, actor)

    async def admit_token(self, token: str, name: str, role: Role) -> None:
        """Accept a token that the administrator chose (``TASK_ADMIN_TOKEN``). Accepting it again changes nothing."""
        if await self._store.credential(digest(token)) is None:
            credential = Credential("token", digest(token), name, role, self._clock.now())
            await self._store.add_credential(credential, SYSTEM.name)

    async def sign_in_code(self, name: str, role: Role = Role.ADMIN) -> str:
        """A code for a sign-in link: it works once, within 15 minutes."""
        return await self._issue("code", name, role, CODE_SECONDS, SYSTEM)

    async def sign_in(self, secret: str) -> str:
        """Exchange a code or a token for a browser session; the session's secret goes into the cookie.

        Raises:
            NotSignedIn: it is neither, or no longer valid.
        """
        credential = await self._store.credential(digest(secret))
        if credential is not None and credential.kind == "code":
            credential = await self._store.take_credential(digest(secret))
        if credential is None or credential.kind not in ("code", "token"):
            raise NotSignedIn("this sign-in link or token is not valid (any more); ask for a new one")
        session = await self._issue("session", credential.name, credential.role, SESSION_SECONDS, SYSTEM)
        await self._store.record([NewEvent("user", "user.signed_in", credential.name, credential.name)])
        return session

    async def sign_out(self, session: str) -> None:
        """End a browser session."""
        await self._store.revoke_credential(digest(session), SYSTEM.name)

    async def actor(self, secret: str, kind: str) -> Actor | None:
        """Who shows this ``token`` or ``session``; None if it is not valid."""
        credential = await self._store.credential(digest(secret))
        return Actor(credential.name, credential.role) if credential is not None and credential.kind == kind else None

    async def revoke(self, actor: Actor, secret: str) -> bool:
        """End a token; False if it is not there."""
        require(actor, Role.ADMIN)
        return await self._store.revoke_credential(digest(secret), actor.name)

    async def _issue(self, kind: str, name: str, role: Role, seconds: float | None, actor: Actor) -> str:
        secret, now = new_token(self._rng), self._clock.now()
        expires = None if seconds is None else now + round(seconds * SECOND)
        await self._store.add_credential(Credential(kind, digest(secret), name, role, now, expires), actor.name)
        return secret
