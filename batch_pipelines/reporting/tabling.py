"""Tables of a document: which columns, turned, compared with the window before, and their last line.

Here is pandas where a person would reach for it. What must not live here: texts of cells (render/cells.py).
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch_pipelines.core.declaring.names import nearest
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.formats import is_nothing
from batch_pipelines.presentation.words import title_of
from batch_pipelines.reporting.declaration.content import Column, Compare, Pivot, Table
from batch_pipelines.reporting.document import TableBlock, TableColumn

CHANGE = "_change"
MOST_COLUMNS = 60
_AGGREGATES: dict[str, Any] = {"sum": pc.sum, "mean": pc.mean, "min": pc.min, "max": pc.max, "count": pc.count}


def table_block(table: Table, work: Path, number: int, against: str) -> TableBlock:
    """Make the block of a declared table.

    Args:
        table: As declared.
        work: Folder with the rows of the queries; a table that is turned or compared is written there anew.
        number: Of the block; names that file.
        against: What it is compared with, in words, or that there is nothing.

    Raises:
        ConfigError: Its query has no such column.
    """
    file = f"{table.data}.parquet"
    if table.pivot or table.compare:
        rows = pq.read_table(work / file)
        made = _pivoted(rows, table.pivot, table.title) if table.pivot else _compared(rows, table, work)
        file = f"table-{number}.parquet"
        pq.write_table(made, work / file)
    with pq.ParquetFile(work / file) as opened:
        schema, count = opened.schema_arrow, opened.metadata.num_rows
    wanted = _wanted(table, schema)
    totals = _totals(table, wanted, work / file)
    columns = [
        _column(name, settings, schema.field(name).type, totals.get(name), first=at == 0)
        for at, (name, settings) in enumerate(wanted.items())
    ]
    note = f"Δ: {against}" if table.compare else None
    return TableBlock(table.title, file, columns, count, table.pdf_rows, table.html_rows, note)


def _wanted(table: Table, schema: pa.Schema) -> dict[str, Column]:
    """Columns to show, in order; of a compared table each with its change after it."""
    declared = table.columns or {}
    names = list(declared) or schema.names
    if table.pivot:
        extra = [name for name in schema.names if name not in declared]
        names = [*(name for name in declared if name in schema.names), *extra] if declared else schema.names
    for name in [*([] if table.pivot else declared), *table.totals]:
        if name not in schema.names:
            raise ConfigError(f"table {table.title!r}: its data have no column {name!r}; {nearest(name, schema.names)}")
    wanted: dict[str, Column] = {}
    for name in names:
        wanted[name] = declared.get(name, Column())
        change = f"{name}{CHANGE}"
        if table.compare and change in schema.names and name in table.compare.columns:
            points = (wanted[name].format or "").startswith("percent")
            wanted[change] = declared.get(
                change, Column(format="number:1" if points else "percent:1", label="Δ pp" if points else "Δ")
            )
    if len(wanted) > MOST_COLUMNS:
        raise ConfigError(
            f"table {table.title!r} would have {len(wanted)} columns; at most {MOST_COLUMNS} can be shown"
        )
    return wanted


def _column(name: str, settings: Column, kind: Any, total: tuple[str, Any] | None, *, first: bool) -> TableColumn:
    label = settings.label or title_of(name)
    numeric = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_duration(kind)
    )
    form = settings.format
    if form is None and pa.types.is_integer(kind) and _is_label(name):
        form = "text"
    return TableColumn(
        name=name, label=label, format=form, align=settings.align or ("right" if numeric and not first else "left"),
        width=settings.width, total=total[1] if total else None, total_kind=total[0] if total else None,
    )  # fmt: skip


def _is_label(name: str) -> bool:
    """Whether numbers of a column are names rather than amounts: years, numbers of flights; never grouped."""
    return name in {"year", "flight", "id", "number"} or name.endswith(("_id", "_number", "_year"))


def _totals(table: Table, wanted: dict[str, Column], file: Path) -> dict[str, tuple[str, Any]]:
    kinds: dict[str, str] = dict.fromkeys(table.totals, "sum")
    kinds |= {name: column.total for name, column in wanted.items() if column.total}
    if not kinds:
        return {}
    rows = pq.read_table(file, columns=list(kinds))
    totals: dict[str, tuple[str, Any]] = {}
    for name, kind in kinds.items():
        try:
            value = _AGGREGATES[kind](rows.column(name)).as_py()
        except pa.ArrowException as error:
            raise ConfigError(f"table {table.title!r}: column {name!r} has no {kind}: {error}") from error
        totals[name] = (kind, None if is_nothing(value) else value if isinstance(value, int) else float(value))
    return totals


def _pivoted(rows: pa.Table, pivot: Pivot, title: str) -> pa.Table:
    needed = [*pivot.rows, pivot.columns, pivot.values]  # noqa: PD011  no frame
    if missing := [name for name in needed if name not in rows.column_names]:
        raise ConfigError(
            f"table {title!r}: its data have no column {missing[0]!r}; {nearest(missing[0], rows.column_names)}"
        )
    if rows.num_rows == 0:
        return rows.select(pivot.rows)
    frame = rows.select(list(dict.fromkeys(needed))).to_pandas(types_mapper=pd.ArrowDtype)
    turned = frame.pivot_table(
        index=pivot.rows, columns=pivot.columns, values=pivot.values, aggfunc=pivot.agg, sort=False, observed=True
    )
    turned.columns = [str(name) for name in turned.columns]
    return _arrow(turned.reset_index())


def _compared(rows: pa.Table, table: Table, work: Path) -> pa.Table:
    """Add a change after each compared column; lines are told apart by `compare.by`."""
    compare: Compare = table.compare  # type: ignore[assignment]  # asked for only where there is one
    for name in [*compare.by, *compare.columns]:
        if name not in rows.column_names:
            raise ConfigError(
                f"table {table.title!r}: its data have no column {name!r}; {nearest(name, rows.column_names)}"
            )
    earlier = work / "previous" / f"{table.data}.parquet"
    now = rows.to_pandas(types_mapper=pd.ArrowDtype)
    if earlier.is_file():
        before = pq.read_table(earlier, columns=[*compare.by, *compare.columns]).to_pandas(types_mapper=pd.ArrowDtype)
        before = before.drop_duplicates(compare.by)
        both = now.merge(before, on=compare.by, how="left", suffixes=("", "_before"), validate="many_to_one")
    else:
        both = now.assign(**{f"{name}_before": None for name in compare.columns})
    for name in compare.columns:
        is_share = bool(table.columns and (table.columns.get(name, Column()).format or "").startswith("percent"))
        current = pd.to_numeric(both[name], errors="coerce").astype("float64")
        past = pd.to_numeric(both[f"{name}_before"], errors="coerce").astype("float64")
        difference = current - past
        both[f"{name}{CHANGE}"] = difference * 100 if is_share else difference / past.abs().where(past != 0)
    return _arrow(both.drop(columns=[f"{name}_before" for name in compare.columns]))


def _arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
