"""Derived columns and the `where` condition, computed by DuckDB over the rows of one chunk.

Only the new columns go through SQL; the others are kept as they are. If an expression raises, all are
computed again with TRY, which tells the rows that fail from the rest.

What must not live here: whether an expression is allowed (expressions.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.core.errors import IntegrityError, PermanentError
from batch_pipelines.processing.rows.arrays import Rows, flags, found, one_piece
from batch_pipelines.processing.rows.expressions import ROWS, describe, first_line, open_duckdb, quoted
from batch_pipelines.processing.rows.rejects import Finding, Rejects
from batch_pipelines.processing.rows.storable import storable

if TYPE_CHECKING:
    import duckdb

__all__ = ["Derived", "derive", "describe"]

EXPLAINED = 64  # failing rows of one expression whose own message is asked for; the rest share a general one
_NUMBER = "__row"
_KEEP = "__keep"
_FAILED = "__failed"


@dataclass(frozen=True, slots=True)
class Derived:
    """What `derive` made of a table.

    Attributes:
        table: The kept rows, with the derived columns at the end.
        kept_rows: Their positions in the table that was given, ascending.
        rejects: Rows for which an expression raised (rule `derive`); the other missing rows are filtered.
    """

    table: pa.Table
    kept_rows: Rows
    rejects: Rejects


def derive(table: pa.Table, expressions: Mapping[str, str], where: str | None) -> Derived:
    """Compute derived columns, then keep the rows for which `where` is true (not false, not null).

    Args:
        table: Typed rows.
        expressions: SQL by name, checked before by `describe`; each sees the table and those before it.
        where: SQL condition, or None to keep all.

    Raises:
        PermanentError: An expression fails for reasons that are not a row's.
        IntegrityError: DuckDB gave back other rows than it was given.
    """
    if not table.num_rows or (not expressions and where is None):
        return Derived(_with_empty(table, expressions), np.arange(table.num_rows), Rejects())
    steps = {**expressions, **({_KEEP: where} if where is not None else {})}
    connection = open_duckdb()
    try:
        connection.register(ROWS, table.append_column(_NUMBER, pa.array(np.arange(table.num_rows))))
        result, rejects = _compute(connection, steps, table.num_rows)
    finally:
        connection.close()
    keep = np.ones(table.num_rows, np.bool_)
    if where is not None:
        keep = flags(one_piece(result.column(_KEEP))).copy()
    keep[rejects.rows] = False
    for name in expressions:
        table = table.append_column(name, _stored(result.column(name), name))
    kept = found(keep)
    return Derived(table if len(kept) == table.num_rows else table.filter(pa.array(keep)), kept, rejects)


def _with_empty(table: pa.Table, expressions: Mapping[str, str]) -> pa.Table:
    if not expressions:
        return table
    return describe(table.schema, expressions).empty_table()


def _compute(connection: "duckdb.DuckDBPyConnection", steps: Mapping[str, str], count: int) -> tuple[pa.Table, Rejects]:
    import duckdb  # noqa: PLC0415 - workers without SQL expressions must not load DuckDB

    try:
        return _run(connection, _query(steps), count), Rejects()
    except (duckdb.DataError, duckdb.InvalidInputException):
        pass
    except duckdb.Error as error:
        raise PermanentError(f"derive, where: {first_line(error)}") from error
    try:
        result = _run(connection, _query(steps, tried=True), count)
    except duckdb.Error as error:
        raise PermanentError(f"derive, where: {first_line(error)}") from error
    return result, Rejects(_failures(connection, steps, result))


def _query(steps: Mapping[str, str], *, tried: bool = False, source: str = ROWS) -> str:
    """Nest one select per step, so that each sees those before it."""
    inner = source
    for name, expression in steps.items():
        value = f"try((\n{expression}\n))" if tried else f"(\n{expression}\n)"
        flag = f", try((\n{expression}\n) is null) is null as {quoted(_FAILED + name)}" if tried else ""
        inner = f"(select *, {value} as {quoted(name)}{flag} from {inner})"  # noqa: S608 - checked expressions
    names = [_NUMBER, *steps, *([_FAILED + name for name in steps] if tried else [])]
    return f"select {', '.join(map(quoted, names))} from {inner}"  # noqa: S608 - see above


def _run(connection: "duckdb.DuckDBPyConnection", sql: str, count: int) -> pa.Table:
    result: pa.Table = connection.sql(sql).to_arrow_table()
    numbers = result.column(_NUMBER).to_numpy()
    if len(numbers) != count or not np.array_equal(np.sort(numbers), np.arange(count)):
        raise IntegrityError(f"derive, where: {count} rows went in, {len(numbers)} came out")
    return result if np.array_equal(numbers, np.arange(count)) else result.take(np.argsort(numbers))


def _failures(connection: "duckdb.DuckDBPyConnection", steps: Mapping[str, str], result: pa.Table) -> list[Finding]:
    findings = []
    for done, name in enumerate(steps):
        column = None if name == _KEEP else name
        label = "where " if name == _KEEP else ""
        rows = found(one_piece(result.column(_FAILED + name)))
        reasons: dict[str, list[int]] = {}
        until = {each: steps[each] for each in list(steps)[: done + 1]}
        for row in rows[:EXPLAINED].tolist():
            reasons.setdefault(_explain(connection, until, row), []).append(row)
        if len(rows) > EXPLAINED:
            reasons.setdefault(f"cannot be computed: {steps[name]}", []).extend(rows[EXPLAINED:].tolist())
        findings += [
            Finding("derive", column, label + message, np.array(sorted(positions), np.int64))
            for message, positions in reasons.items()
        ]
    return findings


def _explain(connection: "duckdb.DuckDBPyConnection", steps: Mapping[str, str], row: int) -> str:
    import duckdb  # noqa: PLC0415 - see _compute

    one = f"(select * from {ROWS} where {_NUMBER} = {row})"  # noqa: S608 - a number
    try:
        connection.sql(_query(steps, source=one)).fetchall()
    except duckdb.Error as error:
        return f"cannot be computed: {first_line(error)}"
    return "cannot be computed"


def _stored(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:  # type: ignore[type-arg]
    kind = storable(column.type)
    if kind is None:
        raise PermanentError(f"derive.{name}: gives {column.type}, which a table cannot hold")
    try:
        return pc.cast(column, kind)
    except pa.ArrowInvalid as error:
        raise PermanentError(f"derive.{name}: {error}") from error
