"""The rows of parts whose keys two parts can share, where these are few: as in a file that is sorted, or nearly.

Arrow reads the first column of the key, and the others only where a part has such rows; DuckDB would read all of them,
and compare every row with every range.
What must not live here: which keys that is (contested.py), who wins (contest.py).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_pipelines.lake.parts import SYSTEM_FIELDS, read_part
from batch_pipelines.processing.rows.arrays import Values, flags, one_piece
from batch_pipelines.processing.settling.contested import Range

FEW_ROWS = 1 << 17  # more are left to DuckDB, which goes to the disk with them
MOST_RANGES = 100  # in one part: each is compared with all its rows
_READERS = 2  # Arrow works outside Python's lock
_AT_A_TIME = 8


def few_contested(folder: Path, paths: Sequence[str], key: Sequence[str], ranges: Sequence[Range]) -> pa.Table | None:
    """Read the contested rows of parts.

    Args:
        folder: What paths are relative to.
        paths: The parts.
        key: The columns of the key.
        ranges: Of the first of them, in order, none touching another.

    Returns:
        Key, system columns and `__part` (the whole path, as text); None if they are more than few.

    Raises:
        IntegrityError: A part is damaged.
    """
    found: list[pa.Table] = []
    with ThreadPoolExecutor(_READERS) as threads:
        for first in range(0, len(paths), _AT_A_TIME):
            some = [folder / path for path in paths[first : first + _AT_A_TIME]]
            for rows in threads.map(lambda file: _rows(file, key, ranges), some):
                if rows is None:
                    return None
                found.append(rows)
            if sum(rows.num_rows for rows in found) > FEW_ROWS:
                return None
    return pa.concat_tables(found)


def _rows(file: Path, key: Sequence[str], ranges: Sequence[Range]) -> pa.Table | None:
    """The contested rows of a part; None if they are in too many ranges."""
    inside = _contested(file, key[0], ranges)
    if inside is None:
        return None
    columns = list(dict.fromkeys([*key, *(field.name for field in SYSTEM_FIELDS)]))
    rows = read_part(file, columns, dictionaries=["_source"]).filter(pa.array(inside))
    rows = rows.set_column(columns.index("_source"), "_source", rows.column("_source").cast(pa.string()))
    return rows.append_column("__part", pa.repeat(str(file), rows.num_rows))


def _contested(file: Path, column: str, ranges: Sequence[Range]) -> NDArray[np.bool_] | None:
    """Which rows of a part lie in a range; null does not. None if that is too many ranges."""
    values = one_piece(read_part(file, [column]).column(0))
    ends: Values = pc.min_max(values)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    inside = np.zeros(len(values), np.bool_)
    if low is None:
        return inside
    its = ranges[bisect_left(ranges, low, key=itemgetter(1)) : bisect_right(ranges, high, key=itemgetter(0))]
    for least, greatest in its[:MOST_RANGES]:
        inside |= flags(pc.and_(pc.greater_equal(values, least), pc.less_equal(values, greatest)))
    return inside if len(its) <= MOST_RANGES else None
