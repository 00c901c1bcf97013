"""Auth: tokens, session secrets and sign-in codes. Only their digests are ever kept."""

from __future__ import annotations

import hashlib

from runwright.clock import Rng

PREFIX = "rw_"


def new_token(rng: Rng) -> str:
    """A secret of 256 random bits; the prefix lets secret scanners recognise it."""
    return PREFIX + rng.secret()


def digest(secret: str) -> str:
    """SHA-256 as hexadecimal text; enough without salt or stretching, since the secrets are random."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
