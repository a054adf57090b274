"""Reading the rows that were gathered: the first of a file, without reading more than they need."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 10_000


def first_rows(work: Path, file: str, limit: int, columns: list[str] | None = None) -> pa.Table:
    """The first rows of a file, without reading more than they need."""
    with pq.ParquetFile(work / file, pre_buffer=False) as opened:
        schema = opened.schema_arrow
        batches, found = [], 0
        for batch in opened.iter_batches(min(limit, BATCH_ROWS), columns=columns, use_threads=False):
            batches.append(batch.slice(0, limit - found))
            found += batches[-1].num_rows
            if found >= limit:
                break
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    return pa.Table.from_batches(batches, schema=schema)


def first_row(file: Path) -> dict[str, Any]:
    """The first row; of a file without rows, all its columns without a value."""
    with pq.ParquetFile(file) as opened:
        batch = next(opened.iter_batches(1), None)
        names = opened.schema_arrow.names
    rows = batch.to_pylist() if batch is not None else []
    return rows[0] if rows else dict.fromkeys(names)


def count_of(file: Path) -> int:
    """How many rows a file has."""
    return int(pq.read_metadata(file).num_rows)
