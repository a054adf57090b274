"""Arrow arrays as the stages pass them on: one piece per column, positions as numpy arrays.

What must not live here: anything that knows what the values mean.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# The stubs of pyarrow know an array by the type of its values, which is known here only at run time.
Values = Any
Rows = NDArray[np.int64]


def one_piece(column: "pa.ChunkedArray[Any]") -> Values:
    """Return a column's values as one array, copied only if it has several pieces."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def value_bytes(values: Values) -> NDArray[np.uint8]:
    """Return the bytes of all values of a string or binary array, one after the other, without copying."""
    _, offsets, data = values.buffers()
    if not len(values) or data is None or offsets is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)
    return np.frombuffer(data, np.uint8)[ends[values.offset] : ends[values.offset + len(values)]]


def hidden(values: Values, rows: Rows) -> Values:
    """Return a string or binary array with null at these positions; its bytes are not copied, and stay behind them."""
    known = np.ones(len(values), np.bool_) if not values.null_count else flags(values.is_valid())
    known[rows] = False
    _, offsets, data = values.buffers()
    begun = offsets.slice(values.offset * np.dtype(np.int32).itemsize)
    valid = pa.py_buffer(np.packbits(known, bitorder="little").tobytes())
    return pa.Array.from_buffers(values.type, len(values), [valid, begun, data])


def found(mask: Values) -> Rows:
    """Return the positions where a boolean array, Arrow's or numpy's, is true (null counts as false)."""
    known = mask if isinstance(mask, np.ndarray) else flags(mask)
    return np.flatnonzero(known).astype(np.int64, copy=False)


def flags(mask: Values) -> NDArray[np.bool_]:
    """Return a boolean array as numpy, false where it is null."""
    filled: NDArray[np.bool_] = mask.fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003
    return filled


def taken(values: Values, rows: Rows) -> Values:
    """Return the values at these positions."""
    return values.take(pa.array(rows))


def nothing(count: int, kind: pa.DataType) -> Values:
    """Return as many nulls."""
    make: Any = pa.nulls
    return make(count, kind)
