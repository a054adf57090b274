"""What the ledger's suites do all the time: plan, enter, claim, and make results that add up."""

from collections.abc import Sequence

from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchPlan, ChunkPlan, ChunkResult, Claim
from batch_pipelines.core.owners import new_owner

NOW = 1_800_000_000.0


def plan(
    key: str = "a", *, items: Sequence[int] = (3, 2, 1), pipeline: str = "flights", partition: str = "2013-01"
) -> BatchPlan:
    """A plan with a chunk for each of `items`."""
    chunks = [ChunkPlan(n, {"at": place}) for place, n in enumerate(items)]
    return BatchPlan(pipeline, partition, key * 8, {"said": key}, chunks)


def opened(ledger: Ledger, key: str = "a", *, items: Sequence[int] = (3, 2, 1)) -> Batch:
    """A batch of that plan."""
    return ledger.batches.open(plan(key, items=items))


def entered(ledger: Ledger) -> str:
    """A new owner that the ledger knows."""
    owner = new_owner()
    ledger.holders.enter(owner)
    return owner.id


def claimed(ledger: Ledger, owner: str, batch: Batch, *, limit: int = 100, gone: Sequence[str] = ()) -> list[Claim]:
    """Whatever `owner` can claim of `batch` now."""
    return ledger.chunks.claim(owner, [batch.id], limit=limit, now=NOW, gone=gone)


def result(claim: Claim, **detail: object) -> ChunkResult:
    """All items written."""
    return ChunkResult(claim.items, 0, 0, 0, dict(detail))


def committed(ledger: Ledger, owner: str, claims: Sequence[Claim]) -> set[int]:
    """Commit `claims`; the indexes that counted."""
    landed = ledger.chunks.commit(owner, [(claim, result(claim), 0.5) for claim in claims])
    return {index for _, index in landed}


def worked_off(ledger: Ledger, batch: Batch) -> None:
    """Claim and commit all that waits."""
    owner = entered(ledger)
    committed(ledger, owner, claimed(ledger, owner, batch))
    ledger.holders.leave(owner)
