"""The rows of one partition as they are published, in order, with their publication number: one handle for both.

What must not live here: SQL over tables (query.py), writing rows anywhere (processing/export/).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.lake.delta import PARTITION, app_id, columns_of, held_parts, load, table_path

ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Published:
    """One partition of a table, as one version of it has it.

    Attributes:
        dataset: The table.
        partition: The partition's key.
        number: Its publication number.
        rows: Rows that it has.
        schema: Its columns, system columns among them, without `_partition`.
        parts: Its files, in order.
    """

    dataset: str
    partition: str
    number: int
    rows: int
    schema: pa.Schema
    parts: tuple[Path, ...]

    def tables(self) -> Iterator[pa.Table]:
        """Go through the rows, a bounded number at a time, with all columns; what an old part lacks is null.

        Raises:
            IntegrityError: A part is not there any more, or is damaged.
        """
        for part in self.parts:
            yield from _read(part, self.schema)


def published(data: Path, dataset: str, partition: str) -> Published | None:
    """Return what is published of a partition now; None if nothing ever was.

    Raises:
        IntegrityError: The table's log is damaged.
    """
    path = table_path(data, dataset)
    table = load(path)
    number = table.transaction_version(app_id(dataset, partition)) if table else None
    if table is None or not number:
        return None
    held = held_parts(table, partition)
    schema = pa.schema([field for field in columns_of(table) if field.name != PARTITION])
    return Published(
        dataset, partition, number, sum(part.rows for part in held), schema, tuple(path / part.path for part in held)
    )


def _read(part: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(part, page_checksum_verification=True, memory_map=False) as file:
            for batch in file.iter_batches(ROWS, use_threads=False):
                yield _shaped(pa.table(batch), schema)
    except (OSError, pa.ArrowException) as error:
        raise IntegrityError(f"the part {part.name} cannot be read: {error}; process its partition again") from error


def _shaped(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(rows.column_names)
    columns = [
        rows.column(field.name).cast(field.type) if field.name in there else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
