"""The rules of single columns: required, min, max, pattern, enum, and no NUL in text.

Each rule is one vectorised question to a whole column; texts are made only of values that fail.
What must not live here: references (references.py), or anything that needs a second row.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.arrays import Rows, Values, found, one_piece, taken, value_bytes
from batch_pipelines.processing.rows.rejects import Finding, Rejects, shown

Broken = tuple[str, str, Rows]


def check_rules(
    table: pa.Table, columns: Mapping[str, Column], *, known: Rejects | None = None
) -> tuple[Rejects, Rejects]:
    """Check every declared column of a typed table.

    Args:
        table: As `cast_columns` returns it.
        columns: The declared columns.
        known: Rejects of the casts: what is null because it could not be cast is not also missing.

    Returns:
        Rejects and warnings (columns with `severity: warn`; text with NUL is never only a warning).
    """
    rejects: list[Finding] = []
    warnings: list[Finding] = []
    for name, column in columns.items():
        values = one_piece(table.column(name))
        for rule, message, broken in _broken(values, column):
            rows = np.setdiff1d(broken, _rows_at(known, name)) if rule == "required" and known else broken
            texts = None if rule == "required" else shown(taken(values, rows))
            soft = column.severity == "warn" and rule != "nul"
            (warnings if soft else rejects).append(Finding(rule, name, message, rows, texts))
    return Rejects(rejects), Rejects(warnings)


def _rows_at(known: Rejects, column: str) -> Rows:
    return Rejects(finding for finding in known.findings if finding.column == column).rows


def _broken(values: Values, column: Column) -> Iterator[Broken]:
    if column.required and values.null_count:
        yield "required", "is missing", found(pc.is_null(values))
    yield from _out_of_bounds(values, column)
    if column.pattern is not None:
        matches = pc.match_substring_regex(values, f"^(?:{column.pattern})$")
        yield "pattern", f"does not match {column.pattern}", found(pc.invert(matches))
    if column.allowed is not None:
        inside = pc.is_in(values, value_set=pa.array(column.allowed, column.arrow_type))
        listed = ", ".join(str(value) for value in (column.enum or [])[:10])
        outside = pc.and_(pc.invert(inside), pc.is_valid(values))
        yield "enum", f"is not one of {listed}{', …' if len(column.allowed) > 10 else ''}", found(outside)  # noqa: PLR2004
    if column.kind == "string" and not value_bytes(values).all():
        yield "nul", "holds a NUL character", found(pc.match_substring(values, "\0"))


def _out_of_bounds(values: Values, column: Column) -> Iterator[Broken]:
    if column.minimum is None and column.maximum is None:
        return
    ends = pc.min_max(values)
    bounds: list[tuple[str, Any, Callable[..., Any], str]] = [
        ("min", column.minimum, pc.less, f"is below the minimum {column.min}"),
        ("max", column.maximum, pc.greater, f"is above the maximum {column.max}"),
    ]
    for rule, bound, beyond, message in bounds:
        if bound is None:
            continue
        limit = pa.scalar(bound, column.arrow_type)
        if beyond(ends[rule], limit).as_py():
            yield rule, message, found(beyond(values, limit))
