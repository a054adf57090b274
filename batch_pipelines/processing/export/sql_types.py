"""Which column of a database holds a column of a table exactly: to make it, or to check one that is there.

A type that would change values without a word (a float for whole numbers, a timestamp without its zone, SQLite's
number affinity for text) does not fit. What must not live here: rows (sql_rows.py).
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Dialect
from sqlalchemy import types as sql
from sqlalchemy.types import TypeEngine

from batch_pipelines.core.databases import POSTGRES
from batch_pipelines.core.errors import PermanentError

_LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer ones without a word


def column_types(columns: pa.Schema, backend: str) -> dict[str, TypeEngine[Any]]:
    """Return the types to make a table with, by column.

    Args:
        columns: The columns.
        backend: `postgresql` or `sqlite`.

    Raises:
        PermanentError: A column has no place in that database.
    """
    if long := [name for name in columns.names if len(name.encode()) > _LONGEST_NAME]:
        raise PermanentError(
            f"the name of column {long[0]!r} is longer than {_LONGEST_NAME} bytes; give it a shorter one"
        )
    return {field.name: _made(field, backend) for field in columns}


def misfits(columns: pa.Schema, there: Mapping[str, TypeEngine[Any]], backend: str) -> list[str]:
    """Return why columns that are there cannot hold these, one line each, with the cure."""
    problems: list[str] = []
    for field in columns:
        wanted = _made(field, backend).compile(dialect=_dialect(backend))
        if field.name not in there:
            problems.append(f"{field.name!r} is missing, add it as {wanted}")
        elif not _holds(field.type, there[field.name], backend):
            found = there[field.name].compile(dialect=_dialect(backend)) if _can_be_named(there[field.name]) else "?"
            problems.append(f"{field.name!r} is {found}, which does not hold {wanted} exactly")
    return problems


def _made(field: "pa.Field[pa.DataType]", backend: str) -> TypeEngine[Any]:
    kind = field.type
    on_postgres = backend == POSTGRES
    made: Any = None
    if pa.types.is_integer(kind):
        made = sql.BigInteger() if on_postgres else sql.Integer()
    elif pa.types.is_floating(kind):
        made = sql.Double() if on_postgres else sql.REAL()
    elif pa.types.is_boolean(kind):
        made = sql.Boolean() if on_postgres else sql.Integer()
    elif pa.types.is_decimal(kind):
        made = sql.Numeric(kind.precision, kind.scale) if on_postgres else sql.Text()
    elif pa.types.is_date(kind):
        made = sql.Date() if on_postgres else sql.Text()
    elif pa.types.is_timestamp(kind):
        made = sql.TIMESTAMP(timezone=True) if on_postgres else sql.Text()
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        made = sql.Text()
    if made is None:
        raise PermanentError(f"column {field.name!r} is {kind}, which has no place in a SQL table")
    found: TypeEngine[Any] = made
    return found


def _holds(kind: pa.DataType, there: TypeEngine[Any], backend: str) -> bool:
    return _postgres_holds(kind, there) if backend == POSTGRES else _sqlite_holds(kind, there)


def _postgres_holds(kind: pa.DataType, there: Any) -> bool:
    """Values out of range are refused row by row, so only what is lost in silence matters here."""
    numeric = isinstance(there, sql.Numeric) and not isinstance(there, sql.Float)
    free = numeric and there.precision is None
    holds = isinstance(there, sql.String) and not isinstance(there, sql.CHAR)
    if pa.types.is_integer(kind):
        holds = numeric or isinstance(there, sql.Integer)
    elif pa.types.is_floating(kind):
        holds = free or isinstance(there, sql.Double)
    elif pa.types.is_decimal(kind):
        holds = free or (numeric and (there.scale or 0) >= kind.scale)
    elif pa.types.is_boolean(kind):
        holds = isinstance(there, sql.Boolean)
    elif pa.types.is_date(kind):
        holds = isinstance(there, sql.Date)
    elif pa.types.is_timestamp(kind):
        exact = getattr(there, "precision", None) in {None, 6}
        holds = exact and isinstance(there, sql.DateTime) and bool(there.timezone)
    return holds


def _sqlite_holds(kind: pa.DataType, there: TypeEngine[Any]) -> bool:
    """By affinity, as SQLite has it: https://sqlite.org/datatype3.html, section 3.1."""
    whole = isinstance(there, sql.Integer)
    words = isinstance(there, sql.String)
    untyped = isinstance(there, sql.NullType | sql.LargeBinary)
    if pa.types.is_integer(kind):
        return whole or untyped or (isinstance(there, sql.Numeric) and not isinstance(there, sql.Float))
    if pa.types.is_boolean(kind):
        return whole or untyped or isinstance(there, sql.Boolean)
    if pa.types.is_floating(kind):
        return isinstance(there, sql.Float) or untyped
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return words or untyped or isinstance(there, sql.Date | sql.DateTime)
    return words or untyped


def _dialect(backend: str) -> Dialect:
    from sqlalchemy.dialects import postgresql, sqlite  # noqa: PLC0415  only a misfit pays for it

    made: Dialect = postgresql.dialect() if backend == POSTGRES else sqlite.dialect()  # type: ignore[no-untyped-call]
    return made


def _can_be_named(kind: TypeEngine[Any]) -> bool:
    return not isinstance(kind, sql.NullType)
