"""How a dataset stands: its partitions, what the table holds of each, its dead letters. Reads only.

What must not live here: whether the sources have changed since (`Processing.current`), which means reading them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.core.model import Batch, BatchState
from batch_pipelines.lake.parts import read_part
from batch_pipelines.processing.dead_letters.corrections import contents_of, count_accepted
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.tables.contributing import contributing


@dataclass(frozen=True, slots=True)
class Standing:
    """How one partition stands.

    Attributes:
        partition: Its key.
        has_files: Whether there are sources for it now; a query can always be asked again.
        newest: The batch that was planned last, None if there never was one.
        published: The batch that the partition is at.
        earlier: Batches before it that are in the partition, too: it was added to them.
    """

    partition: str
    has_files: bool
    newest: Batch | None
    published: Batch | None
    earlier: tuple[Batch, ...] = ()

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


def standings(processing: Processing, dataset: str, *, ask: bool = True) -> list[Standing]:
    """How every partition stands that has files or was processed once, in order.

    Args:
        processing: The datasets.
        dataset: Which.
        ask: Whether to ask which files there are; without it, all that were processed count as having some.

    Raises:
        BatchError: Its store does not answer.
    """
    newest: dict[str, Batch] = {}
    for batch in processing.ledger.batches.of_pipeline(dataset):
        if batch.partition not in newest or batch.publication > newest[batch.partition].publication:
            newest[batch.partition] = batch
    published = contributing(processing.ledger, dataset)
    with_files = set(processing.partitions(dataset)) if ask else set(newest)
    if processing.catalog.entry(dataset).declaration.from_sql:  # windows that have not ended may have been processed
        with_files |= set(newest)
    return [
        Standing(key, key in with_files, newest.get(key), *_held(published.get(key, [])))
        for key in sorted(with_files | set(newest))
    ]


def _held(batches: list[Batch]) -> tuple[Batch | None, tuple[Batch, ...]]:
    return (batches[-1] if batches else None), tuple(batches[:-1])


def dead_letters(processing: Processing, standing: Standing, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The dead letters of a partition, a table a chunk; those of a failed batch, if that is the newest.

    Args:
        processing: The datasets.
        standing: The partition.
        columns: Columns to read, None for all (see tables/dead_letters.py).
    """
    for batch in lettered(standing):
        yield from letters_of(processing, batch, columns)


def letters_of(processing: Processing, batch: Batch, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The dead letters of one batch, a table a chunk."""
    folder = processing.settings.data / "dead_letters" / batch.pipeline
    for chunk in processing.ledger.chunks.of_batch(batch.id):
        if chunk.result and (part := chunk.result.detail.get("dead_letters")):
            yield read_part(folder / part["path"], columns)


def lettered(standing: Standing) -> list[Batch]:
    """The batches whose dead letters count: those that are in the partition; a failed one if it is newer, no replay."""
    trouble = standing.trouble
    failed = trouble and trouble.state is BatchState.FAILED and "replay" not in trouble.plan
    newest = trouble if failed else standing.published
    return [*standing.earlier, *([newest] if newest else [])]


def accepted(processing: Processing, batch: Batch) -> int:
    """How many of a batch's dead letters are accepted."""
    contents = contents_of(batch.plan)
    known = processing.ledger.corrections.accepted(batch.pipeline, contents.values())
    return count_accepted(letters_of(processing, batch, ["source", "record"]) if known else (), contents, known)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why items are dead letters.

    Attributes:
        rule: `reference`, `type`, …
        column: The column at fault, if it is one column.
        message: What is wrong, written to follow the value.
        count: Items it holds for.
        values: The values at fault and how often, most first.
    """

    rule: str
    column: str | None
    message: str
    count: int
    values: list[tuple[str | None, int]]

    @property
    def name(self) -> str:
        """`rule: column`, as reports count them."""
        return f"{self.rule}: {self.column}" if self.column else self.rule


def reasons(processing: Processing, of: Iterable[Standing]) -> list[Reason]:
    """Every reason for dead letters in these partitions, the most frequent first."""
    return reasons_in(processing, (batch for standing in of for batch in lettered(standing)))


def reasons_in(processing: Processing, batches: Iterable[Batch]) -> list[Reason]:
    """Every reason for the dead letters of these batches, the most frequent first."""
    tally: dict[tuple[str, str | None, str], Counter[str | None]] = {}
    for batch in batches:
        for table in letters_of(processing, batch, ["reasons"]):
            for rule, column, message, value, count in _counted(table):
                tally.setdefault((rule, column, message), Counter())[value] += count
    found = [Reason(*key, values.total(), values.most_common()) for key, values in tally.items()]
    return sorted(found, key=lambda reason: (-reason.count, reason.name, reason.message))


def _counted(table: pa.Table) -> Iterator[tuple[str, str | None, str, str | None, int]]:
    flat: Any = pc.list_flatten(table.column("reasons").combine_chunks())
    names = ["rule", "column", "message", "value"]
    each = pa.table({name: flat.field(name) for name in names})
    counted = each.group_by(names, use_threads=False).aggregate([([], "count_all")])
    for row in counted.to_pylist():
        yield row["rule"], row["column"], row["message"], row["value"], row["count_all"]
