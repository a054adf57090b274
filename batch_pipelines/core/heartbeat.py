"""Keeps the leases of one owner alive, from a thread, and knows when they may no longer be trusted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import LeaseLost
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.owners import RENEW_EVERY_S, STOP_AFTER_S


class Heartbeat:
    """Renews an owner's leases every `RENEW_EVERY_S` while its block runs."""

    def __init__(self, ledger: Ledger, owner: str, clock: Clock) -> None:
        self._ledger = ledger
        self._owner = owner
        self._clock = clock
        self._ended = threading.Event()
        self._known = True
        self._renewed_at = clock.monotonic()

    @contextmanager
    def beating(self) -> Iterator["Heartbeat"]:
        """Renew in the background until the block ends."""
        thread = threading.Thread(target=self._beat, name="batch-heartbeat", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def check(self) -> None:
        """Make sure that the leases may be trusted.

        Raises:
            LeaseLost: The last renewal is more than `STOP_AFTER_S` ago, or the owner is no longer known.
        """
        age = self._clock.monotonic() - self._renewed_at
        if age > STOP_AFTER_S or not self._known:
            msg = f"still for {age:.0f} s, so others may have its chunks: this lane stops without committing"
            raise LeaseLost(msg)

    def _beat(self) -> None:
        while not self._ended.wait(RENEW_EVERY_S):
            self.renew()

    def renew(self) -> None:
        """Renew once. A ledger that is away is tried again at the next beat; `check` tells when that is too late."""
        began_at = self._clock.monotonic()
        if began_at - self._renewed_at > STOP_AFTER_S:
            self._known = False  # too late already: a late renewal must not make stale claims look fresh
            return
        known = self._ledger.holders.renew(self._owner)
        if known is not None:
            self._known, self._renewed_at = known, began_at
