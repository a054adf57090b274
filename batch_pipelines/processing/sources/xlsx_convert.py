"""A process of its own that turns one sheet of a workbook into a Parquet file of texts.

Its memory is bounded by the system, so a sheet that would need more (two cells a million rows apart do) ends this
process, not the one that plans. Every second counts: the sheet is read in a thread, without Python's lock, while the
package is checked and Arrow imported. So nothing but what finds the sheet is imported at the top.

    python -m batch_pipelines.processing.sources.xlsx_convert '{"path": …}'  →  one line of JSON

Called by xlsx_staging.py alone. What must not live here: which file is staged where (xlsx_staging.py), what becomes
of the cells (xlsx_rows.py).
"""

import json
import os
import re
import resource
import sys
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from batch_pipelines.core.errors import InputError
from batch_pipelines.core.workers.guard import die_with_parent
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.xlsx_package import (
    Sheet,
    check_parts,
    choose,
    opened_package,
    refuse_costly,
    sheets_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

    Read = tuple[pa.RecordBatch | None, Sequence[Any]]

_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})\d')
_BLOCK = 1 << 20


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
        refuse_costly(package, source, caps)
        chosen = choose(sheets_of(package, source), sheet, source)
        if chosen.part not in package.namelist():
            raise InputError(source, f"the sheet {chosen.name!r} is not in the workbook: save it anew")
        reading = _begun(lambda: _read(path, source, chosen))
        from batch_pipelines.processing.sources.xlsx_grid import Grid  # noqa: PLC0415 - see above
        from batch_pipelines.processing.sources.xlsx_rows import write_rows  # noqa: PLC0415

        check_parts(package, source, caps)
        first = _first_column(package, chosen.part)
        batch, errors = reading.result()
    return write_rows(Grid.of(batch, errors, header_row, first, source), target, caps)


def _begun(work: Callable[[], "Read"]) -> Future["Read"]:
    """Begin to work in a thread, which nobody waits for if the process has to end before."""
    future: Future[Read] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised where the result is wanted
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def _read(path: Path, source: str, sheet: Sheet) -> "Read":
    """All rows of the sheet from the first on, as texts, and the cells that are errors; None if it is empty."""
    import fastexcel  # noqa: PLC0415 - what is no workbook is refused without it

    try:
        reader = fastexcel.read_excel(path)
        loaded = reader.load_sheet(
            sheet.name, header_row=None, skip_rows=0, dtypes="string", schema_sample_rows=1, eager=False
        )
        batch, errors = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        if "no data" in str(error).lower() or "empty" in str(error).lower():
            return None, []
        said = str(error).partition("\n")[0]
        raise InputError(source, f"the XLSX workbook cannot be read ({said}): save it anew") from None
    return batch, errors.errors if errors else []


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
    sys.stdout.flush()
    os._exit(0)  # nothing is left to do: neither to give hundreds of MB back, nor to wait for the thread


if __name__ == "__main__":
    main(sys.argv[1])
