"""Corrections: SQL over the raw text of a record, which gives other text for some of its columns.

A corrected row goes through all the checks like any other. What must not live here: which records are corrected
(dead_letters/corrections.py), conditions on dead letters (dead_letters/selection.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.rows.arrays import Rows, Values, nothing, taken
from batch_pipelines.processing.rows.derive import derive
from batch_pipelines.processing.rows.expressions import type_of
from batch_pipelines.processing.rows.rejects import Finding, Rejects

RULE = "correction"
Changes = Mapping[str, str]
"""SQL by column."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """Raw rows with other texts in some places.

    Attributes:
        table: All rows.
        values: For each row that was corrected, its new texts by column.
        rejects: Rows whose correction could not be computed (rule `correction`); they are as they were.
    """

    table: pa.Table
    values: dict[int, dict[str, str | None]]
    rejects: Rejects


def check_changes(columns: Sequence[str], changes: Changes) -> None:
    """Check corrections of records that have these columns.

    Raises:
        ConfigError: There is no such column, or the SQL cannot work.
    """
    seen = pa.schema([pa.field(name, pa.string()) for name in _distinct(columns)])
    for column, expression in changes.items():
        if column not in columns:
            raise ConfigError(f"set {column}: there is no such column; the records have {', '.join(columns)}")
        type_of(seen, f"set {column}", _as_text(expression))


def correct(raw: pa.Table, changes: Mapping[int, Changes], nulls: Sequence[str]) -> Corrected:
    """Correct rows.

    Args:
        raw: Rows as they were read, all columns text (binary).
        changes: By row.
        nulls: Texts that mean null, besides the empty one.

    Raises:
        PermanentError: An expression cannot work with these columns.
    """
    alike: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for row, change in changes.items():
        alike.setdefault(tuple(sorted(change.items())), []).append(row)
    table, values, rejects = raw, dict[int, dict[str, str | None]](), Rejects()
    for said, rows in alike.items():
        table, more, refused = _correct(table, raw, np.array(sorted(rows), np.int64), dict(said), ["", *nulls])
        values |= more
        rejects += refused
    return Corrected(table, values, rejects)


def texts(raw: pa.Table) -> pa.Table:
    """Return raw rows as SQL sees them: text, what is no UTF-8 replaced; of names that SQL takes for one, the first."""
    names = _distinct(raw.column_names)
    return pa.table({name: _text(raw.column(name)) for name in names})


def _correct(
    table: pa.Table, raw: pa.Table, rows: Rows, changes: Changes, nulls: list[str]
) -> tuple[pa.Table, dict[int, dict[str, str | None]], Rejects]:
    names = {f"__set_{place}": column for place, column in enumerate(changes)}
    steps = {name: _as_text(changes[column]) for name, column in names.items()}
    computed = derive(texts(taken(raw, rows)), steps, None)
    good = rows[computed.kept_rows]
    values: dict[int, dict[str, str | None]] = {int(row): {} for row in good}
    refused: list[Finding] = []
    for name, column in names.items():
        if column not in table.column_names:
            continue
        new = _nulled(computed.table.column(name), nulls)
        typed, unfit = _typed(new, table.schema.field(column).type)
        table = _replaced(table, column, good, typed)
        for row, value in zip(good.tolist(), new.to_pylist(), strict=True):
            values[row][column] = value
        refused.append(Finding("type", column, f"is not of type {typed.type}", good[unfit], taken(new, unfit)))
    rejects = Rejects(refused) + Rejects(
        replace(each, rule=RULE, column=names.get(each.column or "", each.column), rows=rows[each.rows])
        for each in computed.rejects.findings
    )
    return table, values, rejects


def _typed(texts: Values, kind: pa.DataType) -> tuple[Values, Rows]:
    """Texts as a column of this type has them, and the positions of those that it cannot have (null then).

    Where the file has no types, the column is text, and takes all.
    """
    try:
        return pc.cast(texts, kind), np.empty(0, np.int64)
    except pa.ArrowInvalid:
        pieces = [_one(text, kind) for text in texts]
        values: Any = pa.concat_arrays([nothing(1, kind) if piece is None else piece for piece in pieces])
        return values, np.array([place for place, piece in enumerate(pieces) if piece is None], np.int64)


def _one(text: Any, kind: pa.DataType) -> Values | None:
    try:
        return pc.cast(pa.array([text.as_py()], pa.string()), kind)
    except pa.ArrowInvalid:
        return None


def _replaced(table: pa.Table, column: str, rows: Rows, values: Values) -> pa.Table:
    place = table.schema.get_field_index(column)
    mask = np.zeros(table.num_rows, np.bool_)
    mask[rows] = True
    new = pc.replace_with_mask(table.column(place).combine_chunks(), pa.array(mask), values)
    return table.set_column(place, table.schema.field(place), new)


def _nulled(values: "pa.ChunkedArray[Any]", nulls: list[str]) -> Values:
    array: Any = values.combine_chunks()
    means_null = pc.is_in(array, value_set=pa.array(nulls, pa.string()))
    return pc.if_else(means_null, pa.scalar(None, pa.string()), array)


def _text(column: "pa.ChunkedArray[Any]") -> Any:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        found = [None if value is None else value.decode(errors="replace") for value in column.to_pylist()]
        return pa.array(found, pa.string())


def _as_text(expression: str) -> str:
    return f"(\n{expression}\n)::varchar"


def _distinct(columns: Sequence[str]) -> list[str]:
    seen: dict[str, str] = {}
    for name in columns:
        seen.setdefault(name.casefold(), name)
    return list(seen.values())
