"""DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed, with RSA or Ed25519 keys.

What must not live here: which relay signs with which key (relays.py).
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.smtp.lines import crlf

LEAST_RSA_BITS = 1024
SIGNED = (
    b"from",
    b"to",
    b"reply-to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"feedback-id",
    b"auto-submitted",
)
"""Headers that a signature covers, where a message has them; From is covered once more than it occurs, so that
nobody can add another (§8.15)."""

_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_TRAILING = re.compile(rb"[ \t]+(?=\r\n)")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs messages for one domain.

    Attributes:
        domain: `d=`; the domain of From, or one above it.
        selector: `s=`; the public key stands in DNS at `selector._domainkey.domain`.
        algorithm: `rsa-sha256` or `ed25519-sha256`.
    """

    domain: str
    selector: str
    algorithm: str
    _sign: Callable[[bytes], bytes] = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return a message with a DKIM-Signature header before its others, its lines ended by CRLF."""
        message = crlf(message)
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = _covered(fields)
        body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest())
        unsigned = (
            f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n h=".encode()
            + _folded(names)
            + b";\r\n bh="
            + body_hash
            + b";\r\n b="
        )
        covered = b"".join(_canonical_lines(fields, names))
        text = covered + b"dkim-signature:" + _relaxed_value(unsigned)
        signature = base64.b64encode(self._sign(text))
        wrapped = b"\r\n ".join(signature[start : start + 72] for start in range(0, len(signature), 72))
        return b"DKIM-Signature: " + unsigned + wrapped + b"\r\n" + message


def read_signer(domain: str, selector: str, key_file: str, *, place: str) -> Signer:
    """Return a signer with the private key of a PEM file.

    Raises:
        ConfigError: The names cannot be, or the file holds no key that is good for DKIM; `place` is named.
    """
    if not _DOMAIN.fullmatch(domain.lower()):
        raise ConfigError(f"{place}: dkim_domain {domain!r} is no domain (write IDN as xn--…)")
    if not _SELECTOR.fullmatch(selector.lower()):
        raise ConfigError(f"{place}: dkim_selector {selector!r} is no selector")
    try:
        key = serialization.load_pem_private_key(Path(key_file).read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"{place}: dkim_key: {key_file}: {error.strerror or error}") from error
    except (ValueError, TypeError) as error:  # encrypted, or not PEM
        raise ConfigError(f"{place}: dkim_key: {key_file} holds no unencrypted PEM private key") from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
        return Signer(domain.lower(), selector.lower(), "rsa-sha256", _rsa(key))
    if isinstance(key, Ed25519PrivateKey):
        return Signer(domain.lower(), selector.lower(), "ed25519-sha256", _ed25519(key))
    raise ConfigError(f"{place}: dkim_key: {key_file} is neither an RSA key of 1024 bits or more nor an Ed25519 key")


def _rsa(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
    return lambda text: key.sign(text, pkcs1, sha256)


def _ed25519(key: Ed25519PrivateKey) -> Callable[[bytes], bytes]:
    return lambda text: key.sign(hashlib.sha256(text).digest())  # RFC 8463 §3: the hash is what is signed


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Name in small letters, and raw value, of each header in order."""
    unfolded = _FOLD.sub(b"", head)
    pairs = (line.partition(b":") for line in unfolded.split(b"\r\n"))
    return [(name.strip().lower(), value) for name, colon, value in pairs if colon]


def _covered(fields: list[tuple[bytes, bytes]]) -> list[bytes]:
    present = [name for name, _ in fields]
    return [name for name in SIGNED for _ in range(present.count(name) + (name == b"from"))]


def _canonical_lines(fields: list[tuple[bytes, bytes]], names: list[bytes]) -> list[bytes]:
    """The covered headers in the order of `h=`, of equal names the last first; what is not there adds nothing."""
    left: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        left.setdefault(name, []).append(value)
    return [name + b":" + _relaxed_value(left[name].pop()) + b"\r\n" for name in names if left.get(name)]


def _relaxed_value(value: bytes) -> bytes:
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")


def _relaxed_body(body: bytes) -> bytes:
    if b"\t" in body or b"  " in body or b" \r" in body:
        body = _TRAILING.sub(b"", _BLANKS.sub(b" ", body))
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _folded(names: list[bytes]) -> bytes:
    half = len(names) // 2
    return b":".join(names[:half]) + b":\r\n " + b":".join(names[half:])
