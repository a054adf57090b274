"""The values that travel between a campaign, its ledger and its senders. Plain frozen data, no behaviour.

An **occurrence** is one campaign in one partition (one issue of a newsletter); a **recipient** one address of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from batch_pipelines.core.model import Json
from batch_pipelines.core.owners import Owner, OwnerState


class OccurrenceState(StrEnum):
    """Where an occurrence stands. `sending` is the only state in which a claim is given."""

    PREPARING = "preparing"  # its audience is not frozen yet
    SENDING = "sending"
    PAUSED = "paused"  # by an operator, or by the breaker: `reason` says
    CANCELLED = "cancelled"
    DONE = "done"  # every recipient has come to an end
    EXPIRED = "expired"  # its time was over first


class RecipientState(StrEnum):
    """Where a recipient stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DEFERRED = "deferred"  # the relay said: later. `due_at` is when
    SENT = "sent"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"  # handed over, and no reply was recorded: it may have been accepted, or not
    SUPPRESSED = "suppressed"
    SKIPPED = "skipped"  # left out: data is missing, the campaign was cancelled or expired; `reply` says
    BOUNCED = "bounced"  # accepted, then returned
    COMPLAINED = "complained"


WAITING = (RecipientState.PENDING, RecipientState.DEFERRED)
UNFINISHED = (*WAITING, RecipientState.CLAIMED)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An occurrence as the ledger knows it.

    Attributes:
        audience: SHA-256 of the frozen audience's file; None while it is preparing.
        total: Recipients of it.
        plan: What was decided when it was prepared: the declaration, the audience's file, what was left out (JSON).
        expires_at: Seconds since 1970 after which nothing more is sent; None for never.
    """

    id: int
    campaign: str
    partition: str
    state: OccurrenceState
    reason: str | None
    audience: str | None
    total: int
    plan: Json
    expires_at: float | None
    created_at: str
    finished_at: str | None

    @property
    def name(self) -> str:
        """`campaign/partition`, as people call it."""
        return f"{self.campaign}/{self.partition}"


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """A recipient as the frozen audience has it. `skipped` is why nothing will be sent, None to send."""

    seq: int
    address: str
    key: str
    domain: str
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient as the ledger knows it. Times are seconds since 1970."""

    seq: int
    address: str
    state: RecipientState
    attempts: int
    due_at: float
    code: int | None
    enhanced: str | None
    reply: str | None
    done_at: float | None


class Claimed(NamedTuple):
    """A recipient of a claim. `attempts` are those made before."""

    seq: int
    address: str
    domain: str
    attempts: int


@dataclass(frozen=True, slots=True)
class MailClaim:
    """The right to send to some recipients, until `epoch` is no longer the newest.

    Attributes:
        journal: The file in which its sender notes intents and results.
        suppressed: Recipients that were found to be suppressed as it was made; they are not of the claim.
    """

    id: int
    epoch: int
    occurrence_id: int
    journal: str
    recipients: Sequence[Claimed] = ()
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """A claim that somebody has not settled.

    Attributes:
        sender: The process that wrote the journal; only it can send under the claim.
        holder: Who may settle it now: the sender, or whoever recovers it.
    """

    claim: MailClaim
    sender: Owner
    holder: OwnerState


class Settlement(NamedTuple):
    """What became of one recipient of a claim.

    Attributes:
        attempts: Attempts made so far, this one included if it is charged.
        due_at: When the next attempt is due, for `pending` and `deferred`.
        done_at: When it happened.
    """

    seq: int
    state: RecipientState
    attempts: int
    due_at: float = 0.0
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = None
    done_at: float | None = None


class Reason(StrEnum):
    """Why an address is suppressed."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    MANUAL = "manual"


EVERY_LIST = "*"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that must not be written to.

    Attributes:
        key: The address, case-folded.
        scope: A list, or `*` for all.
        source: Who or what said so.
    """

    key: str
    scope: str
    reason: Reason
    source: str
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """Which suppressions count for a campaign: those of its list (and of all lists), for these reasons."""

    scope: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Recipients of an occurrence by state."""

    by_state: Mapping[RecipientState, int] = field(default_factory=dict)

    def of(self, *states: RecipientState) -> int:
        """Return how many are in these states."""
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_state.values())

    @property
    def unfinished(self) -> int:
        """Those that wait, or are being sent to."""
        return self.of(*UNFINISHED)
