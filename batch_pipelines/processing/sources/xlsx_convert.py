"""A process of its own that turns one sheet of a workbook into a Parquet file of texts.

Its memory is bounded by the system, so a sheet that would need more (two cells a million rows apart do) ends this
process, not the one that plans. Every column is text, as CSV has it; beside them stand the row of the sheet, and what
is wrong with a row that has a cell whose formula failed.

    python -m batch_pipelines.processing.sources.xlsx_convert '{"path": …}'  →  one line of JSON

Called by xlsx_staging.py alone. What must not live here: which file is staged where (xlsx_staging.py).
"""

import json
import os
import re
import resource
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute

from batch_pipelines.core.errors import InputError
from batch_pipelines.core.workers.guard import die_with_parent
from batch_pipelines.lake.lean_arrow import spare_pandas
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.xlsx_grid import FAULT, ROW, Grid
from batch_pipelines.processing.sources.xlsx_package import Sheet, check_parts, choose, opened_package, sheets_of

pc: Any = compute  # its stubs know a function by the types of its values
Table = Any

GROUP_ROWS = 1 << 15
_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})\d')
_BLOCK = 1 << 20
_MIDNIGHT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00$"
_CLOCK = r"^1899-12-3[01] ([0-9]{2}:[0-9]{2}:[0-9]{2}.*)$"


def convert(path: Path, source: str, *, sheet: str | None, header_row: int, target: Path, caps: Caps) -> dict[str, Any]:
    """Convert one sheet.

    Args:
        path: The workbook.
        source: What messages call it.
        sheet: Name of the sheet, None for the first that people see.
        header_row: Row of the sheet that names the columns, from 1.
        target: The Parquet file to write; there must be none of that name.
        caps: What the workbook may cost.

    Returns:
        `columns` (names, in order), `items` and `blank_lines`.

    Raises:
        InputError: The workbook cannot be read as declared.
    """
    with opened_package(path, source) as package:
        check_parts(package, source, caps)
        chosen = choose(sheets_of(package, source), sheet, source)
        if chosen.part not in package.namelist():
            raise InputError(source, f"the sheet {chosen.name!r} is not in the workbook: save it anew")
        first = _first_column(package, chosen.part)
        table, faults = _read(path, source, chosen)
    if table.num_rows < header_row:
        return _empty(table, header_row, source, target)
    grid = Grid(table, faults, header_row, first, source)
    names = grid.names(caps)
    body = _without_empty(grid.body(names))
    fault = grid.faults(len(names))
    row = np.arange(header_row + 1, header_row + 1 + body.num_rows)
    filled = _filled(body, fault)
    body = _readable(body.filter(pa.array(filled)))
    body = body.append_column(ROW, pa.array(row[filled])).append_column(FAULT, fault.filter(pa.array(filled)))
    _write(body, target)
    return {"columns": names, "items": body.num_rows, "blank_lines": int(np.count_nonzero(~filled))}


def _read(path: Path, source: str, sheet: Sheet) -> tuple[Table, Sequence[Any]]:
    """All rows of the sheet from the first on, as texts, and the cells that are errors."""
    import fastexcel  # noqa: PLC0415 - what is no workbook is refused without it

    try:
        reader = fastexcel.read_excel(path)
        loaded = reader.load_sheet(
            sheet.name, header_row=None, skip_rows=0, dtypes="string", schema_sample_rows=1, eager=False
        )
        batch, errors = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        if "no data" in str(error).lower() or "empty" in str(error).lower():
            return pa.table({}), []
        said = str(error).partition("\n")[0]
        raise InputError(source, f"the XLSX workbook cannot be read ({said}): save it anew") from None
    return pa.Table.from_batches([batch]), errors.errors if errors else []


def _empty(table: Table, header_row: int, source: str, target: Path) -> dict[str, Any]:
    if table.num_rows or header_row > 1:
        message = (
            f"the sheet ends at row {table.num_rows}, before its header: correct `xlsx: {{header_row: {header_row}}}`"
        )
        raise InputError(source, message)
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
        if pc.any(pc.match_substring(texts, ":")).as_py():
            texts = pc.replace_substring_regex(texts, _MIDNIGHT, r"\1")
            texts = pc.replace_substring_regex(texts, _CLOCK, r"\1")
        columns.append(texts)
    return pa.table(columns, names=body.column_names)


def _write(body: Table, target: Path) -> None:
    pq.write_table(
        body, target, row_group_size=GROUP_ROWS, compression="zstd", compression_level=1, write_page_checksum=True
    )
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _first_column(package: zipfile.ZipFile, part: str) -> int:
    """The number of the column in which the rows begin, by the first cells of the sheet."""
    with package.open(part) as stream:
        found = _CELL.findall(stream.read(_BLOCK))
    numbers = [sum((byte - 64) * 26**place for place, byte in enumerate(reversed(letters))) for letters in set(found)]
    return min(numbers, default=1)


def main(arguments: str) -> None:
    """Convert as the JSON `arguments` say; the answer, or the reason why not, is one line of JSON."""
    said = json.loads(arguments)
    die_with_parent(parent=said["parent"])
    caps = Caps()
    resource.setrlimit(resource.RLIMIT_DATA, (caps.memory, caps.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    spare_pandas()
    try:
        answer = convert(
            Path(said["path"]),
            said["source"],
            sheet=said["sheet"],
            header_row=said["header_row"],
            target=Path(said["target"]),
            caps=caps,
        )
    except InputError as error:
        answer = {"error": error.message, "line": error.line}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
