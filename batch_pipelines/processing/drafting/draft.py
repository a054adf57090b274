"""A first declaration of a dataset, from the looks of one of its files: what it says is true of the rows looked at.

What must not live here: how the YAML is laid out (text.py), reading a format (sources/formats/).
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from batch_pipelines.core.declaring.quantities import MB
from batch_pipelines.core.errors import ConfigError, InputError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.rows.casts import cast_columns
from batch_pipelines.processing.sources.csv_sniff import sniffed
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.reading import PlanFor

ROWS = 500_000  # looked at, at most
CHUNK_BYTES = 8 * MB
NULLS = ("NA", "N/A", "n/a", "NULL", "null", "None", "nan", "NaN", "\\N", "-")
KEY_ROWS = 200_000
KEY_COLUMNS = 6  # of which keys are made, at most three together
_WIDER = {
    "int": ("int", "float", "string"),
    "float": ("float", "string"),
    "bool": ("bool", "string"),
    "date": ("date", "timestamp", "string"),
    "timestamp": ("timestamp", "string"),
    "string": ("string",),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file looks like.

    Attributes:
        declaration: A dataset of it, with columns.
        rows: Rows that were looked at.
        whole: Whether these are all.
        keys: Columns that tell those rows apart, likely ones first; some of the possibilities.
    """

    declaration: DatasetDeclaration
    rows: int
    whole: bool
    keys: list[list[str]]


def dataset_name(file: str) -> str:
    """A name for a dataset of this file."""
    stem = re.sub(r"(\.[A-Za-z0-9]+)+$", "", file.rpartition("/")[2]).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", stem).strip("_")[:64]
    return plain or "dataset"


def draft(name: str, file: SourceFile, home: Path, data: Path) -> Draft:
    """Look at a file.

    Args:
        name: Name of the dataset.
        file: The file, below `home`.
        home: The project's folder.
        data: The data folder, for what has to be unpacked.

    Raises:
        InputError: It cannot be read, or is empty.
        ConfigError: Its columns cannot be a table's.
    """
    (data / "tmp").mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="draft-", dir=data / "tmp"))
    try:
        return _draft(name, file, PlanFor(CHUNK_BYTES, scratch, home))
    except ValidationError as error:  # names that a table's columns, a path or a dataset cannot have
        why = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise ConfigError(
            f"{file.name} cannot be declared as it is: {why}. Rename what is named, then try again"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _draft(name: str, file: SourceFile, wanted: PlanFor) -> Draft:
    said: dict[str, object] = {"name": name, "source": file.name}
    if DatasetDeclaration.model_validate(said).file_format == "csv":
        said["csv"] = sniffed(file.path, file.name)
    _, rows, whole = _sample(said, file, wanted)
    said["nulls"] = _null_words(rows)
    types, rows, whole = _sample(said, file, wanted)
    columns = {each: _column(rows, each, kind) for each, kind in types.items()}
    columns_said = {each: column.model_dump(exclude_defaults=True) for each, column in columns.items()}
    declaration = DatasetDeclaration.model_validate({**said, "columns": columns_said})
    return Draft(declaration, rows.num_rows, whole, _keys(rows, columns))


def _sample(said: Mapping[str, object], file: SourceFile, wanted: PlanFor) -> tuple[dict[str, str], pa.Table, bool]:
    """Types as they look at the beginning of a file, its first rows, and whether they are all."""
    types = format_of(DatasetDeclaration.model_validate(said)).looks(file, wanted)
    kind = format_of(DatasetDeclaration.model_validate({**said, "columns": types or None}))
    plan = kind.plan(file, wanted)
    header = list(types) if plan.columns is None else plan.columns
    tables, count = list[pa.Table](), 0
    for chunk in plan.chunks:
        if count >= ROWS:
            break
        tables.append(kind.load(chunk.payload, wanted.home).rows(header).table)
        count += chunk.items
    if not tables or not types:
        what = "has a header, but no rows" if header else "is empty"
        raise InputError(file.name, f"{what}, so nothing tells the types of its columns; take a file with rows")
    return types, pa.concat_tables(tables, promote_options="permissive"), count >= plan.items


def _null_words(rows: pa.Table) -> list[str]:
    """Words for "no value" that stand in columns which are no texts otherwise."""
    found = {word for column in rows.columns for word in _words_of(column)}
    return [word for word in NULLS if word in found]


def _words_of(column: Any) -> Iterator[str]:
    if not pa.types.is_binary(column.type) and not pa.types.is_large_binary(column.type):
        return
    words = pa.array([word.encode() for word in NULLS], column.type)
    there = pc.unique(column.filter(pc.is_in(column, value_set=words)))
    others = column.filter(pc.invert(pc.is_in(column, value_set=words))).drop_null()
    if len(there) and (not len(others) or _first_that_fits(others, ("int", "float", "date", "timestamp", "bool"))):
        yield from (value.decode() for value in there.to_pylist() if value is not None)


def _column(rows: pa.Table, name: str, kind: str) -> Column:
    values = rows.column(name)
    fitting = _first_that_fits(values, _WIDER.get(kind, (kind,))) or "string"
    return Column(type=fitting, required=bool(values.null_count == 0 and len(values)))


def _first_that_fits(values: Any, kinds: Sequence[str]) -> str | None:
    """The first of these types that all values have."""
    table = pa.table({"value": values})
    for kind in kinds:
        if not len(cast_columns(table, {"value": Column(type=kind)})[1].rows):
            return kind
    return None


def _keys(rows: pa.Table, columns: Mapping[str, Column]) -> list[list[str]]:
    """Columns, one to three, that tell the rows apart; only such that have a value everywhere and are no measures."""
    some = rows.slice(0, KEY_ROWS)
    usable = [name for name, column in columns.items() if column.required and column.kind not in ("float", "bool")]
    counts = {name: pc.count_distinct(some.column(name)).as_py() for name in usable}
    likely = sorted(usable, key=lambda name: (-counts[name], list(columns).index(name)))[:KEY_COLUMNS]
    for size in (1, 2, 3):
        found = [list(some_of) for some_of in combinations(likely, size) if _tells_apart(some, some_of, counts)]
        if found:
            return found[:3]
    return []


def _tells_apart(rows: pa.Table, names: Sequence[str], counts: Mapping[str, int]) -> bool:
    if len(names) == 1:
        return counts[names[0]] == rows.num_rows
    most = 1
    for name in names:
        most *= counts[name]
    return (
        most >= rows.num_rows and rows.group_by(list(names), use_threads=False).aggregate([]).num_rows == rows.num_rows
    )
