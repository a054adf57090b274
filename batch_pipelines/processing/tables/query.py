"""SQL over the tables: DuckDB on Delta, one view a dataset, nothing else in reach.

A view shows the columns people declared; system columns (`_source`, `_line`, `_offset`, `_partition`) only on request.
The connection can read these tables and nothing else: no files, no network, no settings.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.tables.delta import PARTITION, load, table_path

SYSTEM_COLUMNS = ("_source", "_line", "_offset", PARTITION)


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
    connection = duckdb.connect(":memory:", config={"memory_limit": memory_limit, "threads": threads})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    for name in names:
        if (table := load(table_path(data, name))) is not None:
            _add_view(connection, name, table, system_columns=system_columns)
    connection.execute("SET lock_configuration = true")
    return connection


def run_query(connection: duckdb.DuckDBPyConnection, sql: str, limit: int | None = None) -> pa.Table:
    """The rows of one statement, at most `limit` of them.

    Raises:
        ConfigError: The SQL is wrong, or a value in it cannot be computed; the message is DuckDB's.
    """
    try:
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


def _add_view(connection: duckdb.DuckDBPyConnection, name: str, table: DeltaTable, *, system_columns: bool) -> None:
    dataset = table.to_pyarrow_dataset()
    hidden = () if system_columns else SYSTEM_COLUMNS
    columns = ", ".join(_quoted(column) for column in dataset.schema.names if column not in hidden)
    connection.register(f"_{name}_all", dataset)
    connection.execute(f"CREATE VIEW {_quoted(name)} AS SELECT {columns} FROM {_quoted(f'_{name}_all')}")  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
