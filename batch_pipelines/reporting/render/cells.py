"""Texts of a table's cells, the same in every format that shows texts.

What must not live here: how they are laid out.
"""

import math
from typing import Any

import pyarrow as pa

from batch_pipelines.presentation.formats import Format, Formats, read_format
from batch_pipelines.reporting.document import TableBlock, TableColumn

LONGEST_CELL = 2_000
LOOKED_AT = 100_000  # of a column, to find out how many decimals suit it
_MANY = 100.0


def cell_texts(rows: pa.Table, columns: list[TableColumn], formats: Formats) -> list[list[str]]:
    """Rows as texts, in the order of `columns`."""
    made = [_column_texts(rows.column(column.name), form_of(column, rows), formats) for column in columns]
    return [list(row) for row in zip(*made, strict=True)] if made else []


def total_texts(block: TableBlock, rows: pa.Table, formats: Formats, total_word: str) -> list[str] | None:
    """The last line of a table as texts; None if it has none."""
    if not block.totalled:
        return None
    texts = [
        formats.show(column.total, form_of(column, rows) if column.total_kind != "count" else None)
        if column.total_kind
        else ""
        for column in block.columns
    ]
    if texts and not texts[0]:
        texts[0] = total_word
    return texts


def form_of(column: TableColumn, rows: pa.Table) -> Format | None:
    """The format of a column: declared, or for fractions as many decimals as suit all of it."""
    if column.format is not None:
        return read_format(column.format)
    values: Any = rows.column(column.name)
    if not pa.types.is_floating(values.type):
        return None
    figures = [value for value in values.slice(0, LOOKED_AT).to_pylist() if value is not None and math.isfinite(value)]
    if not figures:
        return None
    if all(map(float.is_integer, figures)):
        return Format("number", "0")
    return Format("number", "1" if max(map(abs, figures)) >= _MANY else "2")


def _column_texts(values: Any, form: Format | None, formats: Formats) -> list[str]:
    known: dict[Any, str] = {}
    texts = []
    for value in values.to_pylist():
        if isinstance(value, list | dict):
            texts.append(str(value)[:LONGEST_CELL])
            continue
        text = known.get(value)
        if text is None:
            text = formats.show(value, form)
            text = text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
            known[value] = text
        texts.append(text)
    return texts
