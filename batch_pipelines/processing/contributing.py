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
        there.pop(batch.key, None)
        there[batch.key] = batch
    return list(there.values())
