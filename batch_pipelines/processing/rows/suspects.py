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
}
_COMMON = {"int": b"09", "float": b"-9", "decimal": b"-9"}  # from, to: what most bytes are; a slash would be among them
_DAY = np.frombuffer(b"0000-00-00", np.uint8)
_MOST = np.array([9, 9, 9, 9, 0, 9, 9, 0, 9, 9], np.uint8)  # above the bytes of _DAY
_LAST_DAY = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, *[0] * 243], np.uint8)


def suspects(raw: Values, kind: str) -> Rows:
    """Return the positions of values that may be none of the kind; none at all if nothing is known of it.

    Args:
        raw: A binary array.
        kind: Of the declared type.
    """
    if not len(raw) or kind not in (*_ODD, "date"):
        return np.empty(0, np.int64)
    data, ends = value_bytes(raw), _ends(raw)
    if kind == "date":
        return _doubtful_days(data, ends)
    return np.unique(np.searchsorted(ends, _odd_bytes(data, kind), side="right"))


def _ends(raw: Values) -> Rows:
    """Where each value ends in the bytes of all."""
    offsets: Rows = np.frombuffer(raw.buffers()[1], np.int32)[raw.offset : raw.offset + len(raw) + 1].astype(np.int64)
    ends: Rows = offsets[1:] - offsets[0]
    return ends


def _odd_bytes(data: Bytes, kind: str) -> Rows:
    """Where a byte is that no such number has: few are left to look up after a comparison of all."""
    low, high = (np.uint8(end) for end in _COMMON[kind])
    found = np.flatnonzero((data - low > high - low) | (data == ord("/")))
    return found[_ODD[kind][data[found]]]


def _doubtful_days(data: Bytes, ends: Rows) -> Rows:
    """Values that are not written as a day, or are the 29th of February or a day that no year has."""
    sizes = np.diff(ends, prepend=0)
    rows, others = np.flatnonzero(sizes == len(_DAY)), np.flatnonzero((sizes != len(_DAY)) & (sizes > 0))
    digits = _without(data, ends[others] - sizes[others], ends[others]) - np.tile(_DAY, len(rows))
    misspelled = np.flatnonzero(digits > np.tile(_MOST, len(rows))) // len(_DAY)
    month, day = digits[5::10] * 10 + digits[6::10], digits[8::10] * 10 + digits[9::10]
    impossible = (day == 0) | (day > _LAST_DAY[month])
    impossible[misspelled] = True
    return np.union1d(rows[impossible], others)


def _without(data: Bytes, starts: Rows, ends: Rows) -> Bytes:
    """The bytes but for these stretches of them, which rise."""
    if not len(starts):
        return data
    kept = zip([0, *ends.tolist()], [*starts.tolist(), len(data)], strict=True)
    return np.concatenate([data[first:last] for first, last in kept])
