"""Is the SQL of declarations right? Asked when definitions load, without rows, so that no run has to find out.

What must not live here: what SQL may do (rows/expressions.py), all else that YAML says (declaration/).
"""

from collections.abc import Iterator

from batch_pipelines.core.declared import ATTRIBUTES
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.yaml_files import joined, refusal
from batch_pipelines.processing.declaration.catalog import Catalog, Entry
from batch_pipelines.processing.rows.casts import schema_of
from batch_pipelines.processing.rows.expressions import describe


def check_sql(catalog: Catalog) -> None:
    """Check `derive` and `where` of every dataset; those whose columns are inferred are checked when they are planned.

    Raises:
        ConfigError: SQL that cannot work; file, line and key of each are named.
    """
    if errors := list(_errors(catalog)):
        raise joined(errors)


def _errors(catalog: Catalog) -> Iterator[ConfigError]:
    for entry in catalog.datasets.values():
        declaration = entry.declaration
        if declaration.columns is None:
            continue
        try:
            describe(schema_of(declaration.columns), declaration.derive, declaration.where)
        except ConfigError as error:
            yield refusal(entry.document, [(_path(entry, error.message), error.message)])


def _path(entry: Entry, message: str) -> tuple[str, ...]:
    """Path of the key that a message of `describe` begins with: `derive.date: …` or `where: …`."""
    key = message.partition(":")[0]
    name = key.removeprefix("derive.")
    return (*ATTRIBUTES, "derive", name) if name in entry.declaration.derive else (*ATTRIBUTES, "where")
