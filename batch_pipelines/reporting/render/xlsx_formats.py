"""Number formats and widths of spreadsheets: declared formats as Excel writes them."""

from typing import Any

import pyarrow as pa

from batch_pipelines.presentation.formats import Format, usual_format

DATE, DATETIME, TIME = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "hh:mm:ss"
LEAST_WIDTH, MOST_WIDTH = 7, 48


def number_format(form: Format | None, kind: Any = None) -> str:
    """A number format for values of a declared format, else of an Arrow type."""
    if form is None:
        return _of_type(kind)
    decimals = form.decimals
    if form.kind == "percent":
        return "0%" if decimals == 0 else f"0.{'0' * (1 if decimals is None else decimals)}%"
    if form.kind == "currency":
        return f'#,##0.00 "{form.option}"'
    if form.kind == "number":
        digits = (0 if kind is not None and pa.types.is_integer(kind) else 2) if decimals is None else decimals
        return "#,##0" + ("." + "0" * digits if digits else "")
    return {"date": DATE, "time": TIME, "datetime": DATETIME}.get(form.kind, "General")


def format_of_value(value: Any, form: Format | None) -> str:
    """A number format for one value."""
    return number_format(form or usual_format(value), pa.int64() if isinstance(value, int) else None)


def width_of(texts: list[str]) -> float:
    """Width of a column, in letters."""
    longest = max((len(text) for text in texts), default=0)
    return float(min(max(longest + 2, LEAST_WIDTH), MOST_WIDTH))


def _of_type(kind: Any) -> str:
    if pa.types.is_date(kind):
        return DATE
    if pa.types.is_timestamp(kind):
        return DATETIME
    if pa.types.is_time(kind):
        return TIME
    return "[h]:mm:ss" if pa.types.is_duration(kind) else "General"
