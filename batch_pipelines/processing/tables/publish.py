"""Make a batch visible: exactly its committed parts, in one atomic commit, once.

On a freshly loaded table: a higher publication number than mine means that I am superseded; an equal one that I was
published before; a lower one that I may commit the difference between what the partition holds and what it is to
hold. A commit that fails because another came between is decided afresh. The caller holds the table's lease
(core/closing.py). What the difference is depends on the write mode: here it is `replace`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.model import Batch, BatchState, Chunk
from batch_pipelines.core.workload import Verdict
from batch_pipelines.lake.commits import PartAction, add_columns, commit_parts, delta_stats
from batch_pipelines.lake.delta import (
    HeldPart,
    app_id,
    columns_of,
    create,
    held_parts,
    load,
    table_path,
)
from batch_pipelines.lake.parts import batch_stem
from batch_pipelines.lake.schema_change import added_columns, is_of, widened, widened_columns
from batch_pipelines.lake.widening import widen

TRIES = 50


@dataclass(frozen=True, slots=True)
class Change:
    """What a publication does to its partition.

    Attributes:
        add: Parts that the partition does not hold.
        remove: Parts that it holds and will not.
        numbers: Numbers to be kept beside the publication's own, by app id.
        note: To be kept with the commit.
    """

    add: Sequence[PartAction]
    remove: Sequence[HeldPart] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    note: dict[str, object] = field(default_factory=dict)


Difference = Callable[[DeltaTable, Sequence[HeldPart], Sequence[PartAction]], Change | Verdict]


def replacing(_table: DeltaTable, held: Sequence[HeldPart], wanted: Sequence[PartAction]) -> Change:
    """`write: replace`: the partition is to hold exactly the batch's parts; those that it holds already stay."""
    there, staying = {part.path for part in held}, {part.path for part in wanted}
    return Change(
        add=[part for part in wanted if part.path not in there],
        remove=[part for part in held if part.path not in staying],
    )


def publish(
    data: Path, batch: Batch, chunks: Sequence[Chunk], schema: pa.Schema, difference: Difference = replacing
) -> Verdict:
    """Publish `batch`, or find out that it has been published or superseded.

    Args:
        data: The data folder.
        batch: Its publication number decides.
        chunks: All its chunks, done.
        schema: Columns of its parts.
        difference: Tells, from the table and the parts that the partition holds, what is to be done for the batch's
            parts; or how the batch ends instead. May be asked again, on another handle.

    Raises:
        IntegrityError: A part is missing, damaged, foreign or named twice; the table is untouched.
        ConfigError: A column would change its type.
    """
    attempt = _Publication(table_path(data, batch.pipeline), batch, _parts(batch, chunks), schema, difference)
    for _ in range(TRIES):
        if verdict := attempt.go():
            return verdict
    msg = f"{batch.name}: {TRIES} commits in a row were overtaken by others; something else writes to {attempt.path}"
    raise IntegrityError(msg)


@dataclass(frozen=True, slots=True)
class _Publication:
    """One call of `publish`."""

    path: Path
    batch: Batch
    parts: list[PartAction]
    schema: pa.Schema
    difference: Difference

    def go(self) -> Verdict | None:
        """Decide and commit on one handle; None if that was overtaken, or only prepared the table."""
        table, batch, app = load(self.path), self.batch, app_id(self.batch.pipeline, self.batch.partition)
        there = (table.transaction_version(app) if table else None) or 0
        if there > batch.publication:
            return Verdict(BatchState.SUPERSEDED, f"publication {there} is newer than {batch.publication}")
        if there == batch.publication:
            return Verdict(BatchState.PUBLISHED)
        columns = widened(None if table is None else columns_of(table), self.schema, batch.pipeline)
        if table is None:
            self._check(self.parts, columns)
            create(self.path, columns)
            fault("publish.table_made")
            return None
        if widened_columns(columns_of(table), columns):
            widen(self.path, table, columns, batch_stem(batch.key, batch.generation))
            return None
        change = self.difference(table, held_parts(table, batch.partition), self.parts)
        return change if isinstance(change, Verdict) else self._commit(table, change, columns)

    def _commit(self, table: DeltaTable, change: Change, columns: pa.Schema) -> Verdict | None:
        """Check the parts that are added and commit; None if that was overtaken, or columns had to be added first."""
        batch, app = self.batch, app_id(self.batch.pipeline, self.batch.partition)
        self._check(change.add, columns)
        if added_columns(columns_of(table), columns):
            add_columns(table, columns)
            return None
        note = {"batch": batch.key, "generation": batch.generation, "partition": batch.partition, **change.note}
        numbers = {app: batch.publication, **change.numbers}
        committed = commit_parts(
            table, batch.partition, add=change.add, remove=change.remove, numbers=numbers, note=note
        )
        fault("publish.delta_committed")
        return Verdict(BatchState.PUBLISHED) if committed else None

    def _check(self, parts: Sequence[PartAction], columns: pa.Schema) -> None:
        """Every part exists, in the partition's folder, of the size, rows and columns that were committed.

        Asked again on every handle: only so can the janitor be sure (withdrawing.py). A part of an earlier batch may
        lack columns that were added since.
        """
        for part in parts:
            _check(self.path, self.batch, part, columns)
        fault("publish.checked")


def _parts(batch: Batch, chunks: Sequence[Chunk]) -> list[PartAction]:
    found = [chunk.result.detail["part"] for chunk in chunks if chunk.result and chunk.result.detail.get("part")]
    if len({part["path"] for part in found}) != len(found):
        msg = f"{batch.name}: a part is named twice"
        raise IntegrityError(msg)
    return [
        PartAction(path=part["path"], rows=part["rows"], size=part["bytes"], stats=delta_stats(part)) for part in found
    ]


def _check(path: Path, batch: Batch, part: PartAction, columns: pa.Schema) -> None:
    file = path / part.path
    if file.parent != path / batch.partition:
        msg = f"{batch.name}: part {part.path} is another partition's (please report this)"
        raise IntegrityError(msg)
    if not file.is_file() or file.stat().st_size != part.size:
        msg = f"{batch.name}: part {part.path} is missing or not of {part.size:,} bytes; process with force"
        raise IntegrityError(msg)
    rows, found = _footer(file)
    if rows != part.rows or not all(is_of(columns, column) for column in found):
        msg = f"{batch.name}: part {part.path} has other rows or columns than were committed; process with force"
        raise IntegrityError(msg)


def _footer(file: Path) -> tuple[int, pa.Schema]:
    """Rows and columns that a part says it has."""
    try:
        footer = pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        msg = f"the part {file.name} cannot be read: {error}; process with force"
        raise IntegrityError(msg) from error
    return footer.num_rows, footer.schema.to_arrow_schema()
