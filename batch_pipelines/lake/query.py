"""SQL over the tables: DuckDB on Delta, one view a dataset, nothing else in reach.

A view shows the columns people declared; system columns (`_source`, `_line`, `_offset`, `_partition`) only on request.
The connection can read these tables and nothing else: no files, no network, no settings.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.lake.delta import PARTITION, load, table_path

SYSTEM_COLUMNS = ("_source", "_line", "_offset", PARTITION)


@dataclass(frozen=True, slots=True)
class _Table:
    """One version of a table: its columns and its files."""

    schema: pa.Schema
    files: list[str]


def open_tables(
    data: Path,
    names: Sequence[str],
    *,
    system_columns: bool = False,
    memory_limit: str = "1GB",
    threads: int = 2,
) -> duckdb.DuckDBPyConnection:
    """A locked connection with a view for every dataset of `names` that has a table.

    Args:
        data: The data folder.
        names: Datasets.
        system_columns: Also show where each row came from.
        memory_limit: Memory that a query may use.
        threads: Threads that a query may use.
    """
    tables = {name: found for name in names if (found := _table(table_path(data, name)))}
    connection = duckdb.connect(":memory:", config={"memory_limit": memory_limit, "threads": threads})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET allowed_paths = ?", [[file for table in tables.values() for file in table.files]])
    connection.execute("SET enable_external_access = false")
    for name, table in tables.items():
        _add_view(connection, name, table, system_columns=system_columns)
    connection.execute("SET lock_configuration = true")
    return connection


def run_query(connection: duckdb.DuckDBPyConnection, sql: str, limit: int | None = None) -> pa.Table:
    """The rows of one statement, at most `limit` of them.

    Raises:
        ConfigError: The SQL is wrong, does more than read, or a value in it cannot be computed.
    """
    try:
        if not _read_only(connection, sql):
            raise ConfigError("only statements that read are allowed: SELECT, FROM, DESCRIBE, SUMMARIZE, EXPLAIN")
        relation: Any = connection.sql(sql)  # None for a statement without rows, whatever the stubs say
        if relation is None:
            return pa.table({})
        rows: pa.Table = (relation if limit is None else relation.limit(limit)).to_arrow_table()
    except duckdb.Error as error:
        raise ConfigError(str(error)) from error
    return rows


def table_names(data: Path) -> list[str]:
    """Every dataset that has a table, sorted, whether or not it is still declared."""
    return sorted(log.parent.name for log in (data / "datasets").glob("*/_delta_log"))


def count_rows(data: Path, dataset: str, partition: str | None = None) -> int:
    """Rows that the table holds, in all or in one partition, from its log."""
    table = load(table_path(data, dataset))
    if table is None:
        return 0
    actions = table.get_add_actions(flatten=True)
    rows, partitions = actions["num_records"].to_pylist(), actions[f"partition.{PARTITION}"].to_pylist()
    return sum(int(n) for n, value in zip(rows, partitions, strict=True) if partition in (None, value))


def _table(path: Path) -> _Table | None:
    table = load(path)
    if table is None:
        return None
    files = [str(path / str(name)) for name in table.get_add_actions(flatten=True)["path"].to_pylist()]
    schema: Any = table.schema().to_arrow()
    return _Table(pa.schema(schema), files)


def _add_view(connection: duckdb.DuckDBPyConnection, name: str, table: _Table, *, system_columns: bool) -> None:
    """A view of the table's columns, in its order, over exactly its files; what older files lack is null.

    DuckDB reads the Parquet files itself: over a pyarrow dataset, a query that stops early (LIMIT) leaves threads
    behind that crash the process or hang it when it ends.
    """
    kinds = connection.from_arrow(table.schema.empty_table()).types
    nothing = ", ".join(
        f"NULL::{kind} AS {_quoted(column)}" for column, kind in zip(table.schema.names, kinds, strict=True)
    )
    rows = f"SELECT {nothing} WHERE false"
    if table.files:
        files = ", ".join(_text(file) for file in table.files)
        rows += (
            f" UNION ALL BY NAME SELECT * EXCLUDE (__part), parse_path(__part)[-2] AS {_quoted(PARTITION)}"  # noqa: S608  all quoted
            f" FROM read_parquet([{files}], filename = '__part', hive_partitioning = false, union_by_name = true)"
        )
    hidden = () if system_columns else SYSTEM_COLUMNS
    columns = ", ".join(_quoted(column) for column in table.schema.names if column not in hidden)
    connection.execute(f"CREATE VIEW {_quoted(name)} AS SELECT {columns} FROM ({rows})")  # noqa: S608  as above


def _read_only(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether these are statements that only read; COPY could write to the very files that may be read."""
    explained = re.fullmatch(r"\s*explain\s+(?:analyze\s+)?(.*)", sql, re.IGNORECASE | re.DOTALL)
    kinds = {statement.type for statement in connection.extract_statements(explained[1] if explained else sql)}
    return kinds <= {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}  # MULTI: PIVOT


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
