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
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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
    "row_group_size": ROW_GROUP_ROWS,
}
_RISING = (
    "_line",
    "_offset",
    "record",
    "line",
    "offset",
)  # nearly sorted: differences take a tenth of the room
_SAMPLE_ROWS = 4096
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


def write_part(table: pa.Table, folder: Path, name: str) -> Part:
    """Write a table as one part; when this returns, file and name are on disk.

    Args:
        table: At least one row.
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
            written: list[Any] = []
            pq.write_table(table, sink, metadata_collector=written, **_options(table))  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(folder)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    stats = _stats(written[0], table.schema)
    return Part(name, table.num_rows, sink.size, sink.digest.hexdigest(), stats)


def read_part(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a part, checking the checksum of every page that is read.

    Raises:
        IntegrityError: It is not there, or is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, memory_map=False) as file:
            return file.read(columns=columns, use_threads=False)
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


def _options(table: pa.Table) -> dict[str, Any]:
    rising = [name for name in table.column_names if name in _RISING]
    repeating = [name for name in table.column_names if name not in rising and _repeats(table.column(name))]
    encodings = dict.fromkeys(rising, "DELTA_BINARY_PACKED")
    return {**PART_OPTIONS, "use_dictionary": repeating or False, "column_encoding": encodings or None}


def _repeats(column: "pa.ChunkedArray[Any]") -> bool:
    """Whether a dictionary pays: judged by the first rows, so the same rows give the same file."""
    if pa.types.is_nested(column.type):
        return True
    head = column.slice(0, _SAMPLE_ROWS)
    return len(pc.unique(head)) * 2 <= len(head)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stats(metadata: Any, schema: pa.Schema) -> Stats:
    """Gather the statistics that Parquet keeps anyway; nested columns have none."""
    result: Stats = {}
    for position in range(metadata.num_columns):
        name = metadata.schema.column(position).path
        if name not in schema.names or pa.types.is_nested(schema.field(name).type):
            continue
        groups = [
            metadata.row_group(group).column(position).statistics for group in range(metadata.num_row_groups)
        ]
        if all(group is not None and group.has_null_count for group in groups):
            kind = schema.field(name).type
            result[name] = [*_ends(groups, kind), sum(group.null_count for group in groups)]
    return result


def _ends(groups: list[Any], kind: pa.DataType) -> tuple[Any, Any]:
    known = [(group.min, group.max) for group in groups if group.has_min_max]
    filled = [group for group in groups if group.num_values]
    if pa.types.is_boolean(kind) or len(known) != len(filled) or not known:
        return None, None
    low, high = min(pair[0] for pair in known), max(pair[1] for pair in known)
    ends = _as_json(low), _as_json(high)
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
