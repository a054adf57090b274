"""What a domain tells the engine about its batches. The engine calls; the domain never calls back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, BatchState, Chunk, ChunkPlan, ChunkResult, Claim, Task


@dataclass(frozen=True, slots=True)
class Verdict:
    """What publishing a batch came to."""

    state: BatchState
    reason: str | None = None


class Workload(Protocol):
    """One domain's side of the chunk protocol."""

    def task(self, batch: Batch, claim: Claim) -> Task:
        """What a worker has to do for this chunk."""
        ...

    def result(self, batch: Batch, claim: Claim, value: Mapping[str, Any]) -> ChunkResult:
        """What the worker's answer says was done."""
        ...

    def halves(self, batch: Batch, claim: Claim) -> tuple[ChunkPlan, ChunkPlan] | None:
        """The chunk in two, or None if it holds one item."""
        ...

    def bury(self, batch: Batch, claim: Claim, reason: str) -> ChunkResult:
        """Make the one item of this chunk a dead letter."""
        ...

    def settle(self, batch: Batch, chunks: Sequence[Chunk]) -> list[Settled]:
        """Whatever needs all chunks of the batch at once; the chunks that change by it."""
        ...

    def publish(self, batch: Batch, chunks: Sequence[Chunk]) -> Verdict:
        """Make the batch visible, all of it at once; harmless when done again."""
        ...
