"""How far a sender is: numbers for people. Pure."""

from dataclasses import dataclass

from batch_pipelines.core.mailings import Counts, RecipientState


@dataclass(frozen=True, slots=True)
class SendingProgress:
    """Recipients of an occurrence, and how fast they are dealt with.

    Attributes:
        counts: By state.
        rate: Messages a second since this sender began.
        waits: Why none goes at the moment, if the relay is to blame.
    """

    counts: Counts
    rate: float
    waits: str | None = None

    @property
    def done(self) -> int:
        """Recipients that have come to an end."""
        return self.counts.total - self.counts.unfinished

    def __str__(self) -> str:
        """`62% · 3,100 of 5,000 recipients · 20/s · 95 s to go · 12 deferred · 3 ambiguous`."""
        total, left = self.counts.total, self.counts.unfinished
        percent = 100 if not left else int(100 * self.done / total)
        parts = [f"{percent}%", f"{self.done:,} of {total:,} recipients"]
        if self.rate > 0:
            parts.append(f"{self.rate:,.0f}/s")
            if left:
                parts.append(f"{left / self.rate:,.0f} s to go")
        shown = (RecipientState.DEFERRED, RecipientState.FAILED, RecipientState.AMBIGUOUS, RecipientState.SUPPRESSED)
        parts += [f"{self.counts.of(state):,} {state}" for state in shown if self.counts.of(state)]
        parts += [self.waits] if self.waits else []
        return " · ".join(parts)
