"""What came back, taken account of: an address that does not exist is suppressed, evidence resolves the ambiguous.

What must not live here: what a message says (bounces.py), where it lies (maildir.py).
"""

from pathlib import Path

from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.campaigns.returning.bounces import Return, Returned
from batch_pipelines.campaigns.returning.maildir import Emptied, empty_maildir
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import EVERY_LIST, Reason, RecipientState, Suppression

VARIABLE = "BP_BOUNCES"
ACCEPTED = (RecipientState.SENT, RecipientState.AMBIGUOUS)
_BECOMES = {
    Return.HARD: RecipientState.BOUNCED,
    Return.SOFT: RecipientState.BOUNCED,
    Return.COMPLAINT: RecipientState.COMPLAINED,
}
_SUPPRESSES = {Return.HARD: Reason.BOUNCED, Return.COMPLAINT: Reason.COMPLAINED}


def take_returns(ledger: Ledger, folder: Path, secret: Secret) -> Emptied:
    """Read a maildir and record what came back. The same message twice changes nothing more.

    Raises:
        InputError: The folder cannot be read or written.
    """
    return empty_maildir(folder, secret, lambda _key, returned: record(ledger, returned))


def record(ledger: Ledger, returned: Returned) -> None:
    """Record what came back of one message: whatever it is, that message had been accepted."""
    recipients = ledger.recipients
    found = recipients.of(returned.occurrence, after=returned.seq - 1, limit=1)
    if not found or found[0].seq != returned.seq:
        return
    if (reason := _SUPPRESSES.get(returned.what)) is not None:
        key, source = found[0].address.casefold(), f"returned: {returned.status or returned.what}"
        ledger.suppressions.add([Suppression(key, EVERY_LIST, reason, source)])
    after = _BECOMES.get(returned.what, RecipientState.SENT)
    before = ACCEPTED if after is not RecipientState.SENT else (RecipientState.AMBIGUOUS,)
    reply = " ".join(filter(None, (returned.status, returned.reply)))
    recipients.resolve(returned.occurrence, before, after, seqs=[returned.seq], reply=reply)
