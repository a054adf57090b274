"""Whether the keys of one dataset's declaration fit each other. Pure: parts in, problems out.

What must not live here: a key on its own (model.py), other datasets (catalog.py).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from batch_pipelines.core.declaring.key_problems import Problem
from batch_pipelines.core.declaring.names import nearest
from batch_pipelines.core.declaring.windows import Every
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.source_paths import S3, check_times

SYSTEM_COLUMNS = ("_source", "_line", "_offset", "_partition", "_reject")


def name_problems(
    columns: Collection[str] | None, derive: Collection[str], adds: Collection[str] | None
) -> Iterator[Problem]:
    """Names of columns: usable, not the system's, different even without regard to case (as in SQL)."""
    seen: dict[str, tuple[str, str]] = {}
    for place, names in (("columns", columns), ("derive", derive), ("adds", adds)):
        for name in names or ():
            folded = name.casefold()
            replaced = place == "adds" and folded in seen and seen[folded][1] == name
            if not name.strip() or any(ord(letter) < 32 for letter in name):  # noqa: PLR2004 - control characters
                yield (place, name), f"{name!r} cannot be a column's name"
            elif folded in SYSTEM_COLUMNS:
                yield (place, name), f"{name!r} is a system column; its name cannot be used"
            elif folded in seen and not replaced:
                where, other = seen[folded]
                yield (
                    (place, name),
                    f"{name!r} clashes with {other!r} in {where}; names differ by more than case",
                )
            seen.setdefault(folded, (place, name))
    if columns is not None and not columns:
        yield ("columns",), "no column is declared; name at least one, or leave the key out to infer them"


def key_problems(key: Sequence[str], known: Sequence[str] | None) -> Iterator[Problem]:
    """Columns of the key: declared (`known` None: not yet known), each once."""
    for index, name in enumerate(key):
        if known is not None and name not in known:
            yield ("key", index), f"key column {name!r} is not declared; {nearest(name, known)}"
    if len(set(key)) != len(key):
        yield ("key",), "the key names a column twice"


def source_problems(source: str, every: Every | None, inbox: str | None) -> Iterator[Problem]:
    """Times in `source` and in the names of inbox files: exactly those that tell its partitions apart."""
    try:
        check_times(source, every, inbox)
    except ValueError as error:
        yield ("source",), str(error)
    if inbox is not None and source.startswith(S3):
        yield ("inbox",), "an inbox goes with files of the project, not with objects of S3"


def expression_problems(derive: dict[str, str], where: str | None) -> Iterator[Problem]:
    """SQL expressions: there at all. Whether they are right, the database says when definitions load."""
    for name, expression in derive.items():
        if not expression.strip():
            yield ("derive", name), "the SQL expression is empty"
    if where is not None and not where.strip():
        yield ("where",), "the SQL condition is empty; leave the key out to keep every row"


def upsert_problems(write: str, key: Sequence[str], columns: Mapping[str, Column]) -> Iterator[Problem]:
    """`write: upsert`: a key that every row has."""
    if write != "upsert":
        return
    if not key:
        yield ("write",), "upsert replaces rows of the same key: name its columns in `key`"
    for name in key:
        column = columns.get(name)
        if column is None or not column.required or column.severity != "reject":
            cure = "declare it in `columns` with `required: true` and without `severity: warn`"
            yield ("key",), f"upsert needs a value of key column {name!r} in every row: {cure}"
