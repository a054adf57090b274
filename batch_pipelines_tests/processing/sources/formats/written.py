"""The same records as files of every format. What must not live here: expectations."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter  # type: ignore[import-untyped]

Record = Mapping[str, Any]
FORMATS = ("csv", "jsonl", "parquet", "xlsx")
TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def written(kind: str, records: Sequence[Record], columns: Mapping[str, str]) -> bytes:
    """Records (of Python values, None for null) as the bytes of a file."""
    return {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet, "xlsx": _xlsx}[kind](records, columns)


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _csv(records: Sequence[Record], columns: Mapping[str, str]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow(["" if record[name] is None else _text(record[name]) for name in columns])
    return file.getvalue().encode()


def _jsonl(records: Sequence[Record], columns: Mapping[str, str]) -> bytes:
    lines = (json.dumps({name: _text(record[name]) for name in columns}, separators=(",", ":")) for record in records)
    return "".join(f"{line}\n" for line in lines).encode()


def _parquet(records: Sequence[Record], columns: Mapping[str, str]) -> bytes:
    arrays = {name: pa.array([record[name] for record in records], TYPES[kind]) for name, kind in columns.items()}
    return parquet(pa.table(arrays))


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as the bytes of a Parquet file with checksums."""
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True, **options)
    return sink.getvalue()


def _xlsx(records: Sequence[Record], columns: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "constant_memory": True})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet.write_row(0, 0, list(columns))
    for row, record in enumerate(records, 1):
        for place, name in enumerate(columns):
            value = record[name]
            if isinstance(value, datetime):
                sheet.write_datetime(row, place, value, moment)
            elif isinstance(value, date):
                sheet.write_datetime(row, place, value, day)
            elif isinstance(value, str):
                sheet.write_string(row, place, value)
            elif value is not None:
                sheet.write(row, place, value)
    book.close()
    return file.getvalue()
