"""What the ending of a task means for its chunk: done, try again later, split, dead letter, failed.

| ending                              | chunk                                                             |
|-------------------------------------|-------------------------------------------------------------------|
| returned, counts add up             | done, by the newest claim only                                    |
| returned, counts do not add up      | failed: a promise is broken, nothing is published                 |
| raised transient, soft or hard limit| an attempt is charged; waits, or has failed when none is left     |
| raised permanent                    | failed                                                            |
| raised source changed               | the batch ends, nothing is published                              |
| its worker died                     | evidence; after two deaths it is split, a single item is buried   |
| the pool broke                      | released, nothing is charged                                      |
"""

import math
import random
from collections.abc import Sequence

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import BatchError, SourceChanged
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchState, ChunkResult, Claim
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines.core.workers.pool import Died, Ending, Lost, Raised, Returned, TimedOut
from batch_pipelines.core.workload import Workload

TRANSIENT = {"TransientError", "TimeLimitExceeded"}


class Verdicts:
    """Records endings in the ledger, for one owner."""

    def __init__(self, ledger: Ledger, workload: Workload, owner: str, retry: RetryPolicy, clock: Clock) -> None:
        self._ledger = ledger
        self._workload = workload
        self._owner = owner
        self._retry = retry
        self._clock = clock
        self._dice = random.Random()  # noqa: S311  jitter, not secrets

    def record(self, endings: Sequence[tuple[Batch, Claim, Ending]]) -> None:
        """Record how tasks ended. All results go in one transaction."""
        done: list[tuple[Claim, ChunkResult, float]] = []
        for batch, claim, ending in endings:
            if isinstance(ending, Returned):
                self._returned(batch, claim, ending, done)
            else:
                self._failed(batch, claim, ending)
        self._ledger.chunks.commit(self._owner, done)

    def _returned(
        self, batch: Batch, claim: Claim, ending: Returned, done: list[tuple[Claim, ChunkResult, float]]
    ) -> None:
        result = self._workload.result(batch, claim, ending.value)
        if result.items == claim.items:
            done.append((claim, result, ending.seconds))
            return
        self._give_up(
            claim,
            f"{claim.items:,} items were planned, but {result.written:,} written + {result.filtered:,} filtered "
            f"+ {result.dead:,} dead-lettered = {result.items:,} came back; nothing is published (please report this)",
        )

    def _failed(self, batch: Batch, claim: Claim, ending: Raised | Died | TimedOut | Lost) -> None:
        if isinstance(ending, Lost):
            self._ledger.chunks.release(self._owner, [claim])
        elif isinstance(ending, Died):
            self._died(batch, claim, ending)
        elif isinstance(ending, TimedOut):
            self._charge(claim, f"ran past its hard limit of {ending.hard_s:g} s; its worker was killed", None)
        elif ending.kind == "SourceChanged":
            self._ledger.batches.finish(batch.id, BatchState.SOURCE_CHANGED, ending.message)
        elif ending.kind in TRANSIENT:
            self._charge(claim, ending.message, ending.delay_s)
        else:
            self._give_up(claim, ending.message)

    def _charge(self, claim: Claim, error: str, delay_s: float | None) -> None:
        """Charge an attempt: the chunk waits for the next, or has failed if there is none."""
        failed = claim.attempts + 1
        text = f"attempt {failed} of {self._retry.attempts}: {error}"
        due_at = None
        if not self._retry.is_exhausted(failed):
            asked = delay_s is not None and math.isfinite(delay_s)
            pause = max(delay_s or 0.0, 0.0) if asked else self._retry.delay_s(failed, self._dice)
            due_at = self._clock.now().timestamp() + pause
        self._ledger.chunks.fail(self._owner, claim, text, attempts=failed, deaths=claim.deaths, due_at=due_at)

    def _give_up(self, claim: Claim, error: str) -> None:
        self._ledger.chunks.fail(
            self._owner, claim, error, attempts=claim.attempts + 1, deaths=claim.deaths, due_at=None
        )

    def _died(self, batch: Batch, claim: Claim, ending: Died) -> None:
        deaths = claim.deaths + 1
        error = f"its worker died (exit code {ending.exit_code}), {deaths} times by now"
        if deaths < self._retry.deaths:
            now = self._clock.now().timestamp()
            self._ledger.chunks.fail(self._owner, claim, error, attempts=claim.attempts, deaths=deaths, due_at=now)
            return
        try:
            self._isolate(batch, claim, error)
        except SourceChanged as changed:
            self._ledger.batches.finish(batch.id, BatchState.SOURCE_CHANGED, str(changed))
        except BatchError as why:
            self._give_up(claim, f"{error}; it cannot be split: {why}")

    def _isolate(self, batch: Batch, claim: Claim, error: str) -> None:
        if halves := self._workload.halves(batch, claim):
            self._ledger.chunks.split(self._owner, claim, halves, deaths=self._retry.deaths - 1)
        else:
            buried = self._workload.bury(batch, claim, error)
            self._ledger.chunks.commit(self._owner, [(claim, buried, 0.0)])
