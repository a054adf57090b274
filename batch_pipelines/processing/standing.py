"""How a dataset stands: its partitions, what the table holds of each, its dead letters. Reads only.

What must not live here: whether the sources have changed since (`Processing.current`), which means reading them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from batch_pipelines.core.model import Batch, BatchState
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.tables.parts import read_part


@dataclass(frozen=True, slots=True)
class Standing:
    """How one partition stands.

    Attributes:
        partition: Its key.
        has_files: Whether there are sources for it now.
        newest: The batch that was planned last, None if there never was one.
        published: The batch whose rows the table holds.
    """

    partition: str
    has_files: bool
    newest: Batch | None
    published: Batch | None

    @property
    def trouble(self) -> Batch | None:
        """The newest batch, if it came after the published one and is not published itself."""
        if self.newest is None or self.newest.state in (BatchState.PUBLISHED, BatchState.SUPERSEDED):
            return None
        if self.published and self.published.publication > self.newest.publication:
            return None
        return self.newest

    @property
    def state(self) -> str:
        """`published`, `open`, `failed`, `source changed`, or `not processed`."""
        if self.trouble:
            return str(self.trouble.state).replace("_", " ")
        return "published" if self.published else "not processed"


def standings(processing: Processing, dataset: str) -> list[Standing]:
    """How every partition stands that has files or was processed once, in order."""
    newest: dict[str, Batch] = {}
    for batch in processing.ledger.batches.of_pipeline(dataset):
        if batch.partition not in newest or batch.publication > newest[batch.partition].publication:
            newest[batch.partition] = batch
    published = processing.ledger.batches.currents(dataset)
    with_files = set(processing.partitions(dataset))
    return [
        Standing(key, key in with_files, newest.get(key), published.get(key))
        for key in sorted(with_files | set(newest))
    ]


def dead_letters(processing: Processing, standing: Standing, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The dead letters of a partition, a table a chunk; those of a failed batch, if that is the newest.

    Args:
        processing: The datasets.
        standing: The partition.
        columns: Columns to read, None for all (see tables/dead_letters.py).
    """
    failed = standing.trouble if standing.trouble and standing.trouble.state is BatchState.FAILED else None
    batch = failed or standing.published
    if batch is None:
        return
    folder = processing.settings.data / "dead_letters" / batch.pipeline
    for chunk in processing.ledger.chunks.of_batch(batch.id):
        if chunk.result and (part := chunk.result.detail.get("dead_letters")):
            yield read_part(folder / part["path"], columns)
