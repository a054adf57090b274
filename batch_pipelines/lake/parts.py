"""Parts: the Parquet files that workers write and a table is made of.

A part is written once, under a name that nobody else uses, is on disk when its name is told, and carries page
checksums, so that a bit that flips is seen when it is read.

What must not live here: which parts belong to a table (delta.py), what is in them.
"""

import base64
import hashlib
import io
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch_pipelines.core.durable import sync
from batch_pipelines.core.errors import IntegrityError

Stats = dict[str, list[Any]]

SYSTEM_FIELDS: "tuple[pa.Field[Any], ...]" = (
    pa.field("_source", pa.string()),
    pa.field("_line", pa.int64()),
    pa.field("_offset", pa.int64()),
)
ROW_GROUP_ROWS = 262_144
PART_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "write_page_checksum": True,
}
_SAMPLE_ROWS = 4096
_FEW = 16  # whole numbers, dates: a dictionary pays if each comes so often among the first rows
_LONGEST_STAT = 64


@dataclass(frozen=True, slots=True)
class Part:
    """A file that was written and is on disk.

    Attributes:
        name: File name.
        rows: Rows in it.
        bytes: Its size.
        sha256: Of its bytes.
        stats: By column: least and greatest value (ISO text for times, None where unknown), count of nulls.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    stats: Stats = field(default_factory=dict)


def batch_stem(key: str, generation: int) -> str:
    """Return how the names of all files of one batch begin."""
    return f"{key[:8]}-g{generation}-"


def part_stem(key: str, generation: int, index: int, epoch: int, token: str) -> str:
    """Return the name, without its ending, of what one attempt at one chunk writes.

    Args:
        key: Batch key.
        generation: Generation of the batch.
        index: Number of the chunk.
        epoch: Of the claim under which it is written.
        token: Six random hexadecimal digits.
    """
    return f"{batch_stem(key, generation)}c{index:05d}-e{epoch}-{token}"


def schema_to_text(schema: pa.Schema) -> str:
    """Write a schema as text that can stand in JSON."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def schema_from_text(text: str) -> pa.Schema:
    """Read what `schema_to_text` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def write_part(rows: pa.Table | Iterable[pa.Table], folder: Path, name: str) -> Part:
    """Write rows as one part; when this returns, file and name are on disk.

    Args:
        rows: A table, or several of one schema, one after the other; at least one row.
        folder: Made if it is not there.
        name: File name; there must be no file of that name.

    Raises:
        FileExistsError: There is one; it was left alone.
        OSError: The disk is full, or worse; nothing is left behind.
    """
    _make_folder(folder)
    path = folder / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            sink = _HashingSink(file)
            count, stats = _write(iter([rows] if isinstance(rows, pa.Table) else rows), sink)
            file.flush()
            os.fsync(file.fileno())
        sync(folder)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Part(name, count, sink.size, sink.digest.hexdigest(), stats)


def _write(tables: Iterator[pa.Table], sink: "_HashingSink") -> tuple[int, Stats]:
    table = next(tables)
    schema, unordered, written = table.schema, _unordered(table), list[Any]()
    options: Any = {**PART_OPTIONS, **_encodings(table), "metadata_collector": written}
    where: Any = sink  # pyarrow wants no more of a file than the sink has
    writer = pq.ParquetWriter(where, schema, **options)
    try:
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        for more in tables:
            unordered |= _unordered(more)
            writer.write_table(more, row_group_size=ROW_GROUP_ROWS)
        writer.close()
    except BaseException:
        writer.is_open = False  # closing what failed would fail again, with a message that hides the first
        raise
    return written[0].num_rows, _stats(written[0], schema, unordered)


def read_part(path: Path, columns: list[str] | None = None, *, dictionaries: Sequence[str] = ()) -> pa.Table:
    """Read a part, checking the checksum of every page that is read.

    Args:
        path: The part.
        columns: Those to read; None is all.
        dictionaries: Columns of texts that are wanted as dictionaries: of few texts that costs much less.

    Raises:
        IntegrityError: It is not there, or is damaged.
    """
    checked: dict[str, Any] = {"page_checksum_verification": True, "memory_map": False}
    try:
        with pq.ParquetFile(path, read_dictionary=list(dictionaries), **checked) as file:
            return file.read(columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        message = f"the part {path.name} cannot be read: {error}; process its partition again with force"
        raise IntegrityError(message) from error


def row_groups(path: Path) -> Iterator[pa.Table]:
    """Go through a part a row group at a time, checking the checksum of every page.

    Raises:
        IntegrityError: It is not there, or is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, memory_map=False) as file:
            for number in range(file.num_row_groups):
                yield file.read_row_group(number, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        message = f"the part {path.name} cannot be read: {error}; process its partition again with force"
        raise IntegrityError(message) from error


class _HashingSink(io.RawIOBase):
    """Passes bytes on to a file, counting and hashing them."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.digest = hashlib.sha256()
        self.size = 0
        self._file = file

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size += len(data)
        self._file.write(data)
        return len(data)


def _encodings(table: pa.Table) -> dict[str, Any]:
    """Whole numbers and dates as differences, a third of the CPU and of the room; what repeats as a dictionary.

    Judged by the first rows, so the same rows give the same file.
    """
    repeating = [name for name in table.column_names if _repeats(table.column(name))]
    whole = [field.name for field in table.schema if _is_whole(field.type) and field.name not in repeating]
    differences = dict.fromkeys(whole, "DELTA_BINARY_PACKED")
    return {"use_dictionary": repeating or False, "column_encoding": differences or None}


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _repeats(column: "pa.ChunkedArray[Any]") -> bool:
    """Whether a dictionary pays."""
    if pa.types.is_nested(column.type):
        return True
    head = column.slice(0, _SAMPLE_ROWS)
    distinct = len(pc.unique(head))
    if _is_whole(column.type):
        return distinct * _FEW <= len(head)
    again = len(head) - distinct
    # of n rows drawn from d values, about n * n / 2d repeat an earlier one; it pays up to d = a quarter of all rows
    return again * 2 >= len(head) or again * len(column) >= 2 * len(head) ** 2


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def _unordered(table: pa.Table) -> set[str]:
    """Columns with NaN: Parquet leaves it out of the ends, readers that skip by them take it for the greatest."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    return {name for name in floats if pc.any(pc.is_nan(table.column(name))).as_py()}


def _stats(metadata: Any, schema: pa.Schema, unordered: set[str]) -> Stats:
    """Gather the statistics that Parquet keeps anyway; nested columns have none."""
    result: Stats = {}
    kinds, columns = dict(zip(schema.names, schema.types, strict=True)), metadata.schema
    for position in range(metadata.num_columns):
        name = columns.column(position).path
        if name not in kinds or pa.types.is_nested(kinds[name]):
            continue
        numbers = range(metadata.num_row_groups)
        groups = [metadata.row_group(number).column(position).statistics for number in numbers]
        if all(group is not None and group.has_null_count for group in groups):
            ordered = name not in unordered and not pa.types.is_boolean(kinds[name])
            ends = _ends(groups) if ordered else (None, None)
            result[name] = [*ends, sum(group.null_count for group in groups)]
    return result


def _ends(groups: list[Any]) -> tuple[Any, Any]:
    known = [(group.min, group.max) for group in groups if group.has_min_max]
    filled = [group for group in groups if group.num_values]
    if len(known) != len(filled) or not known:
        return None, None
    ends = _as_json(min(low for low, _ in known)), _as_json(max(high for _, high in known))
    return ends if None not in ends else (None, None)


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_STAT else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else None
