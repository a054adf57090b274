"""Which Arrow types a column that nobody declared (derived, or added by a transform) may have in a table.

What must not live here: declared types (declaration/columns.py).
"""

import pyarrow as pa

_AS_INT = (pa.uint8(), pa.uint16(), pa.uint32())
_AS_TEXT = (pa.null(), pa.string(), pa.large_string(), pa.string_view())


def storable(kind: pa.DataType) -> pa.DataType | None:
    """Return the type in which values of type `kind` are stored, or None if no table can hold them.

    Text is plain, times are microseconds in UTC (a time without a zone is UTC), unsigned integers are signed.
    A type that says nothing (all values are null) becomes text.
    """
    if pa.types.is_dictionary(kind):
        return storable(kind.value_type)
    if kind in _AS_TEXT:
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_date(kind):
        return pa.date32()
    if kind in _AS_INT:
        return pa.int64()
    plain = pa.types.is_signed_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal128(kind)
    return kind if plain or kind in (pa.float32(), pa.float64()) else None
