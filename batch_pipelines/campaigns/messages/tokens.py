"""The deployment's secret, and what is sealed with it: unsubscribe tokens that nobody else can make.

A token says who and from what; it needs no database, never expires (people press old buttons), and ends neither with
the ledger's rows nor with a restore. What must not live here: what unsubscribing does (leaving/, the ledger).
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.core.errors import ConfigError

VARIABLE = "BP_SECRET"
FILE_NAME = "secret.key"
LEAST_LETTERS = 32
SEAL_BYTES = 16
_VERSION = "1"
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets what.

    Attributes:
        address: The address as it was written to.
        scope: What it is taken off: a list's name, or `*` for all mail.
        batch: The campaign and occurrence that the token came with: `punctuality_digest/2013-01-07`.
    """

    address: str
    scope: str
    batch: str


class Secret:
    """A key that seals texts, each purpose apart."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(key).digest()

    def seal(self, purpose: bytes, text: bytes) -> bytes:
        """Return `SEAL_BYTES` bytes that only this key makes of this text for this purpose (16 letters at most)."""
        return hashlib.blake2b(text, digest_size=SEAL_BYTES, key=self._key, person=purpose).digest()

    def holds(self, purpose: bytes, text: bytes, seal: bytes) -> bool:
        """Whether a seal is right."""
        return hmac.compare_digest(self.seal(purpose, text), seal)


def load_secret(environ: Mapping[str, str], data: Path) -> Secret:
    """Return the deployment's secret: `BP_SECRET`, or a file under `data` that is made the first time.

    Raises:
        ConfigError: It is too short, the file cannot be read or made, or others may read it.
    """
    if text := environ.get(VARIABLE):
        if len(text) < LEAST_LETTERS:
            raise ConfigError(f"{VARIABLE} has fewer than {LEAST_LETTERS} letters; make one with: openssl rand -hex 32")
        return Secret(text.encode())
    file = data / FILE_NAME
    try:
        if not file.exists():
            _make(file)
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{file}: others may read it; run: chmod 600 {file}")
        key = file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}; or set {VARIABLE}") from error
    if len(key) < LEAST_LETTERS:
        raise ConfigError(f"{file} holds fewer than {LEAST_LETTERS} letters; remove it to have a new one made")
    return Secret(key)


def make_token(secret: Secret, subscription: Subscription) -> str:
    """Return the token of a subscription: letters, digits, `-`, `_`, and one dot."""
    text = f"{_VERSION}\0{subscription.scope}\0{subscription.batch}\0{subscription.address}".encode()
    return f"{_as_text(text)}.{_as_text(secret.seal(b'unsubscribe', text))}"


def read_token(secret: Secret, token: str) -> Subscription | None:
    """Return what a token says; None if it was not made here or is damaged."""
    payload, _, seal = token.partition(".")
    try:
        text, given = _as_bytes(payload), _as_bytes(seal)
        parts = text.decode().split("\0")
    except (binascii.Error, ValueError):
        return None
    if not secret.holds(b"unsubscribe", text, given) or len(parts) != 4 or parts[0] != _VERSION:  # noqa: PLR2004  see make_token
        return None
    _, scope, batch, address = parts
    return Subscription(address, scope, batch)


def _make(file: Path) -> None:
    """Write a new key; if somebody else is faster, theirs stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_hex(32).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(temporary, file)
    except FileExistsError:
        return
    finally:
        temporary.unlink(missing_ok=True)


def _as_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _as_bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError(text)
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
