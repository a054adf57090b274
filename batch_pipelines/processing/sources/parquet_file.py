"""Parquet files, opened with care: everything that is wrong is an `InputError` that names the file.

Lives here: opening, the checks of sizes that keep memory bounded, proving bytes unchanged, going through rows.
Lives elsewhere: cutting into chunks (parquet_plan.py), what becomes of values (typed_cells.py).
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps

pc: Any = compute  # its stubs know a function by the types of its values

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
BATCH_ROWS = 1 << 14
_TAIL = 8  # the footer's length and the magic
_BLOCK = 1 << 20
_CURE = "fetch or write the file again"


@contextmanager
def opened(path: Path, source: str, caps: Caps, dictionaries: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; every page that is read has its checksum verified, where it has one.

    Args:
        path: The file.
        source: What messages call it.
        caps: What it may cost.
        dictionaries: Columns to be read as dictionaries, if they are stored so.

    Raises:
        InputError: It is not a sound Parquet file, or reading it within the context failed.
    """
    try:
        with path.open("rb") as file:
            refuse_oddities(file, source, caps)
            with pq.ParquetFile(
                file,
                read_dictionary=list(dictionaries),
                buffer_size=_BLOCK,
                pre_buffer=False,
                page_checksum_verification=True,
            ) as parquet:
                yield parquet
    except FileNotFoundError as error:
        raise InputError(source, f"cannot be opened: {error.strerror}") from None
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(source, f"{_said(error)}: {_CURE}") from None


def refuse_oddities(file: BinaryIO, source: str, caps: Caps) -> None:
    """Refuse what cannot be a Parquet file, by its ends.

    Raises:
        InputError: It is none, is encrypted or cut off, or its footer is too large.
    """
    head = file.read(len(MAGIC))
    size = file.seek(0, 2)
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    if ENCRYPTED in (head, tail[4:]):
        raise InputError(source, "the Parquet file is encrypted, which is not read: store it decrypted")
    if head != MAGIC:
        raise InputError(source, "is not a Parquet file: correct `source`, or add format: csv, jsonl or xlsx")
    if tail[4:] != MAGIC or size < 2 * len(MAGIC) + _TAIL:
        raise InputError(source, f"the Parquet file is truncated: {_CURE}")
    footer = int.from_bytes(tail[:4], "little")
    if footer + _TAIL + len(MAGIC) > size:
        raise InputError(source, f"the Parquet file is truncated or damaged: {_CURE}")
    if footer > caps.footer:
        message = (
            f"its footer has {footer:,} bytes, at most {caps.footer:,} are read: write fewer columns or row groups"
        )
        raise InputError(source, message)
    file.seek(0)


def footer_start(path: Path) -> int:
    """Return where the footer of a sound file begins."""
    with path.open("rb") as file:
        size = file.seek(-_TAIL, 2) + _TAIL
        return size - _TAIL - int.from_bytes(file.read(4), "little")


def crc32_of(file: BinaryIO, start: int, end: int) -> int:
    """Return the checksum of a range of bytes (of as much of it as there is)."""
    file.seek(start)
    checksum, left = 0, end - start
    while left > 0 and (block := file.read(min(left, _BLOCK))):
        checksum = zlib.crc32(block, checksum)
        left -= len(block)
    return checksum


def batches(
    parquet: pq.ParquetFile, groups: range, first: int, last: int, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Go through the rows from `first` to before `last`, counted from the first of these row groups."""
    if columns is not None and not columns:
        return
    at = 0
    for batch in parquet.iter_batches(BATCH_ROWS, list(groups), None if columns is None else list(columns)):
        start, stop = max(first - at, 0), min(last - at, batch.num_rows)
        if start < stop:
            yield batch.slice(start, stop - start)
        at += batch.num_rows
        if at >= last:
            return


def texts_in_dictionaries(parquet: pq.ParquetFile, groups: range) -> list[str]:
    """Return the columns of texts that are stored as dictionaries in these row groups: read so, none is a bomb."""
    metadata = parquet.metadata
    stored = {
        column.path_in_schema
        for number in groups
        for column in map(metadata.row_group(number).column, range(metadata.num_columns))
        if any("DICTIONARY" in encoding for encoding in column.encodings)
    }
    return [each.name for each in parquet.schema_arrow if pa.types.is_string(each.type) and each.name in stored]


def plain_bytes(batch: pa.RecordBatch) -> int:
    """Return about how many bytes a batch has once its dictionaries are undone."""
    return sum(_plain_bytes(column) for column in batch.columns)


def _plain_bytes(values: Any) -> int:
    if not pa.types.is_dictionary(values.type):
        return int(values.nbytes)
    sizes = pc.binary_length(values.dictionary)
    return int(pc.sum(sizes.take(values.indices).cast(pa.int64())).as_py() or 0)


def _said(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    if "CRC" in text or "checksum" in text:
        return f"the Parquet file is damaged (the checksum of a page is wrong: {text})"
    if "crypt" in text:
        return f"the Parquet file is encrypted, which is not read ({text})"
    return f"the Parquet file cannot be read ({text})"
