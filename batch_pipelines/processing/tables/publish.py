"""Make a batch visible: exactly its committed parts, in one atomic commit, once.

On a freshly loaded table: a higher publication number than mine means that I am superseded; an equal one that I was
published before; a lower one that I may commit, after every part has been checked. A commit that fails because
another came between is decided afresh. The caller holds the table's lease (core/closing.py).
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.model import Batch, BatchState, Chunk
from batch_pipelines.core.workload import Verdict
from batch_pipelines.lake.delta import (
    PartAction,
    app_id,
    columns_of,
    create,
    delta_stats,
    load,
    replace_partition,
    table_path,
    widened,
)

TRIES = 50


def publish(data: Path, batch: Batch, chunks: Sequence[Chunk], schema: pa.Schema) -> Verdict:
    """Publish `batch`, or find out that it has been published or superseded.

    Args:
        data: The data folder.
        batch: Its publication number decides.
        chunks: All its chunks, done.
        schema: Columns of its parts.

    Raises:
        IntegrityError: A part is missing, damaged, foreign or named twice; the table is untouched.
        ConfigError: A column would change its type.
    """
    path = table_path(data, batch.pipeline)
    app = app_id(batch.pipeline, batch.partition)
    parts = _parts(chunks)
    checked = False
    for _ in range(TRIES):
        table = load(path)
        there = (table.transaction_version(app) if table else None) or 0
        if there > batch.publication:
            return Verdict(BatchState.SUPERSEDED, f"publication {there} is newer than {batch.publication}")
        if there == batch.publication:
            return Verdict(BatchState.PUBLISHED)
        if not checked:
            _check(path, batch, parts, schema)
            checked = True
        fault("publish.checked")
        if table is None:
            create(path, widened(None, schema, batch.pipeline))
            fault("publish.table_made")
            continue
        table_schema = widened(columns_of(table), schema, batch.pipeline)
        note = {"batch": batch.key, "generation": batch.generation, "partition": batch.partition}
        committed = replace_partition(
            table, batch.partition, parts, table_schema, app=app, number=batch.publication, note=note
        )
        fault("publish.delta_committed")
        if committed:
            return Verdict(BatchState.PUBLISHED)
    msg = f"{batch.name}: {TRIES} commits in a row were overtaken by others; something else writes to {path}"
    raise IntegrityError(msg)


def _parts(chunks: Sequence[Chunk]) -> list[PartAction]:
    found = [chunk.result.detail["part"] for chunk in chunks if chunk.result and chunk.result.detail.get("part")]
    return [
        PartAction(path=part["path"], rows=part["rows"], size=part["bytes"], stats=delta_stats(part)) for part in found
    ]


def _check(path: Path, batch: Batch, parts: Sequence[PartAction], schema: pa.Schema) -> None:
    """Every part exists once, in the partition's folder, of the size, rows and columns that were committed."""
    if len({part.path for part in parts}) != len(parts):
        msg = f"{batch.name}: a part is named twice"
        raise IntegrityError(msg)
    for part in parts:
        file = path / part.path
        if file.parent != path / batch.partition:
            msg = f"{batch.name}: part {part.path} is another partition's (please report this)"
            raise IntegrityError(msg)
        if not file.is_file() or file.stat().st_size != part.size:
            msg = f"{batch.name}: part {part.path} is missing or not of {part.size:,} bytes; process with force"
            raise IntegrityError(msg)
        rows, columns = _footer(file)
        if rows != part.rows or not columns.equals(schema, check_metadata=False):
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
