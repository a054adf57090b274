"""openpyxl: `load_workbook(read_only=True)`, a loop over rows, checked as the rows of a CSV are."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl

from benchmarks.measure import Json
from benchmarks.processing.per_row import process


def run(job: Json) -> Json:
    """Process the file."""
    source = Path(job["input"])
    process(_rows(source / "lineitems.xlsx"), source, Path(job["folder"]))
    return {}


def _rows(path: Path) -> Iterator[dict[Any, Any]]:
    book = openpyxl.load_workbook(path, read_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    names = next(rows)
    for row in rows:
        yield dict(zip(names, map(_cell, row), strict=True))
    book.close()


def _cell(value: Any) -> Any:
    """Empty as CSV has it, days as texts; numbers as they are, but for zero, which is not empty."""
    if not value:
        return "" if value is None else str(value)
    return value.date().isoformat() if isinstance(value, datetime) else value
