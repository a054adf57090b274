"""From checked rows to the rows of the table: derived columns, `where`, transform, the pinned schema.

What must not live here: the steps themselves (derive.py, transform.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import PermanentError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.types import arrow_type
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.rows.casts import schema_of
from batch_pipelines.processing.rows.checks import Checked
from batch_pipelines.processing.rows.derive import derive, describe
from batch_pipelines.processing.rows.duplicates import check_key
from batch_pipelines.processing.rows.rejects import Rejects
from batch_pipelines.processing.rows.transform import Transform, apply, infer


@dataclass(frozen=True, slots=True)
class Shaped:
    """Rows as they are to be written.

    Attributes:
        table: They.
        kept: Their positions in the table that was checked.
        filtered: How many rows were left out on purpose.
        rejects: All rejects, those of the checks included, by position in the table that was checked.
        unique: Whether no two rows have one key, as far as is known; nulls are equal to nothing.
    """

    table: pa.Table
    kept: Rows
    filtered: int
    rejects: Rejects
    unique: bool = False


def shape(
    checked: Checked,
    expressions: Mapping[str, str],
    where: str | None,
    transform: Transform | None,
    schema: pa.Schema,
    key: Sequence[str] = (),
    place: Callable[[int], str] = str,
) -> Shaped:
    """Derive, filter and transform the good rows, then turn away those whose key an earlier one has; see `check_key`.

    Args:
        checked: The rows, and what is wrong with some of them.
        expressions: Of derived columns, by name.
        where: Which rows to keep.
        transform: The user's.
        schema: What has to come out.
        key: The columns of the key.
        place: What messages call the place of the row at a position of the checked table.

    Raises:
        PermanentError: They do not come out as `schema`.
    """
    if transform is None and where is None and not expressions:
        return _as_they_are(checked, schema, key, place)
    good, positions = checked.good()
    derived = derive(good, expressions, where)
    rejects = checked.rejects + derived.rejects.moved(positions)
    filtered = good.num_rows - derived.table.num_rows - len(derived.rejects.rows)
    table, positions = derived.table, positions[derived.kept_rows]
    if transform is not None:
        table, kept, refused = apply(table, transform, schema)
        rejects = rejects + refused.moved(positions)
        filtered += derived.table.num_rows - table.num_rows - len(refused.rows)
        positions = positions[kept]
    _refuse_other(table.schema, schema)
    return _without_duplicates(Shaped(table, positions, filtered, rejects), key, place)


def _as_they_are(checked: Checked, schema: pa.Schema, key: Sequence[str], place: Callable[[int], str]) -> Shaped:
    """Nothing comes between the checks and the keys, so the rows that are left are copied once."""
    _refuse_other(checked.table.schema, schema)
    positions = np.flatnonzero(checked.keep)
    keys = checked.table.select(list(key)).filter(pa.array(checked.keep))
    twice = check_key(keys, key, lambda row: place(positions[row]))
    rejects = checked.rejects + (twice or Rejects()).moved(positions)
    left = replace(checked, rejects=rejects)
    table, positions = left.good()
    return Shaped(table, positions, 0, rejects, unique=twice is not None)


def _without_duplicates(shaped: Shaped, key: Sequence[str], place: Callable[[int], str]) -> Shaped:
    twice = check_key(shaped.table, key, lambda row: place(shaped.kept[row]))
    if twice is None or not len(twice):
        return replace(shaped, unique=twice is not None)
    once = np.ones(shaped.table.num_rows, np.bool_)
    once[twice.rows] = False
    rejects = shaped.rejects + twice.moved(shaped.kept)
    table, kept = shaped.table.filter(pa.array(once)), shaped.kept[once]
    return replace(shaped, table=table, kept=kept, rejects=rejects, unique=True)


def _refuse_other(schema: pa.Schema, pinned: pa.Schema) -> None:
    if schema != pinned:
        came = f"the columns came out as {_listed(schema)}"
        raise PermanentError(f"{came}, the plan pins {_listed(pinned)}; plan the batch anew")


def shaped_schema(
    columns: Mapping[str, Column],
    expressions: Mapping[str, str],
    where: str | None,
    transform: Transform | None,
    adds: Mapping[str, str],
    sample: Callable[[], pa.Table],
) -> pa.Schema:
    """Find the schema of the rows that `shape` gives.

    Declared columns are as declared; derived ones as SQL types them; those that a transform adds or changes are
    as `adds` says, or else as they come out of a sample.

    Raises:
        ConfigError: An expression cannot work.
        PermanentError: The transform cannot.
    """
    schema = describe(schema_of(columns), expressions, where)
    if transform is None:
        return schema
    inferred = infer(schema, derive(sample(), expressions, where).table, transform)
    schema = _merged(schema, [field for field in inferred if field.name not in columns])
    return with_added(schema, adds)


def with_added(schema: pa.Schema, adds: Mapping[str, str]) -> pa.Schema:
    """The schema with the columns that a transform adds (at the end) or changes (in their place), by type name."""
    return _merged(schema, [pa.field(name, arrow_type(kind)) for name, kind in adds.items()])


def _merged(schema: pa.Schema, fields: "list[pa.Field[Any]]") -> pa.Schema:
    for field in fields:
        place = schema.get_field_index(field.name)
        schema = schema.append(field) if place < 0 else schema.set(place, field)
    return schema


def _listed(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
