"""The text of `sql`: one statement that reads, with `$start` and `$end` in it. Pure text, no database.

What is quoted or commented out is passed over as PostgreSQL does it. The database itself is told to read only, too
(sources/sql.py): this is for a clear word when definitions load. What must not live here: running it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

BOUNDS = ("start", "end")
_READING = ("select", "with", "values", "table")
_TOKENS = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<quoted> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
                | \$\$.*?\$\$ | \$(?P<tag>[A-Za-z_]\w*)\$.*?\$(?P=tag)\$ )
    | (?P<parameter> \$\w+ )
    | (?P<word> \w+ )
    | (?P<other> . )
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One reading statement.

    Attributes:
        text: As written, without a semicolon at its end.
        parameters: The parameters in it, of `start` and `end`.
    """

    text: str
    parameters: frozenset[str]

    @property
    def ordered(self) -> bool:
        """Whether the statement says in which order its rows are: an ORDER BY of its own, not of a part of it."""
        depth, before = 0, ""
        for found in _TOKENS.finditer(self.text):
            depth += {"(": 1, ")": -1}.get(found[0], 0)
            if not depth and before == "order" and (found["word"] or "").lower() == "by":
                return True
            before = (found["word"] or "").lower() if found[0].strip() and not found["comment"] else before
        return False

    def for_psycopg2(self) -> str:
        """Return the text as psycopg2 takes it: `%(start)s` for `$start`, and every other % doubled."""
        return "".join(
            f"%({found['parameter'][1:]})s" if found["parameter"] else found[0].replace("%", "%%")
            for found in _TOKENS.finditer(self.text)
        )


def is_file(sql: str) -> bool:
    """Whether `sql` names a file beside the YAML instead of being the statement."""
    return bool(re.fullmatch(r"[\w.-]+\.sql", sql.strip(), re.IGNORECASE))


def text_of(sql: str, folder: Path) -> str:
    """Return the statement, from its file if `sql` names one.

    Raises:
        ValueError: The file cannot be read.
    """
    if not is_file(sql):
        return sql
    try:
        return (folder / sql.strip()).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the file {sql.strip()} beside the YAML cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {sql.strip()} is not UTF-8") from None


def read_query(text: str, *, by_time: bool) -> Query:
    """Return the statement of `sql` if it is one that reads.

    Args:
        text: The statement.
        by_time: Whether the dataset has partitions by time, which need `$start` and `$end`.

    Raises:
        ValueError: It is not; the message says what to write.
    """
    text = re.sub(r"[\s;]+\Z", "", text)
    parameters: set[str] = set()
    first = None
    for found in _TOKENS.finditer(text):
        if found["parameter"]:
            parameters.add(found["parameter"][1:])
        elif found["word"]:
            first = first or found["word"].lower()
        elif found["other"] == ";":
            raise ValueError("there are several statements; write one that reads")
        elif found["other"] in {"'", '"'} or (found["comment"] or "").count("/*") > 1:
            raise ValueError("a quote is never closed, or comments are nested")
    if first not in _READING:
        raise ValueError("the statement has to read: it begins with SELECT, WITH, VALUES or TABLE")
    _check_parameters(parameters, by_time=by_time)
    return Query(text, frozenset(parameters))


def _check_parameters(parameters: set[str], *, by_time: bool) -> None:
    if unknown := sorted(parameters - set(BOUNDS)):
        raise ValueError(f"there is no parameter ${unknown[0]}; $start and $end are bound, $end is exclusive")
    if parameters and not by_time:
        raise ValueError(
            "$start and $end are bound for partitions by time only; "
            "declare for example partitions: {every: month, start: 2013-01}"
        )
    if by_time and parameters != set(BOUNDS):
        raise ValueError(
            "partitions by time need both $start and $end in the query, else every partition would hold all rows; "
            "write for example: where day >= $start and day < $end"
        )
