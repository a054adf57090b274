"""Claims whose sender is gone: fence it, make sure that it is dead, read its journal, settle what it left.

| the journal says | its recipient |
|---|---|
| a result | has that outcome |
| an intent alone | is ambiguous: the final dot may have been written |
| nothing | waits again |
| it is missing, or of another boot or host | is ambiguous: nobody knows |

What must not live here: how anything is sent.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.campaigns.sending.journal import FOLDER, Written, read_journal
from batch_pipelines.campaigns.sending.verdicts import Policy, bounce_of, settlement
from batch_pipelines.core.clock import Clock
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import Claimed, MailClaim, OpenClaim, RecipientState, Settlement, Suppression
from batch_pipelines.core.owners import LeaseWatch, Owner, end_process, is_of_this_boot
from batch_pipelines.delivery.transport import Kind, Outcome

LOST = "its sender was lost between the final dot and the reply"
UNKNOWN = "its sender's machine was lost: whether it was sent, nobody knows"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery came to: claims settled, and recipients by what became of them."""

    claims: int = 0
    finished: int = 0
    ambiguous: int = 0
    released: int = 0

    def __add__(self, other: "Recovered") -> "Recovered":
        """Add."""
        return Recovered(
            self.claims + other.claims,
            self.finished + other.finished,
            self.ambiguous + other.ambiguous,
            self.released + other.released,
        )


class Recovery:
    """Recovers claims on behalf of one owner.

    Args:
        ledger: Where claims are.
        data: The data folder, where journals are.
        owner: Who recovers.
        watch: Knows which holders are gone.
        policy: Of a campaign, by the id of its occurrence.
        clock: Time.
        is_working: Whether a sender of this very process, by id, is at work; it cannot be ended, and need not be.
    """

    def __init__(
        self,
        ledger: Ledger,
        data: Path,
        owner: Owner,
        watch: LeaseWatch,
        policy: Callable[[int], Policy],
        clock: Clock,
        *,
        is_working: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._ledger = ledger
        self._data = data
        self._owner = owner
        self._watch = watch
        self._policy = policy
        self._clock = clock
        self._is_working = is_working
        self._dice = random.Random()  # noqa: S311  jitter

    def recover(self, occurrence_id: int | None = None) -> Recovered:
        """Settle the claims (of one occurrence, or all) whose holder is gone; those of the living stay.

        A claim whose sender is on this machine and cannot be ended stays, too.
        """
        total = Recovered()
        others = [
            each for each in self._ledger.recipients.open_claims(occurrence_id) if each.holder.id != self._owner.id
        ]
        gone = self._watch.gone(each.holder for each in others)
        for each in others:
            if each.holder.id in gone:
                total += self._settle(each)
        return total

    def _settle(self, lost: OpenClaim) -> Recovered:
        claim = self._ledger.recipients.take_over(self._owner, lost)
        if claim is None:
            return Recovered()
        ours = is_of_this_boot(lost.sender)
        if ours and not self._is_over(lost.sender):
            return Recovered()
        fault("mail.sender_ended")
        path = self._data / claim.journal
        written = read_journal(path) if ours else None
        settled, bounced = self._settlements(claim, written)
        if not self._ledger.recipients.settle(self._owner.id, claim, settled, bounced):
            return Recovered()
        path.unlink(missing_ok=True)
        ambiguous = sum(each.state is RecipientState.AMBIGUOUS for each in settled)
        return Recovered(1, len(settled) - ambiguous, ambiguous, len(claim.recipients) - len(settled))

    def _is_over(self, sender: Owner) -> bool:
        """Whether a sender of this machine sends no more: it ended within this process, or its process is dead now."""
        if sender.pid == self._owner.pid and sender.started == self._owner.started:
            return not self._is_working(sender.id)
        return end_process(sender)

    def _settlements(self, claim: MailClaim, written: Written | None) -> tuple[list[Settlement], list[Suppression]]:
        policy, now = self._policy(claim.occurrence_id), self._clock.now().timestamp()
        settled: list[Settlement] = []
        bounced: list[Suppression] = []
        for recipient in claim.recipients:
            outcome = _outcome(recipient, written)
            if outcome is None:
                continue
            if (became := settlement(recipient, outcome, policy, now, self._dice)) is not None:
                settled.append(became)
            if (bounce := bounce_of(outcome, recipient.address.casefold(), "relay")) is not None:
                bounced.append(bounce)
        return settled, bounced


def _outcome(recipient: Claimed, written: Written | None) -> Outcome | None:
    if written is None:
        return Outcome(recipient.seq, Kind.AMBIGUOUS, None, None, UNKNOWN)
    if recipient.seq in written.results:
        return written.results[recipient.seq]
    if recipient.seq in written.intents:
        return Outcome(recipient.seq, Kind.AMBIGUOUS, None, None, LOST)
    return None


def sweep_journals(ledger: Ledger, data: Path, *, older_than_s: float, now: float) -> int:
    """Remove journals that no open claim names: their process died before it claimed, or right after it settled.

    Args:
        ledger: Where claims are.
        data: The data folder.
        older_than_s: Younger ones stay: their claim may be about to be made.
        now: Seconds since 1970.
    """
    old = [file for file in sorted((data / FOLDER).glob("*")) if now - file.stat().st_mtime > older_than_s]
    named = ledger.recipients.journals() if old else set()
    unnamed = [file for file in old if f"{FOLDER}/{file.name}" not in named]
    for file in unnamed:
        file.unlink(missing_ok=True)
    return len(unnamed)
