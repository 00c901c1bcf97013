"""Auth: sealed fields. A secret in a run's arguments is encrypted before it reaches the store, and opened for its run.

AES-256-GCM with a random nonce; the key is derived from a passphrase of the settings, or kept in a file with mode 600
beside the store, which every worker of that store must have.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runwright.errors import Conflict, SealError, StartRefused
from runwright.model import SEALED

CONTEXT = b"runwright/1"
KEY_BYTES, NONCE_BYTES = 32, 12
SHORTEST_PASSPHRASE = 32
NO_KEY = (
    "on PostgreSQL every process must have the same key; set secret_key (TASK_SECRET_KEY) or secret_key_file for each"
)


class Sealer:
    """Seals and opens fields with one key of 32 bytes. Without a key (None) it can do neither, and says so."""

    def __init__(self, key: bytes | None) -> None:
        self._cipher = None if key is None else AESGCM(key)

    def seal(self, text: str) -> dict[str, str]:
        """The text as a JSON object that says nothing to others. Raises Conflict without a key."""
        if self._cipher is None:
            raise Conflict(f"a secret cannot be kept: {NO_KEY}")
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), CONTEXT)
        return {SEALED: "v1." + base64.urlsafe_b64encode(sealed).decode()}

    def unseal(self, field: Mapping[str, object]) -> str:
        """The text of a field that ``seal`` made. Raises SealError."""
        if self._cipher is None:
            raise SealError(f"a secret cannot be opened: {NO_KEY}")
        version, _, body = str(field.get(SEALED, "")).partition(".")
        try:
            raw = base64.urlsafe_b64decode(body)
            if version != "v1":
                raise SealError("a secret is sealed in a form that this version does not know")
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], CONTEXT).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise SealError("a secret cannot be opened: it was sealed with another key (see secret_key)") from error


def load_or_create_key(path: Path | None, secret_key: str | None = None) -> bytes:
    """The sealing key: from the passphrase if there is one, else from the file, which is made if it is missing.

    Args:
        path: the key file; None (a store in memory) makes a key that lives as long as the process.
        secret_key: a passphrase of at least 32 characters.

    Raises:
        StartRefused: the passphrase is too short, or the file is not a key.
    """
    if secret_key is not None:
        if len(secret_key) < SHORTEST_PASSPHRASE:
            raise StartRefused(
                f"secret_key must have at least {SHORTEST_PASSPHRASE} characters, it has {len(secret_key)}"
            )
        return HKDF(hashes.SHA256(), KEY_BYTES, None, CONTEXT).derive(secret_key.encode())
    if path is None:
        return os.urandom(KEY_BYTES)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    except OSError as error:
        raise StartRefused(f"the key file {path} cannot be written: {error.strerror}") from error
    try:
        key = base64.urlsafe_b64decode(path.read_bytes().strip())
    except (OSError, ValueError) as error:
        raise StartRefused(f"the key file {path} cannot be read: {error}") from error
    if len(key) != KEY_BYTES:
        raise StartRefused(f"{path} is not a key file of Runwright: put the right one back, or sealed secrets are lost")
    return key
