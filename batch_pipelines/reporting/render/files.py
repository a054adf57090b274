"""CSV, Parquet and JSON: rows as they are, streamed; figures as they are.

CSV for people: text that a spreadsheet would take for a formula gets a `'` before it. What must not live here:
looks.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import ChartBlock, Document, Sheet, TableBlock
from batch_pipelines.reporting.model import as_json
from batch_pipelines.reporting.render.renderer import Rendered

BATCH_ROWS = 16_384
_FORMULA = r"^([=+\-@\t\r])"
_FORMULA_BYTES = np.isin(np.arange(256), list(b"=+-@\t\r"))


class CsvRenderer:
    """Writes one CSV for each data sheet (else: each table, else: each chart)."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:  # noqa: ARG002
        """See `Renderer`."""
        made = []
        for sheet in rows_of(document):
            name = f"{sheet.name}.csv"
            rows = write_csv(work / sheet.data, out / name, escape_formulas=document.escape_formulas)
            made.append(Rendered(name, rows=rows))
        return made


class ParquetRenderer:
    """Writes one Parquet file for each data sheet (else: each table, else: each chart)."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:  # noqa: ARG002
        """See `Renderer`."""
        made = []
        for sheet in rows_of(document):
            name = f"{sheet.name}.parquet"
            shutil.copyfile(work / sheet.data, out / name)
            made.append(Rendered(name, rows=pq.read_metadata(out / name).num_rows))
        return made


class JsonRenderer:
    """Writes the figures: what another program would want to know of the report."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:  # noqa: ARG002
        """See `Renderer`."""
        said: dict[str, Any] = {
            "report": document.name, "report_id": document.report_id, "partition": document.partition,
            "title": document.title, "subtitle": document.subtitle, "period": document.period,
            "filters": dict(document.filters), "state": document.state, "data_as_of": document.as_of_at,
            "tables": [as_json(version) for version in document.versions],
            "kpis": [as_json(kpi) for kpi in document.kpis],
            "rows": {sheet.name: pq.read_metadata(work / sheet.data).num_rows for sheet in rows_of(document)},
        }  # fmt: skip
        name = f"{document.name}.json"
        (out / name).write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return [Rendered(name)]


def rows_of(document: Document) -> list[Sheet]:
    """The rows that files of rows hold: the data sheets; else those of the tables, else of the charts."""
    if document.sheets:
        return document.sheets
    tables = {Path(block.data).stem: block for block in document.blocks if isinstance(block, TableBlock)}
    if tables:
        return [Sheet(name, block.data, block.rows) for name, block in tables.items()]
    charts = {Path(block.data).stem: block.data for block in document.blocks if isinstance(block, ChartBlock)}
    return [Sheet(name, file, -1) for name, file in charts.items()]


def write_csv(source: Path, target: Path, *, escape_formulas: bool) -> int:
    """Write rows as CSV (RFC 4180, UTF-8), a batch at a time; how many there were.

    Columns are decoded one after the other, as much of each as a batch needs: it takes two thirds of the memory, and
    less of the processor, too.
    """
    count = 0
    with pq.ParquetFile(source, pre_buffer=False) as opened:
        schema = pa.schema([_flat(field) for field in opened.schema_arrow])
        with pa_csv.CSVWriter(target, schema, write_options=pa_csv.WriteOptions(quoting_style="needed")) as writer:
            for batch in opened.iter_batches(BATCH_ROWS, use_threads=False):
                count += batch.num_rows
                columns = [_safe(column) if escape_formulas else column for column in map(_texts, batch.columns)]
                writer.write_batch(pa.record_batch(columns, schema=schema))
    return count


def _flat(field: "pa.Field[Any]") -> "pa.Field[Any]":
    return field.with_type(pa.string()) if _nested(field.type) else field


def _texts(column: Any) -> Any:
    if not _nested(column.type):
        return column
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _nested(kind: Any) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_binary(kind)


def _safe(column: Any) -> Any:
    """Text that begins like a formula gets a `'` before it; nothing else is touched."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.replace_substring_regex(column, _FORMULA, r"'\1") if _any_formula(column) else column


def _any_formula(column: Any) -> bool:
    """Whether a text begins like a formula: a look at the first byte of each, which costs next to nothing."""
    wide: Any = np.int64 if pa.types.is_large_string(column.type) else np.int32
    _, offsets, letters = column.buffers()
    if letters is None or letters.size == 0:
        return False
    ends: Any = np.frombuffer(offsets, wide)[column.offset : column.offset + len(column) + 1]
    begins = ends[:-1][ends[1:] > ends[:-1]]
    return bool(_FORMULA_BYTES[np.frombuffer(letters, np.uint8)[begins]].any())
