"""Is the SQL of declarations right? Asked when definitions load, without rows, so that no run has to find out.

What must not live here: what SQL may do (rows/expressions.py), all else that YAML says (declaration/).
"""

from collections.abc import Iterator

from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.yaml_files import joined, refusal
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.catalog import Catalog, Entry
from batch_pipelines.processing.declaration.sql_text import read_query, text_of
from batch_pipelines.processing.rows.casts import schema_of
from batch_pipelines.processing.rows.expressions import describe


def check_sql(catalog: Catalog) -> None:
    """Check `sql`, `derive` and `where` of every dataset; where columns are inferred, planning checks the latter two.

    Raises:
        ConfigError: SQL that cannot work; file, line and key of each are named.
    """
    if errors := list(_errors(catalog)):
        raise joined(errors)


def _errors(catalog: Catalog) -> Iterator[ConfigError]:
    for entry in catalog.entries.values():
        declaration = entry.declaration
        if declaration.sql is not None and (problem := _query_problem(entry, declaration.sql)):
            yield refusal(entry.document, [((*ATTRIBUTES, "sql"), f"sql: {problem}")])
        if declaration.columns is None:
            continue
        try:
            describe(schema_of(declaration.columns), declaration.derive, declaration.where)
        except ConfigError as error:
            yield refusal(entry.document, [(_path(entry, error.message), error.message)])


def _query_problem(entry: Entry, sql: str) -> str | None:
    """What is wrong with a query that lies in a file; one in the YAML has been looked at with its other keys."""
    try:
        read_query(text_of(sql, entry.folder), by_time=entry.declaration.every is not None)
    except ValueError as error:
        return str(error)
    return None


def _path(entry: Entry, message: str) -> tuple[str, ...]:
    """Path of the key that a message of `describe` begins with: `derive.date: …` or `where: …`."""
    key = message.partition(":")[0]
    name = key.removeprefix("derive.")
    return (*ATTRIBUTES, "derive", name) if name in entry.declaration.derive else (*ATTRIBUTES, "where")
