"""Which published batches a partition's rows, and its dead letters, come from: one, or all that were added to it."""

from collections.abc import Iterable

from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchState


def contributing(ledger: Ledger, dataset: str) -> dict[str, list[Batch]]:
    """By partition, the batches that are in it, in order of publication: the last is the one that it is at."""
    published = ledger.batches.of_pipeline(dataset, [BatchState.PUBLISHED])
    found: dict[str, list[Batch]] = {}
    for batch in published:
        found.setdefault(batch.partition, []).append(batch)
    return {partition: contributing_of(batches) for partition, batches in found.items()}


def contributing_of(published: Iterable[Batch]) -> list[Batch]:
    """Those of one partition's published batches that are in it: since it was last replaced, each key's newest."""
    there: dict[str, Batch] = {}
    for batch in sorted(published, key=lambda batch: batch.publication):
        if batch.plan["declaration"]["write"] == "replace":
            there.clear()
        for key in [key for key, other in there.items() if key == batch.key or other.id == _base_of(batch)]:
            del there[key]
        there[batch.key] = batch
    return list(there.values())


def _base_of(batch: Batch) -> int | None:
    """The batch that a replay carries over: corrections may have given the replay another key."""
    base: int | None = batch.plan.get("replay", {}).get("base")
    return base
