"""What SQL over the tables may not name: DuckDB's own catalogue. It shows settings, paths, and how views are made.

DuckDB can lock its settings against change, not against being read. What must not live here: files and network, which
it does lock (query.py).
"""

import re
from itertools import pairwise

import duckdb

_CATALOGUE = re.compile(
    r"(duckdb|pragma)_\w+|sqlite_(temp_)?(master|schema)|pg_(catalog|settings|views)|information_schema"
)
_FUNCTIONS = {"current_setting", "json_execute_serialized_sql", "query", "query_table", "which_secret"}


def out_of_reach(sql: str) -> str | None:
    """The first word of a statement that would show more than tables; None if all is well.

    Names are found as DuckDB itself tells them from texts and comments; texts that would be run as SQL
    (`query('…')`) are refused with what runs them.
    """
    words = [*_words(sql), ("", "")]
    for (kind, word), (_, following) in pairwise(words):
        is_shown = kind == "keyword" and word == "show" and following not in {"all", "tables"}
        is_named = kind != "string_const" and _CATALOGUE.fullmatch(word)
        if is_shown or is_named or (word in _FUNCTIONS and following.startswith("(")):
            return word
    return None


def _words(sql: str) -> list[tuple[str, str]]:
    """Kind and text of each token in small letters, names without their quotes, comments left out."""
    text = sql.encode()
    tokens = [(at, str(kind).rpartition(".")[2]) for at, kind in duckdb.tokenize(sql)]
    ends = [*(at for at, _ in tokens[1:]), len(text)]
    return [
        (kind, text[at:end].decode().strip().strip('"').lower())
        for (at, kind), end in zip(tokens, ends, strict=True)
        if kind != "comment"
    ]
