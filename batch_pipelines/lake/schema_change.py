"""What the columns of a table become when parts of other columns are published: added, widened, or refused.

A column is never dropped, and changes its type only where every value it can have stays exactly what it was. What must
not live here: changing a table (commits.py, widening.py).
"""

from typing import Any

import pyarrow as pa

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.lake.delta import PARTITION

INT_DIGITS = 19  # of the greatest whole number of 64 bits


def widened(existing: pa.Schema | None, wanted: pa.Schema, dataset: str) -> pa.Schema:
    """The schema after publishing parts of schema `wanted`.

    Args:
        existing: Columns of the table, None if there is none.
        wanted: Columns of the parts.
        dataset: Named in the error.

    Raises:
        ConfigError: A column would change its type, and not only be widened.
    """
    partition = pa.field(PARTITION, pa.string())
    if existing is None:
        return pa.schema([*wanted, partition])
    kept = [_kept(field, wanted, dataset) for field in existing if field.name != PARTITION]
    added = [field for field in wanted if existing.get_field_index(field.name) < 0]
    return pa.schema([*kept, *added, partition])


def added_columns(existing: pa.Schema, after: pa.Schema) -> pa.Schema:
    """The columns that a table gets."""
    return pa.schema([field for field in after if existing.get_field_index(field.name) < 0])


def widened_columns(existing: pa.Schema, after: pa.Schema) -> pa.Schema:
    """The columns of a table that change their type, as they become."""
    return pa.schema([field for field in after if field.name in existing.names and not is_of(existing, field)])


def changes_between(existing: pa.Schema | None, after: pa.Schema) -> list[str]:
    """What becomes of a table's columns, a line each, for people; nothing for a table that is only made."""
    if existing is None:
        return []
    added = [
        f"{field.name} ({said(field.type)}) is added, null in older rows" for field in added_columns(existing, after)
    ]
    return added + [
        f"{field.name} is widened from {said(existing.field(field.name).type)} to {said(field.type)}"
        for field in widened_columns(existing, after)
    ]


def is_of(columns: pa.Schema, field: "pa.Field[Any]") -> bool:
    """Whether a table of these columns has such a field."""
    place = columns.get_field_index(field.name)
    return place >= 0 and _same_type(columns.field(place).type, field.type)


def said(kind: pa.DataType) -> str:
    """A type as a declaration writes it."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    names = {
        "int64": "int",
        "double": "float",
        "date32[day]": "date",
        "large_string": "string",
        "string_view": "string",
    }
    return "timestamp" if pa.types.is_timestamp(kind) else names.get(str(kind), str(kind))


def _kept(field: "pa.Field[Any]", wanted: pa.Schema, dataset: str) -> "pa.Field[Any]":
    place = wanted.get_field_index(field.name)
    if place < 0 or _same_type(field.type, wanted.field(place).type):
        return field
    before, after = field.type, wanted.field(place).type
    if is_exact(before, after):
        return field.with_type(after)
    msg = (
        f"column {field.name!r} of table {dataset!r} is {said(before)}, the declaration makes it {said(after)}; "
        "columns can only be widened (int to decimal or float, decimal to a wider one, date to timestamp): give the "
        f"column another name, or move data/datasets/{dataset} away and process all partitions again"
    )
    raise ConfigError(msg)


def is_exact(before: pa.DataType, after: pa.DataType) -> bool:
    """Whether values of the first type stay what they are in the second.

    A float holds whole numbers up to 2^53 exactly: whether there are others is seen when they are written.
    """
    if pa.types.is_decimal(after):
        digits = after.precision - after.scale
        if pa.types.is_decimal(before):
            return bool(after.scale >= before.scale and digits >= before.precision - before.scale)
        return bool(pa.types.is_int64(before) and digits >= INT_DIGITS)
    if pa.types.is_float64(after):
        return bool(pa.types.is_int64(before))
    return bool(pa.types.is_timestamp(after) and pa.types.is_date32(before))


def _same_type(a: pa.DataType, b: pa.DataType) -> bool:
    """Whether two types are one to Delta (which has one string, and one binary)."""
    strings = (pa.string(), pa.large_string(), pa.string_view())
    return bool(a.equals(b)) or (a in strings and b in strings)
