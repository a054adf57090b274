"""SQL expressions of a declaration: scalar, the same whenever they are computed, and of a type a table holds.

Says whether expressions may run; derive.py runs them. DuckDB is imported only where it is needed: workers
whose dataset has no expressions never load it.

What must not live here: rows.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.rows.storable import storable

if TYPE_CHECKING:
    import duckdb

ROWS = "rows"
_REFUSED = {
    "SUBQUERY": "has a subquery; an expression sees its own row only",
    "WINDOW": "has a window function; an expression sees its own row only",
    "STAR": "has a *; name the columns",
    "PARAMETER": "has a parameter; there is nothing to bind",
}
_MANY_ROWS = {"unnest", "unlist", "generate_subscripts", "regexp_split_to_table"}
_CHANGING = {
    "ago",
    "getvariable",
    "get_current_time",
    "get_current_timestamp",
    "in_search_path",
    "localtime",
    "localtimestamp",
    "now",
    "session_user",
    "today",
    "transaction_timestamp",
    "txid_current",
    "user",
}
_SHAPE = (
    "type",
    "modifiers",
    "cte_map",
    "where_clause",
    "group_expressions",
    "group_sets",
    "having",
    "sample",
)


def open_duckdb() -> "duckdb.DuckDBPyConnection":
    """Open a private in-memory database that computes in UTC, on one thread, and reaches nothing outside."""
    import duckdb  # noqa: PLC0415 - workers without SQL expressions must not load DuckDB

    settings: dict[str, Any] = {"threads": 1, "memory_limit": "256MB", "python_enable_replacements": False}
    connection = duckdb.connect(":memory:", config=settings)
    for setting in ("TimeZone='UTC'", "enable_external_access=false", "lock_configuration=true"):
        connection.sql(f"set {setting}")
    return connection


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def describe(schema: pa.Schema, expressions: Mapping[str, str], where: str | None = None) -> pa.Schema:
    """Check expressions without rows, and return `schema` with the derived columns at its end.

    Args:
        schema: What the expressions see.
        expressions: SQL by name of the derived column; each also sees those before it.
        where: SQL condition, sees all of them.

    Raises:
        ConfigError: Bad SQL, an unknown column, something other than a scalar expression, or a type that no
            table can hold; the message begins with the key, such as `derive.date`.
    """
    if not expressions and where is None:
        return schema
    connection = open_duckdb()
    try:
        for name, expression in expressions.items():
            if name.casefold() in {known.casefold() for known in schema.names}:
                raise ConfigError(f"derive.{name}: there is a column of this name already; choose another")
            kind = _result_type(connection, schema, f"derive.{name}", expression)
            schema = schema.append(pa.field(name, kind))
        if where is not None and (kind := _result_type(connection, schema, "where", where)) != pa.bool_():
            raise ConfigError(f"where: gives {kind}, not true or false; compare it with something")
    finally:
        connection.close()
    return schema


def type_of(schema: pa.Schema, key: str, expression: str) -> pa.DataType:
    """Check one expression without rows, and return what it gives.

    Args:
        schema: What the expression sees.
        key: What messages begin with.
        expression: SQL.

    Raises:
        ConfigError: As `describe`.
    """
    connection = open_duckdb()
    try:
        return _result_type(connection, schema, key, expression)
    finally:
        connection.close()


def _result_type(connection: "duckdb.DuckDBPyConnection", schema: pa.Schema, key: str, expression: str) -> pa.DataType:
    import duckdb  # noqa: PLC0415 - see open_duckdb

    _check_shape(connection, key, expression, {name.casefold() for name in schema.names})
    connection.register(ROWS, pa.Table.from_batches([], schema))  # empty_table() would import pandas
    try:
        bound = connection.sql(f"select *, (\n{expression}\n) as __x from {ROWS}")  # noqa: S608 - checked above
        kind = bound.limit(0).to_arrow_table().schema.field("__x").type
    except duckdb.Error as error:
        raise ConfigError(f"{key}: {first_line(error)}") from error
    finally:
        connection.unregister(ROWS)
    kept = storable(kind)
    if kept is None:
        raise ConfigError(f"{key}: gives {kind}, which a table cannot hold; cast it, for example ::varchar")
    return kept


def first_line(error: Exception) -> str:
    """Return what DuckDB says, without its drawing of the query."""
    lines = [line.strip() for line in str(error).split("\nLINE ")[0].splitlines()]
    return " ".join(line for line in lines if line)[:500]


def _check_shape(connection: "duckdb.DuckDBPyConnection", key: str, expression: str, columns: set[str]) -> None:
    node = _parsed(connection, key, f"select (\n{expression}\n) as x")
    plain = _parsed(connection, key, "select (\nnull\n) as x")
    same = all(node.get(part) == plain.get(part) for part in _SHAPE)
    if not same or len(node["select_list"]) != 1 or node["from_table"]["type"] != "EMPTY":
        raise ConfigError(f"{key}: is not one scalar SQL expression")
    for part in _parts(node["select_list"]):
        _check_part(key, part, columns)


def _check_part(key: str, part: dict[str, Any], columns: set[str]) -> None:
    if part["class"] in _REFUSED:
        raise ConfigError(f"{key}: {_REFUSED[part['class']]}")
    name = str(part.get("function_name", "")).lower()
    if part["class"] == "COLUMN_REF" and len(part["column_names"]) == 1:
        word = str(part["column_names"][0]).lower()
        name = "" if word in columns else word
        if not (name in _CHANGING or name.startswith("current_")):
            return
    if not name:
        return
    if name in _MANY_ROWS:
        raise ConfigError(f"{key}: {name} makes several rows of one; an expression gives one value")
    changing, aggregates = _functions()
    ages = name == "age" and len(part.get("arguments", part.get("children", ()))) == 1
    if ages or name in _CHANGING or name.startswith("current_") or name in changing:
        raise ConfigError(f"{key}: {name} gives another value each time; a row must always come out the same")
    if name in aggregates:
        raise ConfigError(f"{key}: {name} is an aggregate; an expression sees its own row only")


def _parsed(connection: "duckdb.DuckDBPyConnection", key: str, sql: str) -> dict[str, Any]:
    row = connection.execute("select json_serialize_sql($sql)", {"sql": sql}).fetchall()[0]
    parsed = json.loads(row[0])
    if parsed.get("error"):
        raise ConfigError(f"{key}: {parsed['error_message']}")
    if len(parsed["statements"]) != 1:
        raise ConfigError(f"{key}: is several statements; write one SQL expression")
    return dict(parsed["statements"][0]["node"])


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _parts(branch)


@functools.cache
def _functions() -> tuple[frozenset[str], frozenset[str]]:
    """Names of DuckDB's functions: those that change from call to call, and those that are aggregates only."""
    changes, is_aggregate = "bool_or(coalesce(stability = 'VOLATILE', false))", "bool_or(function_type = 'aggregate')"
    is_other = "bool_or(function_type in ('scalar', 'macro'))"
    sql = f"select function_name, {changes}, {is_aggregate} and not {is_other} from duckdb_functions() group by 1"  # noqa: S608 - constants
    connection = open_duckdb()
    try:
        rows = connection.execute(sql).fetchall()
    finally:
        connection.close()
    return frozenset(name for name, changes, _ in rows if changes), frozenset(name for name, _, only in rows if only)
