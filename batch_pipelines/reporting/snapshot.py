"""Reading the rows that were gathered: the first of a file, without reading more than they need."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.core.errors import ConfigError

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


def check_dates(file: Path) -> None:
    """Look at what the file says of its dates.

    Raises:
        ConfigError: One is infinite, or beyond what calendars of people know.
    """
    said = pq.read_metadata(file)
    moments = [at for at, each in enumerate(said.schema.to_arrow_schema()) if pa.types.is_temporal(each.type)]
    if said.num_columns != len(said.schema.to_arrow_schema()):
        return  # nested columns: places differ; such values are shown as text
    for group in range(said.num_row_groups):
        for at in moments:
            column = said.row_group(group).column(at)
            try:
                _ = (
                    column.statistics
                    and column.statistics.has_min_max
                    and (column.statistics.min, column.statistics.max)
                )
            except OverflowError as error:
                raise ConfigError(
                    f"column {column.path_in_schema!r} holds a date beyond the years 1 to 9999, or an infinite one: "
                    "leave such rows out, or make it text (::varchar)"
                ) from error


def count_of(file: Path) -> int:
    """How many rows a file has."""
    return int(pq.read_metadata(file).num_rows)
