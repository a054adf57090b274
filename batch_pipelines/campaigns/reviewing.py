"""What became of an occurrence, in figures. Pure."""

from dataclasses import dataclass, field

from batch_pipelines.core.mailings import Counts, Occurrence, RecipientState
from batch_pipelines.core.model import Json


@dataclass(frozen=True, slots=True)
class Review:
    """An occurrence and its recipients by state.

    Attributes:
        occurrence: As the ledger knows it.
        counts: Its recipients.
        replies: The most frequent replies of those that failed, wait or are ambiguous.
    """

    occurrence: Occurrence
    counts: Counts
    replies: list[tuple[str, int]] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, int]:
        """The figures that every run reports. They add up: all but `total` to `total`.

        `sent` were accepted (bounced and complained ones among them); `pending` wait, or are being sent to.
        """
        of = self.counts.of
        return {
            "sent": of(RecipientState.SENT, RecipientState.BOUNCED, RecipientState.COMPLAINED),
            "failed": of(RecipientState.FAILED),
            "deferred": of(RecipientState.DEFERRED),
            "suppressed": of(RecipientState.SUPPRESSED),
            "ambiguous": of(RecipientState.AMBIGUOUS),
            "skipped": of(RecipientState.SKIPPED),
            "pending": of(RecipientState.PENDING, RecipientState.CLAIMED),
            "total": self.counts.total,
        }

    @property
    def adds_up(self) -> bool:
        """Whether everybody of the frozen audience is in exactly one state."""
        figures = dict(self.figures)
        total = figures.pop("total")
        return total == sum(figures.values()) == self.occurrence.total

    @property
    def bounced(self) -> int:
        """Accepted and returned, or refused because there is no such mailbox."""
        return self.counts.of(RecipientState.BOUNCED)

    @property
    def bounce_rate(self) -> float:
        """Share of the sent that came back or failed."""
        tried = self.figures["sent"] + self.figures["failed"]
        return (self.bounced + self.figures["failed"]) / tried if tried else 0.0

    @property
    def left_out(self) -> Json:
        """What was left out when it was prepared: duplicates, invalid addresses, missing data, with examples."""
        return dict(self.occurrence.plan.get("left_out", {}))
