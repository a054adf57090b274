"""dkimpy as the judge of signatures, keys to sign with, and the DNS record of each.

dkimpy leaves Ed25519's arithmetic to PyNaCl, which is not installed; cryptography stands in for it here.
"""

import base64
from pathlib import Path
from types import SimpleNamespace

import dkim  # type: ignore[import-untyped]  # it ships no types
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

SELECTOR = "s2026"
Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class _VerifyKey:
    def __init__(self, text: bytes, encoder: object) -> None:
        del encoder
        self._key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text))

    def verify(self, text: bytes, signature: bytes) -> None:
        """As PyNaCl's."""
        self._key.verify(signature, text)


dkim.nacl = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=_VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
)


def verified(message: bytes, record: bytes, domain: str = "example.com") -> bool:
    """Whether dkimpy finds the first signature of a message right, with this DNS record."""
    asked: list[str] = []

    def txt(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        asked.append(name.decode())
        return record

    result: bool = dkim.verify(message, dnsfunc=txt)
    assert asked == [f"{SELECTOR}._domainkey.{domain}."]
    return result


def key_in(folder: Path, kind: str) -> tuple[Path, bytes]:
    """Make a key, `rsa` or `ed25519`; return its file and its DNS record."""
    key: Key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    file = folder / f"{kind}.pem"
    file.write_bytes(pem(key))
    return file, _record(key)


def pem(key: Key | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    """A private key as a PEM file has it."""
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def _record(key: Key) -> bytes:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)
