"""Keys that occur twice within a chunk: found while its rows are in memory, so that no part is written twice for them.

Only a help: whatever is left, within chunks or between them, is found when the batch is settled (settling/), and
the rows come out the same. So nothing is done here where it would not pay, and then nothing is claimed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_pipelines.processing.rows.arrays import Rows, found, taken
from batch_pipelines.processing.rows.rejects import VALUE_LIMIT, Finding, Rejects

RULE = "duplicate"
MANY = 1000  # more are left to be settled: each has a message of its own
_ROW = "__row"

Key = tuple[Any, ...]
Bools = NDArray[np.bool_]


def check_key(table: pa.Table, key: Sequence[str], place: Callable[[int], str]) -> Rejects | None:
    """Find rows whose key an earlier row of the table has; a null is equal to nothing.

    Args:
        table: The rows that are to be written.
        key: The columns of the key; of texts, whole numbers and dates, or it is left to be settled.
        place: What messages call the place that a row comes from.

    Returns:
        Those rows, without which every key is unique; None if that is left to be settled.
    """
    if not key or not all(_is_plain(table.schema.field(name).type) for name in key):
        return None
    keys = table.select(list(key))
    again = _again_in_order(keys)
    again = _again(keys) if again is None else again
    losers = np.flatnonzero(again)
    if len(losers) > MANY:
        return None
    return _rejects(keys, np.flatnonzero(~again), losers, place) if len(losers) else Rejects()


def first_is(place: str) -> str:
    """Return the message of a duplicate whose first row comes from `place`."""
    return f"is the key of {place}, too, which comes first"


def in_table(place: str) -> str:
    """Return the message of a duplicate of a row from `place`, which is in the table and stays there."""
    return f"is the key of {place}, too, which is in the table"


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_date(kind))


def _again_in_order(keys: pa.Table) -> Bools | None:
    """Which rows have the key of the row before, if keys never fall, as in a sorted file; None if they do."""
    same = np.ones(max(keys.num_rows - 1, 0), np.bool_)
    for column in keys.columns:
        if pa.types.is_string(column.type) or column.null_count:
            return None
        values = column.to_numpy()
        if (same & (values[1:] < values[:-1])).any():
            return None
        same &= values[1:] == values[:-1]
    return np.concatenate([np.zeros(min(keys.num_rows, 1), np.bool_), same])


def _again(keys: pa.Table) -> Bools:
    """Which rows have the key of any row before; null is like null here."""
    numbered = keys.append_column(_ROW, pa.array(np.arange(keys.num_rows)))
    firsts = numbered.group_by(keys.column_names, use_threads=False).aggregate([(_ROW, "min")])
    again = np.ones(keys.num_rows, np.bool_)
    again[firsts.column(f"{_ROW}_min").to_numpy()] = False
    return again


def _rejects(keys: pa.Table, firsts: Rows, losers: Rows, place: Callable[[int], str]) -> Rejects:
    lost = {row: key for row, key in zip(losers.tolist(), _tuples(keys, losers), strict=True) if None not in key}
    leading: Any = keys.column(0).combine_chunks()
    alike = found(pc.is_in(leading, value_set=taken(leading, losers)))
    rivals = alike[np.isin(alike, firsts, assume_unique=True)]
    winners = dict(zip(_tuples(keys, rivals), rivals.tolist(), strict=True))
    name = ", ".join(keys.column_names)
    return Rejects(
        Finding(
            RULE,
            name,
            first_is(place(winners[key])),
            np.array([row], np.int64),
            pa.array([", ".join(map(str, key))[:VALUE_LIMIT]], pa.string()),
        )
        for row, key in lost.items()
    )


def _tuples(keys: pa.Table, rows: Rows) -> list[Key]:
    places: Any = pa.array(rows)
    columns = keys.take(places).to_pydict().values()
    return list(zip(*columns, strict=True))
