"""Arrow rows into a table of a database, fast and unchanged: COPY for PostgreSQL, INSERT for SQLite.

Each call is a savepoint: rows are all in, or none is and the refusal says why. What must not live here: transactions.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import WriteOptions, write_csv

from batch_pipelines.core.databases import POSTGRES

_REFUSALS = ("IntegrityError", "DataError", "InternalError")  # of PEP 249: the row, or what a trigger says of it


class Writer:
    """Puts rows into one table.

    Args:
        cursor: Of the driver, in a transaction.
        refusals: The driver's errors that are about a row.
        insert: Inserts rows.
    """

    def __init__(self, cursor: Any, refusals: tuple[type[Exception], ...], insert: Callable[[pa.Table], None]) -> None:
        self._cursor = cursor
        self._refusals: tuple[type[Exception], ...] = (*refusals, ValueError)
        self._insert = insert

    def put(self, rows: pa.Table) -> str | None:
        """Insert rows. All are in, or none is and the reason is returned: one line, without values of the row."""
        self._cursor.execute("SAVEPOINT bp_rows")
        try:
            self._insert(rows)
        except self._refusals as error:
            self._cursor.execute("ROLLBACK TO SAVEPOINT bp_rows")
            return str(error).strip().partition("\n")[0]
        self._cursor.execute("RELEASE SAVEPOINT bp_rows")
        return None


def writer_for(connection: Any, table: Any, names: Sequence[str]) -> Writer:
    """Return the writer for a table of that connection's database.

    Args:
        connection: An SQLAlchemy connection in a transaction.
        table: An SQLAlchemy table.
        names: Its columns, in the order of the rows.
    """
    prepare = connection.dialect.identifier_preparer
    where, columns = prepare.format_table(table), ", ".join(map(prepare.quote_identifier, names))
    cursor, errors = connection.connection.driver_connection.cursor(), connection.dialect.loaded_dbapi
    on_postgres = connection.dialect.name == POSTGRES

    def copy(rows: pa.Table) -> None:
        """As CSV, in which nothing and an empty text differ."""
        data = io.BytesIO()
        write_csv(rows, data, WriteOptions(include_header=False))
        data.seek(0)
        cursor.copy_expert(f"COPY {where} ({columns}) FROM STDIN WITH (FORMAT csv)", data)

    def insert(rows: pa.Table) -> None:
        """What SQLite has no type for becomes text that says the same."""
        values = [_plain(rows.column(place), rows.field(place)) for place in range(rows.num_columns)]
        marks = ", ".join("?" * len(values))
        cursor.executemany(f"INSERT INTO {where} ({columns}) VALUES ({marks})", zip(*values, strict=True))  # noqa: S608  quoted

    refusals = tuple(getattr(errors, name) for name in _REFUSALS)
    return Writer(cursor, refusals, copy if on_postgres else insert)


def _plain(column: "pa.ChunkedArray[Any]", field: "pa.Field[Any]") -> list[Any]:
    kind = field.type
    if pa.types.is_floating(kind) and pc.any(pc.is_nan(column)).as_py():
        raise ValueError(f"column {field.name!r} is NaN, which SQLite would store as NULL")
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_decimal(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        column = column.cast(pa.string())
    return column.to_pylist()
