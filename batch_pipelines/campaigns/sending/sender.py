"""The sender of one occurrence in this process: connections side by side, watched over.

It recovers what others left behind, has its connections work until nobody waits, notices within a second that the
occurrence was paused, cancelled or has expired, and on SIGTERM or SIGINT lets what is in flight come to its end.

What must not live here: what one connection does (connection.py), who is written to (audience/).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.campaigns.sending.connection import Composer, Desk, Line, Shared, Task
from batch_pipelines.campaigns.sending.limits import Limit, Limiter
from batch_pipelines.campaigns.sending.progress import SendingProgress
from batch_pipelines.campaigns.sending.recovery import Recovered, Recovery
from batch_pipelines.campaigns.sending.turns import Turns
from batch_pipelines.campaigns.sending.verdicts import Policy
from batch_pipelines.core.clock import Clock
from batch_pipelines.core.heartbeat import Heartbeat
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import Occurrence, OccurrenceState, Screen
from batch_pipelines.core.owners import LeaseWatch, Owner, new_owner
from batch_pipelines.core.progress import REPORT_EVERY_S
from batch_pipelines.core.stopping import StopFlag, stop_on_signals
from batch_pipelines.delivery.transport import Transport

LOOK_EVERY_S = 0.5
MOST_A_CLAIM = 200
CLAIM_S = 2.0  # of a limited campaign, a claim is of what may be sent in about so long
COUNTING_SHARE = 20  # counting takes at most a twentieth of the time
EXPIRED = "its time was over"
_working: set[str] = set()


@dataclass(frozen=True, slots=True)
class Orders:
    """How an occurrence is sent.

    Attributes:
        connections: Side by side.
        limits: How fast.
        policy: What becomes of what does not succeed.
        screen: Which suppressions count.
        claim_size: Recipients of a claim at most.
    """

    connections: int
    limits: Sequence[Limit]
    policy: Policy
    screen: Screen
    claim_size: int = MOST_A_CLAIM

    @property
    def claimed_at_once(self) -> int:
        """Recipients of a claim: so few, where limits hold, that a pause is noticed soon and others get their share."""
        rates = [limit.rate.per_second for limit in self.limits if not limit.by_domain and limit.domain is None]
        if not rates:
            return self.claim_size
        return max(1, min(self.claim_size, round(min(rates) * CLAIM_S / self.connections)))


class Sender:
    """Sends occurrences of one deployment.

    Args:
        ledger: Where they are.
        data: The data folder.
        clock: Time.
        policy: Of a campaign, by the id of its occurrence: what is recovered may be of another one.
        report: Told the progress now and then.
    """

    def __init__(
        self,
        ledger: Ledger,
        data: Path,
        clock: Clock,
        policy: Callable[[int], Policy],
        report: Callable[[SendingProgress], None] | None = None,
    ) -> None:
        self._ledger, self._data, self._clock, self._policy = ledger, data, clock, policy
        self._report = report or (lambda _progress: None)

    def send(
        self,
        occurrence: Occurrence,
        orders: Orders,
        composer: Composer,
        transport: Transport,
        *,
        wait_for_others: bool = False,
    ) -> None:
        """Send to all who wait and are due, and mark the occurrence done if nobody is left.

        Args:
            occurrence: One that is sending; of any other, only what was lost is recovered.
            orders: How.
            composer: Writes messages.
            transport: Where they go.
            wait_for_others: Also wait for what other senders have claimed, and take over from those that are gone.

        Raises:
            LeaseLost: This process was still for too long; its claims are recovered by whoever comes next.
        """
        owner = new_owner()
        with stop_on_signals() as stop:
            self._ledger.holders.enter(owner)
            _working.add(owner.id)
            try:
                with Heartbeat(self._ledger, owner.id, self._clock).beating() as heartbeat:
                    recovery = self._recovery(owner)
                    shift = _Shift(self, owner, heartbeat, recovery, stop, occurrence.id)
                    shift.work(orders, composer, transport, wait_for_others=wait_for_others)
            finally:
                _working.discard(owner.id)
                self._ledger.holders.leave(owner.id)

    def recover(self, occurrence_id: int | None = None) -> Recovered:
        """Settle what senders that are gone have left (of one occurrence, or of all)."""
        owner = new_owner()
        self._ledger.holders.enter(owner)
        try:
            return self._recovery(owner).recover(occurrence_id)
        finally:
            self._ledger.holders.leave(owner.id)

    def _recovery(self, owner: Owner) -> Recovery:
        watch = LeaseWatch(self._clock)
        return Recovery(
            self._ledger, self._data, owner, watch, self._policy, self._clock, is_working=_working.__contains__
        )


class _Shift:
    """One call of `Sender.send`."""

    def __init__(
        self,
        sender: Sender,
        owner: Owner,
        heartbeat: Heartbeat,
        recovery: Recovery,
        stop: StopFlag,
        occurrence_id: int,
    ) -> None:
        self._ledger, self._data, self._clock = sender._ledger, sender._data, sender._clock  # noqa: SLF001
        self._tell = sender._report  # noqa: SLF001
        self._owner, self._heartbeat, self._recovery, self._stop = owner, heartbeat, recovery, stop
        self._id = occurrence_id
        self._handled = 0
        self._began_at = self._counted_at = self._clock.monotonic()
        self._count_every_s = REPORT_EVERY_S
        self._waits: str | None = None

    def work(self, orders: Orders, composer: Composer, transport: Transport, *, wait_for_others: bool) -> None:
        """Send, recover, wait for others if asked to, until nothing is left that is due."""
        while True:
            self._recovery.recover(self._id)
            if self._may_go_on() and self._is_due():
                self._run(orders, composer, transport)
            if self._stop.signal is not None or not self._may_go_on():
                break
            if self._is_due():  # released by somebody meanwhile
                continue
            if not wait_for_others or not self._others_work():
                break
            self._clock.sleep(LOOK_EVERY_S)
        self._ledger.occurrences.finish(self._id)
        self._progress(final=True)

    def _run(self, orders: Orders, composer: Composer, transport: Transport) -> None:
        shared = Shared()
        limiter = Limiter(self._ledger.rates, orders.limits, self._clock)
        task = Task(self._id, orders.policy, orders.screen, orders.claimed_at_once)
        turns = Turns(self._clock) if orders.connections > 1 else None
        desk = Desk(self._ledger, self._data, self._owner, self._heartbeat.check, self._clock, turns)
        lines = [
            Line(desk, task, shared, composer=composer, transport=transport, limiter=limiter)
            for _ in range(orders.connections)
        ]
        threads = [threading.Thread(target=line.work, name=f"mail-{n}", daemon=True) for n, line in enumerate(lines)]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads, shared)
        finally:
            shared.stop.set()
            for thread in threads:
                thread.join()
            limiter.close()
            self._handled += shared.handled
        if shared.why is not None:
            self._ledger.occurrences.pause(self._id, shared.why)
        if shared.error is not None:
            raise shared.error

    def _watch(self, threads: Sequence[threading.Thread], shared: Shared) -> None:
        """While connections work: look whether they may."""
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(LOOK_EVERY_S)
            if self._stop.signal is not None or not self._may_go_on():
                shared.stop.set()
            self._progress(shared.handled, shared.waits)

    def _may_go_on(self) -> bool:
        """Whether the occurrence is sending, and its time is not over."""
        occurrence = self._ledger.occurrences.get(self._id)
        if occurrence.state is not OccurrenceState.SENDING:
            return False
        if occurrence.expires_at is not None and self._clock.now().timestamp() >= occurrence.expires_at:
            self._ledger.occurrences.end(self._id, OccurrenceState.EXPIRED, EXPIRED)
            self._ledger.occurrences.skip_waiting(self._id, EXPIRED)
            return False
        return True

    def _is_due(self) -> bool:
        due = self._ledger.recipients.next_due(self._id)
        return due is not None and due <= self._clock.now().timestamp()

    def _others_work(self) -> bool:
        return bool(self._ledger.recipients.open_claims(self._id))

    def _progress(self, handled: int = 0, waits: str | None = None, *, final: bool = False) -> None:
        now = self._clock.monotonic()
        if not final and now - self._counted_at < self._count_every_s and waits == self._waits:
            return
        self._waits = waits
        counts = self._ledger.recipients.counts(self._id)
        self._counted_at = self._clock.monotonic()
        self._count_every_s = max(REPORT_EVERY_S, COUNTING_SHARE * (self._counted_at - now))
        rate = (self._handled + handled) / max(self._counted_at - self._began_at, 1e-6)
        self._tell(SendingProgress(counts, rate, waits))
