"""What a statement reads, by DuckDB's own parser.

What must not live here: running statements (query.py), what they may not name (reach.py).
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import duckdb


def tables_in(sql: str) -> set[str]:
    """Names of the tables (or earlier queries) that a statement reads; every word of it if it cannot be parsed."""
    tree = _parsed(sql)
    if tree is None:
        return set(re.findall(r"\w+", sql))
    read, defined = set[str](), set[str]()
    _collect(tree, read, defined)
    return read - defined


def tables_named(sql: str, names: Sequence[str]) -> list[str]:
    """Those of `names` that a statement may read, in their order; large and small letters are the same to DuckDB.

    Names that it gives to rows of its own count, too: `WITH a AS (FROM a)` reads the table `a`.
    """
    tree = _parsed(sql)
    named = set[str]()
    if tree is None:
        named = set(re.findall(r"\w+", sql))
    else:
        _collect(tree, named, set())
    folded = {name.casefold() for name in named}
    return [name for name in names if name.casefold() in folded]


def lists_tables(sql: str) -> bool:
    """Whether a statement may show which tables there are (SHOW TABLES, DESCRIBE)."""
    return _has_listing(_parsed(sql) or {})


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """One database for all statements to parse: to open it takes longer than to parse a hundred."""
    return duckdb.connect(":memory:", config={"threads": 1})


def _parsed(sql: str) -> Any:
    """DuckDB's parse tree; None for PIVOT, which it cannot serialise, and wrong SQL."""
    with _parser().cursor() as parser:
        answer = parser.execute("SELECT json_serialize_sql($sql)", {"sql": sql}).fetchone()
    tree = json.loads(answer[0]) if answer else {"error": True}
    return None if tree.get("error") else tree


def _collect(node: Any, read: set[str], defined: set[str]) -> None:
    """Gather names of tables and of common table expressions from a parse tree."""
    if isinstance(node, list):
        for each in node:
            _collect(each, read, defined)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            read.add(node["table_name"])
        defined.update(entry["key"] for entry in node.get("cte_map", {}).get("map", ()))
        for each in node.values():
            _collect(each, read, defined)


def _has_listing(node: Any) -> bool:
    if isinstance(node, list):
        return any(map(_has_listing, node))
    return isinstance(node, dict) and (node.get("type") == "SHOW_REF" or any(map(_has_listing, node.values())))
