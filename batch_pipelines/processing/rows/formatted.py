"""Dates and timestamps with a declared strptime format.

Arrow's strptime is fast but takes 30/02/2013 for 2 March and knows neither %f nor mixed offsets, so its word
is taken only where writing the result gives the text again; Python's reads the rest, each distinct text once.

What must not live here: ISO 8601 (casts.py).
"""

import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.processing.rows.arrays import Rows, Values, found, nothing, taken

_PYTHON_ONLY = re.compile(r"%[fzZcxXGVuUWjp]")


def parse_formatted(texts: Values, pattern: str, to: pa.DataType) -> tuple[Values, Rows]:
    """Parse texts; a text without an offset is UTC, a date is the day as it is written.

    Returns:
        The values (null where there is none) and the positions of the texts that do not fit.
    """
    if _PYTHON_ONLY.search(pattern):
        values = nothing(len(texts), to)
        left = found(pc.is_valid(texts))
    else:
        parsed = pc.strptime(texts, format=pattern, unit="s", error_is_null=True)
        sure = pc.coalesce(pc.equal(pc.strftime(parsed, format=pattern), texts), pa.scalar(False))  # noqa: FBT003
        values = pc.if_else(sure, parsed, pa.scalar(None, parsed.type)).cast(to)
        left = found(pc.and_(pc.is_valid(texts), pc.invert(sure)))
    if not len(left):
        return values, left
    return _by_hand(texts, pattern, values, left)


def _by_hand(texts: Values, pattern: str, values: Values, left: Rows) -> tuple[Values, Rows]:
    encoded: Values = taken(texts, left).dictionary_encode()
    distinct = [_moment(text, pattern) for text in encoded.dictionary.to_pylist()]
    if pa.types.is_date(values.type):
        moments = pa.array([None if moment is None else moment.date() for moment in distinct], values.type)
    else:
        moments = pa.array([_utc(moment) for moment in distinct], values.type)
    read = moments.take(encoded.indices)
    mask = np.zeros(len(texts), np.bool_)
    mask[left] = True
    return pc.replace_with_mask(values, pa.array(mask), read), left[found(pc.is_null(read))]


def _moment(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - an offset is there or UTC is meant: see _utc
    except ValueError:
        return None


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # the offset leads out of the years 1 to 9999
        return None
