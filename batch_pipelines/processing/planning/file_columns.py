"""The columns that files have against those that a dataset wants: all there, or inferred where none are declared.

What must not live here: reading a header (sources/csv_layout.py), the columns of the table (plan.py).
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from batch_pipelines.core.errors import InputError
from batch_pipelines.lake.delta import PARTITION
from batch_pipelines.lake.parts import SYSTEM_FIELDS
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.consistency import key_problems, name_problems
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.reading import PlanFor, SourcePlan

_MOST_NAMES = 100  # that a message lists
_TYPES = {
    "int64": "int",
    "double": "float",
    "string": "string",
    "large_string": "string",
    "string_view": "string",
    "bool": "bool",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
}


def header_of(declaration: DatasetDeclaration, file: SourceFile, source: SourcePlan) -> list[str]:
    """Names of the file's columns, in its order.

    Raises:
        InputError: A declared column is missing, or there is one that is not declared and `extra: fail` forbids it.
    """
    columns = list(declaration.columns or {})
    if not declaration.csv.header or source.columns is None:
        return columns
    if not source.columns and not source.items:  # an empty file
        return columns
    if missing := [name for name in columns if name not in source.columns]:
        raise InputError(
            file.name,
            f"column {', '.join(map(repr, missing))} is missing; the header has {_listed(source.columns)}. "
            "Correct the file, or `columns` in the dataset's YAML",
            line=1,
        )
    extra = [name for name in source.columns if name not in columns]
    if extra and declaration.extra == "fail":
        raise InputError(
            file.name,
            f"column {', '.join(map(repr, extra))} is not declared; declare it, or write `extra: ignore`",
            line=1,
        )
    return source.columns


def _listed(names: Sequence[str]) -> str:
    """Names as people can tell them apart: those with blanks around them or odd characters in quotes; not too many."""
    shown = [name if name.isprintable() and name == name.strip() else ascii(name) for name in names[:_MOST_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def with_columns(
    declaration: DatasetDeclaration, files: Sequence[SourceFile], table: pa.Schema | None, wanted: PlanFor
) -> DatasetDeclaration:
    """The declaration with columns, which it leaves to the files: of the types that the table has, else of their looks.

    Args:
        declaration: It declares no columns.
        files: Its files; the first that is not empty is looked at.
        table: Columns of the table, if there is one.
        wanted: What the files are planned for.

    Raises:
        InputError: All files are empty and there is no table, or the file's columns cannot be a table's.
    """
    known = {} if table is None else {field.name: _TYPES.get(str(field.type)) for field in table}
    for file in files:
        if looks := format_of(declaration).looks(file, wanted):
            columns = {name: Column(type=known.get(name) or kind) for name, kind in looks.items()}
            for problem in _problems(declaration, columns):
                cure = "rename it in the file, or declare `columns` in the dataset's YAML"
                raise InputError(file.name, f"{problem}; {cure}", line=1)
            return declaration.model_copy(update={"columns": columns})
    made = {*declaration.derive, *(declaration.adds or {}), PARTITION, *(field.name for field in SYSTEM_FIELDS)}
    columns = {name: Column(type=kind) for name, kind in known.items() if kind and name not in made}
    if not columns:
        message = "is empty, so nothing tells its columns: declare `columns` in the dataset's YAML, or write a header"
        raise InputError(files[0].name, message)
    return declaration.model_copy(update={"columns": columns})


def _problems(declaration: DatasetDeclaration, columns: dict[str, Column]) -> Iterator[str]:
    """What the declaration would have been refused for, had it declared these columns."""
    for _, problem in name_problems(columns, declaration.derive, declaration.adds):
        yield problem
    known = [*columns, *declaration.derive, *(declaration.adds or {})]
    for _, problem in key_problems(declaration.key, known):
        yield problem
