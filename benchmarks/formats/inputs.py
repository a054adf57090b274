"""The input of benchmarks.processing as JSON Lines and XLSX, without the defects that only CSV can have.

What must not live here: making up records (benchmarks/processing/inputs.py).
"""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter  # type: ignore[import-untyped]

from benchmarks.processing.inputs import Input, make_input
from benchmarks.processing.rules import COLUMNS, DATES, FLOATS, INTS

ONLY_CSV = ("too_few_columns", "too_many_columns", "bad_utf8")
Record = dict[str, Any]


def make(folder: Path, rows: int, seed: int, kind: str) -> Input:
    """Make the input of `rows` records as `kind`, jsonl or xlsx, unless it is there already.

    Returns:
        What `make_input` returns, with the size of that file.
    """
    source = make_input(folder / "csv", rows, seed)
    target = folder / kind
    file = target / f"lineitems.{kind}"
    if not file.is_file():
        (target / "good").mkdir(parents=True, exist_ok=True)
        for name in ("suppliers.csv", *(f"good/{part.name}" for part in (source.folder / "good").iterdir())):
            if not (target / name).exists():
                (target / name).hardlink_to(source.folder / name)
        _select_defects(source.folder / "defects.parquet", target / "defects.parquet")
        part = file.with_suffix(".part")
        (_write_jsonl if kind == "jsonl" else _write_xlsx)(_records(source), part)
        part.replace(file)
    return Input(target, rows, file.stat().st_size)


def _select_defects(source: Path, target: Path) -> None:
    with duckdb.connect() as connection:
        query = f"FROM '{source}' WHERE kind NOT IN {ONLY_CSV!r}"
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet)")


def _records(source: Input) -> Iterator[Record]:
    """All records that are not only CSV's, numbers and dates as such where they are."""
    with duckdb.connect() as connection:
        query = f"SELECT seq FROM '{source.folder}/defects.parquet' WHERE kind IN {ONLY_CSV!r}"
        left_out = {seq for (seq,) in connection.execute(query).fetchall()}
    with source.csv.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            if int(row["seq"]) not in left_out:
                yield {name: _value(name, row[name]) for name in COLUMNS}


def _value(name: str, text: str) -> Any:
    try:
        if name in INTS or name in FLOATS:
            return None if not text else int(text) if name in INTS else float(text)
        return date.fromisoformat(text) if name in DATES else text
    except ValueError:
        return text


def _write_jsonl(records: Iterator[Record], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, separators=(",", ":"), default=str) + "\n")


def _write_xlsx(records: Iterator[Record], path: Path) -> None:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        day, sheet = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        for row, record in enumerate(records, 1):
            for place, value in enumerate(record.values()):
                if isinstance(value, date):
                    sheet.write_datetime(row, place, datetime.combine(value, time()), day)
                elif value is not None:
                    sheet.write(row, place, value)
