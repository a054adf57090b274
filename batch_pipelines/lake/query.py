"""SQL over the tables: DuckDB on Delta, one view a dataset, nothing else in reach.

A view shows the columns people declared; system columns (`_source`, `_line`, `_offset`, `_partition`) only on request.
The connection can read these tables and nothing else: no files, no network, no settings.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.lake.delta import PARTITION, check_parts, damaged, load, load_at, parts_by_partition, table_path
from batch_pipelines.lake.reach import out_of_reach

SYSTEM_COLUMNS = ("_source", "_line", "_offset", PARTITION)
Parameters = Mapping[str, Any]
Broken = Callable[[str, IntegrityError], None]


@dataclass(frozen=True, slots=True)
class TableVersion:
    """Which state of a table a connection reads.

    Attributes:
        table: Name of the dataset.
        version: Delta version.
        at: When that version was committed; aware, UTC.
    """

    table: str
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Table:
    """One version of a table: its columns and its files."""

    schema: pa.Schema
    files: list[str]
    version: TableVersion


def open_tables(
    data: Path,
    names: Sequence[str],
    *,
    system_columns: bool = False,
    at: Mapping[str, int | datetime] | None = None,
    broken: Broken | None = None,
    memory_limit: str = "1GB",
    threads: int = 2,
) -> duckdb.DuckDBPyConnection:
    """A locked connection with a view for every dataset of `names` that has a table.

    Args:
        data: The data folder.
        names: Datasets.
        system_columns: Also show where each row came from.
        at: By dataset, which version to show instead of the newest: its number, or when it was the newest (aware).
        broken: Told of a table that cannot be read, and why; it is left out then. None: that is raised.
        memory_limit: Memory that a query may use.
        threads: Threads that a query may use.

    Raises:
        ConfigError: There is no such version any more.
        IntegrityError: A table cannot be read: its log or one of its parts is damaged or missing.
    """
    settings = {"memory_limit": memory_limit, "threads": threads}
    tables = _tables(data, names, at or {}, broken or _raised)
    return _open(tables, settings, system_columns=system_columns, broken=broken or _raised)


def open_versions(
    data: Path,
    names: Sequence[str],
    *,
    timezone: str = "UTC",
    spill: Path | None = None,
    memory_limit: str = "1GB",
    threads: int = 1,
) -> tuple[duckdb.DuckDBPyConnection, list[TableVersion]]:
    """The same, for work whose figures have to be explained later: also says which versions are read.

    Args:
        data: The data folder.
        names: Datasets.
        timezone: IANA name; days begin there when times and dates are compared, and times come out in it.
        spill: Folder for what does not fit into memory; DuckDB makes and clears it.
        memory_limit: Memory that a query may use.
        threads: One, so that sums of floats and rows without an order come out the same every time.

    Raises:
        IntegrityError: A table cannot be read: its log or one of its parts is damaged or missing.
    """
    tables = _tables(data, names, {}, _raised)
    settings: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads}
    if spill is not None:
        settings["temp_directory"] = str(spill)
    return _open(tables, settings, timezone=timezone), [table.version for table in tables.values()]


def run_query(
    connection: duckdb.DuckDBPyConnection, sql: str, limit: int | None = None, *, parameters: Parameters | None = None
) -> pa.Table:
    """The rows of one statement, at most `limit` of them.

    Args:
        connection: From `open_tables` or `open_versions`.
        sql: The statement.
        limit: Most rows wanted; None for all.
        parameters: Values for `$name` in it, bound, never formatted in; those it doesn't name are left out.

    Raises:
        ConfigError: The SQL is wrong, does more than read, or a value in it cannot be computed.
    """
    try:
        if not _read_only(connection, sql):
            raise ConfigError("only statements that read are allowed: SELECT, FROM, DESCRIBE, SUMMARIZE, EXPLAIN")
        _check_reach(sql)
        bound = _bound(connection, sql, parameters)
        # None for a statement without rows, whatever the stubs say
        relation: Any = connection.sql(sql, params=bound) if bound else connection.sql(sql)
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
    rows = rows_by_partition(data, dataset)
    return sum(rows.values()) if partition is None else rows.get(partition, 0)


def rows_by_partition(data: Path, dataset: str) -> dict[str, int]:
    """Rows that each partition of the table holds, from its log."""
    table = load(table_path(data, dataset))
    parts = {} if table is None else parts_by_partition(table)
    return {partition: sum(part.rows for part in some) for partition, some in parts.items()}


def keep_query(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    sql: str,
    parameters: Parameters | None = None,
    *,
    empty: bool = False,
) -> None:
    """Run a query once and keep its rows under a name that later queries may use like a table.

    Args:
        connection: From `open_tables` or `open_versions`.
        name: How later queries call it; it may hide a table.
        sql: One statement that reads.
        parameters: As for `run_query`.
        empty: Keep its columns alone: whether the SQL can work is found out without reading rows.

    Raises:
        ConfigError: The SQL is wrong, is more than one statement, does more than read, or a value in it cannot be
            computed.
    """
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or not _read_only(connection, sql):
            raise ConfigError("a query is one statement that reads: SELECT, FROM, PIVOT")
        _check_reach(sql)
        inner = statements[0].query.strip().removesuffix(";")
        bound = _bound(connection, sql, parameters)
        connection.execute(
            f"CREATE TEMP TABLE {_quoted(name)} AS FROM (\n{inner}\n){' LIMIT 0' if empty else ''}", bound
        )
    except duckdb.Error as error:
        raise ConfigError(str(error)) from error


def _raised(_: str, error: IntegrityError) -> None:
    raise error


def _tables(data: Path, names: Sequence[str], at: Mapping[str, int | datetime], broken: Broken) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    for name in names:
        try:
            found = _table(name, table_path(data, name), at.get(name))
        except IntegrityError as error:
            broken(name, error)
            continue
        if found is not None:
            tables[name] = found
    return tables


def _open(
    tables: Mapping[str, _Table],
    settings: dict[str, Any],
    *,
    timezone: str = "UTC",
    system_columns: bool = False,
    broken: Broken = _raised,
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=settings)
    try:
        connection.execute("SET TimeZone = ?", [timezone])
        connection.execute("SET allowed_paths = ?", [[file for table in tables.values() for file in table.files]])
        connection.execute("SET enable_external_access = false")
        for name, table in tables.items():
            _add_view(connection, name, table, system_columns=system_columns, broken=broken)
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def _bound(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters | None) -> dict[str, Any]:
    """The values that the statement names; DuckDB refuses more, and itself names those that are missing."""
    named: set[str] = set()
    for statement in connection.extract_statements(sql):
        named |= set(statement.named_parameters)
    return {name: value for name, value in (parameters or {}).items() if name in named}


def _table(name: str, path: Path, at: int | datetime | None = None) -> _Table | None:
    table = load(path) if at is None else load_at(path, at)
    if table is None:
        return None
    if at is None:
        check_parts(path, table)
    files = [str(path / part.path) for parts in parts_by_partition(table).values() for part in parts]
    schema: Any = table.schema().to_arrow()
    committed_ms = table.history(1)[0].get("timestamp", 0)
    version = TableVersion(name, table.version(), datetime.fromtimestamp(committed_ms / 1000, UTC))
    return _Table(pa.schema(schema), files, version)


def _add_view(
    connection: duckdb.DuckDBPyConnection, name: str, table: _Table, *, system_columns: bool, broken: Broken
) -> None:
    """A view of the table's columns, in its order, over exactly its files; what older files lack is null.

    DuckDB reads the Parquet files itself: over a pyarrow dataset, a query that stops early (LIMIT) leaves threads
    behind that crash the process or hang it when it ends.
    """
    kinds = connection.from_arrow(pa.Table.from_batches([], table.schema)).types
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
    try:
        connection.execute(f"CREATE VIEW {_quoted(name)} AS SELECT {columns} FROM ({rows})")  # noqa: S608  as above
    except duckdb.Error as error:
        broken(name, damaged(name, str(error).partition("\n")[0]))


def _read_only(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether these are statements that only read; COPY could write to the very files that may be read."""
    explained = re.fullmatch(r"\s*explain\s+(?:analyze\s+)?(.*)", sql, re.IGNORECASE | re.DOTALL)
    kinds = {statement.type for statement in connection.extract_statements(explained[1] if explained else sql)}
    return kinds <= {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}  # MULTI: PIVOT


def _check_reach(sql: str) -> None:
    if word := out_of_reach(sql):
        raise ConfigError(f"{word!r} is out of reach: SQL may read the tables, and nothing of the database behind them")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
