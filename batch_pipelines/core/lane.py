"""The loop at the heart: claim chunks, have them worked on, commit what they came to, close what is complete.

A lane may die, repeat, or arrive late: all it knows is in the ledger. Several may work on the same batches, in one
run or in many. What an ending of a task means for its chunk is decided in verdicts.py.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.closing import Closing
from batch_pipelines.core.faults import fault
from batch_pipelines.core.heartbeat import Heartbeat
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchState, Claim
from batch_pipelines.core.owners import LeaseWatch, Owner, new_owner
from batch_pipelines.core.progress import REPORT_EVERY_S, Progress
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines.core.stopping import StopFlag, stop_on_signals
from batch_pipelines.core.verdicts import Verdicts
from batch_pipelines.core.workers.pool import Died, Ending, Lost, WorkerPool
from batch_pipelines.core.workload import Workload

POLL_S = 0.5
SHORTEST_S = 0.001  # clocks that count in microseconds would never reach a time that lies between two of them
CLAIM_AHEAD = 4


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How a lane behaves.

    Attributes:
        retry: Attempts, delays, deaths.
        prefetch: Chunks handed to the pool beyond those being worked on. 0 keeps the promise that a crash costs at
            most one chunk a worker; raise it only for chunks of a few milliseconds.
        grace_s: Seconds that work in flight is given to finish after SIGTERM or SIGINT.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    prefetch: int = 0
    grace_s: float = 20.0


class Lane:
    """Works off batches with the workers of one pool.

    Args:
        ledger: Where batches and chunks are.
        workload: The domain's side.
        make_pool: Makes the pool; called only when there is something to do.
        clock: Time.
        policy: How to behave.
        report: Told the progress at most every `REPORT_EVERY_S` seconds, and at the end.
    """

    def __init__(
        self,
        ledger: Ledger,
        workload: Workload,
        make_pool: Callable[[], WorkerPool],
        *,
        clock: Clock,
        policy: LanePolicy | None = None,
        report: Callable[[Progress], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._workload = workload
        self._make_pool = make_pool
        self._clock = clock
        self._policy = policy or LanePolicy()
        self._report = report or (lambda _progress: None)

    def run(self, batch_ids: Sequence[int], *, wait_for_others: bool = False) -> None:
        """Work until no chunk of these batches waits; close those that are complete.

        After SIGTERM or SIGINT: nothing new is begun, work in flight is finished and committed, the rest is released,
        and the signal is raised again, so that whoever sent it gets what he wanted.

        Args:
            batch_ids: The batches.
            wait_for_others: Also wait for chunks that other lanes work on, and take over those of lanes that are gone.

        Raises:
            LeaseLost: This process was still for too long.
        """
        if not batch_ids:
            return
        owner = new_owner()
        with stop_on_signals() as stop:
            self._ledger.holders.enter(owner)
            try:
                with Heartbeat(self._ledger, owner.id, self._clock).beating() as heartbeat:
                    shift = _Shift(self, owner, heartbeat, stop, list(batch_ids))
                    shift.work(wait_for_others=wait_for_others)
            finally:
                self._ledger.holders.leave(owner.id)


class _Shift:
    """One call of `Lane.run`."""

    def __init__(self, lane: Lane, owner: Owner, heartbeat: Heartbeat, stop: StopFlag, batch_ids: list[int]) -> None:
        self._ledger, self._clock, self._policy = lane._ledger, lane._clock, lane._policy  # noqa: SLF001
        self._workload, self._make_pool, self._tell = lane._workload, lane._make_pool, lane._report  # noqa: SLF001
        self._owner, self._heartbeat, self._stop = owner.id, heartbeat, stop
        self._batches: dict[int, Batch] = {batch.id: batch for batch in self._ledger.batches.get(batch_ids)}
        self._open = {batch.id for batch in self._batches.values() if batch.state is BatchState.OPEN}
        self._watch = LeaseWatch(self._clock)
        self._closing = Closing(self._ledger, self._workload, self._owner, self._watch, heartbeat)
        self._verdicts = Verdicts(self._ledger, self._workload, self._owner, self._policy.retry, self._clock)
        self._pool: WorkerPool | None = None
        self._backlog: deque[Claim] = deque()
        self._in_flight: dict[int, Claim] = {}
        self._tickets = 0
        self._stopped_at: float | None = None
        self._began_at = self._reported_at = self._clock.monotonic()
        self._done_before = self._ledger.chunks.counts(self._batches).items_done

    def work(self, *, wait_for_others: bool) -> None:
        """The loop."""
        try:
            while not self._is_over(wait_for_others=wait_for_others):
                if self._pool is not None and self._in_flight:
                    self._take(self._pool.wait(POLL_S))
                self._report()
        finally:
            if self._pool is not None:
                self._pool.stop()
            self._report(final=True)

    def _is_over(self, *, wait_for_others: bool) -> bool:
        """Claim more work; whether there is none and will be none."""
        if self._stop.signal is not None:
            return not self._in_flight or self._grace_is_over()
        self._fill()
        return not self._in_flight and not self._rest(wait_for_others=wait_for_others)

    def _grace_is_over(self) -> bool:
        now = self._clock.monotonic()
        self._stopped_at = self._stopped_at or now
        return now - self._stopped_at > self._policy.grace_s

    def _fill(self) -> None:
        """Hand chunks to the pool until it has enough; claim a few more than that, so as not to ask one by one."""
        if not self._backlog and self._open and len(self._in_flight) < self._slots:
            self._backlog.extend(self._claim(CLAIM_AHEAD * self._slots))
        while self._backlog and len(self._in_flight) < self._slots:
            claim = self._backlog.popleft()
            if claim.batch_id in self._open:
                self._submit(claim)

    @property
    def _slots(self) -> int:
        """Chunks that the pool may have; one before there is a pool: the first chunk makes it."""
        return (self._pool.workers if self._pool else 1) + self._policy.prefetch

    def _claim(self, limit: int) -> list[Claim]:
        chunks, batch_ids = self._ledger.chunks, sorted(self._open)
        now = self._clock.now().timestamp()
        claims = chunks.claim(self._owner, batch_ids, limit=limit, now=now)
        if not claims and not self._in_flight:
            gone = self._watch.gone(self._ledger.holders.others(self._owner, batch_ids))
            if gone:
                claims = chunks.claim(self._owner, batch_ids, limit=limit, now=now, gone=gone)
        return claims

    def _submit(self, claim: Claim) -> None:
        self._pool = self._pool or self._make_pool()
        self._tickets += 1
        self._in_flight[self._tickets] = claim
        self._pool.submit(self._tickets, self._workload.task(self._batches[claim.batch_id], claim))
        fault("lane.submitted")

    def _take(self, endings: list[tuple[int, Ending]]) -> None:
        """Commit what came back, and close batches that are complete by it."""
        if not endings:
            return
        taken = [(self._in_flight.pop(ticket), ending) for ticket, ending in endings]
        fault("lane.worked")
        self._heartbeat.check()
        if self._stop.signal is not None:  # whoever stops us may stop the workers, too: that says nothing about chunks
            taken = [(claim, Lost("stopped") if isinstance(end, Died) else end) for claim, end in taken]
        self._verdicts.record([(self._batches[claim.batch_id], claim, ending) for claim, ending in taken])
        still_mine = {claim.batch_id for claim in (*self._in_flight.values(), *self._backlog)}
        for batch_id in sorted({claim.batch_id for claim, _ in taken} & self._open - still_mine):
            if self._closing.close(batch_id):
                self._open.discard(batch_id)

    def _rest(self, *, wait_for_others: bool) -> bool:
        """Nothing to claim just now: close what is complete, wait for the rest. False if nothing is waited for."""
        self._open -= {batch_id for batch_id in sorted(self._open) if self._closing.close(batch_id)}
        if not self._open:
            return False
        due = self._ledger.chunks.next_due(sorted(self._open))
        if due is None and not wait_for_others:
            return False
        pause = POLL_S if due is None else min(max(due - self._clock.now().timestamp(), SHORTEST_S), POLL_S)
        self._clock.sleep(pause)
        return True

    def _report(self, *, final: bool = False) -> None:
        now = self._clock.monotonic()
        if not final and now - self._reported_at < REPORT_EVERY_S:
            return
        self._reported_at = now
        counts = self._ledger.chunks.counts(self._batches)
        rate = (counts.items_done - self._done_before) / max(now - self._began_at, 1e-6)
        self._tell(Progress(counts.items_done, counts.items, counts.dead, counts.chunks_failed, rate))
