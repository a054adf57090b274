"""Data sheets, fast: xlsxwriter makes the workbook with an empty sheet, and Arrow's columns are streamed into it.

xlsxwriter writes 200,000 × 12 cells in 15 CPU seconds, this in 2: a Python call a cell against one a column.
What must not live here: cells (xlsx_cells.py), what a workbook looks like (xlsx.py).
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.reporting.render.xlsx_cells import cells, wall_clock

pc: Any = pyarrow.compute  # its stubs know no Python text beside arrays

SHEET_ROWS = 1_048_575  # beside the heads
BATCH_ROWS = 25_000
MOST_BYTES = 64 * 2**20
SAMPLE_ROW = 2
LEVEL = 3
_STYLES = re.compile(rb'<c r="[A-Z]+2" s="(\d+)"')
_SAMPLE = re.compile(rb'<row r="2"[^>]*>.*?</row>', re.DOTALL)
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Filling:
    """The rows that one sheet is to hold. In the workbook its second row holds an empty, formatted cell a column.

    Attributes:
        source: Parquet file.
        first: Its first row that goes here.
        rows: How many do.
        timezone: Whose clock aware times show.
    """

    source: Path
    first: int
    rows: int
    timezone: str


def portions(rows: int) -> list[tuple[int, int]]:
    """First row and count of each sheet that so many rows need; one at least."""
    return [(at, min(SHEET_ROWS, rows - at)) for at in range(0, max(rows, 1), SHEET_ROWS)]


def fill(shell: Path, target: Path, fillings: dict[str, Filling]) -> int:
    """Write a workbook anew, with rows.

    Args:
        shell: The workbook as xlsxwriter made it.
        target: What to write.
        fillings: By name of the sheet's file in the workbook, e.g. `xl/worksheets/sheet2.xml`.

    Returns:
        How many texts were longer than a cell holds, and cut.
    """
    cut = 0
    with (
        zipfile.ZipFile(shell) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            entry._compresslevel = LEVEL  # type: ignore[attr-defined]  # noqa: SLF001  it does not take the file's
            with new.open(entry, "w", force_zip64=name in fillings) as out:
                if name not in fillings:
                    out.write(old.read(name))
                    continue
                for piece, count in _sheet(old.read(name), fillings[name]):
                    out.write(piece)
                    cut += count
    return cut


def _sheet(shell: bytes, filling: Filling) -> Iterator[tuple[Any, int]]:
    sample = _SAMPLE.search(shell)
    if sample is None:
        raise IntegrityError("xlsxwriter wrote a sheet that is not as expected; its version is not the one tested")
    styles = [int(style) for style in _STYLES.findall(sample[0])]
    yield shell[: sample.start()], 0
    for batch, number in _batches(filling):
        yield _rows(batch, number, styles, filling.timezone)
    yield shell[sample.end() :], 0


def _batches(filling: Filling) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The sheet's rows, and the number of the sheet's row in which each batch begins."""
    at, last, number = 0, filling.first + filling.rows, SAMPLE_ROW
    with pq.ParquetFile(filling.source) as opened:
        for batch in opened.iter_batches(BATCH_ROWS, use_threads=False):
            start, end = max(filling.first - at, 0), min(last - at, batch.num_rows)
            at += batch.num_rows
            for piece in _pieces(batch.slice(start, max(end - start, 0))):
                yield piece, number
                number += piece.num_rows
            if at >= last:
                return


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in pieces whose XML is no more than Arrow's text can hold."""
    rows = max(1, batch.num_rows * MOST_BYTES // max(batch.nbytes, MOST_BYTES))
    for at in range(0, batch.num_rows, rows):
        yield batch.slice(at, rows)


def _rows(batch: pa.RecordBatch, number: int, styles: list[int], timezone: str) -> tuple[Any, int]:
    """Rows as XML."""
    numbers: Any = pc.cast(pa.array(range(number, number + batch.num_rows), pa.int32()), pa.string())
    made, cut = [], 0
    for position, (column, style) in enumerate(zip(batch.columns, styles, strict=True)):
        references = pc.binary_join_element_wise(xl_col_to_name(position), numbers, "")
        texts, count = cells(wall_clock(column, timezone), references, style)
        made.append(texts)
        cut += count
    rows: Any = pc.binary_join_element_wise('<row r="', numbers, '">', *made, "</row>", "")
    return rows.buffers()[2], cut  # the texts of an array lie one after the other
