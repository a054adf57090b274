"""A query, frozen: its rows as one Parquet file in staging, named by its content. Afterwards it is a file like others.

    query ─ one snapshot ─▶ texts ─ order, types ─▶ temporary file ─ fsync, rename ─▶ <sha256>.parquet

The same rows are the same file, so they are the same batch: a query without ORDER BY has no order, so its rows are
sorted by all columns; one with ORDER BY keeps its own. What a type cannot hold exactly (`infinity` as a date, NaN as a
decimal) makes its column texts, and the row a dead letter where a type is declared. What must not live here: asking a
database (sql.py).
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute

from batch_pipelines.core.durable import sync
from batch_pipelines.core.errors import InputError
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.parts import PART_OPTIONS
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.sql import Rows

pc: Any = compute  # its stubs know a function by the types of its values

GROUP_BYTES, GROUP_ROWS = 4 << 20, 1 << 16  # of texts; fixed, as the same rows have to be the same file
SORT_MEMORY = "160MB"
SORTED_ROW_BYTES = 32 << 10  # the database that sorts takes 2,048 rows at a time, and a few of those
_PIECE_ROWS = 8192
_ZONELESS, _ZONED = pa.timestamp("us"), pa.timestamp("us", tz="UTC")
_TYPES: dict[str, Any] = {
    "int": pa.int64(),
    "wide": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": _ZONELESS,
    "moment": _ZONED,
}
_MOMENT = r"^([0-9-]{10}) ([0-9:.]+)([+-][0-9]{2}(?::[0-9]{2})?)?$"


@dataclass(slots=True)
class _Column:
    """What is known of a column after the rows so far."""

    name: str
    kind: str
    fits: bool = True

    def meet(self, kind: str, texts: Any) -> None:
        """Take in more rows."""
        self.kind = _both(self.kind, kind)
        if self.fits and self.type is not None:
            self.fits = _typed(texts, self.type) is not None

    @property
    def type(self) -> pa.DataType | None:
        """The type that its texts stand for, None for texts."""
        if self.kind.startswith("decimal"):
            digits, scale = self.kind[8:-1].split(",")
            return pa.decimal128(int(digits), int(scale))
        found: pa.DataType | None = _TYPES.get(self.kind)
        return found

    @property
    def stored(self) -> pa.DataType:
        """The type that it is stored as."""
        return self.type if self.fits and self.type is not None else pa.string()


@dataclass(slots=True)
class _Texts:
    """All rows as texts, in a temporary file: columns, count, bytes; bytes of a row where rows are largest."""

    columns: list[_Column] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    row_size: int = 0


def freeze(batches: Iterable[Rows], source: str, staging_dir: Path, *, ordered: bool, caps: Caps) -> SourceFile:
    """Write the rows of a query to `<staging_dir>/<sha256>.parquet`, unless that is there.

    Args:
        batches: Its rows.
        source: What messages and rows call it, e.g. `sql:shop`.
        staging_dir: Made if it is not there.
        ordered: Whether the query says in which order its rows are.
        caps: What it may cost.

    Raises:
        InputError: It costs too much, holds text that is none, or there is no room for it. Nothing is left behind.
    """
    staging_dir.mkdir(parents=True, exist_ok=True)
    stem = staging_dir / f".extract-{secrets.token_hex(6)}"
    raw, frozen = stem.with_suffix(".texts.tmp"), stem.with_suffix(".tmp")
    try:
        texts = _written(batches, raw, source, caps)
        fault("extract.rows_read")
        if not ordered and texts.row_size > SORTED_ROW_BYTES:
            message = f"its rows are large ({texts.row_size:,} bytes) and have no order; write ORDER BY into the query"
            raise InputError(source, message)
        with _read(raw, ordered=ordered or texts.rows <= 1, columns=len(texts.columns)) as pieces:
            _store(pieces, texts.columns, frozen)
        return _named(frozen, source, staging_dir)
    except (OSError, pa.ArrowException) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(source, f"its rows cannot be kept in {staging_dir}: {why}; cure that and run again") from error
    finally:
        for left in (raw, frozen):
            left.unlink(missing_ok=True)


def _written(batches: Iterable[Rows], file: Path, source: str, caps: Caps) -> _Texts:
    """Write all rows as texts, and find out what types hold them."""
    texts = _Texts()
    writer: pq.ParquetWriter | None = None
    schema = pa.schema([])
    try:
        for batch in batches:
            if writer is None:
                _refuse_columns(batch.names, source, caps)
                texts.columns = [_Column(name, kind) for name, kind in zip(batch.names, batch.kinds, strict=True)]
                schema = pa.schema([(name, pa.string()) for name in batch.names])
                writer = pq.ParquetWriter(file, schema, compression="lz4", write_statistics=False)
            arrays = [_array(texts, place, batch, source, caps) for place in range(len(batch.names))]
            for column, kind, array in zip(texts.columns, batch.kinds, arrays, strict=True):
                column.meet(kind, array)
            texts.rows += len(arrays[0])
            texts.size += batch.size
            texts.row_size = max(texts.row_size, batch.size // max(len(arrays[0]), 1))
            if texts.size > caps.plain_bytes:
                raise InputError(
                    source, f"the query has more than {caps.plain_bytes:,} bytes; narrow it, or partition by time"
                )
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    finally:
        if writer is not None:
            writer.close()
    return texts


def _array(texts: _Texts, place: int, batch: Rows, source: str, caps: Caps) -> Any:
    values = batch.columns[place]
    try:
        array = pa.array(values, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        bad = next(row for row, value in enumerate(values) if value is not None and not _is_text(value))
        where = f"row {texts.rows + bad + 1:,}, column {batch.names[place]!r}"
        raise InputError(source, f"{where}: the text is not UTF-8; correct it, or leave the row out") from None
    longest = pc.max(pc.binary_length(array)).as_py() or 0
    if longest > caps.line:
        where = f"a value of column {batch.names[place]!r} after row {texts.rows:,}"
        raise InputError(
            source, f"{where} has {longest:,} bytes, at most {caps.line:,} are read; leave it out or cut it"
        )
    return array


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_columns(names: Sequence[str], source: str, caps: Caps) -> None:
    if len(names) > caps.columns:
        raise InputError(source, f"the query has {len(names):,} columns, at most {caps.columns:,} are read")


@contextmanager
def _read(file: Path, *, ordered: bool, columns: int) -> Iterator[Iterator[pa.RecordBatch]]:
    """The texts again: as they came, or sorted by all columns, which needs no more memory than it is given."""
    if ordered:
        with pq.ParquetFile(file) as parquet:
            groups = range(parquet.num_row_groups)  # each is as large as one answer of the database
            yield (batch for group in groups for batch in parquet.iter_batches(_PIECE_ROWS, [group]))
        return
    import duckdb  # noqa: PLC0415  only a query without an order pays for it

    scratch = file.with_suffix(".sort")
    settings: dict[str, Any] = {"memory_limit": SORT_MEMORY, "threads": 2, "temp_directory": str(scratch)}
    order = ", ".join(str(place) for place in range(1, columns + 1))
    query = f"SELECT * FROM read_parquet(?) ORDER BY {order}"  # noqa: S608  numbers
    try:
        with closing(duckdb.connect(":memory:", config=settings)) as connection:
            found: Any = connection.sql(query, params=[str(file)])
            yield iter(found.to_arrow_reader(_PIECE_ROWS))
    except duckdb.Error as error:
        raise OSError(0, str(error).partition("\n")[0]) from error
    finally:
        rmtree(scratch, ignore_errors=True)


def _store(pieces: Iterator[pa.RecordBatch], columns: Sequence[_Column], file: Path) -> None:
    """Write the rows with their types, in row groups whose ends depend on the rows alone."""
    schema = pa.schema([(column.name, column.stored) for column in columns])
    with pq.ParquetWriter(file, schema, **PART_OPTIONS) as writer:
        for group in groups(pieces):
            typed = [_typed(group.column(place).combine_chunks(), each.type) for place, each in enumerate(schema)]
            writer.write_table(pa.Table.from_arrays(typed, schema=schema), row_group_size=GROUP_ROWS)
    with file.open("rb") as written:
        os.fsync(written.fileno())


def groups(pieces: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather rows until they are enough for a row group: it ends at the same row however they come in pieces."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for piece in pieces:
        sizes, first = np.cumsum(_row_bytes(piece)), 0
        while first < piece.num_rows:
            done = sizes[first - 1] if first else 0
            enough = int(np.searchsorted(sizes, done + GROUP_BYTES - size)) + 1
            last = min(enough, first + GROUP_ROWS - rows, piece.num_rows)
            waiting.append(piece.slice(first, last - first))
            rows, size = rows + last - first, size + int(sizes[last - 1] - done)
            if rows >= GROUP_ROWS or size >= GROUP_BYTES:
                yield pa.Table.from_batches(waiting)
                waiting, rows, size = [], 0, 0
            first = last
    if rows:
        yield pa.Table.from_batches(waiting)


def _row_bytes(piece: pa.RecordBatch) -> Any:
    """Bytes of the texts of each row."""
    total = np.zeros(piece.num_rows, np.int64)
    for column in piece.columns:
        total += pc.fill_null(pc.binary_length(column), 0).to_numpy()
    return total


def _named(file: Path, source: str, staging_dir: Path) -> SourceFile:
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    target = staging_dir / f"{sha256}.parquet"
    file.replace(target)  # over itself, if it was there: the janitor sees that it is wanted
    sync(staging_dir)
    fault("extract.written")
    return SourceFile(source, target)


def _typed(texts: Any, kind: pa.DataType) -> Any:
    """Texts as a type; None if one of them has no place in it."""
    if pa.types.is_string(kind):
        return texts
    try:
        if pa.types.is_boolean(kind):
            return pc.equal(texts, "t") if _all_in(texts, ["t", "f"]) else None
        if pa.types.is_timestamp(kind):
            fits = pc.all(pc.match_substring_regex(texts, _MOMENT)).as_py() is not False
            return texts.cast(kind) if fits else None
        return texts.cast(kind)
    except pa.ArrowInvalid:
        return None


def _all_in(texts: Any, allowed: list[str]) -> bool:
    return pc.all(pc.is_in(texts.drop_null(), value_set=pa.array(allowed))).as_py() is not False


def _both(one: str, other: str) -> str:
    """The kind of values of two kinds."""
    kinds = {one, other} - {"null"}
    if len(kinds) == 1:
        return kinds.pop()
    if not kinds:
        return "null"
    if kinds == {"int", "wide"}:
        return "wide"
    return "float" if kinds == {"int", "float"} else "string"
