"""A loop over rows: `csv.DictReader`, one `if` after the other, Parquet and dead letters in batches."""

import csv
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Json
from benchmarks.processing.rules import BOUNDS, COLUMNS, DATES, ENUMS, FLOATS, INTS, KEY, REQUIRED

FLUSH_ROWS = 50_000
_PARSERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(INTS, int),
    **dict.fromkeys(FLOATS, float),
    **dict.fromkeys(DATES, date.fromisoformat),
}


def run(job: Json) -> Json:
    """Process the file."""
    source, folder = Path(job["input"]), Path(job["folder"])
    with (source / "lineitems.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        process(csv.DictReader(file), source, folder)
    return {}


def process(rows: Iterable[dict[Any, Any]], source: Path, folder: Path) -> None:
    """Check the rows, whatever they were read from, and write good ones and rejects."""
    with (source / "suppliers.csv").open(encoding="utf-8", newline="") as file:
        suppliers = {row["code"] for row in csv.DictReader(file)}
    good: list[dict[str, Any]] = []
    dead: list[dict[str, Any]] = []
    seen: set[tuple[int, int]] = set()
    number = 0
    for row in rows:
        typed, reasons = _checked(row, suppliers)
        if not reasons:
            key = (typed[KEY[0]], typed[KEY[1]])
            if key in seen:
                reasons.append("duplicate")
            seen.add(key)
        if reasons:
            dead.append({"seq": int(row["seq"]), "raw": repr(row), "reasons": reasons})
        else:
            good.append(typed)
        if len(good) == FLUSH_ROWS:
            _write(good, folder / f"good-{number:04d}.parquet")
            good, number = [], number + 1
    _write(good, folder / f"good-{number:04d}.parquet")
    _write(dead, folder / "dead-0000.parquet")


def _checked(row: dict[Any, Any], suppliers: set[str]) -> tuple[dict[str, Any], list[str]]:
    if None in row or None in row.values():
        return {}, ["columns"]
    typed: dict[str, Any] = {}
    reasons = []
    for name in COLUMNS:
        text = row[name]
        if not text:
            typed[name] = None
            if name in REQUIRED:
                reasons.append(f"required: {name}")
            continue
        try:
            value = _PARSERS[name](text) if name in _PARSERS else text
        except ValueError:
            reasons.append(f"type: {name}")
            continue
        typed[name] = value
        if name in BOUNDS and not BOUNDS[name][0] <= value <= BOUNDS[name][1]:
            reasons.append(f"bounds: {name}")
        if name in ENUMS and value not in ENUMS[name]:
            reasons.append(f"enum: {name}")
        if name == "supplier" and value not in suppliers:
            reasons.append("reference: supplier")
        if name == "comment" and not _is_text(value):
            reasons.append("encoding: comment")
    return typed, reasons


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write(rows: list[dict[str, Any]], file: Path) -> None:
    if rows:
        pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd", compression_level=1)
