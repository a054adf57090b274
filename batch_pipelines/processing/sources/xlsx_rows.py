"""From the cells of a sheet to a Parquet file: every column text, as CSV has it.

Beside the columns stand the row of the sheet, and what is wrong with a row that has a cell whose formula failed. The
texts are stored plainly and packed lightly: the file is read once or twice, and soon.

What must not live here: which cells name columns (xlsx_grid.py), reading a workbook (xlsx_convert.py).
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute

from batch_pipelines.core.errors import InputError
from batch_pipelines.lake.lean_arrow import spare_pandas
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.xlsx_grid import FAULT, ROW, Grid

pc: Any = compute  # its stubs know a function by the types of its values
Table = Any

MOST_ROWS = 1 << 15  # of a row group, and so of a chunk: workers have their share of a sheet of a hundred thousand
_MIDNIGHT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00$"
_CLOCK = r"^1899-12-3[01] ([0-9]{2}:[0-9]{2}:[0-9]{2}.*)$"


def write_rows(grid: Grid, target: Path, caps: Caps) -> dict[str, Any]:
    """Write the rows of a sheet that are not empty.

    Args:
        grid: The cells.
        target: The Parquet file; there must be none of that name.
        caps: What the workbook may cost.

    Returns:
        `columns` (names, in order), `items` and `blank_lines`.

    Raises:
        InputError: The header is not one.
    """
    spare_pandas()
    if grid.table.num_rows < grid.header_row:
        return _empty(grid, target)
    names = grid.names(caps)
    body = _without_empty(grid.body(names))
    fault = grid.faults(len(names))
    row = np.arange(grid.header_row + 1, grid.header_row + 1 + body.num_rows)
    filled = _filled(body, fault)
    blank = int(np.count_nonzero(~filled))
    if blank:
        chosen = pa.array(filled)
        body, fault, row = body.filter(chosen), fault.filter(chosen), row[filled]
    body = _readable(body).append_column(ROW, pa.array(row)).append_column(FAULT, fault)
    _write(body, target)
    return {"columns": names, "items": body.num_rows, "blank_lines": blank}


def _empty(grid: Grid, target: Path) -> dict[str, Any]:
    rows, header_row = grid.table.num_rows, grid.header_row
    if rows or header_row > 1:
        message = f"the sheet ends at row {rows}, before its header: correct `xlsx: {{header_row: {header_row}}}`"
        raise InputError(grid.source, message)
    _write(pa.table({ROW: pa.array([], pa.int64()), FAULT: pa.array([], pa.string())}), target)
    return {"columns": [], "items": 0, "blank_lines": 0}


def _without_empty(body: Table) -> Table:
    """Empty texts, which formulas leave, are as empty as cells without any."""
    empty = pa.scalar("")
    columns = [pc.if_else(pc.equal(column, empty), pa.scalar(None, pa.string()), column) for column in body.columns]
    return pa.table(columns, names=body.column_names)


def _filled(body: Table, fault: Any) -> Any:
    """Which rows have anything in them."""
    filled = fault.is_valid().to_numpy(zero_copy_only=False)
    for column in body.columns:
        filled = filled | column.combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return filled


def _readable(body: Table) -> Table:
    """Days without their midnight, times of day without the day that a sheet counts from."""
    columns = []
    for column in body.columns:
        texts = column.cast(pa.string())
        if pc.any(pc.ends_with(texts, " 00:00:00")).as_py():
            texts = pc.replace_substring_regex(texts, _MIDNIGHT, r"\1")
        if pc.any(pc.starts_with(texts, "1899-12-3")).as_py():
            texts = pc.replace_substring_regex(texts, _CLOCK, r"\1")
        columns.append(texts)
    return pa.table(columns, names=body.column_names)


def _write(body: Table, target: Path) -> None:
    groups = max(-(-body.num_rows // MOST_ROWS), 1)
    pq.write_table(
        body,
        target,
        row_group_size=max(-(-body.num_rows // groups), 1),
        compression="lz4",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
    )
    with target.open("rb") as file:
        os.fsync(file.fileno())
