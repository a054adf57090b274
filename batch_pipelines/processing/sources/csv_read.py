"""From the bytes of a chunk to Arrow.

Lives here: reading a chunk's bytes and proving that they are the planned ones; the table of binary columns
that they hold, beside every record that is no row of it; inferring column types from a sample.
Lives elsewhere: splitting records (csv_tokens), what the cells mean (rows/).
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from batch_pipelines.core.errors import IntegrityError, SourceChanged
from batch_pipelines.core.model import Json
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_layout import read_layout
from batch_pipelines.processing.sources.csv_records import Dialect, Records, scan, split_cells
from batch_pipelines.processing.sources.csv_tokens import ARROW_BLOCK_BYTES, Tokeniser
from batch_pipelines.processing.sources.csv_types import infer_type
from batch_pipelines.processing.sources.reading import Places, RawRows
from batch_pipelines.processing.sources.staging import open_plain

SAMPLE_BYTES = 1 << 20


def read_chunk_bytes(payload: Json, home: Path) -> bytes:
    """Read a chunk's bytes.

    Args:
        payload: The chunk's.
        home: What its path is relative to.

    Raises:
        SourceChanged: They are not the planned ones.
    """
    source, size = payload["source"], payload["end"] - payload["start"]
    try:
        with (home / payload["path"]).open("rb") as file:
            file.seek(payload["start"])
            data: bytes = file.read(size)
    except OSError as error:
        message = f"cannot be read any more ({error.strerror}): put it back or run again"
        raise SourceChanged(source, message) from None
    if len(data) < size or zlib.crc32(data) != payload["crc32"]:
        message = "changed after it was planned: run again, and replace files by renaming, not by writing into them"
        raise SourceChanged(source, message, line=payload["first_line"])
    return data


def read_csv_rows(  # noqa: PLR0913 - all that decides how they are read
    data: bytes,
    payload: Json,
    columns: Sequence[str],
    *,
    dialect: Dialect,
    nulls: Sequence[str],
    caps: Caps | None = None,
    items: int | None = None,
    records: Records | None = None,
    block_bytes: int = ARROW_BLOCK_BYTES,
) -> RawRows:
    """Tokenise a chunk.

    Args:
        data: Its bytes.
        payload: The chunk's.
        columns: The file's columns.
        dialect: How the file is written.
        nulls: Cells that mean null, besides the empty one.
        caps: Its largest cell.
        items: Records planned, if known.
        records: What a scan of the bytes found, if there was one.
        block_bytes: What pyarrow takes at a time, at least; more if a record needs it.

    Raises:
        IntegrityError: Rows and structural rejects are not exactly the chunk's records.
    """
    records = records or scan(data, dialect, final=True)[0]
    tokeniser = Tokeniser(data, records, list(columns), dialect, ["", *nulls], (caps or Caps()).cell)
    table, record = tokeniser.read(block_bytes)
    structural = [tokeniser.rejects[number] for number in sorted(tokeniser.rejects)]
    if len(record) + len(structural) != len(records) or items not in (None, len(records)):
        counts = f"{len(record)} rows and {len(structural)} rejects of {len(records)} records, planned {items}"
        raise IntegrityError(f"{payload['source']}:{payload['first_line']}: {counts}")
    return RawRows(table, record, records.lines + payload["first_line"], records.starts + payload["start"], structural)


def reread_records(
    raws: Sequence[bytes],
    places: Places,
    columns: Sequence[str],
    *,
    dialect: Dialect,
    nulls: Sequence[str],
    caps: Caps,
) -> RawRows:
    """Tokenise records that stand alone, each by the grammar: none can spill into the next.

    Args:
        raws: The content of each, without its line end.
        places: Where they were found.
        columns: Of the file that they are from.
        dialect: How that is written.
        nulls: Cells that mean null, besides the empty one.
        caps: Its largest cell.
    """
    sizes = np.array([len(raw) for raw in raws], np.int64)
    nexts = np.cumsum(sizes + 1)
    broken = np.array([split_cells(raw, dialect) is None for raw in raws], np.bool_)
    alone = Records(nexts - sizes - 1, nexts - 1, nexts, places.line, np.ones_like(broken), broken, 0, 0)
    data = b"".join(raw + b"\n" for raw in raws)
    tokeniser = Tokeniser(data, alone, list(columns), dialect, ["", *nulls], caps.cell)
    table, record = tokeniser.read(ARROW_BLOCK_BYTES)
    structural = [tokeniser.rejects[number] for number in sorted(tokeniser.rejects)]
    return RawRows(table, record, places.line, places.offset, structural)


def infer_columns(
    path: Path,
    dialect: Dialect,
    encoding: str,
    caps: Caps,
    *,
    nulls: Sequence[str] = (),
    header: bool | Sequence[str] = True,
    source: str | None = None,
) -> dict[str, str]:
    """Guess the columns' types from the first two MiB of a file.

    Args:
        path: The file.
        dialect: How it is written.
        encoding: Of its text.
        caps: What it may cost.
        nulls: Cells that mean null.
        header: Whether its first record names the columns; see `read_layout`.
        source: What messages call it.

    Returns:
        For each column `int`, `float`, `bool`, `date`, `timestamp` or `string`; nothing if the file is empty.

    Raises:
        InputError: The file cannot be read, or its header cannot be right.
    """
    name = source or str(path)
    with open_plain(path, encoding=encoding, caps=caps, source=name) as stream:
        size = SAMPLE_BYTES + dialect.max_record  # whether a quote is closed must be seen
        data = stream.read(size)
        records, tail = scan(data, dialect, final=len(data) < size)
        if not len(records) and tail < len(data):  # the first line is longer
            data += stream.read(caps.line)
            records, tail = scan(data, dialect, final=len(data) < size + caps.line)
    if not len(records):
        return {}
    layout = read_layout(data, records, header=header, dialect=dialect, caps=caps, source=name)
    body = data[records.nexts[0] if layout.header_records else 0 : tail]
    rows = read_csv_rows(
        body,
        {"source": name, "start": 0, "first_line": 1},
        layout.columns,
        dialect=dialect,
        nulls=nulls,
        caps=caps,
    )
    return {column: infer_type(rows.table[column]) for column in layout.columns}
