"""Columns that come with types of their own (Parquet): to the declared type where that is exact, else to text.

One rule for every value, whatever its neighbours: it is read as its text would be, by the rules for CSV. So
dead letters, which keep that text as JSON, are read again as they were read before. Where every value of a column has
exactly one value of the declared type, the text is never made.

    517.0 → 517        5.10 → 5.1        a moment at midnight → 2013-01-01, any other → 2013-01-01T05:00:00Z

What must not live here: what a text means (rows/casts.py), files (formats/).
"""

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from batch_pipelines.processing.declaration.columns import Column

Values = Any  # the stubs of pyarrow know an array by the type of its values
pc: Any = compute  # and its functions by that, too

PLAIN_INT = 2.0**53  # whole floats below are written as whole numbers, each has one float
_MOMENT = pa.timestamp("us", tz="UTC")
_SHORTEST = r"^(-?[0-9]+(?:\.[0-9]*[1-9])?)\.?0*$"


def cells_of(values: Values, column: Column) -> Values:
    """Return values as the declared type, or as binary texts where one of them has no exact value of that type.

    Args:
        values: One column, as it is stored.
        column: What is declared.
    """
    values = plain(values)
    exact = _exact(values, column)
    return texts_of(values) if exact is None else exact


def plain(values: Values) -> Values:
    """Undo dictionaries and extension types."""
    if pa.types.is_dictionary(values.type):
        return plain(values.dictionary_decode())
    if isinstance(values.type, pa.BaseExtensionType):
        return plain(values.storage)
    return values


def texts_of(values: Values) -> Values:
    """Return values as binary texts, null where they are null."""
    kind = values.type
    if _is_text(kind):
        return values.cast(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()).cast(pa.binary())
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.binary())
    if pa.types.is_floating(kind):
        texts = _numbers(values.cast(pa.float64()))
    elif pa.types.is_decimal(kind):
        texts = pc.replace_substring_regex(values.cast(pa.string()), _SHORTEST, r"\1")
    elif pa.types.is_timestamp(kind):
        texts = _moments(values)
    elif pa.types.is_nested(kind):
        texts = pa.array([None if value is None else as_json(value) for value in values.to_pylist()], pa.string())
    else:
        texts = values.cast(pa.string())
    return texts.cast(pa.binary())


def json_cells(values: Values) -> list[str]:
    """Return values as they stand in the JSON of a record."""
    values = plain(values)
    kind = values.type
    texts = texts_of(values).to_pylist()
    if pa.types.is_nested(kind) or pa.types.is_boolean(kind):
        return ["null" if text is None else text.decode() for text in texts]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return ["null" if text is None else _number(text.decode()) for text in texts]
    return ["null" if text is None else json.dumps(text.decode("utf-8", "surrogateescape")) for text in texts]


def as_json(value: Any) -> str:
    """Write a nested value as JSON."""
    return json.dumps(_plain_value(value), ensure_ascii=False, separators=(",", ":"))


def _number(text: str) -> str:
    return text if text.lstrip("-")[:1].isdigit() else json.dumps(text)  # nan and inf are no JSON


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(inner) for inner in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite and isinstance(value, bool | int | float | str | None) else str(value)


def _numbers(numbers: Values) -> Values:
    whole = pc.and_(_whole(numbers), pc.not_equal(numbers, 0.0))  # -0 keeps its sign
    ints = pc.if_else(whole, numbers, 0.0).cast(pa.int64())
    return pc.if_else(whole, ints.cast(pa.string()), numbers.cast(pa.string()))


def _moments(values: Values) -> Values:
    """Moments in UTC, as ISO 8601; a time without a zone is UTC. Midnight is the day alone, as sheets show it."""
    unit = values.type.unit
    texts = values.cast(pa.timestamp(unit)).cast(pa.string())
    texts = pc.replace_substring_regex(texts, r"^(\S+) 00:00:00(?:\.0+)?$", r"\1")
    return pc.replace_substring_regex(texts, r"^(\S+) (\S+?)(?:(\.[0-9]*?[1-9])0*|\.0+)?$", r"\1T\2\3Z")


def _is_text(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(kind) for is_kind in kinds) or _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in kinds)


def _exact(values: Values, column: Column) -> Values | None:
    """Return the values as the declared type; None where that is not known to be exact for all of them."""
    kind, wanted = values.type, column.arrow_type
    known = {
        "int": pa.types.is_integer(kind) or (pa.types.is_floating(kind) and _are_plain_ints(values)),
        "float": pa.types.is_integer(kind) or (pa.types.is_floating(kind) and _are_finite(values)),
        "decimal": pa.types.is_decimal(kind),
        "bool": pa.types.is_boolean(kind),
        "date": pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and _are_days(values)),
        "timestamp": pa.types.is_timestamp(kind) or pa.types.is_date(kind),
    }
    if not known.get(column.kind) or (column.kind in ("date", "timestamp") and not _in_calendar(values)):
        return None
    try:
        return values.cast(wanted, safe=column.kind != "float")
    except pa.ArrowInvalid:
        return None


def _are_plain_ints(values: Values) -> bool:
    return pc.all(_whole(values.cast(pa.float64()))).as_py() is not False


def _whole(numbers: Values) -> Values:
    return pc.and_(pc.equal(pc.trunc(numbers), numbers), pc.less(pc.abs(numbers), PLAIN_INT))


def _are_finite(values: Values) -> bool:
    return pc.all(pc.is_finite(values)).as_py() is not False


def _are_days(values: Values) -> bool:
    moments = values.cast(pa.timestamp(values.type.unit))
    return pc.all(pc.equal(pc.floor_temporal(moments, unit="day"), moments)).as_py() is not False


def _in_calendar(values: Values) -> bool:
    """Whether all years are from 1 to 9999."""
    ends = pc.min_max(values if pa.types.is_date(values.type) else values.cast(pa.timestamp(values.type.unit)))
    try:
        return all(end is None or 1 <= end.year <= 9999 for end in (ends["min"].as_py(), ends["max"].as_py()))  # noqa: PLR2004
    except (ValueError, OverflowError):
        return False


def starting_with_zeros(cells: Values) -> Any:
    """Whether each binary text is a number with a zero too many before it, as a numpy array."""
    suspects = pc.or_(pc.starts_with(cells, b"0"), pc.or_(pc.starts_with(cells, b"-0"), pc.starts_with(cells, b"+0")))
    if not pc.any(suspects).as_py():
        return np.zeros(len(cells), np.bool_)
    return pc.fill_null(pc.match_substring_regex(cells, r"^[+-]?0[0-9]"), False).to_numpy()  # noqa: FBT003


def null_texts(cells: Values, nulls: frozenset[str]) -> Values:
    """Make binary texts that mean null null."""
    if not nulls:
        return cells
    tokens = pa.array([text.encode() for text in nulls], pa.binary())
    return pc.if_else(pc.is_in(cells, value_set=tokens), pa.scalar(None, pa.binary()), cells)
