"""What is delivered to whom, and how that stands. Plain values; their record is in ledger/deliveries.py.

planned ─▶ sending ─▶ delivered
              ├─────▶ failed      certainly not there; the next run tries again
              └─────▶ ambiguous   nobody can know; held until somebody says what to do
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

ONCE = ""
"""The burst key of a report that is not fanned out."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, order=True)
class DeliveryKey:
    """What makes a delivery the same delivery.

    Attributes:
        report: Its name.
        partition: Key of its window, or `all`.
        burst: Key of one of a fan-out, or `ONCE`.
        channel: `folder`, `email` or `webhook`.
        recipient: The folder, the address, the URL.
        content: SHA-256 of what is delivered: names and hashes of the files.
    """

    report: str
    partition: str
    burst: str
    channel: str
    recipient: str
    content: str

    @property
    def idempotency_key(self) -> str:
        """A short name for exactly this delivery, the same in every process; receivers may tell repeats by it."""
        parts = (self.report, self.partition, self.burst, self.channel, self.recipient, self.content)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as the ledger knows it.

    Attributes:
        id: Its number.
        key: What is delivered to whom.
        state: Where it stands.
        owner: Who is sending it, or tried last.
        attempts: How often it was begun.
        detail: What the other side said, or why it failed, or why nobody knows.
        run: The Dagster run that began it last.
        changed_at: ISO time of the last change.
    """

    id: int
    key: DeliveryKey
    state: DeliveryState
    owner: str | None
    attempts: int
    detail: str | None
    run: str | None
    changed_at: str
