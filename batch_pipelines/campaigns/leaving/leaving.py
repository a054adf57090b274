"""Who leaves is suppressed in the ledger, at once: a campaign that is being sent sees it at its next claim."""

from batch_pipelines.campaigns.messages.tokens import Subscription
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import Reason, Suppression


class LedgerDesk:
    """A `LeavingDesk` on the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def leave(self, subscription: Subscription) -> None:
        """See `LeavingDesk`."""
        key = subscription.address.casefold()
        source = f"link in {subscription.batch}"
        self._ledger.suppressions.add([Suppression(key, subscription.scope, Reason.UNSUBSCRIBED, source)])

    def check(self) -> None:
        """See `LeavingDesk`."""
        self._ledger.suppressions.all(limit=1)
