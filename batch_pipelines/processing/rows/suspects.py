"""Which few values of a column keep it from being cast whole: guessed from their bytes, for all of them at once.

Only a guess: the cast of all others proves it, and where it does not, casts.py goes on as without it.
What must not live here: casting (casts.py), what a type may look like (spellings.py).
"""

import numpy as np
import numpy.typing as npt

from batch_pipelines.processing.rows.arrays import Rows, Values, value_bytes

Bytes = npt.NDArray[np.uint8]


def _table(marks: bytes) -> npt.NDArray[np.bool_]:
    """256 entries, true but for these bytes."""
    return ~np.isin(np.arange(256), list(marks))


_ODD = {
    "int": _table(b"0123456789-"),
    "float": _table(b"0123456789-+.eE"),
    "decimal": _table(b"0123456789-+.eE"),
    "date": _table(b"0123456789-"),
}
_DAY = 10  # bytes of YYYY-MM-DD
_MONTH_AND_DAY = np.array([5, 6, 8, 9])
_LAST_DAY = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, *[0] * 243], np.uint8)


def suspects(raw: Values, kind: str) -> Rows:
    """Return the positions of values that may be none of the kind; none at all if nothing is known of it.

    Args:
        raw: A binary array.
        kind: Of the declared type.
    """
    if kind not in _ODD or not len(raw):
        return np.empty(0, np.int64)
    data, ends = value_bytes(raw), _ends(raw)
    rows = np.unique(np.searchsorted(ends, np.flatnonzero(_ODD[kind][data]), side="right"))
    return np.union1d(rows, _doubtful_days(data, ends)) if kind == "date" else rows


def _ends(raw: Values) -> Rows:
    """Where each value ends in the bytes of all."""
    offsets: Rows = np.frombuffer(raw.buffers()[1], np.int32)[raw.offset : raw.offset + len(raw) + 1].astype(np.int64)
    ends: Rows = offsets[1:] - offsets[0]
    return ends


def _doubtful_days(data: Bytes, ends: Rows) -> Rows:
    """Values that are not as long as a day, or are the 29th of February or a day that no year has."""
    sizes = np.diff(ends, prepend=0)
    rows = np.flatnonzero(sizes == _DAY)
    digits = data[(ends[rows] - _DAY)[:, None] + _MONTH_AND_DAY] - np.uint8(ord("0"))
    month, day = digits[:, 0] * 10 + digits[:, 1], digits[:, 2] * 10 + digits[:, 3]
    doubtful = (day == 0) | (day > _LAST_DAY[month])
    return np.union1d(rows[doubtful], np.flatnonzero((sizes != _DAY) & (sizes > 0)))
