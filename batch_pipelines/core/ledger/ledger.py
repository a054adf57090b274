"""The ledger: one name for batches, chunks and holders on one database."""

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.ledger.batches import Batches
from batch_pipelines.core.ledger.chunks import Chunks
from batch_pipelines.core.ledger.corrections import Corrections
from batch_pipelines.core.ledger.deliveries import Deliveries
from batch_pipelines.core.ledger.holders import Holders
from batch_pipelines.core.ledger.occurrences import Occurrences
from batch_pipelines.core.ledger.rate_windows import RateWindows
from batch_pipelines.core.ledger.recipients import Recipients
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.ledger.suppressions import Suppressions


class Ledger:
    """The durable record of all batches.

    Attributes:
        batches: Plan, resume, supersede, finish.
        chunks: Claim, commit, fail, split, settle.
        holders: Owners and named leases.
        corrections: What people say of dead letters: other values, or "known, leave it".
        deliveries: Reports, to whom and how that stands.
        occurrences: Campaigns, a partition each: opened, frozen, paused, ended.
        recipients: Claim, settle, recover, resolve.
        suppressions: Addresses that must not be written to.
        rates: Tokens of rate limits, for all processes together.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.batches = Batches(store, clock)
        self.chunks = Chunks(store)
        self.holders = Holders(store, clock)
        self.corrections = Corrections(store, clock)
        self.deliveries = Deliveries(store, clock)
        self.occurrences = Occurrences(store, clock)
        self.recipients = Recipients(store, clock)
        self.suppressions = Suppressions(store, clock)
        self.rates = RateWindows(store, clock)

    def close(self) -> None:
        """Close all connections."""
        self.store.close()


def open_ledger(url: str, clock: Clock | None = None) -> Ledger:
    """The ledger at `url`, its tables brought up to date.

    Raises:
        ConfigError: The address cannot be used, or the ledger is of a newer release.
    """
    return Ledger(Store(url), clock or SystemClock())
