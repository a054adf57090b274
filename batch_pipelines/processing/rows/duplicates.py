"""Keys that occur twice within a chunk: found while its rows are in memory, so that no part is written twice for them.

Only a help: whatever is left, within chunks or between them, is found when the batch is settled (settling.py), and
the rows come out the same. So nothing is done here where it would not pay.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.processing.rows.arrays import Rows, found, taken
from batch_pipelines.processing.rows.rejects import VALUE_LIMIT, Finding, Rejects

RULE = "duplicate"
MANY = 1000  # more are left to be settled: each has a message of its own
_ROW = "__row"

Key = tuple[Any, ...]


def check_key(table: pa.Table, key: Sequence[str], place: Callable[[int], str]) -> Rejects:
    """Find rows whose key an earlier row of the table has; a null is equal to nothing.

    Args:
        table: The rows that are to be written.
        key: The columns of the key; of texts, whole numbers and dates, or it is left to be settled.
        place: What messages call the place that a row comes from.
    """
    if not key or not all(_is_plain(table.schema.field(name).type) for name in key):
        return Rejects()
    keys = table.select(list(key))
    numbered = keys.append_column(_ROW, pa.array(np.arange(table.num_rows)))
    firsts = numbered.group_by(list(key), use_threads=False).aggregate([(_ROW, "min")])
    if firsts.num_rows == table.num_rows:
        return Rejects()
    first = np.zeros(table.num_rows, np.bool_)
    first[firsts.column(f"{_ROW}_min").to_numpy()] = True
    losers = np.flatnonzero(~first)
    if len(losers) > MANY:
        return Rejects()
    return _rejects(keys, np.flatnonzero(first), losers, place)


def first_is(place: str) -> str:
    """Return the message of a duplicate whose first row comes from `place`."""
    return f"is the key of {place}, too, which comes first"


def in_table(place: str) -> str:
    """Return the message of a duplicate of a row from `place`, which is in the table and stays there."""
    return f"is the key of {place}, too, which is in the table"


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_date(kind))


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
