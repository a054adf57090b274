"""What a way of delivering is: a parcel and a recipient in, one of three ends out.

Lives here: the words and the protocol. Elsewhere: folders and S3 (folder.py), webhooks (webhook.py), mail (mail.py),
and the order in which the ledger and a channel are told (deliverer.py).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from batch_pipelines.core.delivered import DeliveryKey

ATTACH_BYTES = 10_000_000
_PLAIN = " @+=,~-_.()"
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class ParcelFile:
    """One file of a parcel.

    Attributes:
        name: What the recipient sees, e.g. `daily_operations-2013-01-15.pdf`.
        path: Where it lies now.
        size: Bytes.
        sha256: Hash of its bytes.
        media_type: e.g. `application/pdf`.
        link: Where people find it later: a URL, or a path.
    """

    name: str
    path: Path
    size: int
    sha256: str
    media_type: str
    link: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """The files of one report of one partition (and one burst key), ready to go.

    Attributes:
        report: Name of the report.
        partition: Key of its window, or `all`.
        burst: Key of one of a fan-out, or empty.
        title: One line.
        summary: What a mail or a webhook says besides the files, plain text.
        files: At least one, except where a report is only announced (`on_empty: notify`).
        attach_bytes: What a mail carries at most; it names the links of larger files instead.
        identity: What makes it the same again for people, where that is less than its bytes, e.g. a hash of the rows.
        headers: Further headers of a webhook.
    """

    report: str
    partition: str
    burst: str
    title: str
    summary: str
    files: tuple[ParcelFile, ...]
    attach_bytes: int = ATTACH_BYTES
    identity: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """SHA-256 of what is delivered: of its identity, else names and hashes of the files, else the words."""
        parts = [f"{file.name}\0{file.sha256}" for file in self.files] or [self.title, self.summary]
        parts = parts if self.identity is None else [self.identity]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def folder(self) -> tuple[str, ...]:
        """The folders that its files lie in below wherever they are put: report, partition, burst key."""
        return tuple(safe_segment(part) for part in (self.report, self.partition, self.burst) if part)


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is there. `detail`: where, or what the other side said."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It is certainly not there. `again`: whether trying once more may help."""

    detail: str
    again: bool


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may be there or not; nobody can know."""

    detail: str


Ending = Delivered | Refused | Uncertain
Go = Callable[[], None]


class Channel(Protocol):
    """A way of delivering."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice does no harm: then what is uncertain is done again by itself."""
        ...

    def send(self, parcel: Parcel, key: DeliveryKey, go: Go) -> Ending:
        """Deliver a parcel to `key.recipient`.

        Args:
            parcel: What to deliver.
            key: The delivery.
            go: Called once, right before the step that cannot be taken back; raises to forbid it.

        Raises:
            Exception: What `go` raised; then nothing was delivered.
        """
        ...


def safe_segment(text: str) -> str:
    """Return a name of one folder or file for any text: it never leads elsewhere, nor hides, nor is too long."""
    name = quote(text, safe=_PLAIN).strip(" ")
    if not name or name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return name
