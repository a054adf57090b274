"""Deliveries in the order that a crash cannot spoil: a row, then the send, then the mark.

    plan a row ─ (channel prepares) ─ begin: `sending`, durable ─ the step that cannot be taken back ─ finish

Who finds a row `sending` whose owner is gone does it again where that does no harm (folders, webhooks); a mail is held
as ambiguous. Who finds one whose owner lives waits for it. What must not live here: channels; SQL.
"""

import random
from collections.abc import Callable, Mapping, Sequence

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.delivered import Delivery, DeliveryKey, DeliveryState
from batch_pipelines.core.faults import fault
from batch_pipelines.core.heartbeat import Heartbeat
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.owners import STILL_S, LeaseWatch, new_owner
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines.delivery.channels import Channel, Delivered, Ending, Parcel, Refused

LOOK_EVERY_S = 1.0
PATIENCE_S = 10 * STILL_S
RETRIES = RetryPolicy(attempts=3, base_s=2, cap_s=60)


class TakenAway(Exception):  # a signal between `go` and its caller, not an error
    """Somebody else has this delivery in hand."""


class Deliverer:
    """Delivers parcels, each to each recipient once.

    Args:
        ledger: Where deliveries are recorded.
        channels: By name.
        clock: Time.
        dice: For the jitter of delays.
        retries: Tries within one call, for what is certainly not there.
    """

    def __init__(
        self,
        ledger: Ledger,
        channels: Mapping[str, Channel],
        clock: Clock,
        dice: random.Random,
        retries: RetryPolicy = RETRIES,
    ) -> None:
        self._ledger = ledger
        self._channels = channels
        self._clock = clock
        self._dice = dice
        self._retries = retries
        self._watch = LeaseWatch(clock)

    def deliver(
        self, parcels: Sequence[tuple[Parcel, Sequence[tuple[str, str]]]], run: str | None = None
    ) -> list[Delivery]:
        """Deliver parcels, in order; what was delivered before, or is held, is left alone.

        Args:
            parcels: Each with its recipients, as (channel, recipient).
            run: The Dagster run, for people who look.

        Returns:
            How every delivery stands now; one that failed does not stop the others.

        Raises:
            LeaseLost: This process was still for too long; run it again.
        """
        wanted = {_key(parcel, *to): parcel for parcel, recipients in parcels for to in recipients}
        rows = self._ledger.deliveries.plan(list(wanted))
        fault("delivery.planned")
        if all(row.state in (DeliveryState.DELIVERED, DeliveryState.AMBIGUOUS) for row in rows):
            return rows
        owner = new_owner()
        self._ledger.holders.enter(owner)
        try:
            with Heartbeat(self._ledger, owner.id, self._clock).beating() as heartbeat:
                for row in rows:
                    self._bring_to_end(row.id, wanted[row.key], self._begin(row.id, owner.id, heartbeat, run), owner.id)
        finally:
            self._ledger.holders.leave(owner.id)
        ends = {row.id: row for row in self._ledger.deliveries.get([row.id for row in rows])}
        return [ends[row.id] for row in rows]

    def _begin(self, row_id: int, owner: str, heartbeat: Heartbeat, run: str | None) -> Callable[[], None]:
        def go() -> None:
            heartbeat.check()
            if not self._ledger.deliveries.begin(row_id, owner, run):
                raise TakenAway
            fault("delivery.begun")

        return go

    def _bring_to_end(self, row_id: int, parcel: Parcel, go: Callable[[], None], owner: str) -> None:
        failed, until = 0, self._clock.monotonic() + PATIENCE_S
        while not self._retries.is_exhausted(failed):
            (row,) = self._ledger.deliveries.get([row_id])
            if row.state in (DeliveryState.DELIVERED, DeliveryState.AMBIGUOUS):
                return
            if row.state is DeliveryState.SENDING:
                if self._clock.monotonic() > until:
                    return
                self._wait_or_recover(row_id)
                continue
            try:
                ending = self._channels[row.key.channel].send(parcel, row.key, go)
            except TakenAway:
                continue
            fault("delivery.sent")
            self._finish(row_id, owner, ending)
            if not isinstance(ending, Refused) or not ending.again:
                return
            failed += 1
            if not self._retries.is_exhausted(failed):
                self._clock.sleep(self._retries.delay_s(failed, self._dice))

    def _finish(self, row_id: int, owner: str, ending: Ending) -> None:
        state = _state_of(ending)
        if self._ledger.deliveries.finish(row_id, owner, state, ending.detail):
            fault("delivery.marked")
            return
        if isinstance(ending, Refused):  # refused before it was begun: that must be seen, too
            self._ledger.deliveries.refuse(row_id, ending.detail)

    def _wait_or_recover(self, row_id: int) -> None:
        """Take over from a sender that is gone; from one that lives, wait."""
        gone = self._watch.gone(self._ledger.deliveries.senders([row_id]))
        if gone:
            repeatable = [name for name, channel in self._channels.items() if channel.repeatable]
            self._ledger.deliveries.recover(gone, repeatable)
        else:
            self._clock.sleep(LOOK_EVERY_S)


def _key(parcel: Parcel, channel: str, recipient: str) -> DeliveryKey:
    return DeliveryKey(parcel.report, parcel.partition, parcel.burst, channel, recipient, parcel.content)


def _state_of(ending: Ending) -> DeliveryState:
    if isinstance(ending, Delivered):
        return DeliveryState.DELIVERED
    return DeliveryState.FAILED if isinstance(ending, Refused) else DeliveryState.AMBIGUOUS
