"""XLSX: a summary with figures and native charts, a sheet a table, data sheets with all rows.

What must not live here: rows of data sheets (xlsx_rows.py), the summary (xlsx_summary.py), looks (xlsx_book.py).
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]

from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import Document, Sheet, TableBlock
from batch_pipelines.reporting.render.cells import cell_texts, form_of
from batch_pipelines.reporting.render.renderer import Rendered
from batch_pipelines.reporting.render.xlsx_book import Book, aligned
from batch_pipelines.reporting.render.xlsx_formats import number_format, width_of
from batch_pipelines.reporting.render.xlsx_rows import SAMPLE_ROW, Filling, fill, portions
from batch_pipelines.reporting.render.xlsx_summary import Summary
from batch_pipelines.reporting.snapshot import first_rows

PLAIN_ROWS = 5_000
SAMPLED = 200
FLOAT_LETTERS = 9
_SUBTOTALS = {"mean": 101, "count": 103, "max": 104, "min": 105, "sum": 109}


class XlsxRenderer:
    """Writes one workbook."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        """See `Renderer`."""
        name = f"{document.name}.xlsx"
        shell = work / f".{name}.shell"
        try:
            book = Book(shell, document, brand)
            fillings, rows = _write(book, work)
            book.xlsx.close()
            cut = book.cut + fill(shell, out / name, fillings)
        finally:
            shell.unlink(missing_ok=True)
        warnings = [f"{cut:,} texts are longer than a cell holds, and were cut"] if cut else []
        return [Rendered(name, rows=rows, warnings=warnings)]


def _write(book: Book, work: Path) -> tuple[dict[str, Filling], int]:
    """Write everything but the rows of data sheets; which these are, and the rows of the longest sheet."""
    document = book.document
    fillings: dict[str, Filling] = {}
    longest = 0
    summary = Summary(book, work)
    summary.write()
    whole = {sheet.data: "" for sheet in document.sheets}
    names: dict[int, str] = {}
    for at, block in enumerate(document.blocks):
        if not isinstance(block, TableBlock) or block.data in whole:
            continue
        longest = max(longest, block.rows)
        if block.rows <= PLAIN_ROWS or block.totalled:
            names[at] = _table(book, block, work)
        else:
            names[at], more = _data(book, Sheet(block.title, block.data, block.rows), work)
            fillings |= more
    for sheet in document.sheets:
        longest = max(longest, sheet.rows)
        whole[sheet.data], more = _data(book, sheet, work)
        fillings |= more
    summary.finish(names, whole)
    return fillings, longest


def _table(book: Book, block: TableBlock, work: Path) -> str:
    """A table of the document, all of its rows, in its formats; the name of its sheet."""
    sheet = book.add_sheet(block.title)
    rows = first_rows(work, block.data, max(block.rows, 1), [column.name for column in block.columns])
    texts = cell_texts(rows.slice(0, SAMPLED), block.columns, book.formats)
    for at, column in enumerate(block.columns):
        kind: Any = rows.column(column.name).type
        shape = number_format(form_of(column, rows), kind)
        look = book.look(num_format=shape, **aligned(column.align, first=at == 0))
        sheet.set_column(at, at, width_of([column.label, *(row[at] for row in texts)]))
        sheet.write_string(0, at, column.label, book.head_look(column.align, first=at == 0))
        for line, value in enumerate(rows.column(column.name).to_pylist(), 1):
            book.write(sheet, line, at, value, look)
        if block.totalled:
            _total(book, sheet, block, at, shape)
    book.finish(sheet, len(block.columns), block.rows)
    return str(sheet.get_name())


def _total(book: Book, sheet: Any, block: TableBlock, at: int, shape: str) -> None:
    """The last line: a formula that follows the filter, with the value it has now."""
    column, line = block.columns[at], block.rows + 1
    look = book.look(bold=True, top=1, top_color=book.theme.ink, num_format=shape, align=column.align)
    if column.total_kind and block.rows:
        letters = xl_col_to_name(at)
        formula = f"=SUBTOTAL({_SUBTOTALS[column.total_kind]},{letters}2:{letters}{block.rows + 1})"
        sheet.write_formula(line, at, formula, look, column.total if column.total is not None else "")
    elif at == 0:
        sheet.write_string(line, at, book.words["total"], look)
    else:
        sheet.write_blank(line, at, None, look)


def _data(book: Book, sheet: Sheet, work: Path) -> tuple[str, dict[str, Filling]]:
    """Heads and one sample cell a column, on as many sheets as the rows need; the rows come later.

    Returns:
        The name of the first sheet, and what fills which.
    """
    source = work / sheet.data
    with pq.ParquetFile(source) as opened:
        schema, count = opened.schema_arrow, opened.metadata.num_rows
    sample = first_rows(work, sheet.data, SAMPLED)
    fillings, names = {}, []
    for first, rows in portions(count):
        made = book.add_sheet(sheet.name)
        names.append(str(made.get_name()))
        for at, field in enumerate(schema):
            label = _label(field, book.document.timezone)
            made.write_string(0, at, label, book.head_look("left" if _is_text(field) else "right", first=at == 0))
            made.set_column(at, at, width_of([label, *_samples(sample.column(at))]))
            if rows:
                align = aligned("left", first=at == 0) if _is_text(field) else {"align": "right"}
                look = book.look(num_format=number_format(None, field.type), **align)
                made.write_blank(SAMPLE_ROW - 1, at, None, look)
        book.finish(made, len(schema), rows)
        if rows:
            name = f"xl/worksheets/sheet{made.index + 1}.xml"
            fillings[name] = Filling(source, first, rows, book.document.timezone)
    return names[0], fillings


def _label(column: "pa.Field[Any]", timezone: str) -> str:
    aware = pa.types.is_timestamp(column.type) and column.type.tz is not None
    return f"{column.name} ({timezone})" if aware else column.name


def _is_text(column: "pa.Field[Any]") -> bool:
    return pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_nested(column.type)


def _samples(column: Any) -> list[str]:
    if pa.types.is_floating(column.type):
        return ["0" * FLOAT_LETTERS]  # a cell shows as many digits as it has room for
    if pa.types.is_timestamp(column.type):
        return ["0000-00-00 00:00:00"]
    return [str(value) for value in column.to_pylist() if value is not None]
