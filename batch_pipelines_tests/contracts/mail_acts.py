"""What the suites of campaigns do all the time: freeze an audience, claim, settle."""

from collections.abc import Sequence

from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import (
    MailClaim,
    NewRecipient,
    Occurrence,
    Reason,
    RecipientState,
    Screen,
    Settlement,
)
from batch_pipelines.core.owners import Owner, new_owner

NOW = 1_800_000_000.0
SCREEN = Screen("news", (Reason.UNSUBSCRIBED, Reason.BOUNCED))


def people(count: int, domain: str = "example.com") -> list[NewRecipient]:
    return [NewRecipient(n, f"p{n}@{domain}", f"p{n}@{domain}", domain) for n in range(count)]


def sending(ledger: Ledger, count: int = 5, *, partition: str = "2013-01-07") -> Occurrence:
    """An occurrence that is sending to so many."""
    occurrence = ledger.occurrences.open("news", partition)
    ledger.occurrences.record(occurrence.id, audience="a" * 64, total=count, plan={})
    ledger.occurrences.fill(occurrence.id, people(count))
    ledger.occurrences.begin(occurrence.id)
    return ledger.occurrences.get(occurrence.id)


def sender(ledger: Ledger) -> Owner:
    owner = new_owner()
    ledger.holders.enter(owner)
    return owner


def claimed(ledger: Ledger, owner: Owner, occurrence: Occurrence, limit: int = 200, now: float = NOW) -> MailClaim:
    claim = ledger.recipients.claim(owner, occurrence.id, "journal-1", screen=SCREEN, limit=limit, now=now)
    assert claim
    return claim


def all_sent(claim: MailClaim) -> list[Settlement]:
    return [
        Settlement(each.seq, RecipientState.SENT, each.attempts + 1, code=250, reply="ok", done_at=NOW)
        for each in claim.recipients
    ]


def states(ledger: Ledger, occurrence: Occurrence) -> dict[str, int]:
    return {str(state): count for state, count in ledger.recipients.counts(occurrence.id).by_state.items()}


def seqs(claim: MailClaim) -> Sequence[int]:
    return [each.seq for each in claim.recipients]
