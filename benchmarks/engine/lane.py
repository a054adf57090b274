"""Us: batches of empty chunks, planned, worked by two worker processes, committed with an fsync in SQLite."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.lane import Lane, LanePolicy
from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, Chunk, ChunkPlan, ChunkResult, Claim, Task
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines.core.workload import Verdict
from benchmarks.measure import Json, PeerFailed

WORKERS = 2
FUNCTION = "benchmarks.engine.nothing:nothing"


class EmptyWorkload:
    """See `Workload`: nothing to do, nothing to settle, nothing to publish."""

    def task(self, batch: Batch, claim: Claim) -> Task:
        """See `Workload`; time limits as datasets have them."""
        del batch
        return Task(FUNCTION, claim.payload)

    def result(self, batch: Batch, claim: Claim, value: Mapping[str, Any]) -> ChunkResult:
        """See `Workload`."""
        del batch, claim
        return ChunkResult(value["written"], 0, 0)

    def halves(self, batch: Batch, claim: Claim) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Workload`."""
        del batch, claim
        return None

    def bury(self, batch: Batch, claim: Claim, reason: str) -> ChunkResult:
        """See `Workload`."""
        del batch, claim, reason
        return ChunkResult(0, 0, 1)

    def settle(self, batch: Batch, chunks: Sequence[Chunk]) -> list[Settled]:
        """See `Workload`."""
        del batch, chunks
        return []

    def publish(self, batch: Batch, chunks: Sequence[Chunk]) -> Verdict:
        """See `Workload`."""
        del batch, chunks
        return Verdict(BatchState.PUBLISHED)


def run(job: Json) -> Json:
    """Work off batches until the time is over; the last one is finished."""
    ledger = open_ledger(f"sqlite:///{Path(job['folder']) / 'ledger.db'}")
    policy = LanePolicy(prefetch=job["prefetch"])
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < job["seconds"]:
        done += _one_batch(ledger, job["chunks"], policy, number=done)
    seconds = time.perf_counter() - began
    ledger.close()
    return {"done": done, "seconds": seconds, "per_s": done / seconds}


def _one_batch(ledger: Ledger, chunks: int, policy: LanePolicy, *, number: int) -> int:
    plan = BatchPlan("empty", "all", f"{number:032x}", {}, [ChunkPlan(1, {"n": n}) for n in range(chunks)])
    batch = ledger.batches.open(plan)
    Lane(ledger, EmptyWorkload(), lambda: LocalPool(WORKERS), clock=SystemClock(), policy=policy).run([batch.id])
    (after,) = ledger.batches.get([batch.id])
    counts = ledger.chunks.counts([batch.id])
    if after.state is not BatchState.PUBLISHED or counts.chunks_done != chunks:
        raise PeerFailed(f"{after.state}: {counts.chunks_done} of {chunks} chunks are done")
    return chunks
